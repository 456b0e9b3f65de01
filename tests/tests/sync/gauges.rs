//! Counters that are set more often than they are synced.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
use std::time::Duration;

use counter_core::{Config, Replacement};
use counter_diesel::SyncOptions;
use counter_tests::faults::Faults;
use counter_tests::fixtures::{counter_of, post};
use counter_tests::suite::Case;
use counter_tests::world::World;

/// Longer than any test takes. A store of one process alone leaves a young claim to the thread that
/// made it.
fn claim_timeout(world: &World) -> Duration {
    if world.store.private().is_some() { Duration::ZERO } else { Duration::from_secs(3600) }
}

pub(crate) const CASES: &[Case<World>] = &[
    ("a counter that is set again before each verification gets into the table", |world| {
        let newest = Arc::new(AtomicI64::new(0));
        let (store, last) = (Arc::clone(&world.store), Arc::clone(&newest));
        let set = move || {
            let value = last.fetch_add(1, SeqCst) + 1;
            store.replace(&counter_of(&post(1), "views"), Replacement::Set(value)).unwrap();
        };
        set();
        let mut config = Config::default();
        config.claim_timeout = claim_timeout(world);
        let set = Arc::new(set);
        let at_verify = Arc::clone(&set);
        let faults = Faults::calling(move |step| {
            if step == "verify" {
                at_verify();
            }
        });
        let counters = world.counters_behind(&faults, config);
        for pass in 1..=5 {
            // Between two passes too, so that a row of the pass before is not enough.
            for _ in 0..5 {
                set();
            }
            let before = newest.load(SeqCst);
            let report = counters.sync(&SyncOptions::default()).unwrap();
            assert!(report.is_clean() && report.busy == 0, "{report:?}");
            let row = counters.baseline(post(1), "views").unwrap();
            assert!(row >= before, "pass {pass}: {row}, and {before} was set before it");
            assert_eq!(counters.get(post(1), "views").unwrap(), newest.load(SeqCst));
        }
    }),
    ("a set that another has replaced and that is in the table is no conflict", |world| {
        let counters = world.impatient_counters();
        let store = Arc::clone(&world.store);
        let id = counter_of(&post(1), "views");
        let old = store.replace(&id, Replacement::Set(1)).unwrap();
        let ledger = Arc::clone(&world.ledger);
        // With a number to lock, SQLite locks its file before the upsert.
        let step = if store.private().is_some() { "lock_number" } else { "upsert" };
        let faults = Faults::calling_once_before(step, move || {
            let new = store.replace(&id, Replacement::Set(2)).unwrap();
            assert!(new.seq > old.seq);
            let mut other = ledger.begin(counter_diesel::ledger::LockWait::Usual).unwrap();
            other.upsert(&[new]).unwrap();
            other.commit().unwrap();
        });
        let behind = world.counters_behind(&faults, counters.config().clone());
        let report = behind.sync(&SyncOptions::default()).unwrap();
        assert!(report.is_clean(), "{report:?}");
        assert_eq!(counters.get(post(1), "views").unwrap(), 2);
        assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
        assert_eq!(counters.baseline(post(1), "views").unwrap(), 2);
    }),
];
