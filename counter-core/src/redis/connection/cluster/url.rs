use std::fmt;

use ::redis::ConnectionInfo;

use crate::redis::connection::url::{Address, HostsUrl, Login, Tls, UrlFlaw};
use crate::url_encoding::encoding_hint;

/// The port of a node that names none.
const DEFAULT_PORT: u16 = 6379;

/// The form that a URL has.
const FORM: &str = "use redis+cluster://user:password@host:6379,host:6379, or rediss+cluster://";

/// Where nodes of a cluster are, and how all of them are connected to.
#[derive(Clone)]
pub(crate) struct ClusterUrl {
    seeds: Vec<Address>,
    login: Login,
}

impl ClusterUrl {
    /// Returns what a URL says, or `None` if its scheme is another one.
    pub(crate) fn parse(url: &str) -> Option<Result<Self, String>> {
        let (scheme, rest) = url.split_once(':')?;
        let tls = match scheme {
            "redis+cluster" => Tls::Off,
            "rediss+cluster" => Tls::On,
            _ => return None,
        };
        let parsed = HostsUrl::parse(rest, tls, DEFAULT_PORT).and_then(Self::of_hosts);
        let explain = |flaw| format!("{flaw}: {}", encoding_hint(url).unwrap_or(FORM));
        Some(parsed.map_err(explain))
    }

    fn of_hosts(url: HostsUrl<'_>) -> Result<Self, UrlFlaw> {
        if !matches!(url.path, "" | "0") || !url.parameters.is_empty() {
            return Err(UrlFlaw::NoPath);
        }
        if url.login.tls != Tls::Off && !cfg!(feature = "redis-tls") {
            return Err(UrlFlaw::NoTls);
        }
        Ok(Self { seeds: url.hosts, login: url.login })
    }

    #[cfg(feature = "redis-tls")]
    pub(crate) fn has_tls(&self) -> bool {
        self.login.tls != Tls::Off
    }

    /// Returns the nodes that it names.
    pub(super) fn seeds(&self) -> &[Address] {
        &self.seeds
    }

    /// Returns how to connect to the node at this address.
    pub(super) fn node_at(&self, address: &Address) -> Result<ConnectionInfo, String> {
        self.login.info(address, self.login.settings())
    }
}

/// Shows the nodes: no user and no password.
impl fmt::Display for ClusterUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seeds: Vec<_> = self.seeds.iter().map(ToString::to_string).collect();
        write!(f, "the cluster of {}", seeds.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> Result<ClusterUrl, String> {
        ClusterUrl::parse(url).unwrap()
    }

    #[test]
    fn other_schemes_are_others() {
        for url in ["", "redis://h/", "redis+sentinel://h/m", "cluster://h", "s3cret"] {
            assert!(ClusterUrl::parse(url).is_none(), "{url}");
        }
    }

    #[test]
    fn every_part_of_a_url_is_read() {
        for end in ["", "/", "/0", "?"] {
            let url = parsed(&format!("redis+cluster://app:p%40ss@h1,[::1]:7001,h3:7002{end}"));
            let url = url.unwrap();
            assert_eq!(url.to_string(), "the cluster of h1:6379,[::1]:7001,h3:7002");
            let info = url.node_at(&url.seeds()[1]).unwrap();
            assert_eq!(info.addr().to_string(), "::1:7001");
            let settings = info.redis_settings();
            assert_eq!((settings.username(), settings.password()), (Some("app"), Some("p@ss")));
        }
    }

    #[test]
    fn a_url_that_cannot_be_used_is_refused_with_what_is_wrong_and_none_of_it_is_quoted() {
        use UrlFlaw::*;
        for (rest, expected) in [
            ("//", NoHost),
            ("h", NoHost),
            ("//h,,i", NoHost),
            ("//h:s3cret", BadPort),
            ("//u:s3cret@h,u:s3cret@i", CommaInLogin),
            ("//h/1", NoPath),
            ("//h/s3cret", NoPath),
            ("//h/0?s3cret=1", NoPath),
            ("//h#insecure", BadFragment),
            ("//u:s3 cret@h", Blank),
            ("//u:s3%cret@h", BadEncoding),
        ] {
            let flaw = parsed(&format!("redis+cluster:{rest}")).map(|_| ()).unwrap_err();
            assert!(flaw.starts_with(&expected.to_string()), "{rest}: {flaw}");
            assert!(!flaw.contains("s3") && !flaw.contains("cret"), "{rest}: {flaw}");
        }
    }
}
