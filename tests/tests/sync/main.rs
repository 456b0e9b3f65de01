//! What a sync does, for every pair of store and database.

mod contradictions;
mod gauges;
mod lost_answers;

use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use counter_core::{Claim, ClaimOp, Claimed, Config, DeltaStore, Replacement};
use counter_diesel::sync::SyncTimes;
use counter_diesel::{Counters, Error, Owner, SyncOptions};
use counter_tests::faults::{Faults, FaultyStore};
use counter_tests::fixtures::{counter_of, post, user, views_of};
use counter_tests::suite::{self, Case};
use counter_tests::world::{PAIRS_AND_POOLER, World, cluster_x_postgres, impatient};

fn main() -> ExitCode {
    let cases = [CASES, contradictions::CASES, gauges::CASES, lost_answers::CASES].concat();
    let mut trials = suite::trials(PAIRS_AND_POOLER, &cases);
    let specific = suite::specific(&cases, IN_CLUSTER);
    trials.extend(suite::trials(&[("cluster_x_postgres", cluster_x_postgres)], &specific));
    suite::run_trials(trials)
}

/// What is about many counters, or about names that a store has for itself.
const IN_CLUSTER: &[&str] = &[
    "a pattern finds claims that were left behind",
    "a bad row among a thousand fails alone and is finished when it is mended",
];

