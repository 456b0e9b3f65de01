//! Finds the node of a cluster that has a slot, and sends each command where it belongs.

mod access;
mod cluster;
mod journey;
mod node;
mod redirect;
mod slots;
mod table;
mod url;

pub(crate) use access::ClusterAccess;
pub(crate) use node::NodeSettings;
pub(crate) use url::ClusterUrl;
