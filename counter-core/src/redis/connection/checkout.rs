use std::mem;
use std::time::Duration;

use r2d2::PooledConnection;

use super::deadline::Deadline;
use super::manager::Manager;
use super::packed::Packed;
use super::pool::Pool;
use super::reply::{Reply, Unexpected};
use super::socket_timeouts::SocketTimeouts;
use super::wire::{Health, Wire};
use crate::error::BoxError;
use crate::redact;

/// A connection that is checked out of a pool, which gets it back only if every reply was read.
pub(crate) struct Checkout {
    connection: Option<CheckedOut>,
    timeouts: SocketTimeouts,
    /// The most that one write may take.
    write: Duration,
    /// Commands that may have been sent and whose replies have not been read.
    unread: usize,
    health: Health,
}

/// The connection, by the pool that it comes from. Only this file matches on the kinds of pools.
enum CheckedOut {
    Ours(PooledConnection<Manager>),
    Client(PooledConnection<::redis::Client>),
    #[cfg(feature = "r2d2-redis")]
    R2d2Redis(PooledConnection<::r2d2_redis::RedisConnectionManager>),
}

/// Why an exchange with the server was not completed.
#[derive(Debug)]
pub(crate) enum ExchangeError {
    /// Nothing was sent.
    NotSent(BoxError),
    /// Some replies are missing. The server may have carried out the commands, or may do so later.
    Interrupted(BoxError),
}

/// For commands that change no counts, or that may be repeated: there the two make no difference.
impl From<ExchangeError> for BoxError {
    fn from(error: ExchangeError) -> Self {
        match error {
            ExchangeError::NotSent(source) | ExchangeError::Interrupted(source) => source,
        }
    }
}

impl Checkout {
    /// Checks a connection out of `pool`, for which it waits at most `wait`. No write on the
    /// connection may take longer than `write`.
    pub(crate) fn of(pool: &Pool, wait: Duration, write: Duration) -> Result<Self, BoxError> {
        let connection = CheckedOut::of(pool, wait)?;
        let timeouts = connection.timeouts();
        let health = Health::Healthy;
        Ok(Self { connection: Some(connection), timeouts, write, unread: 0, health })
    }

    /// Sends one command and reads its reply.
    pub(crate) fn ask(
        &mut self,
        command: &Packed,
        deadline: Deadline,
    ) -> Result<Reply, ExchangeError> {
        let mut answer = Reply::Other;
        self.exchange(command, deadline, |reply| {
            answer = reply;
            Ok(())
        })?;
        Ok(answer)
    }

    /// Sends commands and reads a reply for each.
    pub(crate) fn ask_all(
        &mut self,
        commands: &Packed,
        deadline: Deadline,
    ) -> Result<Vec<Reply>, ExchangeError> {
        let mut replies = Vec::with_capacity(commands.commands());
        self.exchange(commands, deadline, |reply| {
            replies.push(reply);
            Ok(())
        })?;
        Ok(replies)
    }

    /// Sends commands and passes each reply to `take`, as it comes.
    pub(crate) fn exchange(
        &mut self,
        commands: &Packed,
        deadline: Deadline,
        take: impl FnMut(Reply) -> Result<(), Unexpected>,
    ) -> Result<(), ExchangeError> {
        let exchanged = match self.limit_writes(deadline) {
            Err(error) => Err(ExchangeError::NotSent(error)),
            Ok(()) => {
                self.unread = commands.commands();
                let exchanged = self.send_and_receive(commands, deadline, take);
                exchanged.map_err(ExchangeError::Interrupted)
            }
        };
        exchanged.inspect_err(|_| self.mark_broken())
    }

    fn send_and_receive(
        &mut self,
        commands: &Packed,
        deadline: Deadline,
        mut take: impl FnMut(Reply) -> Result<(), Unexpected>,
    ) -> Result<(), BoxError> {
        let sent = self.wire()?.send(commands.bytes());
        sent.map_err(|error| deadline.blame(error))?;
        while self.unread > 0 {
            self.limit_reads(deadline)?;
            let received = self.wire()?.receive();
            let reply = received.map_err(|error| deadline.blame(error))?;
            self.unread -= 1;
            // A server that was demoted keeps its connections. New ones may lead to its successor.
            if reply.is_read_only() {
                self.mark_broken();
            }
            take(reply)?;
        }
        Ok(())
    }

    /// Keeps the connection from being used again.
    pub(crate) fn mark_broken(&mut self) {
        self.health = Health::Broken;
    }

    fn limit_writes(&mut self, deadline: Deadline) -> Result<(), BoxError> {
        let limit = deadline.left_or_err()?.min(self.write);
        if SocketTimeouts::is_stale(self.timeouts.write, limit) {
            self.wire()?.set_write_timeout(Some(limit))?;
            self.timeouts.write = Some(limit);
        }
        Ok(())
    }

    fn limit_reads(&mut self, deadline: Deadline) -> Result<(), BoxError> {
        let limit = deadline.left_or_err()?;
        if SocketTimeouts::is_stale(self.timeouts.read, limit) {
            self.wire()?.set_read_timeout(Some(limit))?;
            self.timeouts.read = Some(limit);
        }
        Ok(())
    }

    fn wire(&mut self) -> Result<&mut dyn Wire, BoxError> {
        match &mut self.connection {
            Some(connection) => Ok(connection.wire()),
            None => Err("the connection was given back".into()),
        }
    }
}

impl Drop for Checkout {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else {
            return;
        };
        let is_usable = self.health == Health::Healthy && self.unread == 0;
        let is_given_back = is_usable && connection.restore(self.timeouts).is_ok();
        if !is_given_back && connection.wire().discard().is_err() {
            // A pool that is smaller by one harms less than a connection that gives one caller the
            // reply of another.
            mem::forget(connection);
        }
    }
}

impl CheckedOut {
    fn of(pool: &Pool, wait: Duration) -> Result<Self, BoxError> {
        Ok(match pool {
            Pool::Ours(pool) => Self::Ours(pool.get_timeout(wait)?),
            Pool::Client(pool) => Self::Client(pool.get_timeout(wait).map_err(without_args)?),
            #[cfg(feature = "r2d2-redis")]
            Pool::R2d2Redis(pool) => Self::R2d2Redis(pool.get_timeout(wait).map_err(without_args)?),
        })
    }

    /// Returns the time-outs that are set on the socket, where they are known.
    fn timeouts(&self) -> SocketTimeouts {
        match self {
            Self::Ours(ours) => ours.timeouts,
            _ => SocketTimeouts::UNKNOWN,
        }
    }

    fn wire(&mut self) -> &mut dyn Wire {
        match self {
            Self::Ours(ours) => &mut **ours,
            Self::Client(connection) => &mut **connection,
            #[cfg(feature = "r2d2-redis")]
            Self::R2d2Redis(connection) => &mut **connection,
        }
    }

    /// Leaves an application's connection as its pool makes them: without time-outs.
    fn restore(&mut self, timeouts: SocketTimeouts) -> Result<(), BoxError> {
        if let Self::Ours(ours) = self {
            ours.timeouts = timeouts;
            return Ok(());
        }
        self.wire().set_read_timeout(None)?;
        self.wire().set_write_timeout(None)
    }
}

/// Only the application knows the password of its pool.
fn without_args(error: r2d2::Error) -> BoxError {
    redact::arguments(error.into())
}
