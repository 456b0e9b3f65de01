use std::env::{self, VarError};
use std::str::FromStr;

use clap::Args;
use counter_diesel::Config;
use counter_diesel::ledger::TableName;
use counter_diesel::store::{ConfigOverrides, Confirmation, Prefix, RedisUrl, StoreKind};

use crate::failure::Failure;

/// Where the database and the store are, and how counters are kept in them.
///
/// No URL reaches clap's help or errors: clap only takes the texts, and the environment is read
/// here.
#[derive(Args)]
#[command(next_help_heading = "Settings")]
pub(crate) struct CommandSettings {
    /// The database: postgres://..., mysql://..., sqlite://PATH or a PATH [env: DATABASE_URL]
    #[arg(long, global = true, value_name = "URL")]
    database_url: Option<String>,

    /// The Redis in which increments wait: redis://..., redis+unix://PATH, behind Sentinel
    /// redis+sentinel://HOST:PORT,HOST:PORT/MASTER, or a cluster, by some of its nodes:
    /// redis+cluster://HOST:PORT,HOST:PORT [env: REDIS_URL]
    #[arg(long, global = true, value_name = "URL")]
    redis_url: Option<String>,

    /// Where increments wait, redis or memory [env: COUNTER_STORE] [default: redis]
    #[arg(long, global = true, value_name = "KIND")]
    store: Option<StoreKind>,

    /// Start of all names in the store [env: COUNTER_PREFIX] [default: counter:]
    #[arg(long, global = true)]
    prefix: Option<Prefix>,

    /// Table of the counters, also schema.table [env: COUNTER_TABLE_NAME] [default: model_counters]
    #[arg(long, global = true, value_name = "TABLE")]
    table_name: Option<TableName>,

    /// What claims wait for before they are applied: replicas=N, disk, or disk,replicas=N
    /// [env: COUNTER_CONFIRM_CLAIMS] [default: nothing; behind Sentinel and in a cluster one
    /// replica while there is any]
    #[arg(long, global = true, value_name = "WHAT")]
    confirm_claims: Option<Confirmation>,

    /// Named prepared statements in PostgreSQL, on or off; off behind a pooler such as PgBouncer
    /// [env: COUNTER_PREPARED_STATEMENTS] [default: on]
    #[arg(long, global = true, value_name = "SWITCH")]
    prepared_statements: Option<Switch>,
}

/// The value of a setting that is on or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Switch {
    On,
    Off,
}

impl FromStr for Switch {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "on" => Ok(Self::On),
            "off" => Ok(Self::Off),
            _ => Err("expected on or off"),
        }
    }
}

impl CommandSettings {
    pub(crate) fn database_url(&self) -> Result<String, Failure> {
        let url = self.database_url.clone().map_or_else(|| variable("DATABASE_URL"), Ok);
        url.map_err(|error| match error {
            VarError::NotPresent => Failure::usage("no database is given")
                .hint("set DATABASE_URL, or pass --database-url"),
            VarError::NotUnicode(_) => {
                Failure::usage("the environment variable DATABASE_URL is not valid Unicode")
            }
        })
    }

    /// Returns whether PostgreSQL may keep prepared statements under names.
    pub(crate) fn prepared_statements(&self) -> Result<Switch, Failure> {
        const NAME: &str = "COUNTER_PREPARED_STATEMENTS";
        if let Some(given) = self.prepared_statements {
            return Ok(given);
        }
        match variable(NAME) {
            Ok(text) => text
                .parse()
                .map_err(|why| Failure::usage(format!("the environment variable {NAME}: {why}"))),
            Err(VarError::NotPresent) => Ok(Switch::On),
            Err(VarError::NotUnicode(_)) => {
                Err(Failure::usage(format!("the environment variable {NAME} is not valid Unicode")))
            }
        }
    }

    /// Returns the configuration. A flag overrides its environment variable, which is then not
    /// read.
    pub(crate) fn config(&self) -> Result<Config, Failure> {
        // A wrong value is refused for every database.
        self.prepared_statements()?;
        let mut flags = ConfigOverrides::default();
        flags.store = self.store;
        flags.redis_url = self.redis_url.clone().map(RedisUrl::new);
        flags.prefix = self.prefix.clone();
        flags.confirm_claims = self.confirm_claims;
        flags.table_name = self.table_name.clone();
        Ok(Config::overridden(flags, variable).map_err(counter_diesel::Error::from)?)
    }
}

/// Reads a variable. An empty one counts as not set.
fn variable(name: &str) -> Result<String, VarError> {
    env::var(name).and_then(
        |value| {
            if value.is_empty() { Err(VarError::NotPresent) } else { Ok(value) }
        },
    )
}

/// Adds the variables in a file `.env` to the environment, unless they are set already.
pub(crate) fn load_dotenv() -> Result<(), Failure> {
    match dotenvy::dotenv() {
        Ok(_) => Ok(()),
        Err(error) if error.not_found() => Ok(()),
        // The error contains the line, which may be a URL with a password.
        Err(dotenvy::Error::LineParse(..)) => {
            Err(Failure::usage("a line of the file .env is not of the form NAME=value")
                .hint("put quotes around a value with spaces in it"))
        }
        Err(error) => Err(Failure::usage("the file .env cannot be read").because(&error)),
    }
}
