use std::sync::Arc;

use ::redis::ConnectionInfo;

use super::connection::{
    Clients, ClusterAccess, ClusterUrl, Follower, Manager, NodeSettings, Pool, SentinelUrl, Target,
    Watcher,
};
use super::credentials::CredentialSource;
use super::endpoint::Endpoint;
use super::server::Connections;
use super::timeouts::RedisTimeouts;
use crate::error::{BoxError, Error, StoreStep};
use crate::names::Slot;

/// Makes what the connections of a store come from.
pub(super) struct Connecting {
    /// The slot that all names of the store have in a cluster, if they have the same one.
    pub(super) slot: Option<Slot>,
    /// The slot that the id of the store's data has in a cluster.
    pub(super) home: Slot,
    pub(super) timeouts: RedisTimeouts,
    pub(super) clients: Clients,
    pub(super) credentials: Option<CredentialSource>,
    /// How many connections callers can use at a time, to each server.
    pub(super) callers: u32,
    /// Whether nothing may be sent before the store is used.
    pub(super) lazily: bool,
}

impl Connecting {
    /// Returns what connections come from, and its address for people.
    pub(super) fn to(self, endpoint: Endpoint) -> Result<(Connections, String), Error> {
        let address = endpoint.to_string();
        let connections = match endpoint {
            Endpoint::Server(info) => return self.server(*info, address),
            Endpoint::Master(url) => self.master(url),
            Endpoint::Cluster(url) => self.cluster(url),
        };
        Ok((connections?, address))
    }

    /// A server may be a node of a cluster, which refuses what belongs to others.
    fn server(self, info: ConnectionInfo, address: String) -> Result<(Connections, String), Error> {
        let seed = ClusterUrl::of_node(&info).filter(|_| self.slot.is_some());
        let client = self.clients.client(info).map_err(unusable)?;
        let manager = self.manager(Target::Server(Arc::new(client)));
        self.try_out(&manager)?;
        match seed {
            Some(url) if !self.lazily && ClusterAccess::has_node(&manager) => {
                let address = url.to_string();
                Ok((self.cluster(url)?, address))
            }
            _ => Ok((Connections::of(self.pool(manager)), address)),
        }
    }

    fn master(self, url: SentinelUrl) -> Result<Connections, Error> {
        let follower = Follower::new(url, self.clients.clone()).map_err(unusable)?;
        let follower = Arc::new(follower);
        let manager = self.manager(Target::Master(Arc::clone(&follower)));
        self.try_out(&manager)?;
        let watcher = Watcher::start(follower).map_err(|error| no_connection(error.into()))?;
        Ok(Connections::of(self.pool(manager).watched_by(Some(watcher))))
    }

    fn cluster(self, url: ClusterUrl) -> Result<Connections, Error> {
        let Self { slot, home, timeouts, clients, credentials, callers, lazily } = self;
        let settings = NodeSettings { clients, timeouts, credentials, callers };
        let cluster = ClusterAccess::new(url, slot, settings);
        if !lazily {
            cluster.try_out(home, timeouts.wait, timeouts.read).map_err(no_connection)?;
        }
        Ok(Connections::Cluster(cluster))
    }

    fn manager(&self, target: Target) -> Manager {
        Manager::new(target, self.timeouts, self.credentials.clone())
    }

    fn try_out(&self, manager: &Manager) -> Result<(), Error> {
        if self.lazily {
            return Ok(());
        }
        manager.try_out().map_err(|why| no_connection(why.into()))
    }

    fn pool(&self, manager: Manager) -> Pool {
        Pool::made_by(manager, self.callers, self.timeouts.wait)
    }
}

fn unusable(why: String) -> Error {
    Error::RedisUrl { why }
}

fn no_connection(source: BoxError) -> Error {
    Error::Store { step: StoreStep::Connect, source }
}
