//! A store and a database that belong to one test alone.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use counter_core::{Config, DeltaStore, MemoryStore};
use counter_diesel::{Counters, Ledger, PoolLedger, TableName, sqlite_pool};
use diesel::connection::SimpleConnection;

use crate::faults::{Faults, FaultyLedger, FaultyStore};
use crate::suite::WorldKind;

/// A store and a migrated database of one test's own.
pub struct World {
    /// Where increments wait.
    pub store: Arc<dyn DeltaStore>,
    /// Where they end up.
    pub ledger: Arc<dyn Ledger>,
    /// Runs statements on the database, past everything of ours.
    execute: Box<dyn Fn(&str)>,
    /// What lives as long as the world: servers, folders.
    _kept: Box<dyn Any>,
}

/// Every pair that matters.
pub const PAIRS: &[WorldKind<World>] = &[("memory_x_sqlite", memory_x_sqlite)];

impl World {
    /// The counters of one process in this world. Another call makes those of another process.
    pub fn counters(&self) -> Counters {
        self.counters_with(Config::default())
    }

    /// The counters of a process that takes every claim for one that was left behind.
    pub fn impatient_counters(&self) -> Counters {
        self.counters_with(impatient())
    }

    /// The counters of a process with this configuration.
    pub fn counters_with(&self, config: Config) -> Counters {
        Counters::from_parts(config, Arc::clone(&self.store), Arc::clone(&self.ledger))
    }

    /// Makes the table refuse every row that is written, while it can be read.
    pub fn make_table_refuse_writes(&self) {
        (self.execute)(
            "ALTER TABLE model_counters ADD COLUMN nobody_fills_this INTEGER NOT NULL CHECK (1 = 0) DEFAULT 0",
        );
    }

    /// Removes our tables.
    pub fn drop_tables(&self) {
        (self.execute)("DROP TABLE model_counters_state");
        (self.execute)("DROP TABLE model_counters");
        (self.execute)("DROP TABLE model_counters_migrations");
    }

    /// The counters of a process to whose store and database things happen.
    pub fn counters_behind(&self, faults: &Arc<Faults>, config: Config) -> Counters {
        let store = FaultyStore::new(Arc::clone(&self.store), faults);
        let inner = Arc::clone(&self.ledger);
        let ledger = FaultyLedger { inner, faults: Arc::clone(faults) };
        Counters::from_parts(config, Arc::new(store), Arc::new(ledger))
    }
}

/// The configuration of a process that takes every claim for one that was left behind.
pub fn impatient() -> Config {
    let mut config = Config::default();
    config.claim_timeout = Duration::ZERO;
    config
}

/// The embedded default.
pub fn memory_x_sqlite() -> World {
    let folder = fast_folder();
    let file = folder.path().join("counters.sqlite");
    let pool = sqlite_pool(file.to_str().unwrap(), 8).unwrap();
    let ledger = Arc::new(PoolLedger::new(pool.clone(), TableName::default()).unwrap());
    ledger.run_pending_migrations().unwrap();
    let execute = Box::new(move |sql: &str| pool.get().unwrap().batch_execute(sql).unwrap());
    World { store: Arc::new(MemoryStore::new()), ledger, execute, _kept: Box::new(folder) }
}

/// A folder in memory where there is one: what these tests do to a process is no power cut, and each of
/// thousands of commits would wait for the disk.
fn fast_folder() -> tempfile::TempDir {
    let in_memory = tempfile::tempdir_in("/dev/shm");
    in_memory.or_else(|_| tempfile::tempdir()).unwrap()
}
