use counter_core::{ClaimOp, CounterId, Replacement};
use counter_diesel::query::OwnerType;
use counter_diesel::{Owner, SyncOptions};
use counter_tests::faults::{Fault, Faults};
use counter_tests::fixtures::{bucket_of, counter_of, post, views_of};
use counter_tests::suite::Case;
use counter_tests::world::{World, impatient};

use super::{day, rows};

pub(super) const CASES: &[Case<World>] = &[
    ("a sync moves totals and buckets into their tables, and leaves nothing behind", |world| {
        let (total, counters) = (views_of(1), world.counters());
        let periods = ["hour:2026-11-28T14", "day:2026-11-28", "week:2026-W48", "month:2026-11"];
        let mut ids = periods.map(|period| bucket_of(&total, period)).to_vec();
        ids.push(total);
        for round in 1..=2 {
            for (id, n) in ids.iter().zip(1..) {
                world.store.increment(id, n).unwrap();
            }
            let report = counters.sync(&SyncOptions::default()).unwrap();
            assert!(report.is_clean() && report.applied == 5, "{report:?}");
            assert_eq!(rows(world, &ids), [1, 2, 3, 4, 5].map(|n| n * round));
        }
        let report = counters.sync(&SyncOptions::default()).unwrap();
        assert!(report.is_clean() && report.applied == 0, "{report:?}");
        assert_eq!(counters.get(post(1), "views").unwrap(), 10);
    }),
    ("a pattern syncs the buckets of the totals that match", |world| {
        let ids = [views_of(1), views_of(2), day(&views_of(1)), day(&views_of(2))];
        ids.iter().for_each(|id| world.store.increment(id, 3).unwrap());
        let options = SyncOptions::default().pattern("post:2:*".parse().unwrap());
        assert_eq!(world.counters().sync(&options).unwrap().applied, 2);
        assert_eq!(rows(world, &ids), [0, 3, 0, 3]);
    }),
    ("a set and a delete of a bucket that a process left behind are finished", |world| {
        let [total, other] = [views_of(1), views_of(2)];
        let ids = [total.clone(), day(&total), other.clone(), day(&other)];
        ids.iter().for_each(|id| world.store.increment(id, 3).unwrap());
        assert!(world.counters().sync(&SyncOptions::default()).unwrap().is_clean());
        let set = world.store.replace(&ids[1], Replacement::Set(50)).unwrap();
        assert_eq!((set.op, set.id), (ClaimOp::Set(50), ids[1].clone()));
        world.store.replace(&ids[3], Replacement::Delete).unwrap();
        let report = world.impatient_counters().sync(&SyncOptions::default()).unwrap();
        assert!(report.is_clean(), "{report:?}");
        assert_eq!(rows(world, &ids), [3, 50, 3, 0]);
    }),
    ("a bucket whose row is refused is named and keeps no total out", |world| {
        let [total, full] = [views_of(1), day(&views_of(2))];
        let ids = [total.clone(), day(&total), full.clone()];
        world.store.increment(&full, i64::MAX).unwrap();
        assert!(world.counters().sync(&SyncOptions::default()).unwrap().is_clean());
        ids.iter().for_each(|id| world.store.increment(id, 1).unwrap());
        let report = world.counters().sync(&SyncOptions::default()).unwrap();
        let refused = report.failed.iter().map(|failed| failed.claim.id.as_str());
        assert_eq!(refused.collect::<Vec<_>>(), ["post:2:views@day:2026-11-28"], "{report:?}");
        assert_eq!(rows(world, &ids), [1, 1, i64::MAX]);
    }),
    ("a total is synced though the table of the buckets is not there", |world| {
        world.database.execute("DROP TABLE \"model_counters_periods\"").unwrap();
        let ids = [views_of(1), views_of(2), day(&views_of(1))];
        ids[..2].iter().for_each(|id| world.store.increment(id, 3).unwrap());
        let counters = world.counters();
        let report = counters.sync(&SyncOptions::default()).unwrap();
        assert!(report.is_clean() && report.applied == 2, "{report:?}");
        world.store.increment(&ids[2], 5).unwrap();
        world.store.increment(&ids[0], 1).unwrap();
        let report = counters.sync(&SyncOptions::default()).unwrap();
        assert!(!report.is_clean(), "{report:?}");
        assert_eq!(rows(world, &ids[..2]), [4, 3]);
        assert_eq!(counters.get(post(1), "views").unwrap(), 4);
        let held = world.store.look(&ids[2..]).unwrap().held.remove(0).unwrap();
        assert_eq!(held.claim.map(|claim| claim.op), Some(ClaimOp::Add(5)), "it is not lost");
    }),
    ("what waits is summed up without the buckets, which are counted", |world| {
        let total = views_of(1);
        for id in [total.clone(), day(&total), bucket_of(&total, "year:2026"), views_of(2)] {
            world.store.increment(&id, 5).unwrap();
        }
        let waiting = world.counters().pending_overview(&"post:1:*".parse().unwrap()).unwrap();
        let sums = waiting.total;
        assert_eq!((sums.counters, sums.pending, sums.claims, sums.buckets), (1, 5, 0, 2));
        assert_eq!(waiting.owner_types["post"], sums);
    }),
    ("a counter that only has buckets is none of its owner's", |world| {
        world.store.increment(&day(&views_of(1)), 5).unwrap();
        world.store.increment(&counter_of(&post(1), "likes"), 1).unwrap();
        let counters = world.counters();
        let keys = || counters.all(post(1)).unwrap().into_keys().collect::<Vec<_>>();
        assert!(!keys().contains(&"views".to_owned()), "{:?}", keys());
        assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
        assert_eq!(keys(), ["likes"]);
        assert_eq!(counters.get(post(1), "views").unwrap(), 0);
    }),
    ("all buckets of an owner go with its counters, and others stay", |world| {
        let owners = [post(1), post(10)];
        for owner in &owners {
            prepare(world, owner);
        }
        let counters = world.impatient_counters();
        assert_eq!(counters.delete_all(&owners[0]).unwrap(), 7);
        assert_eq!(values(world, &owners[0]), [0; 7]);
        assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
        assert_eq!(rows(world, &ids_of(&owners[0])), [0; 7]);
        assert_eq!(rows(world, &ids_of(&owners[1])), VALUES);
        assert_eq!(counters.delete_all(&owners[0]).unwrap(), 0);
    }),
    ("buckets are merged with those of the same period", |world| {
        for owner in [post(1), post(2)] {
            prepare(world, &owner);
        }
        let only = bucket_of(&views_of(1), "year:1999");
        world.store.increment(&only, 9).unwrap();
        let merged = world.impatient_counters().merge(post(1), post(2)).unwrap();
        assert!(merged.is_complete(), "{merged:?}");
        assert_eq!((merged.moved, merged.rows_removed), (8, 0), "{merged:?}");
        // A row goes when it has been 0 for an hour.
        let left = merged.rows_left;
        world.age_rows();
        let merged = world.impatient_counters().merge(post(1), post(2)).unwrap();
        assert_eq!((merged.moved, merged.rows_removed), (0, left), "{merged:?}");
        assert!(world.impatient_counters().sync(&SyncOptions::default()).unwrap().is_clean());
        assert_eq!(rows(world, &ids_of(&post(1))), [0; 7]);
        assert_eq!(rows(world, &ids_of(&post(2))), VALUES.map(|n| 2 * n));
        assert_eq!(rows(world, &[only, bucket_of(&views_of(2), "year:1999")]), [0, 9]);
    }),
    ("buckets of all owners of a type are renamed", |world| {
        let counters = world.impatient_counters();
        let (old, new) = ["old", "new"].map(|name| OwnerType::new(name).unwrap()).into();
        let owner = |name: &'static str, id: i64| Owner::new(name, id).unwrap();
        (1..=3).for_each(|id| prepare(world, &owner("old", id)));
        let merged = counters.rename_owner_type(&old, &new).unwrap();
        assert!(merged.is_complete(), "{merged:?}");
        assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
        for id in 1..=3 {
            assert_eq!(rows(world, &ids_of(&owner("old", id))), [0; 7]);
            assert_eq!(rows(world, &ids_of(&owner("new", id))), VALUES);
        }
    }),
    ("a merge of buckets may stop at any step", |world| {
        for step in 0.. {
            let at = i64::try_from(step).unwrap();
            let (from, into) = (post(100 + 2 * at), post(101 + 2 * at));
            for owner in [&from, &into] {
                prepare(world, owner);
            }
            let faults = Faults::at(step, Fault::Kill);
            let process = world.counters_behind(&faults, impatient());
            let _ = Faults::survive(|| process.merge(&from, &into));
            let next = world.impatient_counters();
            assert!(next.merge(&from, &into).unwrap().is_complete());
            assert!(next.sync(&SyncOptions::default()).unwrap().is_clean());
            assert_eq!(rows(world, &ids_of(&into)), VALUES.map(|n| 2 * n), "step {step}");
            assert_eq!(rows(world, &ids_of(&from)), [0; 7], "step {step}");
            if faults.steps() <= step {
                assert!(step > 10, "{step} steps");
                break;
            }
        }
    }),
];

