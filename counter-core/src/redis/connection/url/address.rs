use std::fmt;
use std::net::Ipv6Addr;
use std::num::NonZeroU16;

use super::flaw::UrlFlaw;

/// A host and a port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Address {
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Address {
    /// Reads an address, which may name no port.
    pub(super) fn parse(text: &str, default_port: u16) -> Result<Self, UrlFlaw> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, after) = rest.split_once(']').ok_or(UrlFlaw::BadIpv6)?;
                let is_ipv6 = host.parse::<Ipv6Addr>().is_ok();
                let port = match after.strip_prefix(':') {
                    Some(port) => Some(port),
                    None if after.is_empty() => None,
                    None => return Err(UrlFlaw::BadIpv6),
                };
                if !is_ipv6 {
                    return Err(UrlFlaw::BadIpv6);
                }
                (host, port)
            }
            None => split_at_first(text, ':'),
        };
        match port.map(str::parse::<NonZeroU16>) {
            _ if port.is_some_and(|port| port.contains(':')) => Err(UrlFlaw::BadIpv6),
            _ if host.is_empty() => Err(UrlFlaw::NoHost),
            Some(Ok(port)) => Ok(Self::new(host, port.get())),
            Some(Err(_)) => Err(UrlFlaw::BadPort),
            None => Ok(Self::new(host, default_port)),
        }
    }

    pub(crate) fn new(host: impl Into<String>, port: u16) -> Self {
        Self { host: host.into(), port }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

/// Splits at the first such character, if there is one.
pub(super) fn split_at_first(text: &str, at: char) -> (&str, Option<&str>) {
    match text.split_once(at) {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}
