//! What the Redis store says, and how soon, when something goes wrong underneath it.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

mod away;
mod credentials;
mod crowded;
mod frozen;
mod full;
mod index;
mod network;
mod proxies;
mod quiet;
mod replies;
mod urls;

use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use counter_core::{CounterId, DeltaStore, Error, RedisTimeouts};
use counter_tests::process::wait_for;

/// More than the default time-outs for a connection and for a reply add up to nothing waits.
const SOON: Duration = Duration::from_secs(3);

/// What `wait` returns, which has to be soon.
fn soon<T>(what: &str, wait: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = wait();
    let took = start.elapsed();
    assert!(took < SOON, "{what} took {took:?}");
    result
}

/// The default time-outs, where a connection is never so quiet that it is looked at before it is
/// used, however slow the test.
fn never_quiet() -> RedisTimeouts {
    let mut timeouts = RedisTimeouts::default();
    timeouts.quiet = Duration::from_secs(3600);
    timeouts
}

/// Increments until that succeeds, and returns how many increments may have been counted: each
/// whose answer came too late may have been.
fn count_again(store: &dyn DeltaStore, id: &CounterId) -> RangeInclusive<i64> {
    let mut unknown = 0;
    wait_for("the store to have a connection", || {
        let outcome = store.increment(id, 1);
        unknown += i64::from(outcome.as_ref().is_err_and(Error::is_outcome_unknown));
        outcome.ok()
    });
    1..=1 + unknown
}

fn assert_not_counted(what: &str, outcome: Result<(), Error>) {
    match outcome {
        Err(Error::NotCounted { .. }) => {}
        other => panic!("{what}: expected NotCounted, got {other:?}"),
    }
}

fn assert_unknown(what: &str, outcome: Result<(), Error>) {
    match outcome {
        Err(Error::OutcomeUnknown { .. }) => {}
        other => panic!("{what}: expected OutcomeUnknown, got {other:?}"),
    }
}
