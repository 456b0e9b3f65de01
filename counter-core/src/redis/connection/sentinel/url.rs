use std::fmt;

use ::redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _, RedisConnectionInfo};

use super::address::{Address, split_at_first};
use super::url_flaw::{FORM, UrlFlaw};
use crate::url_encoding::{decode, encoding_hint};

/// Where a set of sentinels is, which master they watch, and how both are connected to.
#[derive(Clone)]
pub(crate) struct SentinelUrl {
    sentinels: Vec<Address>,
    master_name: String,
    master: Login,
    sentinel: Login,
    db: i64,
}

/// How connections to one kind of server are made.
#[derive(Clone, Default, PartialEq, Eq)]
struct Login {
    user: Option<String>,
    password: Option<String>,
    tls: Tls,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Tls {
    #[default]
    Off,
    On,
    /// Any certificate is taken.
    Insecure,
}

impl SentinelUrl {
    /// Returns what a URL says, or `None` if its scheme is another one.
    pub(crate) fn parse(url: &str) -> Option<Result<Self, String>> {
        let (scheme, rest) = url.split_once(':')?;
        let tls = match scheme {
            "redis+sentinel" => Tls::Off,
            "rediss+sentinel" => Tls::On,
            _ => return None,
        };
        let parsed = rest.strip_prefix("//").ok_or(UrlFlaw::NoSentinel);
        let parsed = parsed.and_then(|rest| Self::parse_rest(rest, tls));
        Some(parsed.map_err(|flaw| {
            // A password in the parameters may have any of these characters in it.
            let before = url.split_once("?sentinel_").map_or(url, |(before, _)| before);
            format!("{flaw}: {}", encoding_hint(before).unwrap_or(FORM))
        }))
    }

    fn parse_rest(rest: &str, tls: Tls) -> Result<Self, UrlFlaw> {
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
            // What comes before it may be meant as a sentinel.
            Some((user_info, _)) if user_info.contains(',') => return Err(UrlFlaw::CommaInLogin),
            Some((user_info, hosts)) => (Some(user_info), hosts),
            None => (None, authority),
        };
        let (master_name, db) = parse_path(path.unwrap_or_default())?;
        let mut url = Self {
            sentinels: hosts.split(',').map(Address::parse).collect::<Result<_, _>>()?,
            master_name,
            master: Login::parse(user_info.unwrap_or_default(), tls)?,
            sentinel: Login { tls, ..Login::default() },
            db,
        };
        url.take_parameters(parameters.unwrap_or_default())?;
        if url.has_tls() && !cfg!(feature = "redis-tls") {
            return Err(UrlFlaw::NoTls);
        }
        Ok(url)
    }

    fn take_parameters(&mut self, parameters: &str) -> Result<(), UrlFlaw> {
        let mut seen = Vec::new();
        for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
            let (name, value) = parameter.split_once('=').ok_or(UrlFlaw::UnknownParameter)?;
            if seen.contains(&name) {
                return Err(UrlFlaw::UnknownParameter);
            }
            seen.push(name);
            match name {
                "sentinel_user" => self.sentinel.user = decoded(value)?,
                "sentinel_password" => self.sentinel.password = decoded(value)?,
                "sentinel_tls" => self.sentinel.tls = self.master.tls.switched(value)?,
                _ => return Err(UrlFlaw::UnknownParameter),
            }
        }
        match (&self.sentinel.user, &self.sentinel.password) {
            (Some(_), None) => Err(UrlFlaw::UserAlone),
            _ => Ok(()),
        }
    }

    pub(crate) fn has_tls(&self) -> bool {
        [self.master.tls, self.sentinel.tls].iter().any(|tls| *tls != Tls::Off)
    }

    /// Returns how to connect to each sentinel.
    pub(crate) fn sentinels(&self) -> impl Iterator<Item = Result<ConnectionInfo, String>> {
        // A sentinel knows no CLIENT SETINFO before Redis 7.2.
        let settings = || self.sentinel.settings().set_skip_set_lib_name();
        self.sentinels.iter().map(move |address| self.sentinel.info(address, settings()))
    }

    /// Returns how to connect to a master that is at this address.
    pub(crate) fn master_at(&self, address: &Address) -> Result<ConnectionInfo, String> {
        self.master.info(address, self.master.settings().set_db(self.db))
    }

    pub(crate) fn master_name(&self) -> &str {
        &self.master_name
    }
}

/// Shows the master's name, the sentinels and the number of the database: no user and no password.
impl fmt::Display for SentinelUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sentinels: Vec<_> = self.sentinels.iter().map(ToString::to_string).collect();
        write!(f, "{} of {}/{}", self.master_name, sentinels.join(","), self.db)
    }
}

