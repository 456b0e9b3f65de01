//! A table of buckets that is not there, that cannot be read, or that does not keep what is
//! written.

use std::time::Duration;

use counter_core::{Baseline, Grain};
use counter_diesel::query::OwnerType;
use counter_diesel::sync::PruneOptions;
use counter_diesel::{CounterId, Error, Owner, SyncOptions};
use counter_tests::faults::{Fault, Faults};
use counter_tests::fixtures::{bucket_of, counter_of, post, views_of};
use counter_tests::suite::Case;
use counter_tests::world::{World, impatient};

use super::{day, rows};

pub(super) const CASES: &[Case<World>] = &[
    ("owners go, merge and move though the table of the buckets is not there", |world| {
        world.database.execute("DROP TABLE \"model_counters_periods\"").unwrap();
        let counters = world.impatient_counters();
        (1..=5).for_each(|n| counters.increment(post(n), "views", n).unwrap());
        assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
        (1..=5).for_each(|n| counters.increment(post(n), "likes", n).unwrap());
        let ninety_days = Duration::from_secs(90 * 24 * 60 * 60);
        let days = PruneOptions::new(Grain::Day, ninety_days);
        assert_eq!(counters.prune(&days).unwrap().rows, 0);
        assert_eq!(counters.delete_all(post(1)).unwrap(), 2);
        assert!(counters.merge(post(2), post(3)).unwrap().is_complete());
        assert_eq!(counters.get(post(3), "views").unwrap(), 5);
        world
            .database
            .execute("UPDATE model_counters SET updated_at = '2001-02-03 04:05:06'")
            .unwrap();
        let [old, new] = ["post", "page"].map(|name| OwnerType::new(name).unwrap());
        let gone = counters.orphans_of(&old).delete(|_| Ok(vec![2_i64, 3, 4])).unwrap();
        assert!(gone.orphans.iter().eq([&post(5)]), "{gone:?}");
        assert_eq!(gone.deleted, 2, "{gone:?}");
        assert!(counters.rename_owner_type(&old, &new).unwrap().is_complete());
        assert_eq!(counters.get(Owner::new("page", 4).unwrap(), "likes").unwrap(), 4);
    }),
    ("nothing is changed where the buckets cannot be read", |world| {
        let counters = world.impatient_counters();
        counters.increment(post(1), "views", 1).unwrap();
        world.store.increment(&day(&views_of(1)), 1).unwrap();
        assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
        world.age_rows();
        counters.increment(post(1), "views", 10).unwrap();
        let rename = |from: &str, to: &str| {
            let rename = "ALTER TABLE \"model_counters_periods\" RENAME COLUMN";
            world.database.execute(&format!("{rename} \"{from}\" TO \"{to}\"")).unwrap();
        };
        rename("starts_at", "other");
        let [old, new] = ["post", "page"].map(|name| OwnerType::new(name).unwrap());
        let calls = [
            counters.delete_all(post(1)).map(drop),
            counters.merge(post(1), post(2)).map(drop),
            counters.rename_owner_type(&old, &new).map(drop),
        ];
        for (place, result) in calls.into_iter().enumerate() {
            assert!(matches!(result, Err(Error::Database { .. })), "call {place}: {result:?}");
        }
        assert_eq!(counters.get(post(1), "views").unwrap(), 11);
        assert_eq!(counters.pending(post(1), "views").unwrap().pending, 10);
        rename("other", "starts_at");
        assert_eq!(rows(world, &[views_of(1), day(&views_of(1))]), [1, 1]);
        assert_eq!(counters.delete_all(post(1)).unwrap(), 2);
    }),
    ("an owner of which only buckets are left is found as an orphan", |world| {
        let counters = world.impatient_counters();
        [1, 2].iter().for_each(|n| world.store.increment(&day(&views_of(*n)), 1).unwrap());
        counters.increment(post(2), "views", 1).unwrap();
        assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
        let posts = OwnerType::new("post").unwrap();
        let search = || counters.orphans_of(&posts).even_if_all_are_gone();
        let young = search().find(|_| Ok(Vec::<i64>::new())).unwrap();
        assert_eq!((young.owners, young.young, young.orphans.count()), (2, 2, 0), "{young:?}");
        world.age_rows();
        let gone = search().delete(|_| Ok(Vec::<i64>::new())).unwrap();
        assert_eq!((gone.orphans.count(), gone.rows, gone.deleted), (2, 3, 3), "{gone:?}");
        assert_eq!(rows(world, &[day(&views_of(1)), day(&views_of(2)), views_of(2)]), [0; 3]);
        assert_eq!(search().find(|_| Ok(Vec::<i64>::new())).unwrap().owners, 0);
    }),
    ("a total stays until the buckets are deleted, wherever that stops", |world| {
        for step in 0.. {
            let owner = post(100 + i64::try_from(step).unwrap());
            let total = counter_of(&owner, "views");
            let ids = [total.clone(), day(&total), bucket_of(&total, "year:2026")];
            ids.iter().for_each(|id| world.store.increment(id, 1).unwrap());
            let next = world.impatient_counters();
            assert!(next.sync(&SyncOptions::default()).unwrap().is_clean());
            let faults = Faults::at(step, Fault::Kill);
            let process = world.counters_behind(&faults, impatient());
            let _ = Faults::survive(|| process.delete_all(&owner));
            let _ = next.sync(&SyncOptions::default());
            let [total, buckets @ ..] = are_there(world, &ids);
            assert!(total || buckets == [false; 2], "step {step}: {buckets:?}");
            if faults.steps() <= step {
                assert_eq!((total, step > 5), (false, true), "{step} steps");
                break;
            }
        }
    }),
    ("what a trigger of the buckets does to a total is found out", |world| {
        let back = "UPDATE model_counters SET count = 0, claim_seq = 0 WHERE owner_id = 500";
        after_insert(world, back);
        let counters = world.counters();
        let ids = [views_of(499), views_of(500), day(&views_of(499)), day(&views_of(500))];
        assert!(ids[..2].iter().all(|id| world.store.increment(id, 7).is_ok()));
        assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
        ids.iter().for_each(|id| world.store.increment(id, 3).unwrap());
        let report = counters.sync(&SyncOptions::default()).unwrap();
        let failed = report.failed.iter().map(|failed| &failed.claim.id).collect::<Vec<_>>();
        assert!(failed.contains(&&ids[1]), "{report}: {failed:?}");
        let held = world.store.look(&ids[1..2]).unwrap().held.remove(0).unwrap();
        assert!(held.claim.is_some(), "{held:?}");
        assert_eq!(rows(world, &[views_of(499)]), [10]);
    }),
    ("a bucket that is kept out names its table", |world| {
        after_insert(world, "DELETE FROM model_counters_periods WHERE owner_id = 500");
        if world.database.url().starts_with("mysql") {
            return; // A trigger may not change its own table there.
        }
        let ids = [views_of(500), day(&views_of(500)), day(&views_of(499))];
        ids.iter().for_each(|id| world.store.increment(id, 3).unwrap());
        let report = world.counters().sync(&SyncOptions::default()).unwrap();
        let failed = report.failed.iter().map(|failed| (&failed.claim.id, &failed.error));
        let failed = failed.collect::<Vec<_>>();
        let [(id, Error::KeptOut { table })] = &failed[..] else { panic!("{failed:?}") };
        assert!(**id == ids[1] && table.ends_with("model_counters_periods"), "{failed:?}");
        assert_eq!(rows(world, &ids), [3, 0, 3]);
    }),
];

fn are_there<const N: usize>(world: &World, ids: &[CounterId; N]) -> [bool; N] {
    let rows = world.ledger.baselines(ids).unwrap();
    std::array::from_fn(|place| rows[place] != Baseline::NONE)
}

/// Runs a statement after each row that is inserted among the buckets.
fn after_insert(world: &World, statement: &str) {
    let on = "AFTER INSERT ON model_counters_periods FOR EACH ROW";
    let url = world.database.url();
    let triggers = if url.ends_with(".sqlite") {
        vec![format!("CREATE TRIGGER changing {on} BEGIN {statement}; END")]
    } else if url.starts_with("mysql") {
        vec![format!("CREATE TRIGGER changing {on} {statement}")]
    } else {
        let body = format!("BEGIN {statement}; RETURN NULL; END");
        vec![
            format!("CREATE FUNCTION change() RETURNS trigger LANGUAGE plpgsql AS '{body}'"),
            format!("CREATE TRIGGER changing {on} EXECUTE FUNCTION change()"),
        ]
    };
    triggers.iter().for_each(|trigger| world.database.execute(trigger).unwrap());
}
