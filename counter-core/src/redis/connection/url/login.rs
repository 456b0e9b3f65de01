use ::redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _, RedisConnectionInfo};

use super::address::{Address, split_at_first};
use super::flaw::UrlFlaw;
use crate::url_encoding::decode;

/// How connections to one kind of server are made.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Login {
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
    pub(crate) tls: Tls,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Tls {
    #[default]
    Off,
    On,
    /// Any certificate is taken.
    Insecure,
}

impl Login {
    pub(super) fn parse(user_info: &str, tls: Tls) -> Result<Self, UrlFlaw> {
        let (user, password) = split_at_first(user_info, ':');
        Ok(Self { user: decoded(user)?, password: decoded(password.unwrap_or_default())?, tls })
    }

    pub(crate) fn settings(&self) -> RedisConnectionInfo {
        let mut settings = RedisConnectionInfo::default();
        if let Some(user) = &self.user {
            settings = settings.set_username(user);
        }
        match &self.password {
            Some(password) => settings.set_password(password),
            None => settings,
        }
    }

    /// Returns how to connect to a server at this address.
    pub(crate) fn info(
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
    pub(crate) fn switched(self, switch: &str) -> Result<Self, UrlFlaw> {
        match (switch, self) {
            ("yes", Self::Off) => Ok(Self::On),
            ("yes", tls) => Ok(tls),
            ("no", _) => Ok(Self::Off),
            _ => Err(UrlFlaw::BadTls),
        }
    }
}

/// Returns the text without percent-encoding, or `None` for an empty one.
pub(crate) fn decoded(text: &str) -> Result<Option<String>, UrlFlaw> {
    if text.contains('@') {
        return Err(UrlFlaw::BadEncoding);
    }
    let text = decode(text).ok_or(UrlFlaw::BadEncoding)?;
    Ok(Some(text).filter(|text| !text.is_empty()))
}
