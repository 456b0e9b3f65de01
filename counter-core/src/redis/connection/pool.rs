use std::time::Duration;

use super::lease::{Lease, Leased};
use super::manager::Manager;
use crate::error::BoxError;

/// The pool that connections come from.
pub(crate) enum Pool {
    Own(r2d2::Pool<Manager>),
    Client(r2d2::Pool<::redis::Client>),
    #[cfg(feature = "r2d2_redis")]
    R2d2Redis(r2d2::Pool<::r2d2_redis::RedisConnectionManager>),
}

impl Pool {
    /// A connection on which no write may take longer than `write`; waits no longer than `wait` for it.
    pub(crate) fn lease(&self, wait: Duration, write: Duration) -> Result<Lease, BoxError> {
        let leased = match self {
            Self::Own(pool) => Leased::Own(pool.get_timeout(wait)?),
            Self::Client(pool) => Leased::Client(pool.get_timeout(wait).map_err(without_args)?),
            #[cfg(feature = "r2d2_redis")]
            Self::R2d2Redis(pool) => {
                Leased::R2d2Redis(pool.get_timeout(wait).map_err(without_args)?)
            }
        };
        Ok(Lease::new(leased, write))
    }
}

/// The password of an application's pool is not known here. A server that does not know the command which
/// logs in repeats the beginning of it, and that may have the password in it.
fn without_args(error: r2d2::Error) -> BoxError {
    let text = error.to_string();
    match text.split_once(", with args beginning with") {
        Some((before, _)) => before.to_owned().into(),
        None => error.into(),
    }
}
