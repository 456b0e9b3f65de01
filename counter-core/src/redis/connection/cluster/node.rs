use std::sync::Arc;
use std::time::Duration;

use ::redis::Client;

use super::url::ClusterUrl;
use crate::error::BoxError;
use crate::redis::connection::clients::Clients;
use crate::redis::connection::manager::{Manager, Target};
use crate::redis::connection::outage::Outage;
use crate::redis::connection::packed::Packed;
use crate::redis::connection::pool::Pool;
use crate::redis::connection::reply::Reply;
use crate::redis::connection::url::Address;
use crate::redis::credentials::CredentialSource;
use crate::redis::timeouts::RedisTimeouts;

/// The longest time for connecting to a node that is asked who has which slot, and for its answer.
const QUESTION: Duration = Duration::from_millis(200);

/// How connections to every node of a cluster are made.
pub(crate) struct NodeSettings {
    pub(crate) clients: Clients,
    pub(crate) timeouts: RedisTimeouts,
    pub(crate) credentials: Option<CredentialSource>,
    /// How many connections to each node callers can use at a time.
    pub(crate) callers: u32,
}

/// One node, with connections of its own.
pub(super) struct Node {
    pub(super) address: Address,
    pub(super) pool: Pool,
    outage: Arc<Outage>,
}

impl Node {
    /// Returns the node at an address. Connects to nothing.
    pub(super) fn new(
        url: &ClusterUrl,
        address: &Address,
        settings: &NodeSettings,
    ) -> Result<Self, String> {
        let outage = Arc::new(Outage::default());
        let target = Target::Node(client_of(url, address, settings)?, Arc::clone(&outage));
        let manager = Manager::new(target, settings.timeouts, settings.credentials.clone());
        let pool = Pool::made_by(manager, settings.callers, settings.timeouts.wait);
        Ok(Self { address: address.clone(), pool, outage })
    }

    /// Returns why it takes no connections, if that was tried not long ago.
    pub(super) fn why_away(&self) -> Option<String> {
        self.outage.recent()
    }
}

/// Puts a question to the node at an address, on a connection that is closed again.
pub(super) fn ask(
    url: &ClusterUrl,
    address: &Address,
    settings: &NodeSettings,
    question: &Packed,
) -> Result<Reply, BoxError> {
    let client = client_of(url, address, settings)?;
    let mut timeouts = settings.timeouts;
    timeouts.connect = timeouts.connect.min(QUESTION);
    (timeouts.read, timeouts.write) = (QUESTION, QUESTION);
    let manager = Manager::new(Target::Server(client), timeouts, settings.credentials.clone());
    Ok(manager.ask_once(question)?)
}

fn client_of(
    url: &ClusterUrl,
    address: &Address,
    settings: &NodeSettings,
) -> Result<Arc<Client>, String> {
    Ok(Arc::new(settings.clients.client(url.node_at(address)?)?))
}
