use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::invalid::{InputKind, Invalid};

/// Which replicas and disks must have a claim before a sync applies it.
///
/// A server that fails over to a replica without a claim, or restarts without it, still holds as
/// pending what the claim has moved into the table, and it would be counted again. So where Redis
/// has replicas that may take over, or does not write each change to its disk at once, let claims
/// wait: it costs a sync a little time for each batch, and an increment nothing.
///
/// Claims that are not confirmed in time are not applied. They stay in the store, reads stay right,
/// and a later sync recovers and confirms them. The sync that made them stops with
/// [`StoreStep::Confirm`](crate::StoreStep::Confirm). A set or a delete that is not confirmed fails
/// with [`Error::OutcomeUnknown`](crate::Error::OutcomeUnknown).
///
/// Increments that Redis loses before a sync claims them stay lost.
///
/// ```
/// # #[cfg(feature = "redis")] {
/// # use std::time::Duration;
/// # use counter_core::{Confirmation, RedisStore};
/// let confirmation = Confirmation::by_replicas(1).within(Duration::from_millis(300));
/// let builder = RedisStore::builder("redis://127.0.0.1/").confirm_claims(confirmation);
/// assert_eq!("disk,replicas=2".parse(), Ok(Confirmation::by_disk_and_replicas(2)));
/// # let _ = builder;
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Confirmation {
    pub(crate) replicas: u32,
    pub(crate) on_disk: bool,
    pub(crate) within: Duration,
}

impl Confirmation {
    /// Waits until this number of replicas have a claim.
    pub const fn by_replicas(replicas: u32) -> Self {
        Self { replicas, on_disk: false, within: DEFAULT_WITHIN }
    }

    /// Waits until the server has written a claim to its disk, for which `appendonly` must be on.
    /// Needs a server that knows `WAITAOF`, such as Redis 7.2 or Valkey 8.
    pub const fn by_disk() -> Self {
        Self { replicas: 0, on_disk: true, within: DEFAULT_WITHIN }
    }

    /// Waits until the server and this number of replicas have written a claim to their disks.
    pub const fn by_disk_and_replicas(replicas: u32) -> Self {
        Self { replicas, on_disk: true, within: DEFAULT_WITHIN }
    }

    /// Sets how long to wait. Default: 1 second. At least a millisecond, at most an hour.
    #[must_use]
    pub fn within(mut self, within: Duration) -> Self {
        self.within = within.clamp(Duration::from_millis(1), Duration::from_secs(3600));
        self
    }
}

const DEFAULT_WITHIN: Duration = Duration::from_secs(1);

#[cfg(feature = "redis")]
impl Confirmation {
    /// Returns the command by which claims wait, which the user must have a right to.
    pub(crate) const fn command_name(self) -> &'static str {
        if self.on_disk { "WAITAOF" } else { "WAIT" }
    }
}

/// Reads `replicas=N`, `disk` or `disk,replicas=N`, with N at least 1.
impl FromStr for Confirmation {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let replicas_in = |text: &str| {
            let replicas: u32 = text.strip_prefix("replicas=")?.parse().ok()?;
            (replicas > 0).then_some(replicas)
        };
        let confirmation = match text.strip_prefix("disk") {
            Some("") => Some(Self::by_disk()),
            Some(rest) => {
                let replicas = rest.strip_prefix(',').and_then(replicas_in);
                replicas.map(Self::by_disk_and_replicas)
            }
            None => replicas_in(text).map(Self::by_replicas),
        };
        confirmation.ok_or_else(|| {
            let why = "expected replicas=N, disk or disk,replicas=N";
            Invalid::malformed(InputKind::Confirmation, text, why)
        })
    }
}

/// Writes what [`FromStr`] reads.
impl fmt::Display for Confirmation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.on_disk, self.replicas) {
            (true, 0) => f.write_str("disk"),
            (true, replicas) => write!(f, "disk,replicas={replicas}"),
            (false, replicas) => write!(f, "replicas={replicas}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_confirmation_is_read_as_it_is_written() {
        for text in ["replicas=1", "disk", "disk,replicas=2"] {
            assert_eq!(text.parse::<Confirmation>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_would_wait_for_nothing_is_refused() {
        for text in ["", "replicas=0", "replicas=", "replicas", "disk,", "disk,replicas=0", "1"] {
            assert!(text.parse::<Confirmation>().is_err(), "{text}");
        }
    }
}
