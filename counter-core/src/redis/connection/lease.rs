use std::mem;
use std::time::Duration;

use r2d2::PooledConnection;

use super::deadline::Deadline;
use super::limits::Limits;
use super::manager::Manager;
use super::packed::Packed;
use super::reply::{Reply, Unexpected};
use super::wire::Wire;
use crate::error::BoxError;

/// A connection on loan from a pool, which gets it back only if every reply was read.
pub(crate) struct Lease {
    leased: Option<Leased>,
    limits: Limits,
    /// The most that one write may take.
    write: Duration,
    /// Commands that may have been sent and whose replies have not been read.
    unread: usize,
    broken: bool,
}

pub(crate) enum Leased {
    Own(PooledConnection<Manager>),
    Client(PooledConnection<::redis::Client>),
    #[cfg(feature = "r2d2_redis")]
    R2d2Redis(PooledConnection<::r2d2_redis::RedisConnectionManager>),
}

/// Why an exchange did not come to its end.
#[derive(Debug)]
pub(crate) enum Broken {
    /// Nothing was sent.
    NotSent(BoxError),
    /// Some replies are missing; the server may have carried out the commands or may do so later.
    Interrupted(BoxError),
}

/// For what changes no counts, or may be repeated: there the two make no difference.
impl From<Broken> for BoxError {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::NotSent(error) | Broken::Interrupted(error) => error,
        }
    }
}

impl Lease {
    pub(crate) fn new(leased: Leased, write: Duration) -> Self {
        let limits = match &leased {
            Leased::Own(own) => own.limits,
            _ => Limits::UNKNOWN,
        };
        Self { leased: Some(leased), limits, write, unread: 0, broken: false }
    }

    /// Sends one command and reads its reply.
    pub(crate) fn ask(&mut self, command: &Packed, deadline: Deadline) -> Result<Reply, Broken> {
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
    ) -> Result<Vec<Reply>, Broken> {
        let mut replies = Vec::with_capacity(commands.commands());
        self.exchange(commands, deadline, |reply| {
            replies.push(reply);
            Ok(())
        })?;
        Ok(replies)
    }

    /// Sends commands and gives each reply to `take`, as it comes.
    pub(crate) fn exchange(
        &mut self,
        commands: &Packed,
        deadline: Deadline,
        take: impl FnMut(Reply) -> Result<(), Unexpected>,
    ) -> Result<(), Broken> {
        let exchanged = match self.limit_writes(deadline) {
            Err(error) => Err(Broken::NotSent(error)),
            Ok(()) => {
                self.unread = commands.commands();
                let exchanged = self.send_and_receive(commands, deadline, take);
                exchanged.map_err(Broken::Interrupted)
            }
        };
        exchanged.inspect_err(|_| self.distrust())
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
            self.broken |= reply.is_read_only();
            take(reply)?;
        }
        Ok(())
    }

    /// Keeps the connection from being used again.
    pub(crate) fn distrust(&mut self) {
        self.broken = true;
    }

    fn limit_writes(&mut self, deadline: Deadline) -> Result<(), BoxError> {
        let limit = deadline.left_or_err()?.min(self.write);
        if Limits::is_stale(self.limits.write, limit) {
            self.wire()?.set_write_timeout(Some(limit))?;
            self.limits.write = Some(limit);
        }
        Ok(())
    }

    fn limit_reads(&mut self, deadline: Deadline) -> Result<(), BoxError> {
        let limit = deadline.left_or_err()?;
        if Limits::is_stale(self.limits.read, limit) {
            self.wire()?.set_read_timeout(Some(limit))?;
            self.limits.read = Some(limit);
        }
        Ok(())
    }

    fn wire(&mut self) -> Result<&mut dyn Wire, BoxError> {
        match &mut self.leased {
            Some(leased) => Ok(leased.wire()),
            None => Err("the connection was given back".into()),
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(mut leased) = self.leased.take() else {
            return;
        };
        let trusted = !self.broken && self.unread == 0;
        let given_back = trusted && leased.restore(self.limits).is_ok();
        if !given_back && leased.wire().condemn().is_err() {
            // A pool that is smaller by one harms less than a connection that gives one caller the reply
            // of another.
            mem::forget(leased);
        }
    }
}

impl Leased {
    fn wire(&mut self) -> &mut dyn Wire {
        match self {
            Self::Own(own) => &mut **own,
            Self::Client(connection) => &mut **connection,
            #[cfg(feature = "r2d2_redis")]
            Self::R2d2Redis(connection) => &mut **connection,
        }
    }

    /// Leaves an application's connection as its pool makes them: without time-outs.
    fn restore(&mut self, limits: Limits) -> Result<(), BoxError> {
        if let Self::Own(own) = self {
            own.limits = limits;
            return Ok(());
        }
        self.wire().set_read_timeout(None)?;
        self.wire().set_write_timeout(None)
    }
}
