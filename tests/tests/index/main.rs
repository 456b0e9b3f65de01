//! The index of what is pending: what a sync that follows it finds, what it leaves to a scan of
//! everything, and that no count is lost where the index is wrong. The rule by which it is kept is
//! in `index_model`.

mod cost;
mod followed;
mod scans;
mod workers;
mod wrong;

use std::collections::BTreeMap;
use std::time::Duration;

use counter_core::{DeltaStore as _, Prefix, RedisStore, RedisTimeouts};
use counter_diesel::sync::Reach;
use counter_diesel::{Counters, SyncOptions, SyncReport, sqlite_pool};
use counter_tests::fixtures::{post, views_of};
use counter_tests::servers::RedisServer;
use counter_tests::store_worlds::patient;
use redis::{Connection, FromRedisValue};
use tempfile::TempDir;

/// Longer than any test.
const LONG: Duration = Duration::from_secs(3600);

/// A Redis and a database, and a bare client of the one.
struct Setting {
    redis: RedisServer,
    bare: Connection,
    folder: TempDir,
}

impl Setting {
    fn new() -> Self {
        let redis = RedisServer::start();
        let (bare, folder) = (redis.bare(), tempfile::tempdir().unwrap());
        let setting = Self { redis, bare, folder };
        setting.counters().run_pending_migrations().unwrap();
        setting
    }

    /// A setting in which a scan was made, so none is due.
    fn scanned() -> Self {
        let mut setting = Self::new();
        let report = follow(&setting.counters());
        assert_eq!((report.reach, report.is_clean()), (Reach::Everything, true), "{report}");
        setting.forget_calls();
        setting
    }

    /// The counters of a process.
    fn counters(&self) -> Counters {
        self.counters_after(LONG)
    }

    /// The counters of a process that takes each claim of this age for one that was left behind.
    fn counters_after(&self, claim_timeout: Duration) -> Counters {
        let path = self.folder.path().join("counters.sqlite");
        let pool = sqlite_pool(path.to_str().unwrap(), 4).unwrap();
        let store = RedisStore::builder(self.redis.url()).timeouts(patient());
        Counters::builder(pool).claim_timeout(claim_timeout).redis_with(store).build().unwrap()
    }

    /// The store of a process that has no database.
    fn store(&self) -> RedisStore {
        let timeouts: RedisTimeouts = patient();
        RedisStore::builder(self.redis.url()).timeouts(timeouts).build().unwrap()
    }

    /// Sends a command of words that have no spaces.
    fn run<T: FromRedisValue>(&mut self, command: &str) -> T {
        let mut words = command.split(' ');
        let mut with_arguments = redis::cmd(words.next().unwrap());
        words.for_each(|word| {
            with_arguments.arg(word);
        });
        with_arguments.query(&mut self.bare).unwrap()
    }

    /// Counts as a client does that knows nothing of the index.
    fn count_bare(&mut self, number: i64) {
        let _: i64 =
            self.run(&format!("INCRBY {} 1", Prefix::default().pending_name(&views_of(number))));
    }

    /// Fills the server with so many names of others.
    fn populate(&mut self, names: u32) {
        let names =
            (0..names).map(|number| (format!("other:{number}"), number)).collect::<Vec<_>>();
        for names in names.chunks(10_000) {
            redis::cmd("MSET").arg(names).exec(&mut self.bare).unwrap();
        }
    }

    /// The fields of the index.
    fn named(&mut self) -> Vec<String> {
        let mut named = Vec::new();
        for name in Prefix::default().dirty_names() {
            named.extend(self.run::<Vec<String>>(&format!("HKEYS {name}")));
        }
        named.sort();
        named
    }

    /// How often the server carried out each command since it was asked to forget that.
    fn calls(&mut self) -> BTreeMap<String, u64> {
        let info: String = self.run("INFO commandstats");
        let line = |line: &str| {
            let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
            let calls = rest.split(',').next()?.parse().ok()?;
            Some((name.to_owned(), calls))
        };
        info.lines().filter_map(line).collect()
    }

    fn forget_calls(&mut self) {
        let () = self.run("CONFIG RESETSTAT");
    }
}

/// A sync as a worker makes it.
fn follow(counters: &Counters) -> SyncReport {
    counters.sync(&SyncOptions::default().follow_index(true)).unwrap()
}

/// A sync of the index, which must have been all that it looked at.
fn follow_index(counters: &Counters) -> SyncReport {
    let report = follow(counters);
    assert_eq!((report.reach, report.is_clean()), (Reach::Index, true), "{report}");
    report
}

fn sync(counters: &Counters) -> SyncReport {
    let report = counters.sync(&SyncOptions::default()).unwrap();
    assert_eq!(report.reach, Reach::Everything);
    report
}

fn count(counters: &Counters, numbers: impl IntoIterator<Item = i64>) {
    counters.increment_many(numbers.into_iter().map(|number| (post(number), "views", 1))).unwrap();
}

/// What the table has of a counter.
fn baseline(counters: &Counters, number: i64) -> i64 {
    counters.baseline(post(number), "views").unwrap()
}

/// Writes what the process of these counters has gathered, and reads no more than a page.
fn write_gathered(store: &RedisStore) {
    let index = store.pending_index().unwrap();
    index.page(&[], std::num::NonZeroUsize::MIN).unwrap();
}
