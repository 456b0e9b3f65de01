use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::connection::{
    Checkout, ClusterAccess, Deadline, Follower, Lane, Names, Packed, Pool, Reply, Script,
    SocketTimeouts, is_interrupted, is_lost_connection,
};
use super::last_sighting::LastSighting;
use super::timeouts::RedisTimeouts;
use crate::error::{BoxError, Error, StoreStep};
use crate::names::Prefix;

/// One server, and what is needed to ask it. Knows none of the steps.
pub(crate) struct Server {
    connections: Connections,
    names: Names,
    timeouts: RedisTimeouts,
    last_sighting: LastSighting,
    /// The number of claims that were handed out without a confirmation by a replica.
    unconfirmed: AtomicU64,
    /// What connections are made to, without user and password.
    address: String,
}

/// Where connections come from.
pub(crate) enum Connections {
    /// They lead to one server.
    Pool(Box<Pool>),
    /// They lead to the node of a cluster that has the slot of all names.
    Cluster(ClusterAccess),
}

impl Connections {
    pub(crate) fn of(pool: Pool) -> Self {
        Self::Pool(Box::new(pool))
    }
}

impl Server {
    pub(crate) fn new(
        connections: Connections,
        prefix: Prefix,
        timeouts: RedisTimeouts,
        address: String,
    ) -> Self {
        Self {
            connections,
            names: Names::new(prefix),
            timeouts: timeouts.at_least_a_millisecond(),
            last_sighting: LastSighting::default(),
            unconfirmed: AtomicU64::new(0),
            address,
        }
    }

    /// Makes only confirmed claims count as sighted.
    pub(crate) fn sight_only_confirmed_claims(&mut self) {
        self.last_sighting = LastSighting::of_confirmed_claims();
    }

    pub(crate) fn names(&self) -> &Names {
        &self.names
    }

    pub(crate) fn timeouts(&self) -> RedisTimeouts {
        self.timeouts
    }

    pub(crate) fn last_sighting(&self) -> &LastSighting {
        &self.last_sighting
    }

    /// Notes that this number of claims are handed out though no replica has confirmed them.
    pub(crate) fn note_unconfirmed(&self, claims: usize) {
        self.unconfirmed.fetch_add(claims as u64, Ordering::Relaxed);
    }

    pub(crate) fn unconfirmed(&self) -> u64 {
        self.unconfirmed.load(Ordering::Relaxed)
    }

    /// Returns what knows the master, if one is followed.
    pub(crate) fn follower(&self) -> Option<&Follower> {
        match &self.connections {
            Connections::Pool(pool) => pool.follower(),
            Connections::Cluster(_) => None,
        }
    }

    /// Returns the cluster, if all names are in a slot of one.
    pub(crate) fn cluster(&self) -> Option<&ClusterAccess> {
        match &self.connections {
            Connections::Pool(_) => None,
            Connections::Cluster(cluster) => Some(cluster),
        }
    }

    /// Returns whether another server may take the place of this one, and is found then.
    pub(crate) fn fails_over(&self) -> bool {
        self.follower().is_some() || self.cluster().is_some()
    }

