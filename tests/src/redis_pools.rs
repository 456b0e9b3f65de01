//! A Redis store on each kind of pool, with one connection, which is not made before it is needed.
//! Nothing else uses that connection: the stores leave the index alone, which a thread of its own
//! would write.

use std::sync::Arc;

use counter_core::{DeltaStore, Prefix, RedisStore, RedisTimeouts};
use r2d2_redis::RedisConnectionManager;

/// Opens a store on the server with a URL.
pub type NewStore = fn(&str) -> Arc<dyn DeltaStore>;

/// Stores with default time-outs: on a pool of its own, on the application's, and on one of
/// `r2d2_redis`.
pub const STORES: [(&str, NewStore); 3] = [
    ("own", |url| own_store(url, RedisTimeouts::default())),
    ("application's", |url| applications_store(url, RedisTimeouts::default())),
    ("r2d2_redis", |url| r2d2_redis_store(url, RedisTimeouts::default())),
];

/// Opens a store with these time-outs on the server with a URL.
pub type NewTimedStore = fn(&str, RedisTimeouts) -> Arc<dyn DeltaStore>;

/// The stores of [`STORES`], with the time-outs that a test chooses.
pub const TIMED_STORES: [(&str, NewTimedStore); 3] =
    [("own", own_store), ("application's", applications_store), ("r2d2_redis", r2d2_redis_store)];

/// Opens a store on a pool of its own.
///
/// # Panics
///
/// If the URL cannot be used.
pub fn own_store(url: &str, timeouts: RedisTimeouts) -> Arc<dyn DeltaStore> {
    let builder = RedisStore::builder(url).pool_size(1.try_into().expect("it is not zero"));
    let builder = builder.timeouts(timeouts).connect_lazily().without_index();
    Arc::new(builder.build().expect("the URL can be used"))
}

/// Opens a store on a pool that the application could have made.
///
/// # Panics
///
/// If the URL cannot be used.
pub fn applications_store(url: &str, timeouts: RedisTimeouts) -> Arc<dyn DeltaStore> {
    let client = redis::Client::open(url).expect("the URL can be used");
    let pool = pool_of_one().build_unchecked(client);
    Arc::new(RedisStore::from_pool(pool, Prefix::default(), timeouts).without_index())
}

/// Opens a store on a pool of the older crate.
///
/// # Panics
///
/// If the URL cannot be used.
pub fn r2d2_redis_store(url: &str, timeouts: RedisTimeouts) -> Arc<dyn DeltaStore> {
    let manager = RedisConnectionManager::new(url).expect("the URL can be used");
    let pool = pool_of_one().build_unchecked(manager);
    Arc::new(RedisStore::from_r2d2_redis(pool, Prefix::default(), timeouts).without_index())
}

/// Returns the settings of a pool that logs nothing and has at most one connection.
pub fn pool_of_one<M: r2d2::ManageConnection>() -> r2d2::Builder<M> {
    let builder = r2d2::Pool::builder().max_size(1).min_idle(Some(0));
    builder.test_on_check_out(false).error_handler(Box::new(r2d2::NopErrorHandler))
}
