//! Databases that belong to one test alone.

use std::any::Any;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use counter_diesel::ledger::{CounterConnection, Ledger, PoolLedger, WithoutPreparedStatements};
use counter_diesel::{Error, sqlite_pool};
use diesel::connection::SimpleConnection;
use diesel::r2d2::{ConnectionManager, Pool};
use diesel::{Connection, MysqlConnection, PgConnection, SqliteConnection};
use tempfile::TempDir;

use crate::folder;
use crate::servers::postgres::{self, Postgres};
use crate::servers::{Durability, PgBouncer, mariadb};

/// A database of whatever kind, gone when it is dropped.
pub trait Database {
    /// A ledger that keeps counters in this table, over a pool of its own. Nothing is migrated.
    fn ledger(&self, table: &str) -> Arc<dyn Ledger>;

    /// Its URL, or the path of its file.
    fn url(&self) -> String;

    /// Another schema of this database, or what comes next to it.
    fn other_schema(&self) -> String;

    /// Runs SQL in a transaction that stays open until what this returns is dropped.
    fn hold(&self, sql: &str) -> Box<dyn Any>;

    /// Runs SQL in which names are in double quotes.
    ///
    /// # Errors
    ///
    /// What the database says.
    fn execute(&self, sql: &str) -> diesel::QueryResult<()>;
}

/// A SQLite file.
pub fn sqlite() -> Box<dyn Database> {
    Box::new(SqliteFile::new())
}

/// A database in a PostgreSQL server.
pub fn postgres() -> Box<dyn Database> {
    Box::new(OwnDatabase::<PgConnection>::in_server(&postgres::shared_url()))
}

/// A schema in a database of PostgreSQL that tests share. The server copies files for a database,
/// and only writes a row for a schema, so this is for tests that make hundreds.
pub fn postgres_schema() -> Box<dyn Database> {
    Box::new(OwnSchema::new())
}

/// A database in a PostgreSQL server, reached through a pooler that takes each of five connections
/// in turn.
pub fn pooled_postgres() -> Box<dyn Database> {
    static SERVERS: LazyLock<(Postgres, PgBouncer)> = LazyLock::new(|| {
        let server = Postgres::new(Durability::Off);
        let pooler = PgBouncer::before(&server, 5);
        (server, pooler)
    });
    let (server, pooler) = &*SERVERS;
    let direct = OwnDatabase::<PgConnection>::in_server(&server.url("postgres"));
    let pooled_url = pooler.url(direct.name());
    Box::new(PooledPostgres { direct, pooled_url })
}

/// A database in a MariaDB or MySQL server.
pub fn mariadb() -> Box<dyn Database> {
    Box::new(OwnDatabase::<MysqlConnection>::in_server(&mariadb::shared_url()))
}

/// A SQLite file in a folder of its own.
pub struct SqliteFile {
    folder: TempDir,
}

impl SqliteFile {
    /// A file that is not there yet.
    #[expect(clippy::new_without_default, reason = "each is another")]
    pub fn new() -> Self {
        Self { folder: folder::in_memory("counter-sqlite-", 1 << 24) }
    }

    /// Its path.
    pub fn path(&self) -> String {
        let file = self.folder.path().join("counters.sqlite");
        file.to_str().unwrap().to_owned()
    }
}

impl Database for SqliteFile {
    fn ledger(&self, table: &str) -> Arc<dyn Ledger> {
        ledger(sqlite_pool(&self.path(), 8).unwrap(), table)
    }

    fn url(&self) -> String {
        self.path()
    }

    fn other_schema(&self) -> String {
        "main".to_owned()
    }

    fn hold(&self, sql: &str) -> Box<dyn Any> {
        let mut conn = connect_patiently::<SqliteConnection>(&self.path());
        conn.batch_execute(&format!("BEGIN IMMEDIATE; {sql}")).unwrap();
        Box::new(conn)
    }

    fn execute(&self, sql: &str) -> diesel::QueryResult<()> {
        let mut conn = connect_patiently::<SqliteConnection>(&self.path());
        conn.batch_execute(sql)
    }
}

