use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::node::{self, Node, NodeSettings};
use super::slots::Slots;
use super::table::Table;
use super::url::ClusterUrl;
use crate::error::BoxError;
use crate::names::Slot;
use crate::redis::connection::checkout::Checkout;
use crate::redis::connection::deadline::Deadline;
use crate::redis::connection::pool::Lane;
use crate::redis::connection::url::Address;

/// The least time between two questions to the nodes about which of them has a slot.
const INTERVAL: Duration = Duration::from_millis(100);

/// How long a caller waits for a connection before it looks whether the node is away.
const LOOK: Duration = Duration::from_millis(50);

/// The nodes of a cluster, and which of them has which slot.
///
/// Callers follow what nodes answer. Where a node does not answer, a thread asks the others, at
/// most one at a time.
pub(super) struct Cluster {
    url: ClusterUrl,
    settings: NodeSettings,
    /// Locked for a moment only.
    state: Mutex<State>,
    asked: Condvar,
}

#[derive(Default)]
struct State {
    table: Table,
    /// The nodes that the last answer named.
    members: Vec<Address>,
    /// How often they were asked.
    questions: usize,
    /// Those that were needed so far.
    nodes: HashMap<Address, Arc<Node>>,
    asking: Asking,
    /// Why no node named the owner that was asked for last, if none did.
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
    /// Returns a cluster of which nothing is known yet. Where all names are in one slot, the others
    /// are of no interest.
    pub(super) fn new(url: ClusterUrl, followed: Option<Slot>, settings: NodeSettings) -> Self {
        let state = Mutex::new(State { table: Table::new(followed), ..State::default() });
        Self { url, settings, state, asked: Condvar::new() }
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
        self.node_in(&mut self.lock(), address)
    }

    fn node_in(&self, state: &mut State, address: &Address) -> Result<Arc<Node>, BoxError> {
        if let Some(node) = state.nodes.get(address) {
            return Ok(Arc::clone(node));
        }
        let node = Arc::new(Node::new(&self.url, address, &self.settings)?);
        state.nodes.insert(address.clone(), Arc::clone(&node));
        Ok(node)
    }

    /// Returns the node that has a slot, as far as is known. Asks where nothing is known.
    pub(super) fn owner(
        self: &Arc<Self>,
        slot: Slot,
        until: Deadline,
    ) -> Result<Arc<Node>, BoxError> {
        if self.known_owner(slot).is_none() {
            self.ask_nodes(slot, Some(until));
        }
        let mut state = self.lock();
        match state.table.owner(slot).cloned() {
            Some(owner) => self.node_in(&mut state, &owner),
            None => Err(state.why_unknown(slot).into()),
        }
    }

    pub(super) fn known_owner(&self, slot: Slot) -> Option<Arc<Address>> {
        self.lock().table.owner(slot).cloned()
    }

    pub(super) fn members(&self) -> Vec<Address> {
        self.lock().members.clone()
    }

    /// Returns the nodes that have slots, each once, in an order that is the same in each era.
    pub(super) fn masters(&self) -> Vec<Arc<Address>> {
        self.lock().table.masters()
    }

    /// Returns the first slot of each node that has any, and the node.
    pub(super) fn first_slots(&self) -> Vec<(Slot, Arc<Address>)> {
        self.lock().table.first_slots()
    }

    /// Returns whether a slot is at this node, as far as is known.
    pub(super) fn is_owner(&self, slot: Slot, address: &Address) -> bool {
        self.lock().table.owner(slot).is_some_and(|owner| **owner == *address)
    }

    /// Returns the number of the present state among those that the slots have had.
    pub(super) fn era(&self) -> u32 {
        self.lock().table.era()
    }

    /// Notes that a node has named another one as the owner of a slot.
    pub(super) fn note_moved(self: &Arc<Self>, slot: Slot, owner: &Address) {
        let mut state = self.lock();
        state.table.follow(slot, owner);
        let is_known = state.members.contains(owner);
        drop(state);
        if !is_known {
            self.ask_nodes(slot, None);
        }
    }

    /// Takes what a node has just said of its own slots.
    pub(super) fn note_slots(&self, mut slots: Slots, of: &Address) {
        slots.ranges.retain(|range| *range.owner == *of);
        let mut state = self.lock();
        state.table.begin_question();
        state.table.take(&slots);
    }

