use std::time::{Duration, Instant};

use super::deadline::Deadline;
use super::doubts::Trust;
use super::lost::{is_interrupted, is_lost_connection};
use super::packed::Packed;
use super::pool::{Lane, LanePermit, Pool, Pooled};
use super::reply::{Reply, Unexpected};
use super::reroute::{IfSplit, Lost, Reroute, Sent};
use super::sentinel::Era;
use super::socket_timeouts::SocketTimeouts;
use super::wire::{Health, Wire};
use crate::error::BoxError;
use crate::names::Slot;
use crate::redis::timeouts::RedisTimeouts;

/// A connection that is checked out of a pool, which gets it back only if every reply was read.
pub(crate) struct Checkout<'p> {
    pool: &'p Pool,
    connection: Option<Pooled>,
    /// Is given back after the connection.
    permit: Option<LanePermit<'p>>,
    timeouts: SocketTimeouts,
    /// The most that one write may take.
    write: Duration,
    /// Commands that may have been sent and whose replies have not been read.
    unread: usize,
    health: Health,
    /// Where commands may belong that the server does not carry out.
    others: Option<&'p (dyn Reroute + 'p)>,
    /// Which commands of the last exchange were sent there.
    pub(crate) rerouted: Vec<usize>,
    /// Whether commands of any exchange were.
    is_rerouted: bool,
    /// Whether a command may be sent again whose reply was dropped after an interruption.
    may_repeat: bool,
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

impl<'p> Checkout<'p> {
    /// Checks a connection out of `pool`, for which it waits at most `wait`. Every connection comes
    /// from here.
    ///
    /// One that has been quiet has to answer first, because the server or what is between may have
    /// ended it without a word. If it does not, nothing is lost but time, and the next one is
    /// taken.
    pub(crate) fn of(
        pool: &'p Pool,
        lane: Lane,
        wait: Duration,
        timeouts: RedisTimeouts,
    ) -> Result<Self, BoxError> {
        Self::within(pool, lane, wait, Deadline::after(wait), timeouts)
    }

    /// Checks out a connection, but waits at most `wait` for one to be free or made, and until the
    /// deadline for one to answer.
    pub(super) fn within(
        pool: &'p Pool,
        lane: Lane,
        wait: Duration,
        until: Deadline,
        timeouts: RedisTimeouts,
    ) -> Result<Self, BoxError> {
        let mut now = Instant::now();
        let free = Deadline::from(now, wait);
        let permit = match pool.try_permit(lane) {
            Some(permit) => permit,
            None => {
                let permit = pool.permit(lane, free)?;
                now = Instant::now();
                permit
            }
        };
        loop {
            let (connection, trust) = pool.take(now, free, timeouts.quiet)?;
            let mut checkout = Self::new(pool, connection, timeouts.write);
            let is_usable = match trust {
                Trust::Full => true,
                Trust::Look => checkout.answers(until, timeouts.read),
                Trust::None => false,
            };
            if is_usable {
                checkout.permit = Some(permit);
                return Ok(checkout);
            }
            checkout.mark_broken();
            drop(checkout);
            now = Instant::now();
        }
    }

    fn new(pool: &'p Pool, connection: Pooled, write: Duration) -> Self {
        Self {
            timeouts: connection.timeouts(),
            pool,
            connection: Some(connection),
            permit: None,
            write,
            unread: 0,
            health: Health::Healthy,
            others: None,
            rerouted: Vec::new(),
            is_rerouted: false,
            may_repeat: false,
        }
    }

