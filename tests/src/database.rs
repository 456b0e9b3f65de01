//! Databases that belong to one test alone.

use std::any::Any;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use counter_diesel::ledger::{CounterConnection, Ledger, PoolLedger};
use counter_diesel::{Error, sqlite_pool};
use diesel::connection::SimpleConnection;
use diesel::r2d2::{ConnectionManager, Pool};
use diesel::{Connection, MysqlConnection, PgConnection, SqliteConnection};
use tempfile::TempDir;

use crate::folder;
use crate::servers::{mariadb, postgres};

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
        let mut conn = SqliteConnection::establish(&self.path()).unwrap();
        conn.batch_execute(&format!("BEGIN IMMEDIATE; {sql}")).unwrap();
        Box::new(conn)
    }

    fn execute(&self, sql: &str) -> diesel::QueryResult<()> {
        let mut conn = SqliteConnection::establish(&self.path()).unwrap();
        conn.batch_execute(sql)
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

    /// Lets nobody else at the counters' table, until the session ends.
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

    /// How many sessions of this database wait for a lock.
    fn waiting(&mut self) -> i64;

    /// Ends all other connections to this database, as their host's end would.
    fn end_others(&mut self);
}

/// A database in a server, made for one test.
pub struct OwnDatabase<C: ServerConnection> {
    server_url: String,
    name: String,
    kind: PhantomData<C>,
}

impl<C: ServerConnection> OwnDatabase<C> {
    /// Makes a database in the server that has this URL.
    pub fn in_server(server_url: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("counter_test_{}_{number}", std::process::id());
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
        // More patient than an application's, for tests that run beside many others. It opens connections as they
        // are needed, because most worlds need one or two.
        let pool = Pool::builder().max_size(8).min_idle(Some(1));
        let pool = pool.build(ConnectionManager::<C>::new(self.url()));
        ledger(pool.unwrap(), table)
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

fn ledger<C: CounterConnection>(pool: Pool<ConnectionManager<C>>, table: &str) -> Arc<dyn Ledger> {
    Arc::new(PoolLedger::new(pool, table.parse().unwrap()).unwrap())
}
