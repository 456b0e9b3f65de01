use std::env::{self, VarError};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::batch_size::BatchSize;
use crate::calendar::{Retention, Zone};
use crate::confirmation::Confirmation;
use crate::error::Error;
use crate::interval::Interval;
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
    /// The start of all names in the store. Default: `counter:`. Environment: `COUNTER_PREFIX`.
    pub prefix: Prefix,
    /// How many counters a sync moves in one transaction. Default: 1000. At most
    /// [`BatchSize::MAX`]. Environment: `COUNTER_SYNC_BATCH_SIZE`.
    pub sync_batch_size: BatchSize,
    /// Which replicas and disks must have a claim before it is applied: `replicas=N`, `disk` or
    /// `disk,replicas=N`. Default: none. Environment: `COUNTER_CONFIRM_CLAIMS`.
    pub confirm_claims: Option<Confirmation>,
    /// The counters' table. Default: `model_counters`. Environment: `COUNTER_TABLE_NAME`.
    pub table_name: TableName,
    /// The age at which a claim is taken to be left behind by a sync that died, and is finished by
    /// another. Default: 30 seconds. A living sync that is slower than this costs work, never
    /// counts.
    pub claim_timeout: Duration,
    /// The longest time between two scans of everything in the store, by whichever worker's sync
    /// comes first. All other syncs of workers look only at what the store's index names, and cost
    /// what has changed. What other programs count with a plain `INCRBY` waits for a scan. Zero
    /// for a scan by each sync. Default: 10 minutes. Environment: `COUNTER_FULL_SCAN_EVERY`, such
    /// as `10m`, with `ms`, `s`, `m`, `h` or `d`.
    pub full_scan_every: Duration,
    /// The zone in which days begin, and so weeks, months, quarters and years, where neither the
    /// call nor the owner names one. Hours are always those of UTC. Default: UTC. Environment:
    /// `COUNTER_ZONE`, such as `+05:30`, with the feature `chrono-tz` also `Europe/Berlin`.
    pub zone: Zone,
    /// How long ago an event may have happened that is counted by its own time. Default: 35 days.
    /// [`Duration::MAX`] for no bound. Environment: `COUNTER_OLDEST_EVENT`, such as `35d`.
    pub oldest_event: Duration,
    /// How far in the future an event may be that is counted by its own time, for clocks that
    /// differ. Default: 5 minutes. Environment: `COUNTER_NEWEST_EVENT`, such as `5m`.
    pub newest_event: Duration,
    /// How long buckets are kept after the end of their period, and into which longer buckets they
    /// are then added up. A worker removes older ones. Default: all are kept. Environment:
    /// `COUNTER_RETENTION`, such as `hour=7d,day=90d:month`.
    pub retention: Retention,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            store: StoreKind::default(),
            redis_url: None,
            prefix: Prefix::default(),
            sync_batch_size: BatchSize::default(),
            confirm_claims: None,
            table_name: TableName::default(),
            claim_timeout: Duration::from_secs(30),
            full_scan_every: Duration::from_secs(600),
            zone: Zone::UTC,
            oldest_event: Duration::from_secs(35 * 24 * 60 * 60),
            newest_event: Duration::from_secs(5 * 60),
            retention: Retention::default(),
        }
    }
}

impl Config {
    /// Returns the configuration of the environment, with the default of each variable that is not
    /// set.
    ///
    /// # Errors
    ///
    /// [`Error::Environment`] names the variable whose value cannot be used.
    pub fn from_env() -> Result<Self, Error> {
        Self::from_variables(env::var)
    }

