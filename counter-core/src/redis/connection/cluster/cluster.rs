use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::node::{self, Node, NodeSettings};
use super::slots::Slots;
use super::url::ClusterUrl;
use crate::error::BoxError;
use crate::redis::connection::checkout::Checkout;
use crate::redis::connection::deadline::Deadline;
use crate::redis::connection::pool::Lane;
use crate::redis::connection::url::Address;

/// The time between two questions to the nodes who has the slot.
const INTERVAL: Duration = Duration::from_millis(100);

/// How long a caller waits for a connection before it looks whether the node is away.
const LOOK: Duration = Duration::from_millis(50);

/// The nodes of a cluster, and which of them has the slot in which all names of a store are.
///
/// Callers follow what nodes answer. Where a node does not answer, a thread asks the others, at
/// most one at a time.
pub(super) struct Cluster {
    url: ClusterUrl,
    slot: u16,
    settings: NodeSettings,
    /// Locked for a moment only.
    state: Mutex<State>,
    asked: Condvar,
}

#[derive(Default)]
struct State {
    owner: Option<Address>,
    /// Rises with each change of the owner.
    era: u32,
    /// What the last answer named.
    members: Vec<Address>,
    /// How often they were asked.
    questions: usize,
    /// Those that were needed so far.
    nodes: HashMap<Address, Arc<Node>>,
    asking: Asking,
    /// Why no node named an owner when they were asked last, if none did.
    why_unknown: Option<String>,
}

#[derive(Default)]
enum Asking {
    #[default]
    NotYet,
    Now,
    Ended(Instant),
}

/// Notes the end of a question, however that ends.
struct Asked<'c>(&'c Cluster);

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        self.0.lock().asking = Asking::Ended(Instant::now());
        self.0.asked.notify_all();
    }
}

impl Cluster {
    pub(super) fn new(url: ClusterUrl, slot: u16, settings: NodeSettings) -> Self {
        Self { url, slot, settings, state: Mutex::default(), asked: Condvar::new() }
    }

