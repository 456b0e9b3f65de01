//! Opens what a command needs: the store, the database, or both.

mod away;
#[cfg(feature = "sqlite")]
mod file_ledger;
mod sqlite_file;

use std::sync::Arc;
use std::time::Duration;

use counter_diesel::error::encoding_hint;
use counter_diesel::ledger::{Ledger, MigrationFiles, TableName};
use counter_diesel::store::{DeltaStore, StoreKind};
use counter_diesel::{Config, Counters, CountersBuilder, MemoryStore};

use self::away::Away;
use self::sqlite_file::SqliteFile;
use crate::failure::Failure;
use crate::settings::{CommandSettings, Switch};

/// One, because a command does one thing after another.
const CONNECTIONS: u32 = 1;

/// Two, because a pooler in front of the database is noticed by them.
const CONNECTIONS_TO_CHECK: u32 = 2;

/// The kind of a database, as its URL says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Database {
    Mysql,
    Postgres,
    Sqlite,
}

impl Database {
    pub(crate) fn of(url: &str) -> Result<Self, Failure> {
        if is_of_keywords(url) {
            return Ok(Self::Postgres);
        }
        match url.split_once("://").map(|(scheme, _)| scheme) {
            Some("mysql") => Ok(Self::Mysql),
            Some("postgres" | "postgresql") => Ok(Self::Postgres),
            Some("sqlite" | "file") => Ok(Self::Sqlite),
            None if !is_like_a_url(url) => Ok(Self::Sqlite),
            None | Some(_) => Err(Failure::usage("DATABASE_URL is not the URL of a database")
                .hint(
                    "it begins with postgres://, mysql:// or sqlite://, or is the path of a file",
                )),
        }
    }
}

/// Returns whether this is PostgreSQL's other form, `host=/run dbname=app`. As the path of a file
/// it would be printed, with its password.
fn is_of_keywords(url: &str) -> bool {
    let is_of_word = |c: char| c.is_alphanumeric() || c == '_';
    let text = url.trim_start();
    let after = text.trim_start_matches(is_of_word);
    after.len() < text.len() && after.trim_start().starts_with('=')
}

/// Returns whether this may be a mistyped URL. Taken for a path, it would become the name of a new
/// file, password included. Such a file can still be named with `sqlite://` in front.
fn is_like_a_url(path: &str) -> bool {
    let lower = path.trim_start().to_lowercase();
    let begins_like_one = ["postgresql", "postgres", "mysql", "mariadb"]
        .into_iter()
        .filter_map(|scheme| lower.strip_prefix(scheme))
        .any(|rest| rest.starts_with([':', '/']));
    begins_like_one || path.contains('@')
}

/// How a command uses the database. One that only reads changes no byte of a SQLite file, and
/// reads a file that may not be written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

/// Opens the database and the store of the settings for reading. With a store in the application's
/// own memory, this reads the values of the application's last sync.
pub(crate) fn counters(settings: &CommandSettings) -> Result<Counters, Failure> {
    Ok(builder(settings, Access::Read)?.build()?)
}

/// Like [`counters`], for commands that change or sync what the store holds.
pub(crate) fn counters_with_shared_store(
    settings: &CommandSettings,
    access: Access,
) -> Result<Counters, Failure> {
    refuse_memory(&settings.config()?)?;
    Ok(builder(settings, access)?.build()?)
}

/// Like [`counters_with_shared_store`] for writing, but waits for servers that are not up yet:
/// `wait` is called with each failure, and returns whether to go on.
pub(crate) fn counters_once_up(
    settings: &CommandSettings,
    mut wait: impl FnMut(&Failure) -> bool,
) -> Result<Counters, Failure> {
    loop {
        match counters_with_shared_store(settings, Access::Write) {
            Err(failure) if failure.may_pass() => {
                if !wait(&failure) {
                    return Err(failure);
                }
            }
            opened => return opened,
        }
    }
}

/// Opens both sides for writing. Takes over every claim, however young it is.
pub(crate) fn impatient_counters(settings: &CommandSettings) -> Result<Counters, Failure> {
    refuse_memory(&settings.config()?)?;
    Ok(builder(settings, Access::Write)?.claim_timeout(Duration::ZERO).build()?)
}

fn builder(settings: &CommandSettings, access: Access) -> Result<CountersBuilder, Failure> {
    let config = settings.config()?;
    check_store(&config)?;
    Ok(existing_database(settings, access)?.config(config))
}

/// Opens both sides for a check-up, for which the store, the database or both may be away.
pub(crate) fn counters_to_check(settings: &CommandSettings) -> Result<Counters, Failure> {
    let config = settings.config()?;
    check_store(&config)?;
    let database = match database_to_check(settings, &config) {
        Err(failure) if failure.is_unreachable() => {
            Checked::Ledger(Arc::new(Away::new(failure.why())))
        }
        opened => opened?,
    };
    match config.store {
        StoreKind::Memory => put_together(database, config, MemoryStore::new()),
        StoreKind::Redis => {
            let store = lazy_redis(&config)?;
            put_together(database, config, store)
        }
    }
}