    /// Returns the number of the node that is asked, among those that had the slot of all names;
    /// 0 where there is no cluster.
    pub(crate) fn era(&self) -> u32 {
        self.cluster().map_or(0, ClusterAccess::era)
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Sets which time-outs a connection of the application's pool has when the pool gets it back.
    pub(crate) fn restore(&mut self, timeouts: SocketTimeouts) {
        if let Connections::Pool(pool) = &mut self.connections {
            pool.restore(timeouts);
        }
    }

    /// Calls `exchange` with a connection, for a write to a counter.
    ///
    /// # Errors
    ///
    /// Why there is none. Nothing was sent then.
    pub(crate) fn for_caller<T>(
        &self,
        exchange: impl FnOnce(&mut Checkout<'_>) -> T,
    ) -> Result<T, BoxError> {
        self.with_checkout(Lane::Callers, self.timeouts.wait, exchange)
    }

    fn with_checkout<T>(
        &self,
        lane: Lane,
        wait: Duration,
        exchange: impl FnOnce(&mut Checkout<'_>) -> T,
    ) -> Result<T, BoxError> {
        match &self.connections {
            Connections::Pool(pool) => {
                let mut checkout = Checkout::of(pool, lane, wait, self.timeouts)?;
                Ok(exchange(&mut checkout))
            }
            Connections::Cluster(cluster) => {
                cluster.with_checkout(lane, Deadline::after(wait), exchange)
            }
        }
    }

    /// Takes a step of a sync on a connection. If the step fails, the connection is not used again,
    /// because the next reply on it may belong to another command.
    pub(crate) fn step<T>(
        &self,
        step: StoreStep,
        take: impl FnOnce(&mut Checkout<'_>) -> Result<T, BoxError>,
    ) -> Result<T, Error> {
        self.take(lane_of(step), Deadline::NEVER, take)
            .map_err(|source| as_store_error(step, source))
    }

    /// Takes a step that does no harm if it is taken twice by one and the same server. So it is
    /// taken beyond interruptions, but not on another connection.
    pub(crate) fn step_on_one_server<T>(
        &self,
        step: StoreStep,
        take: impl FnOnce(&mut Checkout<'_>) -> Result<T, BoxError>,
    ) -> Result<T, Error> {
        self.step(step, |checkout| {
            checkout.repeat_interrupted();
            take(checkout)
        })
    }

    /// Takes a step that does no harm if it is taken twice. If its connection is lost, the step is
    /// taken once more, on another connection. If a read is interrupted, it is taken again until
    /// its deadline, or for as long as one read may take.
    pub(crate) fn repeatable_step<T>(
        &self,
        step: StoreStep,
        deadline: Deadline,
        mut take: impl FnMut(&mut Checkout<'_>) -> Result<T, BoxError>,
    ) -> Result<T, Error> {
        let lane = lane_of(step);
        let mut take = || {
            self.take(lane, deadline, |checkout| {
                checkout.repeat_interrupted();
                take(checkout)
            })
        };
        let (started, mut was_lost) = (Instant::now(), false);
        let may_go_on = || started.elapsed() < deadline.left_at(started).min(self.timeouts.read);
        let mut taken = take();
        while let Err(error) = &taken {
            let is_again = match is_interrupted(error) {
                true => may_go_on(),
                false => is_lost_connection(error) && !std::mem::replace(&mut was_lost, true),
            };
            if !is_again {
                break;
            }
            taken = take();
        }
        taken.map_err(|source| as_store_error(step, source))
    }

    fn take<T>(
        &self,
        lane: Lane,
        deadline: Deadline,
        take: impl FnOnce(&mut Checkout<'_>) -> Result<T, BoxError>,
    ) -> Result<T, BoxError> {
        let wait = deadline.left().min(self.timeouts.wait);
        self.with_checkout(lane, wait, |checkout| {
            take(checkout).inspect_err(|_| checkout.mark_broken())
        })?
    }

    /// Sends one command and returns its reply.
    pub(crate) fn ask(
        &self,
        checkout: &mut Checkout<'_>,
        command: &Packed,
    ) -> Result<Reply, BoxError> {
        Ok(checkout.ask(command, Deadline::after(self.timeouts.read))?)
    }

    /// Sends commands and returns a reply for each.
    pub(crate) fn ask_all(
        &self,
        checkout: &mut Checkout<'_>,
        commands: &Packed,
    ) -> Result<Vec<Reply>, BoxError> {
        Ok(checkout.ask_all(commands, Deadline::after(self.timeouts.read))?)
    }

    /// Does the same, but a command whose names are not together now keeps the reply that says so.
    pub(crate) fn ask_all_at_once(
        &self,
        checkout: &mut Checkout<'_>,
        commands: &Packed,
    ) -> Result<Vec<Reply>, BoxError> {
        Ok(checkout.ask_all_at_once(commands, Deadline::after(self.timeouts.read))?)
    }

    /// Makes calls of a script and returns a reply for each.
    pub(crate) fn run(
        &self,
        script: &Script,
        checkout: &mut Checkout<'_>,
        calls: &Packed,
    ) -> Result<Vec<Reply>, BoxError> {
        Ok(script.run(checkout, calls, Deadline::after(self.timeouts.read))?)
    }
}

/// Returns for whom a step is taken. Reads of counters are the callers'.
fn lane_of(step: StoreStep) -> Lane {
    match step {
        StoreStep::Look => Lane::Callers,
        _ => Lane::Syncs,
    }
}

/// Returns the error of a failed step. An [`Error`] among the causes says already what it is about.
fn as_store_error(step: StoreStep, source: BoxError) -> Error {
    match source.downcast::<Error>() {
        Ok(error) => *error,
        Err(source) => Error::Store { step, source },
    }
}