impl Login {
    fn parse(user_info: &str, tls: Tls) -> Result<Self, UrlFlaw> {
        let (user, password) = split_at_first(user_info, ':');
        Ok(Self { user: decoded(user)?, password: decoded(password.unwrap_or_default())?, tls })
    }

    fn settings(&self) -> RedisConnectionInfo {
        let mut settings = RedisConnectionInfo::default();
        if let Some(user) = &self.user {
            settings = settings.set_username(user);
        }
        match &self.password {
            Some(password) => settings.set_password(password),
            None => settings,
        }
    }

    fn info(
        &self,
        address: &Address,
        settings: RedisConnectionInfo,
    ) -> Result<ConnectionInfo, String> {
        let (host, port) = (address.host.clone(), address.port);
        let insecure = self.tls == Tls::Insecure;
        let address = match self.tls {
            Tls::Off => ConnectionAddr::Tcp(host, port),
            _ => ConnectionAddr::TcpTls { host, port, insecure, tls_params: None },
        };
        let info = address.into_connection_info().map_err(|error| error.to_string())?;
        Ok(info.set_redis_settings(settings))
    }
}

impl Tls {
    /// Returns what the sentinels have where the masters have this.
    fn switched(self, switch: &str) -> Result<Self, UrlFlaw> {
        match (switch, self) {
            ("yes", Self::Off) => Ok(Self::On),
            ("yes", tls) => Ok(tls),
            ("no", _) => Ok(Self::Off),
            _ => Err(UrlFlaw::BadTls),
        }
    }
}

/// Returns the master's name and the number of the database.
fn parse_path(path: &str) -> Result<(String, i64), UrlFlaw> {
    let mut parts = path.split('/');
    let name = decoded(parts.next().unwrap_or_default())?.ok_or(UrlFlaw::NoMasterName)?;
    let db = match parts.next() {
        None | Some("") => 0,
        Some(db) => db.parse::<u32>().map_err(|_| UrlFlaw::BadDatabase)?,
    };
    match parts.next() {
        None => Ok((name, db.into())),
        Some(_) => Err(UrlFlaw::TooManyParts),
    }
}

