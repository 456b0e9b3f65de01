//! The database of an application that has posts and comments, and the counters of its posts.

use std::any::Any;

use counter_diesel::ledger::CounterConnection;
use counter_diesel::{Counters, Owner, SyncOptions};
use diesel::connection::SimpleConnection;
use diesel::r2d2::{ConnectionManager, CustomizeConnection, Pool};
use diesel::{MysqlConnection, PgConnection, SqliteConnection};

use crate::database::{OwnDatabase, ServerConnection, SqliteFile};
use crate::servers::{mariadb, postgres};

/// A database of one test's own, with the application's tables and ours, and counters in memory
/// before it.
pub struct QueryWorld<C: CounterConnection> {
    /// The counters in the default table.
    pub counters: Counters,
    /// What connects to the database.
    pub pool: Pool<ConnectionManager<C>>,
    url: String,
    /// Removes the database in the end.
    _database: Box<dyn Any>,
}

/// The tables of the application; the type of the key is in the name.
const TABLES: &str = "
    CREATE TABLE posts (id BIGINT NOT NULL PRIMARY KEY, title VARCHAR(100) NOT NULL);
    CREATE TABLE integer_posts (id INTEGER NOT NULL PRIMARY KEY, title VARCHAR(100) NOT NULL);
    CREATE TABLE small_posts (id SMALLINT NOT NULL PRIMARY KEY, title VARCHAR(100) NOT NULL);
    CREATE TABLE comments (id BIGINT NOT NULL PRIMARY KEY, post_id BIGINT)";

impl QueryWorld<SqliteConnection> {
    /// In a file.
    pub fn sqlite() -> Self {
        let file = SqliteFile::new();
        Self::new(file.path(), file, Box::new(Patient))
    }
}

impl QueryWorld<PgConnection> {
    /// In a PostgreSQL server.
    pub fn postgres() -> Self {
        Self::in_server(OwnDatabase::in_server(&postgres::shared_url()))
    }
}

impl QueryWorld<MysqlConnection> {
    /// In a MariaDB or MySQL server.
    pub fn mariadb() -> Self {
        Self::in_server(OwnDatabase::in_server(&mariadb::shared_url()))
    }
}

/// Of a server, which is as patient as it should be.
#[derive(Debug)]
struct AsItIs;

impl<C> CustomizeConnection<C, diesel::r2d2::Error> for AsItIs {}

/// Of a file that others may have locked.
#[derive(Debug)]
struct Patient;

impl CustomizeConnection<SqliteConnection, diesel::r2d2::Error> for Patient {
    fn on_acquire(&self, conn: &mut SqliteConnection) -> Result<(), diesel::r2d2::Error> {
        let set = "PRAGMA busy_timeout = 30000; PRAGMA foreign_keys = ON";
        conn.batch_execute(set).map_err(Into::into)
    }
}

impl<C: ServerConnection> QueryWorld<C> {
    fn in_server(database: OwnDatabase<C>) -> Self {
        Self::new(database.url(), database, Box::new(AsItIs))
    }
}

impl<C: CounterConnection> QueryWorld<C> {
    fn new(
        url: String,
        database: impl Any,
        customizer: Box<dyn CustomizeConnection<C, diesel::r2d2::Error>>,
    ) -> Self {
        let builder = Pool::builder().max_size(4).connection_customizer(customizer);
        let pool = builder.build(ConnectionManager::new(url.clone())).unwrap();
        pool.get().unwrap().batch_execute(TABLES).unwrap();
        let counters = Counters::builder(pool.clone()).memory().build().unwrap();
        counters.run_pending_migrations().unwrap();
        Self { counters, pool, url, _database: Box::new(database) }
    }

    /// A connection of its own.
    pub fn connect(&self) -> C {
        C::establish(&self.url).unwrap()
    }

    /// Where the database is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The counters in another table of the same database.
    pub fn counters_in(&self, table: &str) -> Counters {
        let builder =
            Counters::builder(self.pool.clone()).memory().table_name(table.parse().unwrap());
        let counters = builder.build().unwrap();
        counters.run_pending_migrations().unwrap();
        counters
    }

    /// Runs SQL without names that need quotes.
    pub fn run(&self, sql: &str) {
        self.pool.get().unwrap().batch_execute(sql).unwrap();
    }

    /// Adds posts with these ids to the table.
    pub fn add_posts(&self, table: &str, ids: impl IntoIterator<Item = i64>) {
        let rows = ids.into_iter().map(|id| format!("({id}, 'Post {id}')")).collect::<Vec<_>>();
        self.run(&format!("INSERT INTO {table} VALUES {}", rows.join(", ")));
    }

    /// Brings counters of owners into the table: type, id, key and count.
    pub fn count(&self, counts: impl IntoIterator<Item = (&'static str, i64, &'static str, i64)>) {
        let owned = |(kind, id, key, by)| (Owner::new(kind, id).unwrap(), key, by);
        self.counters.increment_many(counts.into_iter().map(owned)).unwrap();
        sync(&self.counters);
    }
}

/// Moves everything that is pending into the table.
pub fn sync(counters: &Counters) {
    let report = counters.sync(&SyncOptions::default()).unwrap();
    assert!(report.is_clean(), "{report:?}");
}
