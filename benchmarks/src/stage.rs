use counter_core::RedisStore;
use counter_diesel::sync::SyncTimes;
use counter_diesel::{Counters, SyncOptions, SyncReport};
use counter_tests::servers::RedisServer;
use diesel::connection::SimpleConnection;
use diesel::r2d2::{ConnectionManager, Pool};
use redis::Connection;

use crate::bare::{BareConnection, Batch, batches};
use crate::bench::Bench;
use crate::post::names;
use crate::rounds::seconds;

/// Counters, and a bare connection to each of their two sides.
pub struct Stage<C: BareConnection> {
    pub counters: Counters,
    pub redis: Connection,
    pub pool: Pool<ConnectionManager<C>>,
    /// The times of all syncs so far.
    pub times: Vec<SyncTimes>,
}

impl<C: BareConnection> Stage<C> {
    /// Makes a stage with an empty Redis and an empty table.
    pub fn new(bench: &Bench, database: &str) -> Self {
        Self::with(bench.redis(), database)
    }

    /// Makes a stage with this Redis, which is emptied.
    pub fn with(redis: &RedisServer, database: &str) -> Self {
        redis.flush();
        let store = RedisStore::builder(redis.url());
        let pool = C::pool(database);
        let counters = Counters::builder(pool.clone()).redis_with(store).build().unwrap();
        Self::over(counters, redis.bare(), pool)
    }

    /// Makes a stage whose increments wait in memory.
    pub fn in_memory(bench: &Bench, database: &str) -> Self {
        let pool = C::pool(database);
        let counters = Counters::builder(pool.clone()).memory().build().unwrap();
        Self::over(counters, bench.redis().bare(), pool)
    }

    fn over(counters: Counters, redis: Connection, pool: Pool<ConnectionManager<C>>) -> Self {
        counters.run_pending_migrations().unwrap();
        let stage = Self { counters, redis, pool, times: Vec::new() };
        stage.execute(C::EMPTY);
        // The database may know another Redis from before, which the first sync reports.
        let _ = stage.counters.sync(&SyncOptions::default()).unwrap();
        stage
    }

    pub fn execute(&self, sql: &str) {
        self.pool.get().unwrap().batch_execute(sql).unwrap();
    }

    /// Fills the table with a row for each post, or empties it.
    pub fn lay_rows(&self, rows: Rows, posts: i64) {
        self.execute(C::EMPTY);
        if rows == Rows::Present {
            self.pool.get().unwrap().upsert_all(&batches(posts, 1));
        }
        self.execute(C::SETTLE);
    }

    /// Makes something pending for each post.
    pub fn count(&mut self, posts: i64) {
        count_in(&mut self.redis, posts);
    }

    /// Returns the seconds of one sync, after checking that it moved `counters` counters. Returns
    /// NaN if the sync was stopped, for example because Redis did not answer in time on a busy
    /// machine.
    pub fn sync(&mut self, counters: i64) -> f64 {
        let mut report = SyncReport::default();
        let taken = seconds(|| report = self.counters.sync(&SyncOptions::default()).unwrap());
        if let Some(error) = report.stopped {
            eprintln!("a round does not count: {error}");
            while !self.counters.sync(&SyncOptions::default()).is_ok_and(|report| report.is_clean())
            {
            }
            return f64::NAN;
        }
        assert_eq!((report.applied, report.is_clean()), (counters as u64, true), "{report:?}");
        self.times.push(report.times);
        taken
    }

    /// Returns the seconds of one sync of what is counted under these names, for each of them.
    pub fn sync_of(&mut self, names: &[String], laid: Rows) -> f64 {
        let counters = names.len() as i64;
        self.execute(C::EMPTY);
        if laid == Rows::Present {
            self.lay(names);
        }
        self.execute(C::SETTLE);
        count_names(&mut self.redis, names);
        self.sync(counters) / counters as f64
    }

    /// Writes a row for each of these names, in another order than that of a scan.
    fn lay(&mut self, names: &[String]) {
        let mut names = names.to_vec();
        fastrand::Rng::with_seed(1).shuffle(&mut names);
        for names in names.chunks(1000) {
            count_names(&mut self.redis, names);
            self.sync(names.len() as i64);
        }
    }

    /// Returns the seconds of the bare upsert, after checking that it wrote these rows.
    pub fn upsert(&self, batches: &[Batch]) -> f64 {
        let mut conn = self.pool.get().unwrap();
        // Prepares the statement, which a sync keeps too.
        conn.begin();
        conn.write(&Batch::new((-1000..0).collect(), 1));
        conn.batch_execute("ROLLBACK").unwrap();
        seconds(|| conn.upsert_all(batches))
    }
}

/// Whether the table has rows for the counters of a sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    New,
    Present,
}

/// Makes 1 pending for each post, as increments do.
pub fn count_in(redis: &mut Connection, posts: i64) {
    count_names(redis, &names(posts));
}

/// Makes 1 pending under each of these names.
pub fn count_names(redis: &mut Connection, names: &[String]) {
    for names in names.chunks(10_000) {
        let mut increments = redis::pipe();
        for name in names {
            increments.cmd("INCRBY").arg(name).arg(1).ignore();
        }
        increments.exec(redis).unwrap();
    }
}
