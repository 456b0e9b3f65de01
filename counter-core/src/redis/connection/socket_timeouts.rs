use std::time::Duration;

use super::wire::Wire;
use crate::error::BoxError;

/// The time-outs that a socket has, so that they are set only where that makes a difference.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SocketTimeouts {
    pub(crate) read: Option<Duration>,
    pub(crate) write: Option<Duration>,
}

/// How far a time-out may be from what it should be. It saves a system call at each increment, and
/// at nearly each reply of a pipeline.
pub(crate) const SLACK: Duration = Duration::from_millis(5);

impl SocketTimeouts {
    pub(crate) const UNKNOWN: Self = Self { read: None, write: None };

    /// Returns whether a time-out that should be `wanted` must be set again.
    pub(crate) fn is_stale(set: Option<Duration>, wanted: Duration) -> bool {
        set.is_none_or(|set| set.abs_diff(wanted) > SLACK)
    }

    /// Sets both.
    pub(crate) fn set_on(self, wire: &mut dyn Wire) -> Result<(), BoxError> {
        wire.set_read_timeout(self.read)?;
        wire.set_write_timeout(self.write)
    }
}