/// Connects, and in SQLite waits where another connection has the file locked.
///
/// A pool that was dropped opens and closes connections for a while, and locks the file for that.
pub fn connect_patiently<C: Connection>(url: &str) -> C {
    let mut conn = C::establish(url).unwrap();
    // Others refuse it and go on.
    let _ = conn.batch_execute("PRAGMA busy_timeout = 5000");
    conn
}

/// A schema that its connections find first, made for one test.
struct OwnSchema {
    url: String,
    name: String,
}

impl OwnSchema {
    fn new() -> Self {
        let (name, server_url) = (new_name(), postgres::shared_url());
        let separator = if server_url.contains('?') { '&' } else { '?' };
        let url = format!("{server_url}{separator}options=-csearch_path%3D{name}");
        Self::administer(&format!("CREATE SCHEMA {name}")).unwrap();
        Self { url, name }
    }

    /// Runs SQL on a connection that all schemas share, because a session takes long to begin too.
    fn administer(sql: &str) -> diesel::QueryResult<()> {
        static ADMINISTRATOR: LazyLock<Mutex<PgConnection>> = LazyLock::new(|| {
            let mut conn = PgConnection::establish(&postgres::shared_url()).unwrap();
            // A test that failed may still hold locks in its schema.
            conn.batch_execute("SET lock_timeout = '10s'; SET client_min_messages = error")
                .unwrap();
            Mutex::new(conn)
        });
        let conn = ADMINISTRATOR.lock();
        conn.unwrap_or_else(PoisonError::into_inner).batch_execute(sql)
    }

    fn connect(&self) -> PgConnection {
        PgConnection::establish(&self.url).unwrap()
    }
}

impl Database for OwnSchema {
    fn ledger(&self, table: &str) -> Arc<dyn Ledger> {
        own_pool_ledger::<PgConnection>(self.url(), table)
    }

    fn url(&self) -> String {
        self.url.clone()
    }

    fn other_schema(&self) -> String {
        let name = format!("{}_other", self.name);
        Self::administer(&format!("CREATE SCHEMA {name}")).unwrap();
        name
    }

    fn hold(&self, sql: &str) -> Box<dyn Any> {
        let mut conn = self.connect();
        conn.batch_execute(&format!("BEGIN; {sql}")).unwrap();
        Box::new(conn)
    }

    fn execute(&self, sql: &str) -> diesel::QueryResult<()> {
        self.connect().batch_execute(sql)
    }
}

impl Drop for OwnSchema {
    fn drop(&mut self) {
        let schemas = [self.name.clone(), format!("{}_other", self.name)];
        let drop =
            |name: &String| Self::administer(&format!("DROP SCHEMA IF EXISTS {name} CASCADE"));
        let dropped = schemas.iter().try_for_each(drop);
        assert!(dropped.is_ok() || std::thread::panicking(), "{dropped:?}");
    }
}

/// A database whose ledgers are behind a pooler.
struct PooledPostgres {
    direct: OwnDatabase<PgConnection>,
    pooled_url: String,
}

impl Database for PooledPostgres {
    fn ledger(&self, table: &str) -> Arc<dyn Ledger> {
        let pool = Pool::builder().max_size(8).min_idle(Some(1));
        let pool = pool.connection_customizer(Box::new(WithoutPreparedStatements));
        let pool = pool.build(ConnectionManager::<PgConnection>::new(&self.pooled_url));
        ledger(pool.unwrap(), table)
    }

    fn url(&self) -> String {
        self.direct.url()
    }

    fn other_schema(&self) -> String {
        self.direct.other_schema()
    }

    fn hold(&self, sql: &str) -> Box<dyn Any> {
        self.direct.hold(sql)
    }

    fn execute(&self, sql: &str) -> diesel::QueryResult<()> {
        self.direct.execute(sql)
    }
}

/// A connection to a kind of server that has many databases.
pub trait ServerConnection: CounterConnection + SimpleConnection {
    /// Drops the database `NAME` in spite of those who use it.
    const DROP: &'static str;

    /// Sets the isolation of the session's transactions, which is still to be named.
    const ISOLATE: &'static str;

    /// Makes the session be the last to give up in a deadlock, as far as it has a say.
    const PATIENCE: &'static str;