/// A total and buckets that have rows, deltas, claims, and more than one of them.
fn ids_of(owner: &Owner) -> [CounterId; 7] {
    let [views, likes] = ["views", "likes"].map(|key| counter_of(owner, key));
    let periods =
        ["hour:2026-11-28T23", "day:2026-11-28", "day:2026-11-29", "week:2026-W48", "year:2026"];
    let [a, b, c, d, e] = periods.map(|period| bucket_of(&views, period));
    [views, a, b, c, d, e, bucket_of(&likes, "day:2026-11-28")]
}

const VALUES: [i64; 7] = [11, 22, 3, 4, 55, 66, 7];

fn prepare(world: &World, owner: &Owner) {
    let ids = ids_of(owner);
    for (id, value) in ids.iter().zip(VALUES) {
        world.store.increment(id, value - value % 10).unwrap();
    }
    assert!(world.impatient_counters().sync(&SyncOptions::default()).unwrap().is_clean());
    for (id, value) in ids.iter().zip(VALUES) {
        world.store.increment(id, value % 10).unwrap();
    }
    // Left behind by a process that died.
    world.store.claim(&ids[3..5], std::time::Duration::from_secs(3600)).unwrap();
}

/// What the store holds of an owner's counters.
fn values(world: &World, owner: &Owner) -> Vec<i64> {
    let held = world.store.look(&ids_of(owner)).unwrap().held;
    held.into_iter().map(|held| held.unwrap().pending).collect()
}