/// Returns the text without percent-encoding, or `None` for an empty one.
fn decoded(text: &str) -> Result<Option<String>, UrlFlaw> {
    if text.contains('@') {
        return Err(UrlFlaw::BadEncoding);
    }
    let text = decode(text).ok_or(UrlFlaw::BadEncoding)?;
    Ok(Some(text).filter(|text| !text.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> SentinelUrl {
        SentinelUrl::parse(url).unwrap().unwrap()
    }

    fn flaw(url: &str) -> String {
        SentinelUrl::parse(url).unwrap().map(|_| ()).unwrap_err()
    }

    #[test]
    fn other_schemes_are_others() {
        for url in ["", "redis://h/", "redis+unix:///s", "sentinel://h/m", "s3cret"] {
            assert!(SentinelUrl::parse(url).is_none(), "{url}");
        }
    }

    #[test]
    fn every_part_of_a_url_is_read() {
        let url = parsed(
            "redis+sentinel://app:p%40ss%2F@h1:7000,[::1]:7001,h3,[fe80::2]/my%20master/3\
             ?sentinel_user=watch&sentinel_password=%26s=3",
        );
        assert_eq!(url.to_string(), "my master of h1:7000,[::1]:7001,h3:26379,[fe80::2]:26379/3");
        assert_eq!(url.master_name(), "my master");
        let master = url.master_at(&Address::new("::1", 6379)).unwrap();
        assert_eq!(master.addr().to_string(), "::1:6379");
        let settings = master.redis_settings();
        assert_eq!((settings.username(), settings.password()), (Some("app"), Some("p@ss/")));
        assert_eq!(settings.db(), 3);
        let master = parsed("redis+sentinel://a%2Cb:c%2C%20d@h/m").master;
        assert_eq!(master.user.as_deref(), Some("a,b"));
        assert_eq!(master.password.as_deref(), Some("c, d"));
        let sentinels: Vec<_> = url.sentinels().map(Result::unwrap).collect();
        assert_eq!(sentinels.len(), 4);
        let settings = sentinels[1].redis_settings();
        assert_eq!((settings.username(), settings.password()), (Some("watch"), Some("&s=3")));
        assert_eq!(settings.db(), 0);
        assert_eq!(*sentinels[1].addr(), ConnectionAddr::Tcp("::1".to_owned(), 7001));
    }

    #[test]
    fn the_database_is_0_and_nothing_logs_in_by_default() {
        for url in ["redis+sentinel://h/m", "redis+sentinel://h/m/", "redis+sentinel://@h/m?"] {
            let url = parsed(url);
            assert_eq!(url.to_string(), "m of h:26379/0");
            assert!(url.master == Login::default() && url.sentinel == Login::default());
        }
    }

    #[cfg(feature = "redis-tls")]
    #[test]
    fn tls_is_spoken_to_both_unless_a_parameter_says_otherwise() {
        for (url, master, sentinel) in [
            ("rediss+sentinel://h/m", Tls::On, Tls::On),
            ("rediss+sentinel://h/m#insecure", Tls::Insecure, Tls::Insecure),
            ("rediss+sentinel://h/m?sentinel_tls=no", Tls::On, Tls::Off),
            ("rediss+sentinel://h/m?sentinel_tls=yes#insecure", Tls::Insecure, Tls::Insecure),
            ("redis+sentinel://h/m?sentinel_tls=yes", Tls::Off, Tls::On),
        ] {
            let parsed = parsed(url);
            assert_eq!((parsed.master.tls, parsed.sentinel.tls), (master, sentinel), "{url}");
        }
    }

    #[cfg(not(feature = "redis-tls"))]
    #[test]
    fn tls_without_its_feature_is_refused_with_the_name_of_the_feature() {
        for url in ["rediss+sentinel://h/m", "redis+sentinel://h/m?sentinel_tls=yes"] {
            assert!(flaw(url).contains("`redis-tls`"));
        }
    }

    #[test]
    fn a_url_that_cannot_be_used_is_refused_with_what_is_wrong_and_none_of_it_is_quoted() {
        use UrlFlaw::*;
        for (rest, expected) in [
            ("", NoMasterName),
            ("h", NoMasterName),
            ("h/", NoMasterName),
            ("h//3", NoMasterName),
            ("/m", NoSentinel),
            ("u:s3cret@/m", NoSentinel),
            ("h1,,h2/m", NoSentinel),
            ("h1,/m", NoSentinel),
            (":26379/m", NoSentinel),
            ("h1, h2/m", Blank),
            (" h/m", Blank),
            ("h/m\n", Blank),
            ("h/m/0\r\n", Blank),
            ("u:s3 cret@h/m", Blank),
            ("h/m?sentinel_password=s3cret\n", Blank),
            ("h1,u:s3cret@h2/m", CommaInLogin),
            ("h1:1,h2:2,u:s3cret@h3/m", CommaInLogin),
            ("u:s3cret@h1,u:s3cret@h2/m", CommaInLogin),
            ("s3,cret@h/m", CommaInLogin),
            ("h:/m", BadPort),
            ("h:0/m", BadPort),
            ("h:65536/m", BadPort),
            ("h:s3cret/m", BadPort),
            ("::1/m", BadIpv6),
            ("fe80::1:26379/m", BadIpv6),
            ("[::1/m", BadIpv6),
            ("[s3cret]:1/m", BadIpv6),
            ("[::1]1/m", BadIpv6),
            ("h/m/s3cret", BadDatabase),
            ("h/m/-1", BadDatabase),
            ("h/m/0/1", TooManyParts),
            ("u:s3%cret@h/m", BadEncoding),
            ("u:%FFs3cret@h/m", BadEncoding),
            ("u:half@s3cret@h/m", BadEncoding),
            ("h/m@s3cret", BadEncoding),
            ("h/m?sentinel_password=s3@cret", BadEncoding),
            ("h/m#insecure", BadFragment),
            ("h/m#s3cret", BadFragment),
            ("h/m?s3cret=1", UnknownParameter),
            ("h/m?s3cret", UnknownParameter),
            ("h/m?sentinel_password=s3cret&sentinel_password=s3cret", UnknownParameter),
            ("h/m?sentinel_tls=s3cret", BadTls),
            ("h/m?sentinel_user=s3cret", UserAlone),
        ] {
            let flaw = flaw(&format!("redis+sentinel://{rest}"));
            assert!(flaw.starts_with(&expected.to_string()), "{rest}: {flaw}");
            assert!(!flaw.contains("s3") && !flaw.contains("cret"), "{rest}: {flaw}");
        }
        assert!(flaw("redis+sentinel:h/m").starts_with(&NoSentinel.to_string()));
    }

    #[test]
    fn a_password_that_is_not_percent_encoded_is_answered_with_what_to_write() {
        for (rest, encoded) in [
            (":s3/cret@h:1/m", "%2F"),
            (":s3#cret@h:1/m", "%23"),
            (":s3?cret@h:1/m", "%3F"),
            (":s3@cret@h:1/m", "%40"),
            (":s3%cret@h:1/m", "%25"),
        ] {
            let flaw = flaw(&format!("redis+sentinel://{rest}"));
            assert!(flaw.contains(encoded) && !flaw.contains("cret"), "{rest}: {flaw}");
        }
        let flaw = flaw("redis+sentinel://h:1/m?sentinel_password=s3@cret/");
        assert!(flaw.contains("@ as %40") && !flaw.contains("%2F"), "{flaw}");
    }
}
