//! What the Redis store says, and how soon, when something goes wrong underneath it.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

mod away;
mod frozen;
mod full;
mod network;
mod replies;
mod secrets;

use std::sync::Arc;
use std::time::{Duration, Instant};

use counter_core::{DeltaStore, Error, Prefix, RedisStore, RedisTimeouts};
use r2d2_redis::RedisConnectionManager;

/// More than the default time-outs for a connection and for a reply add up to nothing waits.
const SOON: Duration = Duration::from_secs(2);

/// A store with default time-outs and one connection, which is not made before it is needed: on a pool
/// of its own, on the application's, and on one of `r2d2_redis`.
const STORES: [(&str, NewStore); 3] = [
    ("own", |url| own_store(url, RedisTimeouts::default())),
    ("application's", |url| applications_store(url, RedisTimeouts::default())),
    ("r2d2_redis", |url| r2d2_redis_store(url, RedisTimeouts::default())),
];

type NewStore = fn(&str) -> Arc<dyn DeltaStore>;

fn own_store(url: &str, timeouts: RedisTimeouts) -> Arc<dyn DeltaStore> {
    let builder = RedisStore::builder(url).pool_size(1.try_into().unwrap()).timeouts(timeouts);
    Arc::new(builder.connect_lazily().build().unwrap())
}

fn applications_store(url: &str, timeouts: RedisTimeouts) -> Arc<dyn DeltaStore> {
    let client = redis::Client::open(url).unwrap();
    let pool = pool_of_one().build_unchecked(client);
    Arc::new(RedisStore::from_pool(pool, Prefix::default(), timeouts))
}

fn r2d2_redis_store(url: &str, timeouts: RedisTimeouts) -> Arc<dyn DeltaStore> {
    let manager = RedisConnectionManager::new(url).unwrap();
    let pool = pool_of_one().build_unchecked(manager);
    Arc::new(RedisStore::from_r2d2_redis(pool, Prefix::default(), timeouts))
}

fn pool_of_one<M: r2d2::ManageConnection>() -> r2d2::Builder<M> {
    let builder = r2d2::Pool::builder().max_size(1).min_idle(Some(0));
    builder.test_on_check_out(false).error_handler(Box::new(r2d2::NopErrorHandler))
}

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
