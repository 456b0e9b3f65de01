#[cfg(feature = "redis-tls")]
use std::path::Path;
use std::time::Duration;

use ::redis::io::tcp::TcpSettings;
use ::redis::{Client, ConnectionInfo};
#[cfg(feature = "redis-tls")]
use ::redis::{ConnectionAddr, TlsCertificates};

use super::tcp::tcp_settings;

/// Makes the clients of a store, one for each server that it connects to.
#[derive(Clone)]
pub(crate) struct Clients {
    tcp: TcpSettings,
    #[cfg(feature = "redis-tls")]
    certificates: Option<TlsCertificates>,
}

impl Clients {
    /// Makes clients whose connections are probed after this time without traffic.
    pub(crate) fn new(keepalive: Option<Duration>) -> Self {
        Self {
            tcp: tcp_settings(keepalive),
            #[cfg(feature = "redis-tls")]
            certificates: None,
        }
    }

    /// Makes clients that trust the certificates in this file, and no others. Reads it now.
    #[cfg(feature = "redis-tls")]
    pub(crate) fn trusting(self, path: &Path) -> Result<Self, String> {
        let authorities = std::fs::read(path)
            .map_err(|error| format!("the certificates in {}: {error}", path.display()))?;
        let certificates = TlsCertificates { client_tls: None, root_cert: Some(authorities) };
        Ok(Self { certificates: Some(certificates), ..self })
    }

    /// Returns the client of one server. Connects to nothing.
    pub(crate) fn client(&self, info: ConnectionInfo) -> Result<Client, String> {
        let info = info.set_tcp_settings(self.tcp.clone());
        #[cfg(feature = "redis-tls")]
        if let Some(certificates) = self.certificates_for(info.addr()) {
            let client = Client::build_with_tls(info, certificates);
            return client.map_err(|error| error.to_string());
        }
        Client::open(info).map_err(|error| error.to_string())
    }

    /// Returns the certificates to be trusted, if TLS is spoken there and it is not the system's.
    #[cfg(feature = "redis-tls")]
    fn certificates_for(&self, address: &ConnectionAddr) -> Option<TlsCertificates> {
        if !matches!(address, ConnectionAddr::TcpTls { .. }) {
            return None;
        }
        // Chooses a provider of cryptography for rustls, which panics in a process that has not
        // chosen one. Fails if the application has chosen another, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        self.certificates.clone()
    }
}
