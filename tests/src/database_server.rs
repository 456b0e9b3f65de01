//! Database servers that can be taken away, and come back.

use std::any::Any;
use std::path::PathBuf;
use std::sync::Arc;

use counter_core::Config;
use counter_diesel::ledger::{CounterConnection, Ledger, LedgerLimits, PoolLedger};
use counter_diesel::{Counters, CountersBuilder, Error, mysql_pool, postgres_pool, sqlite_pool};
use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::r2d2::{ConnectionManager, Pool};
use diesel::sql_types::Text;
use diesel::{Connection, MysqlConnection, PgConnection, RunQueryDsl, SqliteConnection};
use tempfile::TempDir;

use crate::folder;
use crate::servers::mariadb::MariaDb;
use crate::servers::postgres::Postgres;

/// A database server with one database, in which the tables are made.
pub trait DatabaseServer: Send {
    /// The URL of its database.
    fn url(&self) -> String;

    /// The socket that is in its URL, if it has one.
    fn socket(&self) -> Option<PathBuf>;

    /// Counters over a pool of connections to it.
    fn builder(&self) -> CountersBuilder {
        builder_at(&self.url()).unwrap()
    }

    /// A ledger over such a pool.
    fn ledger(&self) -> Arc<dyn Ledger> {
        ledger_at(&self.url())
    }

    /// The one column of texts that a query gives, on a connection of its own.
    fn texts(&self, query: &str) -> Vec<String>;

    /// Executes a statement on a connection of its own.
    fn execute(&self, statement: &str);

    /// Whether a transaction waits for rows that another one has locked.
    fn has_lock_waits(&self) -> bool;

    /// Whether a transaction that has written rows has waited for what its client says next for
    /// more than an instant.
    fn has_idle_writers(&self) -> bool;

    /// Locks all rows of counters until what it returns is dropped.
    fn lock_rows(&self) -> Box<dyn Any>;

    /// Locks a table against all others until what it returns is dropped.
    fn lock_table(&self, table: &str) -> Box<dyn Any>;

    /// Freezes all its processes: the system takes connections and bytes for them, and nothing is
    /// answered.
    fn freeze(&self);

    /// Resumes the server, which then handles what it was sent meanwhile.
    fn thaw(&self);

    /// Asks it to end without waiting for its clients.
    fn stop(&mut self);

    /// Ends it as a crash of the machine would.
    fn kill(&mut self);

    /// Starts it again and waits until it answers.
    fn start(&mut self);

    /// Returns a copy of its data, for which a server ends as in a crash and starts again.
    fn copy(&mut self) -> TempDir;

    /// Lets it come back with the data of a copy.
    fn go_back_to(&mut self, copy: &TempDir);
}

/// Counters over a pool of connections to the database with this URL.
///
/// # Errors
///
/// If it cannot be reached.
pub fn builder_at(url: &str) -> Result<CountersBuilder, Error> {
    Ok(match url.split(':').next() {
        Some("mysql") => Counters::builder(mysql_pool(url, 4)?),
        Some("postgres") => Counters::builder(postgres_pool(url, 4)?),
        _ => Counters::builder(sqlite_pool(url, 4)?),
    })
}

/// A ledger over such a pool.
///
/// # Panics
///
/// If it cannot be reached.
pub fn ledger_at(url: &str) -> Arc<dyn Ledger> {
    ledger_within(url, LedgerLimits::default())
}

/// Like [`ledger_at`], with these limits of waiting.
///
/// # Panics
///
/// If it cannot be reached.
pub fn ledger_within(url: &str, limits: LedgerLimits) -> Arc<dyn Ledger> {
    match url.split(':').next() {
        Some("mysql") => ledger(mysql_pool(url, 4).unwrap(), limits),
        Some("postgres") => ledger(postgres_pool(url, 4).unwrap(), limits),
        _ => ledger(sqlite_pool(url, 4).unwrap(), limits),
    }
}

fn ledger<C: CounterConnection>(
    pool: Pool<ConnectionManager<C>>,
    limits: LedgerLimits,
) -> Arc<dyn Ledger> {
    let table = Config::default().table_name;
    Arc::new(PoolLedger::with_limits(pool, table, limits).unwrap())
}

fn connect<C: Connection>(server: &dyn DatabaseServer) -> C {
    C::establish(&server.url()).unwrap()
}

const LOCK_ROWS: &str = "BEGIN; UPDATE model_counters SET claim_seq = claim_seq";

impl DatabaseServer for Postgres {
    fn url(&self) -> String {
        Self::url(self, "postgres")
    }

    fn socket(&self) -> Option<PathBuf> {
        Some(Self::socket(self))
    }

    fn texts(&self, query: &str) -> Vec<String> {
        sql::<Text>(query).load(&mut connect::<PgConnection>(self)).unwrap()
    }

    fn execute(&self, statement: &str) {
        connect::<PgConnection>(self).batch_execute(statement).unwrap();
    }

    fn lock_rows(&self) -> Box<dyn Any> {
        let mut conn = connect::<PgConnection>(self);
        conn.batch_execute(LOCK_ROWS).unwrap();
        Box::new(conn)
    }

    fn lock_table(&self, table: &str) -> Box<dyn Any> {
        let mut conn = connect::<PgConnection>(self);
        conn.batch_execute(&format!("BEGIN; LOCK TABLE {table}")).unwrap();
        Box::new(conn)
    }

    fn freeze(&self) {
        self.pause();
    }

    fn thaw(&self) {
        self.resume();
    }

    fn has_lock_waits(&self) -> bool {
        self.texts("SELECT CONCAT(count(*)) FROM pg_locks WHERE NOT granted") != ["0"]
    }

