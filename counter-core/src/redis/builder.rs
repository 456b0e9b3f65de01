use std::fmt;
use std::num::NonZeroU32;
#[cfg(feature = "redis-tls")]
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::confirmation_rule::ConfirmationRule;
use super::connecting::Connecting;
use super::connection::{Clients, Names};
use super::credentials::{CredentialSource, RedisCredentials};
use super::endpoint::Endpoint;
use super::store::RedisStore;
use super::timeouts::RedisTimeouts;
use crate::confirmation::Confirmation;
use crate::error::{BoxError, Error};
use crate::names::Prefix;

/// Describes a [`RedisStore`] on a pool of its own. [`RedisStore::builder`] returns one.
///
/// ```
/// # use std::num::NonZeroU32;
/// # use std::time::Duration;
/// # use counter_core::RedisStore;
/// let store = RedisStore::builder("redis://127.0.0.1/")
///     // As many connections as threads that count at the same time.
///     .pool_size(NonZeroU32::MIN.saturating_add(31))
///     .read_timeout(Duration::from_millis(200))
///     .connect_lazily()
///     .build()?;
/// # Ok::<(), counter_core::Error>(())
/// ```
pub struct RedisStoreBuilder {
    /// Or why the URL cannot be used.
    endpoint: Result<Endpoint, String>,
    prefix: Prefix,
    timeouts: RedisTimeouts,
    keepalive: Option<Duration>,
    credentials: Option<CredentialSource>,
    #[cfg(feature = "redis-tls")]
    ca_file: Option<PathBuf>,
    pool_size: NonZeroU32,
    lazily: bool,
    has_index: bool,
    confirmation: Option<Confirmation>,
}

const DEFAULT_POOL_SIZE: NonZeroU32 = match NonZeroU32::new(10) {
    Some(size) => size,
    None => NonZeroU32::MIN,
};

const DEFAULT_KEEPALIVE: Duration = Duration::from_secs(60);

impl RedisStore {
    /// Begins to describe a store on a pool of its own.
    ///
    /// The URL is one of
    ///
    /// - `redis://[user][:password@]host[:port][/database]`
    /// - `rediss://...`, the same with TLS, which needs the feature `redis-tls`; with `#insecure`
    ///   at the end it takes any certificate, an impostor's too
    /// - `redis+unix:///path/to/socket[?db=database][&user=user][&pass=password]`
    /// - `redis+sentinel://[user][:password@]host[:port][,host[:port]...]/master[/database]`, which
    ///   leads to the master that these sentinels name, see [`RedisStore`](RedisStore#sentinel)
    /// - `rediss+sentinel://...`, the same with TLS to the master and to the sentinels
    /// - `redis+cluster://[user][:password@]host[:port][,host[:port]...]`, which leads to the
    ///   cluster that these nodes belong to, see [`RedisStore`](RedisStore#cluster); `redis://`
    ///   with one of its nodes does too, where the prefix has a tag and the store does not connect
    ///   lazily
    /// - `rediss+cluster://...`, the same with TLS
    ///
    /// with everything that means something in a URL percent-encoded. Whether it can be used is
    /// known when the store is built.
    pub fn builder(url: impl AsRef<str>) -> RedisStoreBuilder {
        RedisStoreBuilder::new(url.as_ref())
    }
}

impl RedisStoreBuilder {
    fn new(url: &str) -> Self {
        Self {
            endpoint: Endpoint::parse(url),
            prefix: Prefix::default(),
            timeouts: RedisTimeouts::default(),
            keepalive: Some(DEFAULT_KEEPALIVE),
            credentials: None,
            #[cfg(feature = "redis-tls")]
            ca_file: None,
            pool_size: DEFAULT_POOL_SIZE,
            lazily: false,
            has_index: true,
            confirmation: None,
        }
    }

    /// Sets what all names in Redis start with. Default: `counter:`.
    #[must_use]
    pub fn prefix(mut self, prefix: Prefix) -> Self {
        self.prefix = prefix;
        self
    }

    /// Sets the maximum number of connections that count and read at the same time. Default: 10.
    /// They are made when they are needed. Two more are kept for syncs.
    #[must_use]
    pub fn pool_size(mut self, connections: NonZeroU32) -> Self {
        self.pool_size = connections;
        self
    }

