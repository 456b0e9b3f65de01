use std::sync::Arc;
use std::time::Duration;

use super::cluster::Cluster;
use super::journey::Way;
use super::node::NodeSettings;
use super::slots::Slots;
use super::url::ClusterUrl;
use crate::error::BoxError;
use crate::names::Slot;
use crate::redis::connection::checkout::Checkout;
use crate::redis::connection::deadline::Deadline;
use crate::redis::connection::manager::Manager;
use crate::redis::connection::packed::Packed;
use crate::redis::connection::pool::Lane;
use crate::redis::connection::reply::Reply;
use crate::redis::connection::url::Address;

/// Lends connections to the nodes of a cluster, for each slot to the one that has it.
pub(crate) struct ClusterAccess {
    cluster: Arc<Cluster>,
    /// The slot of all names, if they are in one.
    only: Option<Slot>,
}

impl ClusterAccess {
    pub(crate) fn new(url: ClusterUrl, only: Option<Slot>, settings: NodeSettings) -> Self {
        Self { cluster: Arc::new(Cluster::new(url, only, settings)), only }
    }

    /// Returns whether the server that `manager` connects to says that it is a node of a cluster.
    pub(crate) fn has_node(manager: &Manager) -> bool {
        let slots = manager.ask_once(&Slots::question());
        matches!(slots, Ok(Reply::Array(ranges)) if !ranges.is_empty())
    }

    /// Returns the slot of all names, if they are in one.
    pub(crate) fn only_slot(&self) -> Option<Slot> {
        self.only
    }

    /// Returns the address of the node that has a slot, if it is known.
    pub(crate) fn owner(&self, slot: Slot) -> Option<Arc<Address>> {
        self.cluster.known_owner(slot)
    }

    /// Returns the nodes that have slots, each once, in an order that is the same in each era.
    pub(crate) fn masters(&self) -> Vec<Arc<Address>> {
        self.cluster.masters()
    }

    /// Returns the first slot of each node that has any, and the node.
    pub(crate) fn first_slots(&self) -> Vec<(Slot, Arc<Address>)> {
        self.cluster.first_slots()
    }

    /// Asks who has which slot, if nothing is known yet.
    pub(crate) fn learn(&self, until: Deadline) {
        if self.cluster.era() == 0 {
            self.cluster.ask_nodes(self.only.unwrap_or_default(), Some(until));
        }
    }

    /// Takes what the node at this address has answered to CLUSTER SLOTS.
    pub(crate) fn note_slots(&self, reply: Reply, asked: &Address) -> Result<(), BoxError> {
        self.cluster.note_slots(Slots::read(reply, asked)?, asked);
        Ok(())
    }

    /// Returns how many nodes were named, with replicas.
    pub(crate) fn members(&self) -> u64 {
        self.cluster.members().len() as u64
    }

    /// Returns the number of the present state among those that the slots have had.
    pub(crate) fn era(&self) -> u32 {
        self.cluster.era()
    }

    /// Checks that a node can be reached that has this slot, lets this user in and answers.
    pub(crate) fn try_out(
        &self,
        slot: Slot,
        within: Duration,
        read: Duration,
    ) -> Result<(), BoxError> {
        self.with_checkout(slot, Lane::Callers, Deadline::after(within), |checkout| match checkout
            .ask(
            &Packed::ping(),
            Deadline::after(read),
        )? {
            Reply::Refused(refused) => Err(refused.into()),
            _ => Ok(()),
        })?
    }

    /// Calls `exchange` with a connection to the owner of a slot.
    ///
    /// # Errors
    ///
    /// Why there is no such connection. Nothing was sent then.
    pub(crate) fn with_checkout<T>(
        &self,
        slot: Slot,
        lane: Lane,
        until: Deadline,
        exchange: impl FnOnce(&mut Checkout<'_>) -> T,
    ) -> Result<T, BoxError> {
        let cluster = &self.cluster;
        loop {
            let owner = cluster.owner(slot, until)?;
            let why = match cluster.check_out(&owner, lane, until) {
                Ok(checkout) => {
                    let way = Way { cluster, node: &owner.address, slot };
                    return Ok(exchange(&mut checkout.with_others(&way)));
                }
                Err(why) => why,
            };
            cluster.ask_nodes(slot, Some(until));
            if cluster.is_owner(slot, &owner.address) || until.left().is_zero() {
                return Err(why);
            }
        }
    }

    /// Calls `exchange` with a connection to one of the nodes, whatever it has. Its commands must
    /// have no names.
    ///
    /// # Errors
    ///
    /// Why there is no such connection. Nothing was sent then.
    pub(crate) fn with_node<T>(
        &self,
        address: &Address,
        lane: Lane,
        until: Deadline,
        exchange: impl FnOnce(&mut Checkout<'_>) -> T,
    ) -> Result<T, BoxError> {
        let node = self.cluster.node(address)?;
        let checkout = self.cluster.check_out(&node, lane, until);
        let mut checkout = checkout.inspect_err(|_| {
            self.cluster.ask_nodes(self.only.unwrap_or_default(), None);
        })?;
        Ok(exchange(&mut checkout))
    }
}
