use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::connection::{
    Address, Checkout, ClusterAccess, Deadline, Follower, Lane, Names, Packed, Pool, Reply, Script,
    SocketTimeouts, is_interrupted, is_lost_connection,
};
use super::last_sighting::LastSighting;
use super::timeouts::RedisTimeouts;
use crate::error::{BoxError, Error, StoreStep};
use crate::names::{Prefix, Slot};

/// One server, or the nodes of a cluster, and what is needed to ask them. Knows none of the steps.
///
/// Each command goes to the node that has the slot of its names. One server has all slots.
pub(crate) struct Server {
    connections: Connections,
    names: Names,
    timeouts: RedisTimeouts,
    last_sighting: LastSighting,
    /// The number of claims that were handed out without a confirmation by a replica.
    unconfirmed: AtomicU64,
    /// The address that connections are made to, without user and password.
    address: String,
}

/// Where connections come from.
pub(crate) enum Connections {
    /// They lead to one server.
    Pool(Box<Pool>),
    /// They lead to the node of a cluster that has the slot in question.
    Cluster(ClusterAccess),
}

/// Places among items, each with its slot.
type Places = Vec<(Slot, usize)>;

impl Connections {
    pub(crate) fn of(pool: Pool) -> Self {
        Self::Pool(Box::new(pool))
    }

    /// Returns whether another server may take the place of this one, and is found then.
    pub(crate) fn fails_over(&self) -> bool {
        match self {
            Self::Pool(pool) => pool.follower().is_some(),
            Self::Cluster(_) => true,
        }
    }
}

impl Server {
    pub(crate) fn new(
        connections: Connections,
        prefix: Prefix,
        timeouts: RedisTimeouts,
        address: String,
    ) -> Self {
        let names = match &connections {
            Connections::Pool(_) => Names::new(prefix),
            Connections::Cluster(_) => Names::in_cluster(prefix),
        };
        Self {
            connections,
            names,
            timeouts: timeouts.in_bounds(),
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

    /// Returns the cluster, if the names are in one.
    pub(crate) fn cluster(&self) -> Option<&ClusterAccess> {
        match &self.connections {
            Connections::Pool(_) => None,
            Connections::Cluster(cluster) => Some(cluster),
        }
    }

    /// Returns whether another server may take the place of this one, and is found then.
    pub(crate) fn fails_over(&self) -> bool {
        self.connections.fails_over()
    }

    /// Returns the number of the present state among those that the slots of the names have had; 0
    /// where there is no cluster.
    pub(crate) fn era(&self) -> u32 {
        self.cluster().map_or(0, ClusterAccess::era)
    }

    /// Returns the places of these slots by the nodes that have them, as far as is known, each with
    /// its slot and in their order. Where there is no cluster, all are at one.
    pub(crate) fn by_owner(&self, slots: impl Iterator<Item = Slot>) -> Vec<Places> {
        let mut by_owner: Vec<(Option<Arc<Address>>, Places)> = Vec::new();
        if let Some(cluster) = self.cluster() {
            cluster.learn(Deadline::after(self.timeouts.wait));
        }
        for (index, slot) in slots.enumerate() {
            let owner = self.cluster().and_then(|cluster| cluster.owner(slot));
            match by_owner.iter_mut().find(|(known, _)| *known == owner) {
                Some((_, places)) => places.push((slot, index)),
                None => by_owner.push((owner, vec![(slot, index)])),
            }
        }
        let sorted = by_owner.into_iter().map(|(_, mut places)| {
            places.sort_unstable();
            places
        });
        sorted.collect()
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

    /// Calls `exchange` with a connection, for a write to a counter in this slot.
    ///
    /// # Errors
    ///
    /// Why there is none. Nothing was sent then.
    pub(crate) fn for_caller<T>(
        &self,
        slot: Slot,
        exchange: impl FnOnce(&mut Checkout<'_>) -> T,
    ) -> Result<T, BoxError> {
        self.with_checkout(slot, Lane::Callers, self.timeouts.wait, exchange)
    }

    fn with_checkout<T>(
        &self,
        slot: Slot,
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
                cluster.with_checkout(slot, lane, Deadline::after(wait), exchange)
            }
        }
    }

    /// Takes a step of a sync on a connection for this slot. If the step fails, the connection is
    /// not used again, because the next reply on it may belong to another command.
    pub(crate) fn step<T>(
        &self,
        step: StoreStep,
        slot: Slot,
        take: impl FnOnce(&mut Checkout<'_>) -> Result<T, BoxError>,
    ) -> Result<T, Error> {
        self.take(slot, lane_of(step), Deadline::NEVER, take)
            .map_err(|source| as_store_error(step, source))
    }

    /// Takes a step that does no harm if it is taken twice by one and the same server. So it is
    /// taken beyond interruptions, but not on another connection.
    pub(crate) fn step_on_one_server<T>(
        &self,
        step: StoreStep,
        slot: Slot,
        take: impl FnOnce(&mut Checkout<'_>) -> Result<T, BoxError>,
    ) -> Result<T, Error> {
        self.step(step, slot, |checkout| {
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
        slot: Slot,
        deadline: Deadline,
        mut take: impl FnMut(&mut Checkout<'_>) -> Result<T, BoxError>,
    ) -> Result<T, Error> {
        let lane = lane_of(step);
        self.repeat(step, deadline, || {
            self.take(slot, lane, deadline, |checkout| {
                checkout.repeat_interrupted();
                take(checkout)
            })
        })
    }

    /// Takes such a step on a node of the cluster, whatever that has.
    pub(crate) fn repeatable_step_on_node<T>(
        &self,
        step: StoreStep,
        address: &Address,
        mut take: impl FnMut(&mut Checkout<'_>) -> Result<T, BoxError>,
    ) -> Result<T, Error> {
        let lane = lane_of(step);
        self.repeat(step, Deadline::NEVER, || {
            let cluster = self.cluster().ok_or("there is no cluster")?;
            let wait = Deadline::after(self.timeouts.wait);
            cluster.with_node(address, lane, wait, |checkout| {
                checkout.repeat_interrupted();
                take(checkout).inspect_err(|_| checkout.mark_broken())
            })?
        })
    }

    fn repeat<T>(
        &self,
        step: StoreStep,
        deadline: Deadline,
        mut take: impl FnMut() -> Result<T, BoxError>,
    ) -> Result<T, Error> {
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
        slot: Slot,
        lane: Lane,
        deadline: Deadline,
        take: impl FnOnce(&mut Checkout<'_>) -> Result<T, BoxError>,
    ) -> Result<T, BoxError> {
        let wait = deadline.left().min(self.timeouts.wait);
        self.with_checkout(slot, lane, wait, |checkout| {
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

    /// Like [`ask_all`](Self::ask_all), but if the names of a command are not together now, returns
    /// the reply that says so.
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

    /// Like [`run`](Self::run), but if the names of a call are not together now, returns the reply
    /// that says so.
    pub(crate) fn run_at_once(
        &self,
        script: &Script,
        checkout: &mut Checkout<'_>,
        calls: &Packed,
    ) -> Result<Vec<Reply>, BoxError> {
        Ok(script.run_at_once(checkout, calls, Deadline::after(self.timeouts.read))?)
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