    /// Sets all time-outs at once. Default: [`RedisTimeouts::default`].
    #[must_use]
    pub fn timeouts(mut self, timeouts: RedisTimeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// Sets how long to wait for a connection of the pool. Default: 1 second.
    #[must_use]
    pub fn wait_timeout(mut self, wait: Duration) -> Self {
        self.timeouts.wait = wait;
        self
    }

    /// Sets how long making a connection may take. Default: 500 milliseconds.
    #[must_use]
    pub fn connect_timeout(mut self, connect: Duration) -> Self {
        self.timeouts.connect = connect;
        self
    }

    /// Sets how long the server may take to answer, see [`RedisTimeouts::read`]. Default: 1 second.
    #[must_use]
    pub fn read_timeout(mut self, read: Duration) -> Self {
        self.timeouts.read = read;
        self
    }

    /// Sets how long the server may take to receive what is sent. Default: 1 second.
    #[must_use]
    pub fn write_timeout(mut self, write: Duration) -> Self {
        self.timeouts.write = write;
        self
    }

    /// Sets how long a connection may be unused before it has to answer when it is used again, see
    /// [`RedisTimeouts::quiet`]. Default: 1 second.
    #[must_use]
    pub fn quiet_time(mut self, quiet: Duration) -> Self {
        self.timeouts.quiet = quiet;
        self
    }

    /// Sets after which time without traffic the system probes whether the other side of a
    /// connection is still there, or that it never does. Default: after 1 minute, then every 15
    /// seconds, four times.
    ///
    /// The probes also keep load balancers and firewalls from forgetting a connection that is
    /// quiet. Most do after 4 minutes or later.
    #[must_use]
    pub fn tcp_keepalive(mut self, after: Option<Duration>) -> Self {
        self.keepalive = after;
        self
    }

    /// Makes claims wait until replicas or disks have them too, before they are applied. Default:
    /// they do not wait, except that behind Sentinel and in a cluster they wait for one replica
    /// while the master has any.
    #[must_use]
    pub fn confirm_claims(mut self, confirmation: Confirmation) -> Self {
        self.confirmation = Some(confirmation);
        self
    }

    /// Like [`confirm_claims`](Self::confirm_claims), unless that was called.
    #[must_use]
    pub fn confirm_claims_by_default(mut self, confirmation: Option<Confirmation>) -> Self {
        self.confirmation = self.confirmation.or(confirmation);
        self
    }

    /// Asks `source` for the user and the password of each new connection to the server, instead of
    /// those of the URL. So a password can change while the process runs. Default: those of the
    /// URL.
    ///
    /// If the server refuses them, `source` is asked once more before the connection fails. It
    /// is called on threads of the pool, and should answer soon.
    ///
    /// ```
    /// # use counter_core::{RedisCredentials, RedisStore};
    /// let builder = RedisStore::builder("redis://cache.internal/").credentials(|| {
    ///     let password = std::fs::read_to_string("/run/secrets/redis")?;
    ///     Ok(RedisCredentials::new("app", password.trim_end()))
    /// });
    /// # let _ = builder;
    /// ```
    #[must_use]
    pub fn credentials(
        mut self,
        source: impl Fn() -> Result<RedisCredentials, BoxError> + Send + Sync + 'static,
    ) -> Self {
        self.credentials = Some(CredentialSource(Arc::new(source)));
        self
    }

    /// Trusts the certificates in this PEM file, and no others, wherever TLS is spoken: those of a
    /// private authority, or one that the server has signed itself. It is read when the store is
    /// built.
    /// Default: the certificates that the system trusts, or those in the file that the environment
    /// variable `SSL_CERT_FILE` names.
    #[cfg(feature = "redis-tls")]
    #[must_use]
    pub fn ca_file(mut self, path: impl AsRef<Path>) -> Self {
        self.ca_file = Some(path.as_ref().to_owned());
        self
    }

    /// Leaves the index alone, see [`RedisStore::without_index`].
    #[must_use]
    pub fn without_index(mut self) -> Self {
        self.has_index = false;
        self
    }

    /// Sends nothing before the store is used, so that the application can start while Redis is
    /// down.
    #[must_use]
    pub fn connect_lazily(mut self) -> Self {
        self.lazily = true;
        self
    }

    /// Returns the store.
    ///
    /// # Errors
    ///
    /// [`Error::RedisUrl`] if the URL, or a file with certificates, cannot be used. Unless it
    /// [connects lazily](Self::connect_lazily), [`Error::Store`] if the server cannot be reached,
    /// does not let this user in or does not answer, each within its time-out.
    pub fn build(self) -> Result<RedisStore, Error> {
        let timeouts = self.timeouts.in_bounds();
        let endpoint = self.endpoint.clone().map_err(|why| Error::RedisUrl { why })?;
        let clients = self.clients(&endpoint).map_err(|why| Error::RedisUrl { why })?;
        let connecting = Connecting {
            slot: self.prefix.slot(),
            home: Names::in_cluster(self.prefix.clone()).home(),
            timeouts,
            clients,
            credentials: self.credentials,
            callers: self.pool_size.get(),
            lazily: self.lazily,
        };
        let (connections, address) = connecting.to(endpoint)?;
        let rule = ConfirmationRule::new(self.confirmation, connections.fails_over());
        let store = RedisStore::on(connections, self.prefix, timeouts, address).confirm_by(rule);
        Ok(if self.has_index { store } else { store.without_index() })
    }

    /// Returns what makes connections.
    fn clients(&self, endpoint: &Endpoint) -> Result<Clients, String> {
        let clients = Clients::new(self.keepalive);
        #[cfg(feature = "redis-tls")]
        let clients = match &self.ca_file {
            Some(_) if !endpoint.has_tls() => {
                return Err("a file with certificates needs TLS, such as rediss://".to_owned());
            }
            Some(path) => clients.trusting(path)?,
            None => clients,
        };
        #[cfg(not(feature = "redis-tls"))]
        let _ = endpoint;
        Ok(clients)
    }
}

/// Shows neither user nor password.
impl fmt::Debug for RedisStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.endpoint.as_ref().map(ToString::to_string);
        f.debug_struct("RedisStoreBuilder")
            .field("server", &address)
            .field("prefix", &self.prefix.as_str())
            .field("timeouts", &self.timeouts)
            .field("keepalive", &self.keepalive)
            .field("pool_size", &self.pool_size)
            .field("lazily", &self.lazily)
            .field("has_index", &self.has_index)
            .field("confirmation", &self.confirmation)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flaw_of(url: &str) -> String {
        RedisStore::builder(url).connect_lazily().build().unwrap_err().to_string()
    }

