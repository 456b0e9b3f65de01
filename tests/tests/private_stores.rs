//! Processes with stores of their own in memory, over one table.

use std::sync::Arc;
use std::time::Duration;

use counter_core::{Config, CounterId, DeltaStore, ManualClock, MemoryStore};
use counter_diesel::{Counters, Ledger, Owner, SyncOptions};
use counter_tests::database::{self, Database};
use counter_tests::faults::{Faults, FaultyLedger};

#[test]
fn a_read_beside_the_first_claim_of_a_process_is_exact() {
    let database = database::sqlite();
    let earlier = process(&*database, 100, &Faults::none());
    earlier.increment(post(), "views", 5).unwrap();
    assert!(earlier.sync(&SyncOptions::default()).unwrap().is_clean());

    // Its high water is below the row, until anything is claimed.
    let store = Arc::new(MemoryStore::with_clock(ManualClock::at_micros(200)));
    let claiming = Arc::clone(&store);
    let faults = Faults::calling_once_before("baselines", move || {
        let other = CounterId::new("post", 2, "views").unwrap();
        claiming.increment(&other, 1).unwrap();
        claiming.claim(&[other], Duration::MAX).unwrap();
    });
    let counters = over(&*database, store, &faults);
    counters.increment(post(), "views", 1).unwrap();
    assert_eq!(counters.get(post(), "views").unwrap(), 6);
}

fn post() -> Owner {
    Owner::new("post", 1).unwrap()
}

/// A process of this time, to whose database things happen.
fn process(database: &dyn Database, now_micros: i64, faults: &Arc<Faults>) -> Counters {
    let store = MemoryStore::with_clock(ManualClock::at_micros(now_micros));
    over(database, Arc::new(store), faults)
}

fn over(database: &dyn Database, store: Arc<dyn DeltaStore>, faults: &Arc<Faults>) -> Counters {
    let inner: Arc<dyn Ledger> = database.ledger("model_counters");
    inner.run_pending_migrations().unwrap();
    let ledger = FaultyLedger { inner, faults: Arc::clone(faults) };
    Counters::from_parts(Config::default(), store, Arc::new(ledger))
}
