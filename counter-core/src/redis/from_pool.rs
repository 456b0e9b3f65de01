//! Stores on pools of connections that the application has already.

use super::connection::Pool;
use super::server::Connections;
use super::store::RedisStore;
use super::timeouts::RedisTimeouts;
use crate::names::Prefix;

impl RedisStore {
    /// Returns a store on a pool that the application has already.
    ///
    /// A connection has the time-outs of `timeouts` while the store uses it, and those that
    /// [`restore_timeouts`](Self::restore_timeouts) sets when the pool gets it back. Build the pool
    /// with `test_on_check_out(false)`, or every increment costs a `PING` too: the store looks at a
    /// connection itself where that is needed, see [`RedisTimeouts::quiet`]. Give the connections
    /// TCP_NODELAY, and keepalive where something between forgets those that are quiet.
    ///
    /// Increments and reads leave a quarter of the pool for syncs, at least one connection and at
    /// most two, unless it has only one.
    ///
    /// A connection that failed, or that may hold unread replies, is never handed out again. Such a
    /// pool only drops a connection that was closed from the other side. So the store puts a closed
    /// one in its place, which leads to this process itself, over the loopback interface.
    pub fn from_pool(
        pool: r2d2::Pool<::redis::Client>,
        prefix: Prefix,
        timeouts: RedisTimeouts,
    ) -> Self {
        let address = "an application's pool".to_owned();
        Self::on(Connections::of(Pool::of_client(pool)), prefix, timeouts, address)
    }

    /// Returns a store on a pool of the crate `r2d2_redis` that the application has already, as
    /// [`from_pool`](Self::from_pool) does for a pool of the crate `redis`.
    #[cfg(feature = "r2d2-redis")]
    pub fn from_r2d2_redis(
        pool: r2d2::Pool<::r2d2_redis::RedisConnectionManager>,
        prefix: Prefix,
        timeouts: RedisTimeouts,
    ) -> Self {
        let address = "an application's pool of r2d2_redis".to_owned();
        Self::on(Connections::of(Pool::of_r2d2_redis(pool)), prefix, timeouts, address)
    }
}
