//! A store and a database that belong to one test alone.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use counter_core::{Config, DeltaStore, MemoryStore};
use counter_diesel::{Counters, Ledger};

use crate::database::{self, Database};
use crate::suite::WorldKind;

/// A store and a migrated database of one test's own.
pub struct World {
    /// Where increments wait.
    pub store: Arc<dyn DeltaStore>,
    /// Where they end up.
    pub ledger: Arc<dyn Ledger>,
    /// What lives as long as the world: servers, folders.
    _kept: Box<dyn Any>,
}

/// Every pair that matters.
pub const PAIRS: &[WorldKind<World>] = &[
    ("memory_x_sqlite", || memory_x(database::sqlite())),
    ("memory_x_postgres", || memory_x(database::postgres())),
    ("memory_x_mariadb", || memory_x(database::mariadb())),
];

impl World {
    /// The counters of one process in this world. Another call makes those of another process.
    pub fn counters(&self) -> Counters {
        self.counters_with(Config::default())
    }

    /// The counters of a process that takes every claim for one that was left behind.
    pub fn impatient_counters(&self) -> Counters {
        let mut config = Config::default();
        config.claim_timeout = Duration::ZERO;
        self.counters_with(config)
    }

    /// The counters of a process with this configuration.
    pub fn counters_with(&self, config: Config) -> Counters {
        Counters::from_parts(config, Arc::clone(&self.store), Arc::clone(&self.ledger))
    }

    /// The counters of a process that sees its store, its database or both through something else.
    pub fn counters_over(&self, store: Arc<dyn DeltaStore>, ledger: Arc<dyn Ledger>) -> Counters {
        Counters::from_parts(Config::default(), store, ledger)
    }
}

fn memory_x(database: Box<dyn Database>) -> World {
    let ledger = database.ledger("model_counters");
    ledger.run_pending_migrations().unwrap();
    World {
        store: Arc::new(MemoryStore::new()),
        ledger,
        _kept: Box::new(database),
    }
}