    /// Sends commands on that the server says belong elsewhere.
    pub(super) fn with_others(self, others: &'p (dyn Reroute + 'p)) -> Self {
        let mut checkout = self;
        checkout.others = Some(others);
        checkout
    }

    /// Returns whether other servers have carried out commands too.
    pub(crate) fn is_rerouted(&self) -> bool {
        self.is_rerouted
    }

    /// Returns whether the commands of these slots belong to this server, as far as is known now.
    pub(crate) fn is_home_of(&self, slots: &[Slot]) -> bool {
        self.others.is_none_or(|others| others.is_right(slots))
    }

    /// Makes sure that no other server says that one of these slots is its own.
    pub(crate) fn check_undisputed(&self, slots: &[Slot]) -> Result<(), BoxError> {
        self.others.map_or(Ok(()), |others| others.check_undisputed(slots))
    }

    /// Looks whether the connection answers, in half of the time that is left: the other half is
    /// for making another one.
    fn answers(&mut self, until: Deadline, read: Duration) -> bool {
        let limit = Deadline::after((until.left() / 2).min(read));
        self.repeat_interrupted();
        let answer = self.ask(&Packed::ping(), limit);
        self.may_repeat = false;
        match answer {
            // A user that may not ask gets an answer, too.
            Ok(Reply::Text(_) | Reply::Refused(_)) => true,
            Ok(_) => false,
            Err(ExchangeError::NotSent(_)) => false,
            Err(ExchangeError::Interrupted(why)) => {
                if !is_lost_connection(&why) {
                    self.pool.note_silence();
                }
                false
            }
        }
    }

    /// From now on, a command that is sent alone is sent again if the read of its reply was
    /// interrupted, until its deadline. For commands that do no harm if they are carried out twice.
    pub(crate) fn repeat_interrupted(&mut self) {
        self.may_repeat = true;
    }

    /// From now on, nothing is sent again.
    pub(crate) fn repeat_nothing(&mut self) {
        self.may_repeat = false;
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
        self.call_all(Sent { commands, load: None, deadline, if_split: IfSplit::Wait })
    }

    /// Does the same, but a command keeps the reply to it that says that its names are not together
    /// now.
    pub(crate) fn ask_all_at_once(
        &mut self,
        commands: &Packed,
        deadline: Deadline,
    ) -> Result<Vec<Reply>, ExchangeError> {
        self.call_all(Sent { commands, load: None, deadline, if_split: IfSplit::Leave })
    }

    /// Sends commands, which may be calls of a script, and reads a reply for each.
    pub(super) fn call_all(&mut self, sent: Sent<'_>) -> Result<Vec<Reply>, ExchangeError> {
        let mut replies = Vec::with_capacity(sent.commands.commands());
        self.exchange_all(sent, |reply| {
            replies.push(reply);
            Ok(())
        })?;
        Ok(replies)
    }

    /// Sends commands and passes each reply to `take`, as it comes, or once all have come where
    /// commands may belong elsewhere.
    pub(crate) fn exchange(
        &mut self,
        commands: &Packed,
        deadline: Deadline,
        take: impl FnMut(Reply) -> Result<(), Unexpected>,
    ) -> Result<(), ExchangeError> {
        self.exchange_all(Sent { commands, load: None, deadline, if_split: IfSplit::Wait }, take)
    }

    fn exchange_all(
        &mut self,
        sent: Sent<'_>,
        mut take: impl FnMut(Reply) -> Result<(), Unexpected>,
    ) -> Result<(), ExchangeError> {
        let Some(others) = self.others else {
            return self.exchange_here(sent.commands, sent.deadline, take);
        };
        self.rerouted.clear();
        let mut replies = Vec::with_capacity(sent.commands.commands());
        let mut exchanged = self.exchange_here(sent.commands, sent.deadline, |reply| {
            replies.push(reply);
            Ok(())
        });
        if exchanged.is_err() {
            others.note_failure();
        } else {
            match others.follow(sent, &mut replies) {
                Ok(rerouted) => {
                    self.is_rerouted |= !rerouted.is_empty();
                    self.rerouted = rerouted;
                }
                Err(Lost { first, why }) => {
                    self.is_rerouted = true;
                    replies.truncate(first);
                    exchanged = Err(ExchangeError::Interrupted(why));
                }
            }
        }
        for reply in replies {
            if let Err(why) = take(reply) {
                self.mark_broken();
                return Err(ExchangeError::Interrupted(why.into()));
            }
        }
        exchanged
    }

    /// Exchanges commands with the server that the connection leads to.
    fn exchange_here(
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
        exchanged.inspect_err(|error| self.note_failure(error))
    }

    fn note_failure(&mut self, error: &ExchangeError) {
        self.mark_broken();
        if let ExchangeError::Interrupted(why) = error
            && is_lost_connection(why)
            && !is_interrupted(why)
        {
            self.pool.note_end(self.era());
        }
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
            let reply = self.receive(commands, deadline)?;
            self.unread -= 1;
            // A server that was demoted keeps its connections. New ones may lead to its successor.
            // A connection whose user the server has forgotten is not logged in again either.
            if reply.is_read_only() || reply.is_no_login() {
                self.mark_broken();
            }
            if reply.is_read_only() {
                self.pool.note_demotion(self.era());
            }
            take(reply)?;
        }
        Ok(())
    }

    /// Waits for the next reply to these commands, beyond interruptions. A client library may drop
    /// the reply that was waited for. Then the command has to be sent again: its second reply is
    /// the one that comes.
    fn receive(&mut self, commands: &Packed, deadline: Deadline) -> Result<Reply, BoxError> {
        loop {
            self.limit_reads(deadline)?;
            let error = match self.wire()?.receive() {
                Ok(reply) => return Ok(reply),
                Err(error) => error,
            };
            if !is_interrupted(&error) {
                return Err(deadline.blame(error));
            }
            if self.wire()?.drops_late_replies() {
                if !self.may_repeat || commands.commands() > 1 {
                    return Err(error);
                }
                self.wire()?.send(commands.bytes())?;
            }
        }
    }

    /// Keeps the connection from being used again.
    pub(crate) fn mark_broken(&mut self) {
        self.health = Health::Broken;
    }

    /// Returns the era in which the connection was made, where a master is followed.
    pub(crate) fn era(&self) -> Era {
        self.connection.as_ref().map_or_else(Era::default, Pooled::era)
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

impl Drop for Checkout<'_> {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else {
            return;
        };
        // Before the permit is: the caller that gets it finds a connection.
        if self.health == Health::Healthy && self.unread == 0 {
            self.pool.give_back(connection, self.timeouts);
        } else {
            self.pool.discard(connection);
        }
    }
}