    /// Makes sure that no node says that one of these slots belongs to another one than this. A
    /// node that does not answer says nothing.
    pub(super) fn check_undisputed(&self, slots: &[Slot], owner: &Address) -> Result<(), BoxError> {
        for member in self.members().iter().filter(|member| *member != owner) {
            let Ok(known) = self.ask(member) else { continue };
            let disputed = slots.iter().find_map(|slot| {
                let other = known.owner(*slot).filter(|other| ***other != *owner)?;
                Some((*slot, Arc::clone(other)))
            });
            if let Some((slot, other)) = disputed {
                self.lock().table.follow(slot, &other);
                return Err(format!("{member} says that {other} has slot {slot}").into());
            }
        }
        Ok(())
    }

    /// Asks the nodes who has which slot, above all this one, in a thread of its own, unless that
    /// was done just now. Waits for the answer until the deadline, if there is one.
    pub(super) fn ask_nodes(self: &Arc<Self>, slot: Slot, wait: Option<Deadline>) {
        let mut state = self.lock();
        match &state.asking {
            Asking::Now => {}
            Asking::Ended(since) if since.elapsed() < INTERVAL => return,
            Asking::NotYet | Asking::Ended(..) => {
                let cluster = Arc::clone(self);
                let thread = thread::Builder::new().name("counter-cluster".to_owned());
                if thread.spawn(move || cluster.ask_each(slot)).is_err() {
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

    /// Asks one node after another until one names an owner of this slot. The owner so far is asked
    /// last: if it was cut off it does not know its successor. Each question begins with another
    /// one of the others, because any of them may have been cut off.
    fn ask_each(self: &Arc<Self>, slot: Slot) {
        let _asked = Asked(self);
        let candidates = {
            let mut state = self.lock();
            state.questions = state.questions.wrapping_add(1);
            state.table.begin_question();
            state.candidates(self.url.seeds(), slot)
        };
        let mut why = Vec::new();
        let found = candidates.iter().find_map(|address| {
            let named = self.ask(address).and_then(|slots| match slots.owner(slot) {
                Some(_) => Ok(slots),
                None => Err(format!("it knows no owner of the slot {slot}").into()),
            });
            named.map_err(|error| why.push(why_not(address, &error.to_string()))).ok()
        });
        let mut state = self.lock();
        state.why_unknown = found.is_none().then(|| why.join("; "));
        if let Some(slots) = found {
            state.table.take(&slots);
            let masters = state.table.masters();
            let is_needed = |it: &Address| {
                slots.members.contains(it) || masters.iter().any(|master| **master == *it)
            };
            state.nodes.retain(|address, _| is_needed(address));
            state.members = slots.members;
        }
    }

    fn ask(&self, address: &Address) -> Result<Slots, BoxError> {
        let reply = node::ask(&self.url, address, &self.settings, &Slots::question())?;
        Slots::read(reply, address)
    }

    /// A panic while this is locked cannot leave it half changed.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns why a node names no owner, and what to do where it is no node of a cluster.
fn why_not(address: &Address, error: &str) -> String {
    let hint = match error.contains("cluster support disabled") {
        true => "; it is no node of a cluster: write redis:// in the URL",
        false => "",
    };
    format!("{address}: {error}{hint}")
}

impl State {
    /// Returns whom to ask, in this order, each once.
    fn candidates(&self, seeds: &[Address], slot: Slot) -> Vec<Address> {
        let owner = self.table.owner(slot).map(|owner| &**owner);
        let mut others = Vec::new();
        for address in self.members.iter().chain(seeds) {
            if owner != Some(address) && !others.contains(address) {
                others.push(address.clone());
            }
        }
        let turn = self.questions.checked_rem(others.len()).unwrap_or(0);
        others.rotate_left(turn);
        others.extend(owner.cloned());
        others
    }

    fn why_unknown(&self, slot: Slot) -> String {
        match &self.why_unknown {
            Some(why) => format!("no node names the owner of slot {slot}: {why}"),
            None => format!("no node has named the owner of slot {slot} in time"),
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
        state.table.follow(5, &node(2));
        let ports = |state: &State| {
            let candidates = state.candidates(&[node(3), node(4)], 5);
            candidates.iter().map(|it| it.port).collect::<Vec<_>>()
        };
        assert_eq!(ports(&state), [1, 3, 4, 2]);
        state.questions = 1;
        assert_eq!(ports(&state), [3, 4, 1, 2]);
        state.questions = 4;
        assert_eq!(ports(&state), [3, 4, 1, 2]);
        assert_eq!(State::default().candidates(&[], 5), []);
    }
}
