//! A site whose servers can be taken away: a Redis and a database of one test's own, which nobody else
//! would miss.

use std::any::Any;
use std::sync::{Arc, Mutex, MutexGuard};

use counter_core::{Config, DeltaStore, RedisStore};
use counter_diesel::{
    CounterConnection, Counters, CountersBuilder, Ledger, PoolLedger, mysql_pool, postgres_pool,
};
use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::r2d2::{ConnectionManager, Pool};
use diesel::sql_types::Text;
use diesel::{Connection, MysqlConnection, PgConnection, RunQueryDsl};

use crate::faults::{Faults, FaultyLedger, FaultyStore};
use crate::process::Durability;
use crate::servers::RedisServer;
use crate::servers::mariadb::MariaDb;
use crate::servers::postgres::Postgres;

/// A Redis and a database.
pub struct Site {
    redis: Mutex<RedisServer>,
    database: Mutex<Box<dyn DatabaseServer>>,
}

/// A database server with one database, in which the tables are made.
pub trait DatabaseServer: Send {
    /// The URL of its database.
    fn url(&self) -> String;

    /// Counters over a pool of connections to it.
    fn builder(&self) -> CountersBuilder;

    /// A ledger over such a pool.
    fn ledger(&self) -> Arc<dyn Ledger>;

    /// The one column of texts that a query gives, on a connection of its own.
    fn texts(&self, query: &str) -> Vec<String>;

    /// Whether a transaction waits for rows that another one has locked.
    fn has_lock_waits(&self) -> bool;

    /// Locks all rows of counters until what it returns is dropped.
    fn lock_rows(&self) -> Box<dyn Any>;

    /// Asks it to end without waiting for its clients.
    fn stop(&mut self);

    /// Ends it as a crash of the machine would.
    fn kill(&mut self);

    /// Starts it again and waits until it answers.
    fn start(&mut self);
}

impl Site {
    /// With PostgreSQL, and a Redis that keeps on disk what it has acknowledged.
    pub fn with_postgres() -> Self {
        Self::with(Box::new(Postgres::new(Durability::On)))
    }

    /// With MariaDB, and a Redis that keeps on disk what it has acknowledged.
    pub fn with_mariadb() -> Self {
        let server = MariaDb::new(Durability::On);
        let mut conn = MysqlConnection::establish(&server.url("mysql")).unwrap();
        conn.batch_execute("CREATE DATABASE site").unwrap();
        Self::with(Box::new(server))
    }

    fn with(database: Box<dyn DatabaseServer>) -> Self {
        let redis = RedisServer::start_with(&["--appendonly", "yes", "--appendfsync", "always"]);
        Self { redis: Mutex::new(redis), database: Mutex::new(database) }
    }

    /// The Redis.
    pub fn redis(&self) -> MutexGuard<'_, RedisServer> {
        self.redis.lock().unwrap()
    }

    /// The database.
    pub fn database(&self) -> MutexGuard<'_, Box<dyn DatabaseServer>> {
        self.database.lock().unwrap()
    }

    /// The counters of one process as an application makes them, with the tables in place. Another call
    /// makes those of another process.
    pub fn counters(&self) -> Counters {
        let store = RedisStore::builder(self.redis().url()).connect_lazily();
        let counters = self.database().builder().redis_with(store).build().unwrap();
        counters.run_pending_migrations().unwrap();
        counters
    }

    /// The same of a process to whose store and database things happen.
    pub fn counters_behind(&self, faults: &Arc<Faults>, config: Config) -> Counters {
        let ledger = FaultyLedger { inner: self.database().ledger(), faults: Arc::clone(faults) };
        let store = FaultyStore::new(self.store(), faults);
        let counters = Counters::from_parts(config, Arc::new(store), Arc::new(ledger));
        counters.run_pending_migrations().unwrap();
        counters
    }

    /// Where counters wait.
    pub fn store(&self) -> Arc<dyn DeltaStore> {
        Arc::new(RedisStore::builder(self.redis().url()).build().unwrap())
    }
}

fn ledger<C: CounterConnection>(pool: Pool<ConnectionManager<C>>) -> Arc<dyn Ledger> {
    Arc::new(PoolLedger::new(pool, Config::default().table_name).unwrap())
}

fn connect<C: Connection>(server: &dyn DatabaseServer) -> C {
    C::establish(&server.url()).unwrap()
}

const LOCK_ROWS: &str = "BEGIN; UPDATE model_counters SET claim_seq = claim_seq";

impl DatabaseServer for Postgres {
    fn url(&self) -> String {
        Self::url(self, "postgres")
    }

    fn builder(&self) -> CountersBuilder {
        Counters::builder(postgres_pool(&DatabaseServer::url(self), 4).unwrap())
    }

    fn ledger(&self) -> Arc<dyn Ledger> {
        ledger(postgres_pool(&DatabaseServer::url(self), 4).unwrap())
    }

    fn texts(&self, query: &str) -> Vec<String> {
        sql::<Text>(query).load(&mut connect::<PgConnection>(self)).unwrap()
    }

    fn lock_rows(&self) -> Box<dyn Any> {
        let mut conn = connect::<PgConnection>(self);
        conn.batch_execute(LOCK_ROWS).unwrap();
        Box::new(conn)
    }

    fn has_lock_waits(&self) -> bool {
        self.texts("SELECT CONCAT(count(*)) FROM pg_locks WHERE NOT granted") != ["0"]
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
}

impl DatabaseServer for MariaDb {
    fn url(&self) -> String {
        Self::url(self, "site")
    }

    fn builder(&self) -> CountersBuilder {
        Counters::builder(mysql_pool(&DatabaseServer::url(self), 4).unwrap())
    }

    fn ledger(&self) -> Arc<dyn Ledger> {
        ledger(mysql_pool(&DatabaseServer::url(self), 4).unwrap())
    }

    fn texts(&self, query: &str) -> Vec<String> {
        sql::<Text>(query).load(&mut connect::<MysqlConnection>(self)).unwrap()
    }

    fn lock_rows(&self) -> Box<dyn Any> {
        let mut conn = connect::<MysqlConnection>(self);
        conn.batch_execute(LOCK_ROWS).unwrap();
        Box::new(conn)
    }

    fn has_lock_waits(&self) -> bool {
        // Not INNODB_LOCK_WAITS: who asks more often than each 100 ms is always given the first answer.
        let waits = "SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS \
                     WHERE VARIABLE_NAME = 'INNODB_ROW_LOCK_CURRENT_WAITS'";
        self.texts(waits) != ["0"]
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
}
