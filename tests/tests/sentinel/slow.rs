//! A sentinel that is slow, which may be the one that conducts a failover.

use std::sync::Arc;
use std::time::{Duration, Instant};

use counter_core::{Config, DeltaStore, Error as StoreError, RedisStore, StoreStep};
use counter_diesel::{Counters, Error, SyncOptions};
use counter_tests::database;
use counter_tests::fixtures::post;
use counter_tests::process::wait_for;
use counter_tests::said::everything_said;
use counter_tests::servers::{SentinelSite, built};

/// The time for which a sentinel that does not answer is only slow.
const PATIENCE: Duration = Duration::from_secs(1);

fn wait_until_all_are_heard(store: &RedisStore) {
    wait_for("all sentinels to answer", || {
        let facts = store.inspection().unwrap().inspect().ok()?;
        (facts.sentinel.known()?.named.len() == 3).then_some(())
    });
}

fn sync(counters: &Counters) -> Result<(), Error> {
    match counters.sync(&SyncOptions::default())?.stopped {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

#[test]
fn claims_wait_for_a_sentinel_that_does_not_answer_and_a_second_later_they_do_not() {
    let site = SentinelSite::without_failovers();
    let store = Arc::new(built(|| RedisStore::builder(site.url())));
    let database = database::sqlite();
    let ledger = database.ledger("model_counters");
    ledger.run_pending_migrations().unwrap();
    let mut config = Config::default();
    config.claim_timeout = Duration::ZERO;
    let counters = Counters::from_parts(config, Arc::clone(&store) as _, ledger);
    counters.increment(post(1), "views", 5).unwrap();

    let leader = &site.sentinels[1];
    // If the machine stalls for this long, the duration of a sync proves nothing.
    let first = wait_for("a sync within a second", || {
        wait_until_all_are_heard(&store);
        let frozen = Instant::now();
        leader.freeze();
        let first = sync(&counters);
        if frozen.elapsed() < PATIENCE {
            return Some(first);
        }
        leader.thaw();
        counters.increment(post(1), "views", 1).unwrap();
        None
    });
    let error = first.unwrap_err();
    let step = StoreStep::Confirm;
    let is_held_back =
        matches!(&error, Error::Core(StoreError::Store { step: at, .. }) if *at == step);
    assert!(is_held_back, "{error:?}");
    let said = everything_said(&error);
    assert!(said.contains(&leader.host()) && said.contains("does not answer"), "{said}");

    wait_for("a sync without the sentinel", || sync(&counters).ok());
    let counted = counters.baseline(post(1), "views").unwrap();
    assert!(counted >= 5 && counters.get(post(1), "views").unwrap() == counted);
}