    /// Takes a connection to a node. If the node takes none, this is found out soon.
    pub(super) fn check_out<'n>(
        &self,
        node: &'n Node,
        lane: Lane,
        until: Deadline,
    ) -> Result<Checkout<'n>, BoxError> {
        loop {
            // Where a node takes no new connections, those that there are may do.
            let away = node.why_away();
            let wait = if away.is_some() { Duration::ZERO } else { until.left().min(LOOK) };
            match (Checkout::within(&node.pool, lane, wait, until, self.settings.timeouts), away) {
                (Ok(checkout), _) => return Ok(checkout),
                (Err(_), Some(why)) => return Err(why.into()),
                (Err(why), None) if until.left().is_zero() => return Err(why),
                (Err(_), None) => {}
            }
        }
    }

    /// Returns the node at an address.
    pub(super) fn node(&self, address: &Address) -> Result<Arc<Node>, BoxError> {
        let mut state = self.lock();
        if let Some(node) = state.nodes.get(address) {
            return Ok(Arc::clone(node));
        }
        let node = Arc::new(Node::new(&self.url, address, &self.settings)?);
        state.nodes.insert(address.clone(), Arc::clone(&node));
        Ok(node)
    }

    /// Returns the node that has the slot, as far as is known. Asks where nothing is known.
    pub(super) fn owner(self: &Arc<Self>, until: Deadline) -> Result<Arc<Node>, BoxError> {
        if self.known_owner().is_none() {
            self.ask_nodes(Some(until));
        }
        match self.known_owner() {
            Some(owner) => self.node(&owner),
            None => Err(self.why_unknown().into()),
        }
    }

    pub(super) fn slot(&self) -> u16 {
        self.slot
    }

    pub(super) fn known_owner(&self) -> Option<Address> {
        self.lock().owner.clone()
    }

    pub(super) fn members(&self) -> u64 {
        self.lock().members.len() as u64
    }

    /// Returns whether the slot is at this node, as far as is known.
    pub(super) fn is_owner(&self, address: &Address) -> bool {
        self.known_owner().as_ref() == Some(address)
    }

    /// Returns the number of the present owner among those that the slot has had.
    pub(super) fn era(&self) -> u32 {
        self.lock().era
    }

    /// Notes that a node has named another one as the owner of the slot.
    pub(super) fn note_moved(self: &Arc<Self>, owner: &Address) {
        let mut state = self.lock();
        state.follow(owner);
        let is_known = state.members.contains(owner);
        drop(state);
        if !is_known {
            self.ask_nodes(None);
        }
    }

    /// Asks the nodes who has the slot, in a thread of its own, unless that was done just now.
    /// Waits for the answer until the deadline, if there is one.
    pub(super) fn ask_nodes(self: &Arc<Self>, wait: Option<Deadline>) {
        let mut state = self.lock();
        match &state.asking {
            Asking::Now => {}
            Asking::Ended(since) if since.elapsed() < INTERVAL => return,
            Asking::NotYet | Asking::Ended(..) => {
                let cluster = Arc::clone(self);
                let thread = thread::Builder::new().name("counter-cluster".to_owned());
                if thread.spawn(move || cluster.ask_each()).is_err() {
                    return;
                }
                state.asking = Asking::Now;
            }
        }
        let Some(until) = wait else { return };
        while matches!(state.asking, Asking::Now) && !until.left().is_zero() {
            let waited = self.asked.wait_timeout(state, until.left().min(INTERVAL));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Asks one node after another until one names an owner. The owner so far is asked last: if it
    /// was cut off it does not know its successor. Each question begins with another one of the
    /// others, because any of them may have been cut off.
    fn ask_each(self: &Arc<Self>) {
        let _asked = Asked(self);
        let (era, candidates) = {
            let mut state = self.lock();
            state.questions = state.questions.wrapping_add(1);
            (state.era, state.candidates(self.url.seeds()))
        };
        let mut why = Vec::new();
        let found = candidates.iter().find_map(|address| {
            self.ask(address).map_err(|error| why.push(format!("{address}: {error}"))).ok()
        });
        let mut state = self.lock();
        state.why_unknown = found.is_none().then(|| why.join("; "));
        if let Some((owner, members)) = found {
            // What a node has answered to a command meanwhile is newer.
            if state.era == era {
                state.follow(&owner);
            }
            let owner = state.owner.clone();
            let is_needed = |it: &Address| members.contains(it) || owner.as_ref() == Some(it);
            state.nodes.retain(|address, _| is_needed(address));
            state.members = members;
        }
    }

    fn ask(&self, address: &Address) -> Result<(Address, Vec<Address>), BoxError> {
        let reply = node::ask(&self.url, address, &self.settings, &Slots::question())?;
        let Slots { owner, members } = Slots::read(reply, self.slot, address)?;
        let owner = owner.ok_or_else(|| format!("it knows no owner of the slot {}", self.slot))?;
        Ok((owner, members))
    }

    fn why_unknown(&self) -> String {
        let slot = self.slot;
        match &self.lock().why_unknown {
            Some(why) => format!("no node names the owner of slot {slot}: {why}"),
            None => format!("no node has named the owner of slot {slot} in time"),
        }
    }

    /// A panic while this is locked cannot leave it half changed.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Returns whom to ask, in this order, each once.
    fn candidates(&self, seeds: &[Address]) -> Vec<Address> {
        let mut others = Vec::new();
        for address in self.members.iter().chain(seeds) {
            if self.owner.as_ref() != Some(address) && !others.contains(address) {
                others.push(address.clone());
            }
        }
        let turn = self.questions.checked_rem(others.len()).unwrap_or(0);
        others.rotate_left(turn);
        others.extend(self.owner.clone());
        others
    }

    fn follow(&mut self, owner: &Address) {
        if self.owner.as_ref() != Some(owner) {
            self.owner = Some(owner.clone());
            self.era = (self.era + 1) & (u32::MAX >> 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_question_begins_with_another_node_and_ends_with_the_owner() {
        let node = |port| Address::new("h", port);
        let mut state = State { members: vec![node(1), node(2), node(3)], ..State::default() };
        state.follow(&node(2));
        let ports = |state: &State| {
            let candidates = state.candidates(&[node(3), node(4)]);
            candidates.iter().map(|it| it.port).collect::<Vec<_>>()
        };
        assert_eq!(ports(&state), [1, 3, 4, 2]);
        state.questions = 1;
        assert_eq!(ports(&state), [3, 4, 1, 2]);
        state.questions = 4;
        assert_eq!(ports(&state), [3, 4, 1, 2]);
        assert_eq!(State::default().candidates(&[]), []);
    }

    #[test]
    fn an_owner_that_is_named_again_is_the_same_one() {
        let mut state = State::default();
        for (port, era) in [(1, 1), (1, 1), (2, 2), (1, 3)] {
            state.follow(&Address::new("h", port));
            assert_eq!(state.era, era);
        }
    }
}
