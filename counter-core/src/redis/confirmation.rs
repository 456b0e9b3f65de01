use std::time::Duration;

use super::connection::deadline::Deadline;
use super::connection::lease::Lease;
use super::connection::packed::Packed;
use super::store::RedisStore;
use crate::error::{BoxError, Error, StoreStep};

/// Who else must have a claim before anybody applies it.
///
/// A server that fails over to a replica without a claim, or restarts without it, still holds as pending
/// what the claim has moved into the table, and it would be counted again. So where Redis has replicas that may
/// take over, or does not write each change to its disk at once, let claims wait: it costs a sync a little time
/// for each batch, and an increment nothing.
///
/// Claims that are not confirmed in time are not applied. They stay in the store, reads stay right, and
/// a later sync recovers and confirms them; the sync that made them stops with [`StoreStep::Confirm`].
/// A set or a delete that is not confirmed fails with [`Error::OutcomeUnknown`].
///
/// What Redis loses of increments that nobody has claimed it loses all the same.
///
/// ```
/// # use std::time::Duration;
/// # use counter_core::{Confirmation, RedisStore};
/// let confirmation = Confirmation::by_replicas(1).within(Duration::from_millis(300));
/// let builder = RedisStore::builder("redis://127.0.0.1/").confirm_claims(confirmation);
/// # let _ = builder;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Confirmation {
    replicas: u32,
    on_disk: bool,
    within: Duration,
}

impl Confirmation {
    /// So many replicas must have a claim.
    pub const fn by_replicas(replicas: u32) -> Self {
        Self { replicas, on_disk: false, within: DEFAULT_WITHIN }
    }

    /// The server must have written a claim to its disk, for which it must have `appendonly yes`. Takes a server
    /// that knows `WAITAOF`, such as Redis 7.2 or Valkey 8.
    pub const fn by_disk() -> Self {
        Self { replicas: 0, on_disk: true, within: DEFAULT_WITHIN }
    }

    /// The server, and so many replicas, must have written a claim to their disks.
    pub const fn by_disk_and_replicas(replicas: u32) -> Self {
        Self { replicas, on_disk: true, within: DEFAULT_WITHIN }
    }

    /// How long to wait for that. Default: 1 second. At least a millisecond, at most an hour.
    #[must_use]
    pub fn within(mut self, within: Duration) -> Self {
        self.within = within.clamp(Duration::from_millis(1), Duration::from_secs(3600));
        self
    }
}

const DEFAULT_WITHIN: Duration = Duration::from_secs(1);

/// Too few have the claims.
#[derive(Debug, thiserror::Error)]
#[error(
    "after {within:?} only {found} of {wanted} have confirmed them: {who}; \
     they were not applied, and a later sync tries again"
)]
struct NotConfirmed {
    within: Duration,
    found: i64,
    wanted: u32,
    who: &'static str,
}

impl Confirmation {
    /// What a user must be allowed to run.
    pub(super) const fn command_name(self) -> &'static str {
        if self.on_disk { "WAITAOF" } else { "WAIT" }
    }

    fn command(self) -> Packed {
        let within = i64::try_from(self.within.as_millis()).unwrap_or(i64::MAX);
        let mut command = Packed::default();
        if self.on_disk {
            command.command(4, |args| {
                args.text(self.command_name()).int(1).int(self.replicas.into()).int(within);
            });
        } else {
            command.command(3, |args| {
                args.text(self.command_name()).int(self.replicas.into()).int(within);
            });
        }
        command
    }

    /// Whether this many have it.
    fn check(self, found: i64, wanted: u32, who: &'static str) -> Result<(), BoxError> {
        if found >= wanted.into() {
            return Ok(());
        }
        Err(NotConfirmed { within: self.within, found, wanted, who }.into())
    }
}

impl RedisStore {
    /// Waits until the last write on this connection is confirmed. The server counts what the connection
    /// itself has written, so it must be that of the claims.
    pub(super) fn confirm(&self, lease: &mut Lease) -> Result<(), BoxError> {
        let Some(confirmation) = self.confirmation() else {
            return Ok(());
        };
        let confirmed = self.wait_for(lease, confirmation);
        confirmed.map_err(|source| Error::Store { step: StoreStep::Confirm, source }.into())
    }

    fn wait_for(&self, lease: &mut Lease, confirmation: Confirmation) -> Result<(), BoxError> {
        let deadline = Deadline::after(confirmation.within.saturating_add(self.timeouts().read));
        let reply = lease.ask(&confirmation.command(), deadline)?;
        if !confirmation.on_disk {
            let replicas = reply.into_number()?;
            return confirmation.check(replicas, confirmation.replicas, "replicas");
        }
        let mut counts = reply.into_array()?.into_iter();
        let mut count =
            || counts.next().map_or(Ok(0), super::connection::reply::Reply::into_number);
        confirmation.check(count()?, 1, "the server's own disk")?;
        confirmation.check(count()?, confirmation.replicas, "replicas' disks")
    }
}