/// The database of a check-up.
enum Checked {
    Database(Box<CountersBuilder>),
    /// One that is away, or a file that is only read.
    Ledger(Arc<dyn Ledger>),
}

fn database_to_check(settings: &CommandSettings, config: &Config) -> Result<Checked, Failure> {
    let url = settings.database_url()?;
    if Database::of(&url)? == Database::Sqlite {
        return sqlite_to_check(&existing_file(&url)?, &config.table_name);
    }
    let builder = database_on(settings, &url, CONNECTIONS_TO_CHECK)?;
    Ok(Checked::Database(Box::new(builder)))
}

fn put_together(
    database: Checked,
    config: Config,
    store: impl DeltaStore,
) -> Result<Counters, Failure> {
    match database {
        Checked::Database(builder) => Ok(builder.config(config).store(store).build()?),
        Checked::Ledger(ledger) => Ok(Counters::from_parts(config, Arc::new(store), ledger)),
    }
}

/// Opens the database for reading, for commands that need no store.
pub(crate) fn existing_database_only(settings: &CommandSettings) -> Result<Counters, Failure> {
    existing_database_to(settings, Access::Read)
}

/// Opens the database that is there, for commands that need no store.
pub(crate) fn existing_database_to(
    settings: &CommandSettings,
    access: Access,
) -> Result<Counters, Failure> {
    let builder = existing_database(settings, access)?;
    Ok(builder.config(settings.config()?).memory().build()?)
}

/// Opens the database for writing, for commands that need no store. Creates the file of a SQLite
/// database that is not there.
pub(crate) fn database_only(settings: &CommandSettings) -> Result<Counters, Failure> {
    let builder = database(settings, &settings.database_url()?)?;
    Ok(builder.config(settings.config()?).memory().build()?)
}

/// Returns the migrations for the kind of database in the settings. Does not connect to it.
pub(crate) fn migrations(settings: &CommandSettings) -> Result<Vec<MigrationFiles>, Failure> {
    let table = settings.config()?.table_name;
    match Database::of(&settings.database_url()?)? {
        Database::Mysql => mysql_migrations(&table),
        Database::Postgres => postgres_migrations(&table),
        Database::Sqlite => sqlite_migrations(&table),
    }
}

/// Opens the store for commands that need no database.
pub(crate) fn store_only(settings: &CommandSettings) -> Result<Counters, Failure> {
    let config = settings.config()?;
    refuse_memory(&config)?;
    check_store(&config)?;
    let store = redis(&config)?;
    Ok(Counters::from_parts(config, store, Arc::new(Away::new("no database was opened"))))
}

fn refuse_memory(config: &Config) -> Result<(), Failure> {
    if config.store == StoreKind::Memory {
        let problem = "the store is the memory of the application, which no other process can see";
        return Err(Failure::usage(problem)
            .hint("the application itself has to do this; or share a Redis: COUNTER_STORE=redis"));
    }
    Ok(())
}

fn check_store(config: &Config) -> Result<(), Failure> {
    if config.store == StoreKind::Redis && !cfg!(feature = "redis") {
        return Err(missing("Redis", "redis"));
    }
    if config.store == StoreKind::Redis && config.redis_url.is_none() {
        return Err(Failure::usage("no store is given").hint("set REDIS_URL, or pass --redis-url"));
    }
    Ok(())
}

#[cfg(feature = "redis")]
fn redis(config: &Config) -> Result<Arc<dyn DeltaStore>, Failure> {
    Ok(Arc::new(redis_builder(config).build()?))
}

/// Builds a store that connects on its first use, and so may be away.
#[cfg(feature = "redis")]
fn lazy_redis(config: &Config) -> Result<impl DeltaStore + use<>, Failure> {
    Ok(redis_builder(config).connect_lazily().build()?)
}

#[cfg(feature = "redis")]
fn redis_builder(config: &Config) -> counter_diesel::store::RedisStoreBuilder {
    let url = config.redis_url.as_ref().map_or("", counter_diesel::store::RedisUrl::expose);
    counter_diesel::RedisStore::builder(url)
        .prefix(config.prefix.clone())
        .confirm_claims_by_default(config.confirm_claims)
}

#[cfg(not(feature = "redis"))]
fn redis(_config: &Config) -> Result<Arc<dyn DeltaStore>, Failure> {
    Err(missing("Redis", "redis"))
}

#[cfg(not(feature = "redis"))]
fn lazy_redis(_config: &Config) -> Result<MemoryStore, Failure> {
    Err(missing("Redis", "redis"))
}

/// Opens the database, but creates no file.
fn existing_database(
    settings: &CommandSettings,
    access: Access,
) -> Result<CountersBuilder, Failure> {
    let url = settings.database_url()?;
    if Database::of(&url)? == Database::Sqlite {
        let file = existing_file(&url)?;
        if access == Access::Read {
            return sqlite_to_read(&file);
        }
    }
    database(settings, &url)
}

