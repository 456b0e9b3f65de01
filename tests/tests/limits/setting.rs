use std::sync::Arc;
use std::time::Duration;

use counter_core::{Claim, Claimed, Config, DeltaStore, RedisStore, RedisStoreBuilder};
use counter_diesel::ledger::Ledger;
use counter_diesel::{Counters, Error, Owner, SyncOptions, SyncReport};
use counter_tests::database::{self, Database};
use counter_tests::fixtures::{counter_of, post};
use counter_tests::servers::RedisServer;
use counter_tests::store_worlds::patient;

/// A Redis of one test's own, and a database of its own in a server for all.
pub struct Setting {
    pub redis: RedisServer,
    pub ledger: Arc<dyn Ledger>,
    _database: Box<dyn Database>,
}

impl Setting {
    pub fn with_postgres(redis: RedisServer) -> Self {
        Self::new(redis, database::postgres())
    }

    pub fn with_mariadb(redis: RedisServer) -> Self {
        Self::new(redis, database::mariadb())
    }

    fn new(redis: RedisServer, database: Box<dyn Database>) -> Self {
        let ledger = database.ledger("model_counters");
        ledger.run_pending_migrations().unwrap();
        Self { redis, ledger, _database: database }
    }

    /// The counters of a process. Each call makes those of another one.
    pub fn counters(&self) -> Counters {
        self.counters_on(&self.redis)
    }

    /// The counters of a process with another Redis.
    pub fn counters_on(&self, redis: &RedisServer) -> Counters {
        self.counters_over(store_on(redis).build().unwrap(), Config::default())
    }

    /// The counters of a process that takes every claim for one that was left behind.
    pub fn impatient_counters(&self) -> Counters {
        self.counters_over(store_on(&self.redis).build().unwrap(), impatient())
    }

    pub fn counters_over(&self, store: impl DeltaStore, config: Config) -> Counters {
        Counters::from_parts(config, Arc::new(store), Arc::clone(&self.ledger))
    }

    /// Turns this counter's pending delta into a claim of a pass that dies at once.
    pub fn claim_and_die(&self, owner: &Owner) -> Claim {
        let store = store_on(&self.redis).build().unwrap();
        let id = counter_of(owner, "views");
        match store.claim(&[id], Duration::MAX).unwrap().remove(0) {
            Claimed::Fresh(claim) => claim,
            other => panic!("{other:?}"),
        }
    }
}

pub fn store_on(redis: &RedisServer) -> RedisStoreBuilder {
    RedisStore::builder(redis.url()).timeouts(patient())
}

pub fn impatient() -> Config {
    let mut config = Config::default();
    config.claim_timeout = Duration::ZERO;
    config
}

pub fn sync(counters: &Counters) -> Result<SyncReport, Error> {
    counters.sync(&SyncOptions::default())
}

pub fn sync_cleanly(counters: &Counters) -> SyncReport {
    let report = sync(counters).unwrap();
    assert!(report.is_clean(), "{report:?}");
    report
}

/// What the table says of the first so many posts.
pub fn views<const N: usize>(counters: &Counters) -> [i64; N] {
    std::array::from_fn(|index| {
        counters.baseline(post(i64::try_from(index).unwrap() + 1), "views").unwrap()
    })
}
