use std::io;

use ::redis::RedisError;

use crate::error::BoxError;

/// Returns whether a connection was lost: the server had hung up on it before, or a read was
/// interrupted, as when this process was stopped and continued. A time-out is no such failure.
pub(crate) fn is_lost_connection(error: &BoxError) -> bool {
    let lost = error.downcast_ref::<RedisError>().map(|e| e.is_io_error() && !e.is_timeout());
    #[cfg(feature = "r2d2-redis")]
    let lost = lost.or_else(|| is_lost_in_r2d2_redis(error));
    lost.unwrap_or(false)
}

/// Returns whether a read was interrupted: by a signal, or because this process was stopped and
/// continued. The system ends a read of a socket that has a time-out then, and the reply may still
/// come.
pub(crate) fn is_interrupted(error: &BoxError) -> bool {
    // The number of the error. The client libraries pass it on only in words.
    const EINTR: i32 = 4;
    cfg!(unix) && error.to_string() == io::Error::from_raw_os_error(EINTR).to_string()
}

/// Returns whether a connection of the old `redis` crate that `r2d2_redis` uses was lost; `None`
/// for an error of another crate.
#[cfg(feature = "r2d2-redis")]
fn is_lost_in_r2d2_redis(error: &BoxError) -> Option<bool> {
    let error = error.downcast_ref::<::r2d2_redis::redis::RedisError>()?;
    Some(error.is_io_error() && !error.is_timeout())
}