fn existing_file(url: &str) -> Result<SqliteFile<'_>, Failure> {
    let file = SqliteFile::of(url);
    file.must_exist()?;
    Ok(file)
}

fn database(settings: &CommandSettings, url: &str) -> Result<CountersBuilder, Failure> {
    database_on(settings, url, CONNECTIONS)
}

fn database_on(
    settings: &CommandSettings,
    url: &str,
    connections: u32,
) -> Result<CountersBuilder, Failure> {
    let prepared_statements = settings.prepared_statements()?;
    let opened = match Database::of(url)? {
        Database::Mysql => mysql(url),
        Database::Postgres => postgres(url, connections, prepared_statements),
        Database::Sqlite => return sqlite(url),
    };
    opened.map_err(|failure| match encoding_hint(url) {
        Some(hint) => failure.hint(hint),
        None => failure,
    })
}

#[cfg(feature = "mysql")]
fn mysql(url: &str) -> Result<CountersBuilder, Failure> {
    Ok(Counters::builder(counter_diesel::mysql_pool(url, CONNECTIONS)?))
}

#[cfg(feature = "mysql")]
fn mysql_migrations(table: &TableName) -> Result<Vec<MigrationFiles>, Failure> {
    Ok(counter_diesel::ledger::migration_files::<diesel::MysqlConnection>(table))
}

#[cfg(not(feature = "mysql"))]
fn mysql(_url: &str) -> Result<CountersBuilder, Failure> {
    Err(missing("MySQL and MariaDB", "mysql"))
}

#[cfg(not(feature = "mysql"))]
fn mysql_migrations(_table: &TableName) -> Result<Vec<MigrationFiles>, Failure> {
    Err(missing("MySQL and MariaDB", "mysql"))
}

#[cfg(feature = "postgres")]
fn postgres(
    url: &str,
    connections: u32,
    prepared_statements: Switch,
) -> Result<CountersBuilder, Failure> {
    use counter_diesel::{postgres_pool, postgres_pool_without_prepared_statements};

    Ok(Counters::builder(match prepared_statements {
        Switch::On => postgres_pool(url, connections)?,
        Switch::Off => postgres_pool_without_prepared_statements(url, connections)?,
    }))
}

#[cfg(feature = "postgres")]
fn postgres_migrations(table: &TableName) -> Result<Vec<MigrationFiles>, Failure> {
    Ok(counter_diesel::ledger::migration_files::<diesel::PgConnection>(table))
}

#[cfg(not(feature = "postgres"))]
fn postgres(_url: &str, _connections: u32, _prepared: Switch) -> Result<CountersBuilder, Failure> {
    Err(missing("PostgreSQL", "postgres"))
}

#[cfg(not(feature = "postgres"))]
fn postgres_migrations(_table: &TableName) -> Result<Vec<MigrationFiles>, Failure> {
    Err(missing("PostgreSQL", "postgres"))
}

#[cfg(feature = "sqlite")]
fn sqlite(url: &str) -> Result<CountersBuilder, Failure> {
    Ok(Counters::builder(counter_diesel::sqlite_pool(url, CONNECTIONS)?))
}

#[cfg(feature = "sqlite")]
fn sqlite_to_read(file: &SqliteFile<'_>) -> Result<CountersBuilder, Failure> {
    sqlite(&file.uri_to_read()?)
}

#[cfg(feature = "sqlite")]
fn sqlite_to_check(file: &SqliteFile<'_>, table: &TableName) -> Result<Checked, Failure> {
    Ok(Checked::Ledger(Arc::new(file_ledger::FileLedger::open(file, table)?)))
}

#[cfg(feature = "sqlite")]
fn sqlite_migrations(table: &TableName) -> Result<Vec<MigrationFiles>, Failure> {
    Ok(counter_diesel::ledger::migration_files::<diesel::SqliteConnection>(table))
}

#[cfg(not(feature = "sqlite"))]
fn sqlite(_url: &str) -> Result<CountersBuilder, Failure> {
    Err(missing("SQLite", "sqlite"))
}

#[cfg(not(feature = "sqlite"))]
fn sqlite_to_read(_file: &SqliteFile<'_>) -> Result<CountersBuilder, Failure> {
    Err(missing("SQLite", "sqlite"))
}

#[cfg(not(feature = "sqlite"))]
fn sqlite_to_check(_file: &SqliteFile<'_>, _table: &TableName) -> Result<Checked, Failure> {
    Err(missing("SQLite", "sqlite"))
}

#[cfg(not(feature = "sqlite"))]
fn sqlite_migrations(_table: &TableName) -> Result<Vec<MigrationFiles>, Failure> {
    Err(missing("SQLite", "sqlite"))
}

/// Returns the failure for a store or a database whose feature is off.
fn missing(what: &str, feature: &str) -> Failure {
    Failure::usage(format!(
        "this command was built without {what}; install it again with --features {feature}"
    ))
}