    /// Makes all sessions of the database `NAME` that begin later notice a deadlock at once.
    const IMPATIENCE: &'static str;

    /// Locks the counters' table until the session ends.
    const LOCK_TABLE: &'static str;

    /// A pool of such connections.
    ///
    /// # Errors
    ///
    /// If there is no server.
    fn pool(url: &str, max_size: u32) -> Result<Pool<ConnectionManager<Self>>, Error>;

    /// SQL with names quoted as this server does it, from SQL with double quotes.
    fn quoting(sql: &str) -> String;

    /// A schema beside the tables of the database of this name, made just now.
    fn make_schema(&mut self, database: &str) -> String;

    /// The one number that a query returns as `n`.
    fn number(&mut self, sql: &str) -> i64;

    /// All settings of this session with their values, but for those that change by themselves.
    fn settings(&mut self) -> Vec<String>;

    /// How many sessions of this database wait for a lock.
    fn waiting(&mut self) -> i64;

    /// Ends all other connections to this database, as their host's end would.
    fn end_others(&mut self);
}

/// A database in a server, made for one test.
pub struct OwnDatabase<C: ServerConnection> {
    server_url: String,
    name: String,
    kind: PhantomData<fn() -> C>,
}

impl<C: ServerConnection> OwnDatabase<C> {
    /// Makes a database in the server that has this URL.
    pub fn in_server(server_url: &str) -> Self {
        let name = new_name();
        let mut server = C::establish(server_url).unwrap();
        server.batch_execute(&format!("CREATE DATABASE {name}")).unwrap();
        Self { server_url: server_url.to_owned(), name, kind: PhantomData }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its URL: that of the server, with another path.
    pub fn url(&self) -> String {
        let (scheme, rest) = self.server_url.split_once("://").unwrap();
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let host = rest.split('/').next().unwrap();
        format!("{scheme}://{host}/{}?{query}", self.name)
    }

    /// A connection to it.
    pub fn connect(&self) -> C {
        C::establish(&self.url()).unwrap()
    }

    /// A pool of connections to it, as an application has it.
    pub fn pool(&self, max_size: u32) -> Pool<ConnectionManager<C>> {
        C::pool(&self.url(), max_size).unwrap()
    }
}

impl<C: ServerConnection> Database for OwnDatabase<C> {
    fn ledger(&self, table: &str) -> Arc<dyn Ledger> {
        own_pool_ledger::<C>(self.url(), table)
    }

    fn url(&self) -> String {
        Self::url(self)
    }

    fn other_schema(&self) -> String {
        self.connect().make_schema(&self.name)
    }

    fn hold(&self, sql: &str) -> Box<dyn Any> {
        let mut conn = self.connect();
        conn.batch_execute(&C::quoting(&format!("BEGIN; {sql}"))).unwrap();
        Box::new(conn)
    }

    fn execute(&self, sql: &str) -> diesel::QueryResult<()> {
        self.connect().batch_execute(&C::quoting(sql))
    }
}

impl<C: ServerConnection> Drop for OwnDatabase<C> {
    fn drop(&mut self) {
        // The test may have taken the server down.
        if let Ok(mut server) = C::establish(&self.server_url) {
            let dropped = server.batch_execute(&C::DROP.replace("NAME", &self.name));
            assert!(dropped.is_ok() || std::thread::panicking(), "{dropped:?}");
        }
    }
}

/// A name that no other test uses.
fn new_name() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    format!("counter_test_{}_{number}", std::process::id())
}

/// A ledger over a pool that is more patient than an application's, for tests that run beside many
/// others. It opens connections as they are needed, because most worlds need one or two.
fn own_pool_ledger<C: ServerConnection>(url: String, table: &str) -> Arc<dyn Ledger> {
    let pool = Pool::builder().max_size(8).min_idle(Some(1));
    ledger(pool.build(ConnectionManager::<C>::new(url)).unwrap(), table)
}

fn ledger<C: CounterConnection>(pool: Pool<ConnectionManager<C>>, table: &str) -> Arc<dyn Ledger> {
    Arc::new(PoolLedger::new(pool, table.parse().unwrap()).unwrap())
}
