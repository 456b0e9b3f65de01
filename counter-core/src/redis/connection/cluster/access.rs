use std::sync::Arc;
use std::time::Duration;

use super::cluster::Cluster;
use super::journey::Way;
use super::node::NodeSettings;
use super::url::ClusterUrl;
use crate::error::BoxError;
use crate::redis::connection::checkout::Checkout;
use crate::redis::connection::deadline::Deadline;
use crate::redis::connection::packed::Packed;
use crate::redis::connection::pool::Lane;
use crate::redis::connection::reply::Reply;

/// Lends connections to the node of a cluster that has the slot.
pub(crate) struct ClusterAccess {
    cluster: Arc<Cluster>,
}

impl ClusterAccess {
    pub(crate) fn new(url: ClusterUrl, slot: u16, settings: NodeSettings) -> Self {
        Self { cluster: Arc::new(Cluster::new(url, slot, settings)) }
    }

    /// Returns the slot in which all names are.
    pub(crate) fn slot(&self) -> u16 {
        self.cluster.slot()
    }

    /// Returns the address of the node that has the slot, if it is known.
    pub(crate) fn owner(&self) -> Option<String> {
        self.cluster.known_owner().map(|owner| owner.to_string())
    }

    /// Returns how many nodes were named, with replicas.
    pub(crate) fn members(&self) -> u64 {
        self.cluster.members()
    }

    /// Returns the number of the present owner among those that the slot has had.
    pub(crate) fn era(&self) -> u32 {
        self.cluster.era()
    }

    /// Checks that a node can be reached that has the slot, lets this user in and answers.
    pub(crate) fn try_out(&self, within: Duration, read: Duration) -> Result<(), BoxError> {
        self.with_checkout(Lane::Callers, Deadline::after(within), |checkout| {
            match checkout.ask(&Packed::ping(), Deadline::after(read))? {
                Reply::Refused(refused) => Err(refused.into()),
                _ => Ok(()),
            }
        })?
    }

    /// Calls `exchange` with a connection to the owner of the slot.
    ///
    /// # Errors
    ///
    /// Why there is no such connection. Nothing was sent then.
    pub(crate) fn with_checkout<T>(
        &self,
        lane: Lane,
        until: Deadline,
        exchange: impl FnOnce(&mut Checkout<'_>) -> T,
    ) -> Result<T, BoxError> {
        let cluster = &self.cluster;
        loop {
            let owner = cluster.owner(until)?;
            let why = match cluster.check_out(&owner, lane, until) {
                Ok(checkout) => {
                    let way = Way { cluster, node: &owner.address };
                    return Ok(exchange(&mut checkout.with_others(&way)));
                }
                Err(why) => why,
            };
            cluster.ask_nodes(Some(until));
            if cluster.is_owner(&owner.address) || until.left().is_zero() {
                return Err(why);
            }
        }
    }
}