const CASES: &[Case<World>] = &[
    ("every batch size moves everything once", |world| {
        let counters = world.counters();
        for (round, batch_size) in (1..).zip([1, 7, 300, 1000]) {
            increment_each(&counters, 300);
            let options = SyncOptions::default().batch_size(NonZeroUsize::new(batch_size).unwrap());
            let report = counters.sync(&options).unwrap();
            assert!(report.is_clean(), "{report:?}");
            // A scan of a server that others use may name a counter again, in a later batch.
            assert!(report.scanned >= 300 && report.applied == 300, "{report:?}");
            assert_eq!(sum_of_baselines(&counters, 300), 300 * round);
        }
    }),
    ("a sync of nothing does nothing", |world| {
        let report = world.counters().sync(&SyncOptions::default()).unwrap();
        assert!(report.is_clean());
        assert_eq!((report.scanned, report.applied), (0, 0));
    }),
    ("a report says at which step the time was spent", |world| {
        let slow = Duration::from_millis(30);
        type Spent = fn(&SyncTimes) -> Duration;
        let steps: [(_, Spent); 7] = [
            ("scan", |times| times.scan),
            ("claim", |times| times.claim),
            ("begin", |times| times.database),
            ("upsert", |times| times.database),
            ("commit", |times| times.database),
            ("verify", |times| times.verify),
            ("ack", |times| times.acknowledge),
        ];
        for (step, spent) in steps {
            let faults = Faults::calling_once_before(step, move || std::thread::sleep(slow));
            let counters = world.counters_behind(&faults, Config::default());
            counters.increment(post(1), "views", 1).unwrap();
            let report = counters.sync(&SyncOptions::default()).unwrap();
            let times = &report.times;
            assert!(spent(times) >= slow, "{step}: {times:?}");
            // So nothing was counted twice.
            let all = times.steps().into_iter().map(|(_, spent)| spent).sum::<Duration>();
            assert!(all <= report.elapsed, "{step}: {report:?}");
        }
        world.counters().increment(post(1), "views", 1).unwrap();
        let report = world.counters().sync(&SyncOptions::default().dry_run(true)).unwrap();
        let scan = report.times.scan;
        assert!(scan > Duration::ZERO);
        let mut only_scan = SyncTimes::default();
        only_scan.scan = scan;
        assert_eq!(report.times, only_scan);
    }),
    ("a pattern syncs only what matches", |world| {
        let counters = world.counters();
        counters.increment(user(1), "views", 1).unwrap();
        counters.increment(Owner::new("users", 1).unwrap(), "views", 1).unwrap();
        counters.increment(post(1), "user:x", 1).unwrap();
        let report =
            counters.sync(&SyncOptions::default().pattern("user:*".parse().unwrap())).unwrap();
        assert_eq!((report.scanned, report.applied), (1, 1), "{report:?}");
        assert_eq!(counters.baseline(user(1), "views").unwrap(), 1);
        assert_eq!(counters.baseline(Owner::new("users", 1).unwrap(), "views").unwrap(), 0);
    }),
    ("a pattern finds claims that were left behind", |world| {
        world.counters().increment(post(1), "views", 1).unwrap();
        claim(world, "views");
        let report = world
            .impatient_counters()
            .sync(&SyncOptions::default().pattern("post:*".parse().unwrap()))
            .unwrap();
        assert_eq!((report.applied, report.recovered), (1, 1), "{report:?}");
    }),
    ("a bad pattern is refused before anything happens", |world| {
        let counters = world.counters();
        counters.increment(post(1), "views", 1).unwrap();
        assert!("user:[".parse::<counter_diesel::Pattern>().is_err());
        assert_eq!(counters.pending(post(1), "views").unwrap().pending, 1);
    }),
    ("a dry run says what a sync would do and changes nothing", |world| {
        let counters = world.counters();
        increment_each(&counters, 10);
        counters.increment(post(1), "zero", 1).unwrap();
        counters.increment(post(1), "zero", -1).unwrap();
        let before = held(world, 10);
        let report = counters.sync(&SyncOptions::default().dry_run(true)).unwrap();
        assert_eq!((report.scanned, report.applied, report.zeros), (11, 10, 1), "{report:?}");
        assert!(
            report.to_string().starts_with("would apply 10 of 11 counters, 1 zero in "),
            "{report}"
        );
        assert_eq!(held(world, 10), before);
        assert_eq!(sum_of_baselines(&counters, 10), 0);
    }),
    ("a delta of zero is removed without a row", |world| {
        let counters = world.counters();
        counters.increment(post(1), "views", 1).unwrap();
        counters.decrement(post(1), "views", 1).unwrap();
        let report = counters.sync(&SyncOptions::default()).unwrap();
        assert_eq!((report.zeros, report.applied), (1, 0), "{report:?}");
        assert!(report.is_clean());
        assert_eq!(world.ledger.rows_of(&post(1)).unwrap(), []);
        assert_eq!(counters.sync(&SyncOptions::default()).unwrap().scanned, 0);
    }),
    ("a bad row among a thousand fails alone and is finished when it is mended", |world| {
        let counters = world.impatient_counters();
        increment_each(&counters, 1000);
        for key in ["full", "empty"] {
            counters.set(post(1), key, if key == "full" { i64::MAX } else { i64::MIN }).unwrap();
        }
        counters.increment(post(1), "full", 1).unwrap();
        counters.decrement(post(1), "empty", 1).unwrap();
        let report = counters.sync(&SyncOptions::default()).unwrap();
        assert_eq!((report.applied, report.failed.count()), (1000, 2), "{report:?}");
        assert!(!report.is_clean() && report.stopped.is_none());
        let mut failed =
            report.failed.iter().map(|failed| failed.claim.id.to_string()).collect::<Vec<_>>();
        failed.sort();
        assert_eq!(failed, ["post:1:empty", "post:1:full"]);
        assert_eq!(sum_of_baselines(&counters, 1000), 1000);
        assert_eq!(counters.baseline(post(1), "full").unwrap(), i64::MAX);
        // The claim is still there, and so is what comes after it.
        counters.decrement(post(1), "full", 5).unwrap();
        let again = counters.sync(&SyncOptions::default()).unwrap();
        assert_eq!((again.applied, again.failed.count()), (0, 2), "{again:?}");
        counters.set(post(1), "full", 1).unwrap();
        counters.set(post(1), "empty", 1).unwrap();
        assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
        assert_eq!(counters.baseline(post(1), "full").unwrap(), 1);
    }),
    ("a table that takes no row at all costs a batch a few tries and ends no pass", |world| {
        let upserts = Arc::new(AtomicUsize::new(0));
        let counting = Arc::clone(&upserts);
        let faults = Faults::calling(move |step| {
            counting.fetch_add(usize::from(step == "upsert"), Ordering::SeqCst);
        });
        let counters = world.counters_behind(&faults, impatient());
        world.make_table_refuse_writes();
        increment_each(&counters, 2000);
        let report = counters.sync(&SyncOptions::default()).unwrap();
        assert!(report.stopped.is_none() && report.applied == 0, "{report}");
        // Twice that where a refusal has no name that says it is permanent.
        assert!(upserts.load(Ordering::SeqCst) <= 750, "{upserts:?} upserts");
        // Eight at four places of each batch, and perhaps the neighbour of the last. A scan makes
        // two or three batches of them.
        let (failed, postponed) = (report.failed.count(), report.postponed.count());
        assert!((64..=99).contains(&failed) && failed + postponed == 2000, "{report}");
        assert_eq!(counters.get_many((0..2000).map(|n| (post(n), "views"))).unwrap(), [1; 2000]);
    }),
    ("a missing table is named before anything is claimed", |world| {
        let counters = world.counters();
        counters.increment(post(1), "views", 1).unwrap();
        world.drop_tables();
        let error = counters.sync(&SyncOptions::default()).unwrap_err();
        assert!(matches!(error, Error::NotMigrated { .. }), "{error:?}");
        assert!(error.to_string().contains("run_pending_migrations()"), "{error}");
        assert!(matches!(counters.get(post(1), "views").unwrap_err(), Error::NotMigrated { .. }));
        assert_eq!(counters.pending(post(1), "views").unwrap().pending, 1);
    }),
    ("what a living sync has claimed is busy and left alone", |world| {
        let counters = world.counters();
        counters.increment(post(1), "views", 5).unwrap();
        let claim = claim(world, "views");
        counters.increment(post(1), "views", 1).unwrap();
        let report = counters.sync(&SyncOptions::default()).unwrap();
        assert_eq!((report.scanned, report.applied, report.busy), (1, 0, 1), "{report:?}");
        assert!(report.is_clean());
        assert_eq!(
            world.store.look(&[counter_of(&post(1), "views")]).unwrap().held[0]
                .as_ref()
                .unwrap()
                .claim,
            Some(claim)
        );
        assert_eq!(counters.get(post(1), "views").unwrap(), 6);
    }),
    ("one sync after quiet leaves nothing behind", |world| {
        let counters = world.impatient_counters();
        counters.increment(post(1), "views", 5).unwrap();
        claim(world, "views");
        counters.increment(post(1), "views", 1).unwrap();
        let report = counters.sync(&SyncOptions::default()).unwrap();
        assert_eq!((report.applied, report.recovered), (2, 1), "{report:?}");
        assert_eq!(counters.baseline(post(1), "views").unwrap(), 6);
        assert_eq!(counters.sync(&SyncOptions::default()).unwrap().scanned, 0);
    }),
    ("two syncs at once share the work and both apply some", |world| {
        let other = world.counters();
        increment_each(&other, 100);
        let during = Arc::new(Mutex::new(None));
        let seen = Arc::clone(&during);
        // The first has claimed its first batch, and perhaps two more, and is about to open its
        // transaction.
        let faults = Faults::calling_once_before("begin", move || {
            *seen.lock().unwrap() = Some(other.sync(&SyncOptions::default()).unwrap());
        });
        let first = world.counters_behind(&faults, Config::default());
        let options = SyncOptions::default().batch_size(NonZeroUsize::new(20).unwrap());
        let report = first.sync(&options).unwrap();
        let during = during.lock().unwrap().take().unwrap();
        assert!(report.applied >= 20 && during.applied > 0, "{report:?} {during:?}");
        assert_eq!(report.applied + during.applied, 100);
        assert!(during.busy >= 20, "{during:?}");
        assert!(report.is_clean() && during.is_clean());
        assert_eq!(sum_of_baselines(&first, 100), 100);
    }),
    ("a living pass whose claims another one finished counts nothing twice", |world| {
        let other = world.impatient_counters();
        increment_each(&other, 100);
        let faults = Faults::calling_once_before("begin", move || {
            assert_eq!(other.sync(&SyncOptions::default()).unwrap().recovered, 100);
        });
        let first = world.counters_behind(&faults, Config::default());
        let report = first.sync(&SyncOptions::default()).unwrap();
        assert_eq!((report.superseded, report.applied), (100, 0), "{report:?}");
        assert!(report.is_clean());
        assert_eq!(sum_of_baselines(&first, 100), 100);
    }),
    ("a set between claim and commit wins", |world| {
        let store = Arc::clone(&world.store);
        let faults = Faults::calling_once_before("verify", move || {
            store.replace(&counter_of(&post(1), "views"), Replacement::Set(1000)).unwrap();
        });
        let counters = world.counters_behind(&faults, Config::default());
        counters.increment(post(1), "views", 5).unwrap();
        counters.increment(post(1), "likes", 3).unwrap();
        let report = counters.sync(&SyncOptions::default()).unwrap();
        // The claim is in the table too, and the set will be written over it.
        assert_eq!((report.applied, report.superseded), (2, 0), "{report:?}");
        assert_eq!(counters.baseline(post(1), "views").unwrap(), 5);
        assert_eq!(counters.get(post(1), "views").unwrap(), 1000);
        assert_eq!(counters.baseline(post(1), "likes").unwrap(), 3);
        assert!(world.impatient_counters().sync(&SyncOptions::default()).unwrap().is_clean());
        assert_eq!(counters.baseline(post(1), "views").unwrap(), 1000);
    }),
    ("a delete between claim and commit does not bring the row back", |world| {
        let other = world.counters();
        let faults =
            Faults::calling_once_before("begin", move || other.delete(post(1), "views").unwrap());
        let counters = world.counters_behind(&faults, Config::default());
        counters.increment(post(1), "views", 5).unwrap();
        let report = counters.sync(&SyncOptions::default()).unwrap();
        assert_eq!(world.ledger.rows_of(&post(1)).unwrap(), []);
        let lost = report.lost.iter().next().expect("it may have been lost, so it is reported");
        assert_eq!((lost.claim.op, lost.applied), (ClaimOp::Add(5), false));
        assert_eq!(counters.get(post(1), "views").unwrap(), 0);
    }),
    ("a claim that the store lost is applied where the row shows that no sync did", |world| {
        let store = Arc::clone(&world.store);
        let faults = Faults::calling_once_before("verify", move || lose_claim(&*store, "views"));
        let counters = world.counters_behind(&faults, Config::default());
        counters.increment(post(1), "views", 10).unwrap();
        assert!(world.counters().sync(&SyncOptions::default()).unwrap().is_clean());
        counters.increment(post(1), "views", 5).unwrap();
        let report = counters.sync(&SyncOptions::default()).unwrap();
        let lost = report.lost.iter().next().expect("it was lost");
        assert_eq!((lost.claim.op, lost.applied), (ClaimOp::Add(5), true));
        assert!(!report.is_clean());
        assert_eq!(counters.get(post(1), "views").unwrap(), 15);
    }),
    ("claims that change in every round are left to the next sync", |world| {
        let store = Arc::clone(&world.store);
        let rounds = AtomicUsize::new(0);
        let faults = Faults::calling(move |step| {
            if step != "verify" {
                return;
            }
            let round = rounds.fetch_add(1, Ordering::SeqCst);
            if round < 3 {
                store.replace(&views_of(round as i64), Replacement::Delete).unwrap();
            }
        });
        let counters = world.counters_behind(&faults, Config::default());
        increment_each(&counters, 10);
        let report = counters.sync(&SyncOptions::default()).unwrap();
        assert_eq!(
            (report.applied, report.superseded, report.postponed.count()),
            (0, 3, 7),
            "{report:?}"
        );
        assert!(!report.is_clean());
        // The same process finishes them first, however young they are.
        let next = counters.sync(&SyncOptions::default()).unwrap();
        assert_eq!(next.superseded + next.applied, 7, "{next:?}");
        let last = world.impatient_counters().sync(&SyncOptions::default()).unwrap();
        assert!(last.is_clean(), "{last:?}");
        let read = counters.get_many((0..10).map(|n| (post(n), "views"))).unwrap();
        assert!(read.iter().all(|value| [0, 1].contains(value)), "{read:?}");
        assert_eq!(sum_of_baselines(&counters, 10), read.iter().sum::<i64>());
    }),
    ("a scan that repeats itself makes no counter count or fail twice", |world| {
        let mut store = FaultyStore::new(Arc::clone(&world.store), &Faults::none());
        store.repeats_itself = true;
        let ledger = Arc::clone(&world.ledger);
        let counters = Counters::from_parts(impatient(), Arc::new(store), ledger);
        increment_each(&counters, 100);
        counters.set(post(1), "full", i64::MAX).unwrap();
        counters.increment(post(1), "full", 1).unwrap();
        let report = counters.sync(&SyncOptions::default()).unwrap();
        assert_eq!((report.applied, report.failed.count()), (100, 1), "{report:?}");
        assert_eq!(sum_of_baselines(&counters, 100), 100);
    }),
    ("a counter is counted on while its claim is refused", |world| {
        let counters = world.impatient_counters();
        counters.set(post(1), "full", i64::MAX).unwrap();
        counters.increment(post(1), "full", 1).unwrap();
        assert_eq!(counters.sync(&SyncOptions::default()).unwrap().failed.count(), 1);
        counters.increment(post(1), "full", 41).unwrap();
        assert_eq!(counters.pending(post(1), "full").unwrap().pending, 41);
        assert!(counters.get(post(1), "full").is_err());
    }),
];

fn claim(world: &World, key: &str) -> Claim {
    match world.store.claim(&[counter_of(&post(1), key)], Duration::MAX).unwrap().remove(0) {
        Claimed::Fresh(claim) => claim,
        other => panic!("{other:?}"),
    }
}

/// As an eviction would.
fn lose_claim(store: &dyn DeltaStore, key: &str) {
    let held = store.look(&[counter_of(&post(1), key)]).unwrap().held.remove(0).unwrap();
    store.ack(&[held.claim.unwrap()]).unwrap();
}

fn increment_each(counters: &Counters, owners: i64) {
    counters.increment_many((0..owners).map(|n| (post(n), "views", 1))).unwrap();
}

fn sum_of_baselines(counters: &Counters, owners: i64) -> i64 {
    (0..owners).map(|n| counters.baseline(post(n), "views").unwrap()).sum()
}

fn held(world: &World, owners: i64) -> Vec<counter_core::Holding> {
    let ids = (0..owners).map(views_of).collect::<Vec<_>>();
    world.store.look(&ids).unwrap().held.into_iter().map(Result::unwrap).collect()
}
