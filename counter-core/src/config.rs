use std::env::{self, VarError};
use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;
use std::time::Duration;

use crate::error::Error;
use crate::invalid::{InputKind, Invalid};
use crate::names::Prefix;
use crate::table_name::TableName;

/// How counters are kept and synced. Every value is valid: it was checked where it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// Where increments wait. Default: [`StoreKind::Redis`]. Environment: `COUNTER_STORE`.
    pub store: StoreKind,
    /// Where Redis is. Default: none. Environment: `REDIS_URL`.
    pub redis_url: Option<RedisUrl>,
    /// What all names in the store start with. Default: `counter:`. Environment: `COUNTER_PREFIX`.
    pub prefix: Prefix,
    /// How many counters a sync moves in one transaction. Default: 1000. More than 10,000 count as
    /// 10,000, so that rows are not locked for long. Environment: `COUNTER_SYNC_BATCH_SIZE`.
    pub sync_batch_size: NonZeroUsize,
    /// The counters' table. Default: `model_counters`. Environment: `COUNTER_TABLE_NAME`.
    pub table_name: TableName,
    /// The age at which a claim is taken to be left behind by a sync that died, and is finished by
    /// another. Default: 30 seconds. A living sync that is slower than this costs work, never counts.
    pub claim_timeout: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            store: StoreKind::default(),
            redis_url: None,
            prefix: Prefix::default(),
            sync_batch_size: NonZeroUsize::MIN.saturating_add(999),
            table_name: TableName::default(),
            claim_timeout: Duration::from_secs(30),
        }
    }
}

impl Config {
    /// The configuration that the environment asks for, with the defaults where it is silent.
    ///
    /// # Errors
    ///
    /// [`Error::Environment`] names the variable whose value cannot be used.
    pub fn from_env() -> Result<Self, Error> {
        Self::from_variables(env::var)
    }

    /// The same from variables that are looked up by the caller.
    ///
    /// ```
    /// # use counter_core::{Config, StoreKind};
    /// # use std::env::VarError;
    /// let config = Config::from_variables(|name| match name {
    ///     "COUNTER_STORE" => Ok("memory".to_owned()),
    ///     _ => Err(VarError::NotPresent),
    /// })?;
    /// assert_eq!(config.store, StoreKind::Memory);
    /// assert_eq!(config.prefix.as_str(), "counter:");
    /// # Ok::<(), counter_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Config::from_env`].
    pub fn from_variables(
        look_up: impl Fn(&'static str) -> Result<String, VarError>,
    ) -> Result<Self, Error> {
        Self::with_overrides(ConfigOverrides::default(), look_up)
    }

    /// Returns the configuration of these values, and of variables that the caller looks up. A
    /// variable is not looked up if its value is overridden.
    ///
    /// ```
    /// # use counter_core::{Config, ConfigOverrides};
    /// # use std::env::VarError;
    /// let mut flags = ConfigOverrides::default();
    /// flags.prefix = Some("app:".parse()?);
    /// let config = Config::with_overrides(flags, |_| Err(VarError::NotPresent))?;
    /// assert_eq!(config.prefix.as_str(), "app:");
    /// # Ok::<(), counter_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Config::from_env`].
    pub fn with_overrides(
        overrides: ConfigOverrides,
        look_up: impl Fn(&'static str) -> Result<String, VarError>,
    ) -> Result<Self, Error> {
        let default = Self::default();
        let batch_size = overrides.sync_batch_size.map(BatchSize);
        Ok(Self {
            store: override_with(overrides.store, "COUNTER_STORE", &look_up)?
                .unwrap_or(default.store),
            redis_url: match overrides.redis_url {
                Some(url) => Some(url),
                None => variable("REDIS_URL", &look_up)?.map(RedisUrl::new),
            },
            prefix: override_with(overrides.prefix, "COUNTER_PREFIX", &look_up)?
                .unwrap_or(default.prefix),
            table_name: override_with(overrides.table_name, "COUNTER_TABLE_NAME", &look_up)?
                .unwrap_or(default.table_name),
            sync_batch_size: override_with(batch_size, "COUNTER_SYNC_BATCH_SIZE", &look_up)?
                .map_or(default.sync_batch_size, |size| size.0),
            claim_timeout: default.claim_timeout,
        })
    }
}

/// Values that override what the environment says: see [`Config::with_overrides`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ConfigOverrides {
    /// Overrides `COUNTER_STORE`.
    pub store: Option<StoreKind>,
    /// Overrides `REDIS_URL`.
    pub redis_url: Option<RedisUrl>,
    /// Overrides `COUNTER_PREFIX`.
    pub prefix: Option<Prefix>,
    /// Overrides `COUNTER_SYNC_BATCH_SIZE`.
    pub sync_batch_size: Option<NonZeroUsize>,
    /// Overrides `COUNTER_TABLE_NAME`.
    pub table_name: Option<TableName>,
}

/// Returns the value that is given, or that of the variable, if there is either.
fn override_with<T: FromStr<Err = Invalid>>(
    given: Option<T>,
    name: &'static str,
    look_up: impl Fn(&'static str) -> Result<String, VarError>,
) -> Result<Option<T>, Error> {
    if given.is_some() {
        return Ok(given);
    }
    let refused = |source: Invalid| Error::Environment { variable: name, source: source.into() };
    let text = variable(name, look_up)?;
    text.map(|text| text.parse().map_err(refused)).transpose()
}

fn variable(
    name: &'static str,
    look_up: impl Fn(&'static str) -> Result<String, VarError>,
) -> Result<Option<String>, Error> {
    match look_up(name) {
        Ok(text) => Ok(Some(text)),
        Err(VarError::NotPresent) => Ok(None),
        // The standard library's error shows the value, which may be a URL with a password.
        Err(VarError::NotUnicode(_)) => {
            Err(Error::Environment { variable: name, source: "it is not valid Unicode".into() })
        }
    }
}

/// The URL of a Redis, which may hold a password: it is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisUrl(String);

impl RedisUrl {
    /// Keeps this URL. Whether it can be used is known when the store is built.
    pub fn new(url: impl Into<String>) -> Self {
        Self(url.into())
    }

    /// The URL, password included.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RedisUrl(..)")
    }
}

/// Where increments wait for the next sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum StoreKind {
    /// A Redis server, shared by all processes.
    #[default]
    Redis,
    /// The memory of this process. What is pending is gone with the process.
    Memory,
}

impl fmt::Display for StoreKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Redis => "redis",
            Self::Memory => "memory",
        })
    }
}

