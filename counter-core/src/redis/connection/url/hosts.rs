use super::address::{Address, split_at_first};
use super::flaw::UrlFlaw;
use super::login::{Login, Tls};

/// The parts of a URL that names several hosts, after its scheme.
pub(crate) struct HostsUrl<'u> {
    pub(crate) login: Login,
    pub(crate) hosts: Vec<Address>,
    /// The text after the hosts and a slash.
    pub(crate) path: &'u str,
    /// The text after a question mark.
    pub(crate) parameters: &'u str,
}

impl<'u> HostsUrl<'u> {
    /// Reads what comes after the scheme and its colon.
    pub(crate) fn parse(rest: &'u str, tls: Tls, default_port: u16) -> Result<Self, UrlFlaw> {
        let rest = rest.strip_prefix("//").ok_or(UrlFlaw::NoHost)?;
        if rest.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(UrlFlaw::Blank);
        }
        let (rest, fragment) = split_at_first(rest, '#');
        let (rest, parameters) = split_at_first(rest, '?');
        let (authority, path) = split_at_first(rest, '/');
        let tls = match (tls, fragment) {
            (tls, None) => tls,
            (Tls::On, Some("insecure")) => Tls::Insecure,
            _ => return Err(UrlFlaw::BadFragment),
        };
        let (user_info, hosts) = match authority.rsplit_once('@') {
            // What comes before it may be meant as a host.
            Some((user_info, _)) if user_info.contains(',') => return Err(UrlFlaw::CommaInLogin),
            Some((user_info, hosts)) => (user_info, hosts),
            None => ("", authority),
        };
        let hosts = hosts.split(',').map(|host| Address::parse(host, default_port));
        Ok(Self {
            hosts: hosts.collect::<Result<_, _>>()?,
            login: Login::parse(user_info, tls)?,
            path: path.unwrap_or_default(),
            parameters: parameters.unwrap_or_default(),
        })
    }
}
