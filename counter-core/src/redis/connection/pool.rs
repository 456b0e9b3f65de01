use std::time::{Duration, Instant};

use r2d2::{ManageConnection, NopErrorHandler, PooledConnection};

use super::applications_pool::ApplicationsPool;
use super::deadline::Deadline;
use super::doubts::{Doubts, Trust};
use super::manager::Manager;
use super::permits::{AllInUse, Permit, Permits};
use super::sentinel::{Era, Follower, Watcher};
use super::socket_timeouts::SocketTimeouts;
use super::wire::Wire;
use crate::error::BoxError;

/// The pool that connections are checked out of: the store's own, or one that the application has.
pub(crate) struct Pool {
    connections: Connections,
    callers: Permits,
    doubts: Doubts,
    /// The timeouts that a connection of the application's pool gets back.
    restored: SocketTimeouts,
    /// Where the store's own pool leads to the master that sentinels name.
    watcher: Option<Watcher>,
}

/// Only this file matches on the kinds of pools.
enum Connections {
    Ours(r2d2::Pool<Manager>),
    Client(ApplicationsPool<::redis::Client>),
    #[cfg(feature = "r2d2-redis")]
    R2d2Redis(ApplicationsPool<::r2d2_redis::RedisConnectionManager>),
}

/// A connection, by the pool that it comes from.
pub(super) enum Pooled {
    Ours(PooledConnection<Manager>),
    Client(PooledConnection<::redis::Client>),
    #[cfg(feature = "r2d2-redis")]
    R2d2Redis(PooledConnection<::r2d2_redis::RedisConnectionManager>),
}

/// For whom a connection is checked out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Callers that count and read. They cannot take the connections that are kept for syncs.
    Callers,
    /// Syncs, which may hold locks on rows while they wait.
    Syncs,
    /// Those that are sent on by another server, where they have a connection already. They count
    /// as callers if they need not wait for that: two servers that send callers to each other would
    /// wait for each other.
    SentOn,
}

/// The right of a caller to have a connection, until it is dropped.
#[derive(Debug)]
pub(super) enum LanePermit<'p> {
    Caller(#[expect(dead_code, reason = "it is there to be dropped")] Permit<'p>),
    Sync,
}

/// The number of connections that the store's own pool keeps for syncs: a sync claims on one and
/// verifies on another at the same time.
const KEPT_FOR_SYNCS: u32 = 2;

/// When a connection of the application's pool was last checked out.
struct LastUsed(Instant);

impl Pool {
    /// Returns a pool of the store's own, of which `callers` can use so many connections at a time.
    /// Connects to nothing.
    pub(crate) fn made_by(manager: Manager, callers: u32, wait: Duration) -> Self {
        let pool = r2d2::Pool::builder()
            .max_size(callers.saturating_add(KEPT_FOR_SYNCS))
            .min_idle(Some(0))
            .connection_timeout(wait)
            .test_on_check_out(false)
            // Errors are returned to the caller that is waiting for a connection, so they are not
            // logged.
            .error_handler(Box::new(NopErrorHandler))
            .build_unchecked(manager);
        Self::new(Connections::Ours(pool), callers)
    }

    /// Takes a pool of the crate `redis` that the application has.
    pub(crate) fn of_client(pool: r2d2::Pool<::redis::Client>) -> Self {
        let pool = ApplicationsPool::new(pool);
        let callers = not_kept_for_syncs(pool.size());
        Self::new(Connections::Client(pool), callers)
    }

    /// Takes a pool of the crate `r2d2_redis` that the application has.
    #[cfg(feature = "r2d2-redis")]
    pub(crate) fn of_r2d2_redis(pool: r2d2::Pool<::r2d2_redis::RedisConnectionManager>) -> Self {
        let pool = ApplicationsPool::new(pool);
        let callers = not_kept_for_syncs(pool.size());
        Self::new(Connections::R2d2Redis(pool), callers)
    }

    fn new(connections: Connections, callers: u32) -> Self {
        let (callers, doubts) = (Permits::new(callers), Doubts::new());
        let restored = SocketTimeouts::UNKNOWN;
        Self { connections, callers, doubts, restored, watcher: None }
    }

    /// Drops connections to an earlier master than the one that is watched.
    pub(crate) fn watched_by(self, watcher: Option<Watcher>) -> Self {
        Self { watcher, ..self }
    }

    /// Returns what knows the master, if one is followed.
    pub(crate) fn follower(&self) -> Option<&Follower> {
        self.watcher.as_ref().map(Watcher::follower)
    }

    /// Sets which time-outs a connection of the application's pool has when the pool gets it back.
    pub(crate) fn restore(&mut self, timeouts: SocketTimeouts) {
        self.restored = timeouts;
    }

