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

use std::time::{Duration, Instant};

use counter_core::Error;

/// More than the default time-outs for a connection and for a reply add up to nothing waits.
const SOON: Duration = Duration::from_secs(2);

/// What `wait` returns, which has to be soon.
fn soon<T>(what: &str, wait: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = wait();
    let took = start.elapsed();
    assert!(took < SOON, "{what} took {took:?}");
    result
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