impl FromStr for StoreKind {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text {
            "redis" => Ok(Self::Redis),
            "memory" => Ok(Self::Memory),
            _ => Err(Invalid::malformed(InputKind::StoreKind, text, "expected redis or memory")),
        }
    }
}

struct BatchSize(NonZeroUsize);

impl FromStr for BatchSize {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        text.parse().map(Self).map_err(|_| {
            Invalid::malformed(
                InputKind::BatchSize,
                text,
                "expected a positive number such as 1000",
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(variables: &[(&str, &str)]) -> Result<Config, Error> {
        Config::from_variables(|name| {
            let found = variables.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| (*value).to_owned()).ok_or(VarError::NotPresent)
        })
    }

    #[test]
    fn an_empty_environment_gives_the_defaults() {
        let config = from(&[]).unwrap();
        assert_eq!(config, Config::default());
        assert_eq!(config.sync_batch_size.get(), 1000);
    }

    #[test]
    fn every_option_can_come_from_the_environment() {
        let config = from(&[
            ("COUNTER_STORE", "memory"),
            ("COUNTER_PREFIX", "app:"),
            ("COUNTER_SYNC_BATCH_SIZE", "7"),
            ("COUNTER_TABLE_NAME", "app.hits"),
            ("REDIS_URL", "redis://:secret@localhost/"),
        ])
        .unwrap();
        let url = config.redis_url.as_ref().map(RedisUrl::expose);
        assert_eq!(url, Some("redis://:secret@localhost/"));
        assert!(!format!("{config:?}").contains("secret"));
        assert_eq!(config.store, StoreKind::Memory);
        assert_eq!(config.prefix.as_str(), "app:");
        assert_eq!(config.sync_batch_size.get(), 7);
        assert_eq!(config.table_name.to_string(), "app.hits");
    }

    #[test]
    fn a_variable_is_not_read_if_its_value_is_overridden() {
        let overrides = ConfigOverrides {
            store: Some(StoreKind::Memory),
            redis_url: Some(RedisUrl::new("redis://localhost/")),
            prefix: "app:".parse().ok(),
            sync_batch_size: NonZeroUsize::new(7),
            table_name: "app.hits".parse().ok(),
        };
        let config = Config::with_overrides(overrides, |name| panic!("{name} is read")).unwrap();
        assert_eq!((config.store, config.sync_batch_size.get()), (StoreKind::Memory, 7));
        assert_eq!(config.redis_url.as_ref().map(RedisUrl::expose), Some("redis://localhost/"));
        assert_eq!(config.prefix.as_str(), "app:");
        assert_eq!(config.table_name.to_string(), "app.hits");
    }

    #[test]
    fn a_bad_value_names_its_variable() {
        for (variable, value) in [
            ("COUNTER_STORE", "Redis"),
            ("COUNTER_PREFIX", "app"),
            ("COUNTER_SYNC_BATCH_SIZE", "0"),
            ("COUNTER_TABLE_NAME", "a-b"),
        ] {
            let error = from(&[(variable, value)]).unwrap_err();
            assert!(error.to_string().contains(variable), "{error}");
        }
    }
}
