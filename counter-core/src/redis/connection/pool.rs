use super::manager::Manager;

/// The pool that connections are checked out of: the store's own, or one that the application has.
pub(crate) enum Pool {
    Ours(r2d2::Pool<Manager>),
    Client(r2d2::Pool<::redis::Client>),
    #[cfg(feature = "r2d2-redis")]
    R2d2Redis(r2d2::Pool<::r2d2_redis::RedisConnectionManager>),
}
