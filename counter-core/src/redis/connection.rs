//! Carries bytes to one server and back: the pools, the connections and the wire format.

mod applications_pool;
mod checkout;
mod clients;
mod cluster;
mod deadline;
mod doubts;
mod ended;
mod lost;
mod manager;
mod names;
mod outage;
mod packed;
mod permits;
mod pool;
mod refused;
mod reply;
mod reroute;
mod role;
mod script;
mod sentinel;
mod socket_timeouts;
mod tcp;
mod url;
mod wire;
#[cfg(feature = "r2d2-redis")]
mod wire_r2d2_redis;

pub(super) use checkout::{Checkout, ExchangeError};
pub(super) use clients::Clients;
pub(super) use cluster::{ClusterAccess, ClusterUrl, NodeSettings};
pub(super) use deadline::Deadline;
pub(super) use lost::{is_interrupted, is_lost_connection};
pub(super) use manager::{Manager, Target};
pub(super) use names::Names;
pub(super) use packed::{Args, Packed};
pub(super) use pool::{Lane, Pool};
pub(super) use reply::{Reply, Unexpected};
pub(super) use role::Role;
pub(super) use script::{Script, ScriptAnswer};
pub(super) use sentinel::{Follower, SentinelUrl, Watcher};
pub(super) use socket_timeouts::SocketTimeouts;
pub(super) use url::Address;
