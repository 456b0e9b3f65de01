use std::fmt;

use ::redis::ConnectionInfo;

use crate::redis::connection::url::{Address, HostsUrl, Login, Tls, UrlFlaw, decoded};
use crate::url_encoding::encoding_hint;

/// The port of a sentinel that names none.
const DEFAULT_PORT: u16 = 26379;

/// The form that a URL has.
const FORM: &str = "use redis+sentinel://user:password@host:26379,host:26379/master/0, or \
                    rediss+sentinel://";

/// Where a set of sentinels is, which master they watch, and how both are connected to.
#[derive(Clone)]
pub(crate) struct SentinelUrl {
    sentinels: Vec<Address>,
    master_name: String,
    master: Login,
    sentinel: Login,
    db: i64,
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
        let parsed = HostsUrl::parse(rest, tls, DEFAULT_PORT).and_then(Self::of_hosts);
        Some(parsed.map_err(|flaw| {
            // A password in the parameters may have any of these characters in it.
            let before = url.split_once("?sentinel_").map_or(url, |(before, _)| before);
            format!("{flaw}: {}", encoding_hint(before).unwrap_or(FORM))
        }))
    }

    fn of_hosts(url: HostsUrl<'_>) -> Result<Self, UrlFlaw> {
        let (master_name, db) = parse_path(url.path)?;
        let tls = url.login.tls;
        let mut sentinels = Self {
            sentinels: url.hosts,
            master_name,
            master: url.login,
            sentinel: Login { tls, ..Login::default() },
            db,
        };
        sentinels.take_parameters(url.parameters)?;
        if sentinels.has_tls() && !cfg!(feature = "redis-tls") {
            return Err(UrlFlaw::NoTls);
        }
        Ok(sentinels)
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

#[cfg(test)]
mod tests {
    use ::redis::ConnectionAddr;

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
            ("", NoHost),
            ("h", NoMasterName),
            ("h/", NoMasterName),
            ("h//3", NoMasterName),
            ("/m", NoHost),
            ("u:s3cret@/m", NoHost),
            ("h1,,h2/m", NoHost),
            ("h1,/m", NoHost),
            (":26379/m", NoHost),
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
        assert!(flaw("redis+sentinel:h/m").starts_with(&NoHost.to_string()));
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