    #[test]
    fn what_connects_lazily_is_built_without_a_server() {
        for url in [
            "redis://127.0.0.1:1/",
            "redis://user:secret@localhost:1/3",
            "redis+unix:///nowhere/redis.sock?db=3&pass=secret",
        ] {
            assert!(RedisStore::builder(url).connect_lazily().build().is_ok(), "{url}");
        }
    }

    #[test]
    fn a_url_that_cannot_be_used_is_refused() {
        for url in [
            "",
            "secret",
            "http://:secret@localhost/",
            "redis://:secret@localhost/secret",
            "redis://:secret@0.0.0.0/",
            "redis://:secret@localhost:secret/",
            "redis://:sec/ret@localhost/",
            "redis://:%FF@localhost/",
            "redis://:secret@localhost/?protocol=4",
        ] {
            let flaw = flaw_of(url);
            assert!(flaw.contains("Redis URL"), "{flaw}");
        }
    }

    #[test]
    fn a_password_that_is_not_percent_encoded_is_answered_with_what_to_write() {
        for (password, encoded) in [("sec/ret", "%2F"), ("sec#ret", "%23"), ("sec?ret", "%3F")] {
            let flaw = flaw_of(&format!("redis://:{password}@localhost/"));
            assert!(flaw.contains(encoded) && !flaw.contains("sec"), "{flaw}");
        }
    }

    #[cfg(feature = "redis-tls")]
    #[test]
    fn tls_has_a_provider_of_cryptography() {
        let built = RedisStore::builder("rediss://localhost/").connect_lazily().build();
        assert!(built.is_ok(), "{built:?}");
        assert!(rustls::crypto::CryptoProvider::get_default().is_some());
    }

    #[cfg(not(feature = "redis-tls"))]
    #[test]
    fn tls_without_its_feature_is_refused_with_the_name_of_the_feature() {
        assert!(flaw_of("rediss://localhost/").contains("`redis-tls`"));
    }
}