    /// Returns the configuration of variables that the caller looks up, with the default of each
    /// that is not set.
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
        Self::overridden(ConfigOverrides::default(), look_up)
    }

    /// Returns the configuration of some values that are known already, and of variables that the
    /// caller looks up for the others. The variable of a value that is given is not looked up.
    ///
    /// ```
    /// # use counter_core::{Config, ConfigOverrides, StoreKind};
    /// let mut overrides = ConfigOverrides::default();
    /// overrides.store = Some(StoreKind::Memory);
    /// let config = Config::overridden(overrides, std::env::var)?;
    /// assert_eq!(config.store, StoreKind::Memory);
    /// # Ok::<(), counter_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Config::from_env`].
    pub fn overridden(
        overrides: ConfigOverrides,
        look_up: impl Fn(&'static str) -> Result<String, VarError>,
    ) -> Result<Self, Error> {
        let mut config = Self::default();
        let ConfigOverrides {
            store,
            redis_url,
            prefix,
            sync_batch_size,
            confirm_claims,
            table_name,
            full_scan_every,
            zone,
            oldest_event,
            newest_event,
            retention,
        } = overrides;
        override_with(&mut config.store, store, "COUNTER_STORE", &look_up)?;
        config.redis_url = match redis_url {
            Some(url) => Some(url),
            None => variable("REDIS_URL", &look_up)?.map(RedisUrl::new),
        };
        override_with(&mut config.prefix, prefix, "COUNTER_PREFIX", &look_up)?;
        override_with(&mut config.table_name, table_name, "COUNTER_TABLE_NAME", &look_up)?;
        let batch_size = &mut config.sync_batch_size;
        override_with(batch_size, sync_batch_size, "COUNTER_SYNC_BATCH_SIZE", &look_up)?;
        config.confirm_claims = match confirm_claims {
            Some(given) => Some(given),
            None => parsed_variable("COUNTER_CONFIRM_CLAIMS", &look_up)?,
        };
        override_with(&mut config.zone, zone, "COUNTER_ZONE", &look_up)?;
        override_with(&mut config.retention, retention, "COUNTER_RETENTION", &look_up)?;
        for (value, given, name) in [
            (&mut config.full_scan_every, full_scan_every, "COUNTER_FULL_SCAN_EVERY"),
            (&mut config.oldest_event, oldest_event, "COUNTER_OLDEST_EVENT"),
            (&mut config.newest_event, newest_event, "COUNTER_NEWEST_EVENT"),
        ] {
            let mut time = Interval(*value);
            override_with(&mut time, given.map(Interval), name, &look_up)?;
            *value = time.0;
        }
        Ok(config)
    }
}

/// Values that take the place of variables: see [`Config::overridden`]. By default there is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfigOverrides {
    /// Instead of `COUNTER_STORE`.
    pub store: Option<StoreKind>,
    /// Instead of `REDIS_URL`.
    pub redis_url: Option<RedisUrl>,
    /// Instead of `COUNTER_PREFIX`.
    pub prefix: Option<Prefix>,
    /// Instead of `COUNTER_SYNC_BATCH_SIZE`.
    pub sync_batch_size: Option<BatchSize>,
    /// Instead of `COUNTER_CONFIRM_CLAIMS`.
    pub confirm_claims: Option<Confirmation>,
    /// Instead of `COUNTER_TABLE_NAME`.
    pub table_name: Option<TableName>,
    /// Instead of `COUNTER_FULL_SCAN_EVERY`.
    pub full_scan_every: Option<Duration>,
    /// Instead of `COUNTER_ZONE`.
    pub zone: Option<Zone>,
    /// Instead of `COUNTER_OLDEST_EVENT`.
    pub oldest_event: Option<Duration>,
    /// Instead of `COUNTER_NEWEST_EVENT`.
    pub newest_event: Option<Duration>,
    /// Instead of `COUNTER_RETENTION`.
    pub retention: Option<Retention>,
}