    /// Returns whether this caller may have a connection now.
    pub(super) fn try_permit(&self, lane: Lane) -> Option<LanePermit<'_>> {
        match lane {
            Lane::Callers => self.callers.try_acquire().map(LanePermit::Caller),
            Lane::Syncs => Some(LanePermit::Sync),
            Lane::SentOn => {
                let permit = self.callers.try_acquire().map(LanePermit::Caller);
                Some(permit.unwrap_or(LanePermit::Sync))
            }
        }
    }

    /// Waits until this caller may have a connection.
    pub(super) fn permit(&self, lane: Lane, until: Deadline) -> Result<LanePermit<'_>, AllInUse> {
        match lane {
            Lane::Callers => self.callers.acquire(until).map(LanePermit::Caller),
            Lane::Syncs | Lane::SentOn => Ok(LanePermit::Sync),
        }
    }

    /// Takes a connection, and returns how far it can be trusted. One for which this has to wait
    /// after `now` is new, or another caller has just used it.
    pub(super) fn take(
        &self,
        now: Instant,
        until: Deadline,
        quiet: Duration,
    ) -> Result<(Pooled, Trust), BoxError> {
        let wait = until.left_at(now);
        let mut connection = match &self.connections {
            Connections::Ours(pool) => Pooled::Ours(pool.get_timeout(wait)?),
            Connections::Client(pool) => Pooled::Client(pool.get(wait)?),
            #[cfg(feature = "r2d2-redis")]
            Connections::R2d2Redis(pool) => Pooled::R2d2Redis(pool.get(wait)?),
        };
        let trust = self.doubts.trust(connection.mark_used(now), now, quiet);
        let is_of_earlier_era = self.follower().is_some_and(|it| connection.era() < it.era());
        Ok((connection, if is_of_earlier_era { Trust::None } else { trust }))
    }

    /// Gives a connection back, with the time-outs that are set on its socket.
    pub(super) fn give_back(&self, mut connection: Pooled, timeouts: SocketTimeouts) {
        let restored = match &mut connection {
            Pooled::Ours(ours) => {
                ours.timeouts = timeouts;
                Ok(())
            }
            Pooled::Client(wire) => self.restored.set_on(&mut **wire),
            #[cfg(feature = "r2d2-redis")]
            Pooled::R2d2Redis(wire) => self.restored.set_on(&mut **wire),
        };
        if restored.is_err() {
            self.discard(connection);
        }
    }

    /// Keeps a connection from being used again.
    pub(super) fn discard(&self, connection: Pooled) {
        match (connection, &self.connections) {
            (Pooled::Ours(mut connection), _) => connection.mark_broken(),
            (Pooled::Client(connection), Connections::Client(pool)) => pool.discard(connection),
            #[cfg(feature = "r2d2-redis")]
            (Pooled::R2d2Redis(connection), Connections::R2d2Redis(pool)) => {
                pool.discard(connection);
            }
            // A connection comes back to the pool that it was taken from.
            (connection, _) => std::mem::forget(connection),
        }
    }

    /// Notes that the other side has ended a connection of this era.
    pub(super) fn note_end(&self, era: Era) {
        self.doubts.note_end();
        self.note_demotion(era);
    }

    /// Notes that a connection of this era leads to a server that is no master any more.
    pub(super) fn note_demotion(&self, era: Era) {
        if let Some(follower) = self.follower() {
            follower.end_era(era);
        }
    }

    /// Notes that a connection that had been quiet did not answer.
    pub(super) fn note_silence(&self) {
        self.doubts.note_silence();
    }
}

/// An application's pool cannot be made larger, so some of its connections are kept, but no more
/// than half.
fn not_kept_for_syncs(size: u32) -> u32 {
    (size - (size / 4).clamp(1, KEPT_FOR_SYNCS)).max(1)
}

impl Pooled {
    pub(super) fn wire(&mut self) -> &mut dyn Wire {
        match self {
            Self::Ours(ours) => &mut **ours,
            Self::Client(connection) => &mut **connection,
            #[cfg(feature = "r2d2-redis")]
            Self::R2d2Redis(connection) => &mut **connection,
        }
    }

    /// Returns the time-outs that are set on the socket, where they are known.
    pub(super) fn timeouts(&self) -> SocketTimeouts {
        match self {
            Self::Ours(ours) => ours.timeouts,
            _ => SocketTimeouts::UNKNOWN,
        }
    }

    /// Returns the era in which it was made, where a master is followed.
    pub(super) fn era(&self) -> Era {
        match self {
            Self::Ours(ours) => ours.era,
            _ => Era::default(),
        }
    }

    /// Notes that it is used, and returns when it was used or made before, where that is known. Of
    /// an application's connection it is not, the first time.
    fn mark_used(&mut self, now: Instant) -> Option<Instant> {
        match self {
            Self::Ours(ours) => Some(std::mem::replace(&mut ours.last_used, now)),
            Self::Client(connection) => mark_used(connection, now),
            #[cfg(feature = "r2d2-redis")]
            Self::R2d2Redis(connection) => mark_used(connection, now),
        }
    }
}

fn mark_used<M: ManageConnection>(
    connection: &mut PooledConnection<M>,
    now: Instant,
) -> Option<Instant> {
    let marks = PooledConnection::extensions_mut(connection);
    match marks.get_mut::<LastUsed>() {
        Some(last_used) => Some(std::mem::replace(&mut last_used.0, now)),
        None => {
            marks.insert(LastUsed(now));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_applications_pool_a_few_connections_are_kept_for_syncs() {
        let sizes = [1, 2, 3, 4, 8, 10, 100];
        assert_eq!(sizes.map(not_kept_for_syncs), [1, 1, 2, 3, 6, 8, 98]);
    }
}
