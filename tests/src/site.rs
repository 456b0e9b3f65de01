//! A site whose servers can be taken away: a Redis and a database that belong to one test.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use counter_core::{Config, DeltaStore, Error as StoreError, RedisStore, StoreStep};
use counter_diesel::{Counters, Error, SyncOptions, SyncReport};
use diesel::connection::SimpleConnection;
use diesel::{Connection, MysqlConnection};

use crate::database_server::Sqlite;
pub use crate::database_server::{DatabaseServer, builder_at, ledger_at, ledger_within};
use crate::faults::{Faults, FaultyLedger, FaultyStore};
use crate::folder;
use crate::process::wait_for;
use crate::servers::mariadb::MariaDb;
use crate::servers::postgres::Postgres;
use crate::servers::{ClusterSite, Durability, RedisServer};
use crate::store_worlds::patient;

/// For how long rows stay locked at least while a sync waits for Redis.
const BUSY: Duration = Duration::from_millis(500);

/// Returns what a sync reports, or nothing if Redis was too busy to answer while rows were locked,
/// which are not kept so for long.
///
/// # Panics
///
/// If the sync failed for another reason.
pub fn sync_unless_redis_is_busy(counters: &Counters, options: &SyncOptions) -> Option<SyncReport> {
    let start = Instant::now();
    let result = counters.sync(options);
    let is_busy = |error: &Error| is_of_busy_redis(error, start.elapsed());
    match result {
        Err(error) if is_busy(&error) => None,
        Ok(report) if report.stopped.as_ref().is_some_and(is_busy) => None,
        result => Some(result.unwrap()),
    }
}

/// Whether a sync that took so long failed because Redis did not answer while rows were locked.
pub fn is_of_busy_redis(error: &Error, took: Duration) -> bool {
    let step = match error {
        Error::Core(StoreError::Store { step, .. }) => *step,
        _ => return false,
    };
    matches!(step, StoreStep::Verify | StoreStep::Recall) && took > BUSY
}

/// A Redis and a database.
pub struct Site {
    redis: Mutex<RedisServer>,
    /// The others, if it is a node of a cluster.
    cluster: Option<ClusterSite>,
    database: Mutex<Box<dyn DatabaseServer>>,
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

    /// With SQLite, whose only processes are those that use it, and such a Redis.
    pub fn with_sqlite() -> Self {
        Self::with(Box::new(Sqlite(folder::in_memory("counter-sqlite-", 1 << 24))))
    }

    /// With PostgreSQL, and a cluster of three masters, of which one is the Redis here.
    pub fn with_cluster_and_postgres() -> Self {
        let mut cluster = ClusterSite::start_masters();
        let redis = cluster.nodes.remove(0);
        let site = Self::on(redis, Box::new(Postgres::new(Durability::On)));
        Self { cluster: Some(cluster), ..site }
    }

    fn with(database: Box<dyn DatabaseServer>) -> Self {
        let redis = RedisServer::start_with(&["--appendonly", "yes", "--appendfsync", "always"]);
        Self::on(redis, database)
    }

    fn on(redis: RedisServer, database: Box<dyn DatabaseServer>) -> Self {
        Self { redis: Mutex::new(redis), cluster: None, database: Mutex::new(database) }
    }

    /// Where counters wait: the Redis, or the cluster that it is in.
    pub fn redis_url(&self) -> String {
        match &self.cluster {
            Some(others) => {
                others.url().replace("://", &format!("://127.0.0.1:{},", self.redis().port()))
            }
            None => self.redis().url(),
        }
    }

    /// The Redis.
    pub fn redis(&self) -> MutexGuard<'_, RedisServer> {
        self.redis.lock().unwrap()
    }

    /// The database.
    pub fn database(&self) -> MutexGuard<'_, Box<dyn DatabaseServer>> {
        self.database.lock().unwrap()
    }

    /// The counters of one process as an application makes them, with the tables in place. Another
    /// call makes those of another process.
    pub fn counters(&self) -> Counters {
        let store = RedisStore::builder(self.redis_url()).connect_lazily();
        let counters = self.database().builder().redis_with(store).build().unwrap();
        counters.run_pending_migrations().unwrap();
        counters
    }

    /// Like [`counters`](Self::counters), for a process that waits for Redis, however busy the
    /// disk.
    pub fn patient_counters(&self) -> Counters {
        let counters = self.counters_after(Config::default().claim_timeout);
        counters.run_pending_migrations().unwrap();
        counters
    }

    /// Patient counters of a process that takes each claim of this age for one that was left
    /// behind. The tables are there.
    pub fn counters_after(&self, claim_timeout: Duration) -> Counters {
        let store = RedisStore::builder(self.redis_url()).timeouts(patient());
        self.database().builder().claim_timeout(claim_timeout).redis_with(store).build().unwrap()
    }

    /// A sync that waits for no process that may still be alive: everything is in the table after
    /// it. Returns how many claims were left behind.
    pub fn last_sync(&self) -> u64 {
        let counters = self.counters_after(Duration::ZERO);
        wait_for("a sync to come to its end", || {
            let report = sync_unless_redis_is_busy(&counters, &SyncOptions::default())?;
            assert!(report.is_clean() && report.busy == 0, "{report:?}");
            Some(report.recovered)
        })
    }

    /// The counters of a process with these faults in its store and its database.
    pub fn counters_behind(&self, faults: &Arc<Faults>, config: Config) -> Counters {
        let ledger = FaultyLedger { inner: self.database().ledger(), faults: Arc::clone(faults) };
        let store = FaultyStore::new(self.store(), faults);
        let counters = Counters::from_parts(config, Arc::new(store), Arc::new(ledger));
        counters.run_pending_migrations().unwrap();
        counters
    }

    /// Where counters wait.
    pub fn store(&self) -> Arc<dyn DeltaStore> {
        Arc::new(RedisStore::builder(self.redis_url()).build().unwrap())
    }
}
