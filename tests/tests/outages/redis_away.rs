//! Redis is down, and comes back.

use std::time::Duration;

use counter_core::{Error as StoreError, RedisStore};
use counter_diesel::Error;
use counter_tests::fixtures::post;
use counter_tests::process::wait_for;
use counter_tests::site::Site;

use super::{assert_not_counted, everything_said, soon, sync, sync_cleanly};

#[test]
fn while_redis_is_away_nothing_is_counted_and_the_last_sync_can_be_read() {
    let site = Site::with_postgres();
    let counters = site.counters();
    counters.increment(post(1), "views", 5).unwrap();
    drop(sync_cleanly(&counters));
    counters.increment(post(1), "views", 3).unwrap();
    site.redis().kill();
    // The first finds a connection that was fine a moment ago, the others none at all.
    let mut unknown = 0;
    for _ in 0..3 {
        let outcome = soon(|| counters.increment(post(1), "views", 1));
        match &outcome {
            Err(error) if error.is_outcome_unknown() => unknown += 1,
            _ => assert_not_counted(&outcome),
        }
    }
    assert!(unknown <= 1, "{unknown} were sent to a server that is down");
    assert_not_counted(&soon(|| counters.set(post(1), "views", 1)));
    let many = soon(|| counters.increment_many([(post(1), "views", 1), (post(2), "views", 1)]));
    assert!(!many.as_ref().unwrap_err().is_outcome_unknown(), "{many:?}");

    let read = soon(|| counters.get(post(1), "views"));
    assert!(matches!(read, Err(Error::Core(StoreError::Store { .. }))), "{read:?}");
    assert_eq!(soon(|| counters.baseline(post(1), "views")).unwrap(), 5);
    let synced = soon(|| sync(&counters));
    assert!(matches!(synced, Err(Error::Core(StoreError::Store { .. }))), "{synced:?}");
}

#[test]
fn the_same_counters_go_on_when_redis_is_back() {
    let site = Site::with_postgres();
    let counters = site.counters();
    let worker = counters.spawn_sync(Duration::from_millis(10)).unwrap();
    counters.increment(post(1), "views", 5).unwrap();
    wait_for("the worker to sync", || (baseline(&site) == 5).then_some(()));
    // Increments of unknown outcome: a server that has just started may answer too late.
    let (mut total, mut unknown) = (5, 0);
    for _ in 0..2 {
        site.redis().kill();
        assert!(
            worker
                .wait_until(Duration::from_secs(10), |worker| { worker.consecutive_failures > 0 })
        );
        assert!(soon(|| counters.increment(post(2), "views", 1)).is_err());
        site.redis().start_again();
        wait_for("it to count", || match counters.increment(post(1), "views", 1) {
            Ok(()) => Some(()),
            Err(error) => {
                unknown += i64::from(error.is_outcome_unknown());
                None
            }
        });
        total += 1;
        let read = wait_for("it to be read", || counters.get(post(1), "views").ok());
        assert!((total..=total + unknown).contains(&read), "{read}: {total}, {unknown} unknown");
        worker.sync_now();
        assert!(
            worker
                .wait_until(Duration::from_secs(10), |worker| { worker.consecutive_failures == 0 })
        );
        // A pass that began before the increment succeeds, too. What Redis alone has is lost with
        // it.
        wait_for("the worker to sync", || (baseline(&site) == read).then_some(()));
    }
    worker.stop().unwrap();
    let synced = baseline(&site);
    assert!((total..=total + unknown).contains(&synced), "{synced}: {total}, {unknown} unknown");
}

fn baseline(site: &Site) -> i64 {
    site.counters().baseline(post(1), "views").unwrap()
}

#[test]
fn an_application_starts_without_redis_if_it_asks_to() {
    let site = Site::with_postgres();
    site.redis().kill();
    let counters = soon(|| site.counters());
    assert_not_counted(&soon(|| counters.increment(post(1), "views", 1)));
    assert_eq!(counters.baseline(post(1), "views").unwrap(), 0);
    site.redis().start_again();
    wait_for("it to count", || counters.increment(post(1), "views", 1).ok());
    assert_eq!(sync_cleanly(&counters).applied, 1);
}

#[test]
fn an_application_that_does_not_ask_to_learns_which_server_is_away() {
    let site = Site::with_postgres();
    let server = site.redis().url().replace("redis://", "").replace('/', "");
    let url = format!("redis://alice:hunter2@{server}/3");
    site.redis().kill();
    for redis in [RedisStore::builder(&url), RedisStore::builder(&url).connect_lazily()] {
        let built = soon(|| site.database().builder().redis_with(redis).build());
        let error = match built {
            Err(error) => error,
            Ok(counters) => soon(|| counters.increment(post(1), "views", 1)).unwrap_err(),
        };
        let said = everything_said(&error);
        assert!(said.contains(&server), "{said} does not name {server}");
        assert!(said.to_lowercase().contains("refused"), "{said}");
        assert!(!said.contains("hunter2") && !format!("{error:?}").contains("hunter2"), "{said}");
    }
}