    fn has_idle_writers(&self) -> bool {
        let idle = "SELECT CONCAT(count(*)) FROM (SELECT pg_sleep(0.3)) AS pause, pg_stat_activity \
                    WHERE state = 'idle in transaction' AND backend_xid IS NOT NULL \
                    AND state_change < clock_timestamp() - interval '0.2 s'";
        self.texts(idle) != ["0"]
    }

    fn stop(&mut self) {
        Self::stop(self);
    }

    fn kill(&mut self) {
        Self::kill(self);
    }

    fn start(&mut self) {
        Self::start(self);
    }

    fn copy(&mut self) -> TempDir {
        Self::copy(self)
    }

    fn go_back_to(&mut self, copy: &TempDir) {
        Self::go_back_to(self, copy);
    }
}

impl DatabaseServer for MariaDb {
    fn url(&self) -> String {
        Self::url(self, "site")
    }

    fn socket(&self) -> Option<PathBuf> {
        Some(Self::socket(self))
    }

    fn texts(&self, query: &str) -> Vec<String> {
        sql::<Text>(query).load(&mut connect::<MysqlConnection>(self)).unwrap()
    }

    fn execute(&self, statement: &str) {
        connect::<MysqlConnection>(self).batch_execute(statement).unwrap();
    }

    fn lock_rows(&self) -> Box<dyn Any> {
        let mut conn = connect::<MysqlConnection>(self);
        conn.batch_execute(LOCK_ROWS).unwrap();
        Box::new(conn)
    }

    fn lock_table(&self, table: &str) -> Box<dyn Any> {
        let mut conn = connect::<MysqlConnection>(self);
        conn.batch_execute(&format!("LOCK TABLES {table} WRITE")).unwrap();
        Box::new(conn)
    }

    fn freeze(&self) {
        self.pause();
    }

    fn thaw(&self) {
        self.resume();
    }

    fn has_lock_waits(&self) -> bool {
        // Not INNODB_LOCK_WAITS: a client that asks more often than every 100 ms always gets the
        // first answer.
        let waits = "SELECT VARIABLE_VALUE FROM /*M! information_schema.global_status */ \
                     /*!80001 performance_schema.global_status */ \
                     WHERE VARIABLE_NAME = 'INNODB_ROW_LOCK_CURRENT_WAITS'";
        self.texts(waits) != ["0"]
    }

    fn has_idle_writers(&self) -> bool {
        let idle = "SELECT CONCAT(COUNT(*)) FROM (SELECT SLEEP(0.3)) AS pause, \
                    information_schema.processlist AS p JOIN information_schema.innodb_trx AS t \
                    ON t.trx_mysql_thread_id = p.id \
                    WHERE p.command = 'Sleep' AND /*M! p.time_ms > 200 */ /*!80001 p.time > 0 */ \
                    AND t.trx_rows_modified > 0";
        self.texts(idle) != ["0"]
    }

    fn stop(&mut self) {
        Self::stop(self);
    }

    fn kill(&mut self) {
        Self::kill(self);
    }

    fn start(&mut self) {
        Self::start(self);
    }

    fn copy(&mut self) -> TempDir {
        Self::copy(self)
    }

    fn go_back_to(&mut self, copy: &TempDir) {
        Self::go_back_to(self, copy);
    }
}

/// SQLite, whose file is in this folder.
pub(crate) struct Sqlite(pub(crate) TempDir);

fn copied_file(copy: &TempDir) -> String {
    copy.path().join("copy.sqlite").display().to_string()
}

impl DatabaseServer for Sqlite {
    fn url(&self) -> String {
        self.0.path().join("counters.sqlite").display().to_string()
    }

    fn socket(&self) -> Option<PathBuf> {
        None
    }

    fn texts(&self, query: &str) -> Vec<String> {
        let mut conn = sqlite_pool(&self.url(), 1).unwrap().get().unwrap();
        sql::<Text>(query).load(&mut conn).unwrap()
    }

    fn execute(&self, statement: &str) {
        sqlite_pool(&self.url(), 1).unwrap().get().unwrap().batch_execute(statement).unwrap();
    }

    /// All rows are one lock, and a session that waits for it polls.
    fn lock_table(&self, _table: &str) -> Box<dyn Any> {
        self.lock_rows()
    }

    fn freeze(&self) {}

    fn thaw(&self) {}

    fn has_lock_waits(&self) -> bool {
        panic!("SQLite does not report waits")
    }

    fn has_idle_writers(&self) -> bool {
        let mut conn = connect::<SqliteConnection>(self);
        conn.batch_execute("BEGIN IMMEDIATE; ROLLBACK").is_err()
    }

    fn lock_rows(&self) -> Box<dyn Any> {
        let mut conn = sqlite_pool(&self.url(), 1).unwrap().get().unwrap();
        conn.batch_execute(LOCK_ROWS).unwrap();
        Box::new(conn)
    }

    fn stop(&mut self) {}

    fn kill(&mut self) {}

    fn start(&mut self) {}

    fn copy(&mut self) -> TempDir {
        let copy = folder::in_memory("counter-sqlite-", 1 << 24);
        self.execute(&format!("VACUUM INTO '{}'", copied_file(&copy)));
        copy
    }

    /// In one transaction, for other processes have the file open.
    fn go_back_to(&mut self, copy: &TempDir) {
        let back =
            |table| format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM old.{table};");
        let back = ["model_counters", "model_counters_state"].map(back).concat();
        let file = copied_file(copy);
        self.execute(&format!("ATTACH '{file}' AS old; BEGIN IMMEDIATE; {back} COMMIT"));
    }
}
