use std::fmt;

#[cfg(feature = "redis-tls")]
use ::redis::ConnectionAddr;
use ::redis::{ConnectionInfo, IntoConnectionInfo as _};

use super::connection::{ClusterUrl, SentinelUrl};
use crate::url_encoding::encoding_hint;

/// The target of a store's URL.
#[derive(Clone)]
pub(crate) enum Endpoint {
    /// One server.
    Server(Box<ConnectionInfo>),
    /// The master that sentinels name.
    Master(SentinelUrl),
    /// The nodes of a cluster.
    Cluster(ClusterUrl),
}

impl Endpoint {
    /// Returns where the URL leads to, or why it cannot be used, without a part that may be a
    /// password.
    pub(crate) fn parse(url: &str) -> Result<Self, String> {
        if let Some(sentinels) = SentinelUrl::parse(url) {
            return sentinels.map(Self::Master);
        }
        if let Some(cluster) = ClusterUrl::parse(url) {
            return cluster.map(Self::Cluster);
        }
        let scheme = url.split(':').next().unwrap_or_default();
        if matches!(scheme, "rediss" | "valkeys") && !cfg!(feature = "redis-tls") {
            return Err(format!("{scheme}:// needs the feature `redis-tls`"));
        }
        let info = url.into_connection_info().map_err(|error| {
            let hint = encoding_hint(url).unwrap_or(
                "use redis://user:password@host:port/database, rediss://, redis+unix:///path, \
                 redis+sentinel://host:port/master or redis+cluster://host:port",
            );
            format!("{error}: {hint}")
        })?;
        Ok(Self::Server(Box::new(info)))
    }

    /// Returns whether TLS is spoken to any of the servers.
    #[cfg(feature = "redis-tls")]
    pub(crate) fn has_tls(&self) -> bool {
        match self {
            Self::Server(info) => matches!(info.addr(), ConnectionAddr::TcpTls { .. }),
            Self::Master(url) => url.has_tls(),
            Self::Cluster(url) => url.has_tls(),
        }
    }
}

/// Shows the address and the number of the database: no user and no password.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server(info) => write!(f, "{}/{}", info.addr(), info.redis_settings().db()),
            Self::Master(url) => write!(f, "{url}"),
            Self::Cluster(url) => write!(f, "{url}"),
        }
    }
}
