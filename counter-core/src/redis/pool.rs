use std::time::Duration;

use super::lease::{Lease, Leased};
use super::manager::Manager;
use crate::error::BoxError;

/// The pool that connections come from.
pub(super) enum Pool {
    Own(r2d2::Pool<Manager>),
    Client(r2d2::Pool<::redis::Client>),
    #[cfg(feature = "r2d2_redis")]
    R2d2Redis(r2d2::Pool<::r2d2_redis::RedisConnectionManager>),
}

impl Pool {
    /// A connection on which no write may take longer than `write`; waits no longer than `wait` for it.
    pub(super) fn lease(&self, wait: Duration, write: Duration) -> Result<Lease, BoxError> {
        let leased = match self {
            Self::Own(pool) => Leased::Own(pool.get_timeout(wait)?),
            Self::Client(pool) => Leased::Client(pool.get_timeout(wait)?),
            #[cfg(feature = "r2d2_redis")]
            Self::R2d2Redis(pool) => Leased::R2d2Redis(pool.get_timeout(wait)?),
        };
        Ok(Lease::new(leased, write))
    }
}