fn override_with<T: FromStr<Err = Invalid>>(
    value: &mut T,
    given: Option<T>,
    name: &'static str,
    look_up: impl Fn(&'static str) -> Result<String, VarError>,
) -> Result<(), Error> {
    if let Some(given) = given {
        *value = given;
    } else if let Some(found) = parsed_variable(name, look_up)? {
        *value = found;
    }
    Ok(())
}

fn parsed_variable<T: FromStr<Err = Invalid>>(
    name: &'static str,
    look_up: impl Fn(&'static str) -> Result<String, VarError>,
) -> Result<Option<T>, Error> {
    let refused = |source: Invalid| Error::Environment { variable: name, source: source.into() };
    variable(name, look_up)?.map(|text| text.parse().map_err(refused)).transpose()
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
        assert_eq!(config.sync_batch_size.get().get(), 1000);
    }

    #[test]
    fn every_option_can_come_from_the_environment() {
        let config = from(&[
            ("COUNTER_STORE", "memory"),
            ("COUNTER_PREFIX", "app:"),
            ("COUNTER_SYNC_BATCH_SIZE", "7"),
            ("COUNTER_CONFIRM_CLAIMS", "disk,replicas=1"),
            ("COUNTER_TABLE_NAME", "app.hits"),
            ("COUNTER_FULL_SCAN_EVERY", "1h"),
            ("COUNTER_ZONE", "+05:30"),
            ("COUNTER_OLDEST_EVENT", "90d"),
            ("COUNTER_NEWEST_EVENT", "0"),
            ("COUNTER_RETENTION", "day=90d:month"),
            ("REDIS_URL", "redis://:secret@localhost/"),
        ])
        .unwrap();
        let url = config.redis_url.as_ref().map(RedisUrl::expose);
        assert_eq!(url, Some("redis://:secret@localhost/"));
        assert_eq!(config.store, StoreKind::Memory);
        assert_eq!(config.prefix.as_str(), "app:");
        assert_eq!(config.sync_batch_size.get().get(), 7);
        assert_eq!(config.confirm_claims, Some(Confirmation::by_disk_and_replicas(1)));
        assert_eq!(config.table_name.to_string(), "app.hits");
        assert_eq!(config.full_scan_every, Duration::from_secs(3600));
        assert_eq!(config.zone, "+05:30".parse().unwrap());
        assert_eq!(config.oldest_event, Duration::from_secs(90 * 86_400));
        assert_eq!(config.newest_event, Duration::ZERO);
        assert_eq!(config.retention, "day=90d:month".parse().unwrap());
    }

    #[test]
    fn a_zone_that_is_none_is_refused_and_is_not_utc() {
        let error = from(&[("COUNTER_ZONE", "Mars/Olympus")]).unwrap_err();
        assert!(error.to_string().contains("COUNTER_ZONE"), "{error}");
        assert_eq!(from(&[]).unwrap().zone, Zone::UTC);
    }

    #[test]
    fn a_given_value_takes_the_place_of_its_variable_which_is_not_looked_up() {
        let mut overrides = ConfigOverrides {
            store: Some(StoreKind::Memory),
            redis_url: Some(RedisUrl::new("redis://h/")),
            prefix: Some("a:".parse().unwrap()),
            sync_batch_size: Some(BatchSize::MAX),
            confirm_claims: Some(Confirmation::by_replicas(1)),
            table_name: None,
            full_scan_every: Some(Duration::ZERO),
            zone: Some(Zone::UTC),
            oldest_event: Some(Duration::MAX),
            newest_event: Some(Duration::ZERO),
            retention: Some(Retention::default()),
        };
        let look_up = |name| match name {
            "COUNTER_TABLE_NAME" => Ok("hits".to_owned()),
            _ => panic!("{name} was looked up"),
        };
        let config = Config::overridden(overrides.clone(), look_up).unwrap();
        assert_eq!((config.store, config.prefix.as_str()), (StoreKind::Memory, "a:"));
        assert_eq!(config.redis_url, overrides.redis_url.take());
        assert_eq!(config.sync_batch_size, BatchSize::MAX);
        assert_eq!(config.table_name.to_string(), "hits");
        assert_eq!(config.full_scan_every, Duration::ZERO);
    }
}
