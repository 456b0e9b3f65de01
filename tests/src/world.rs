//! A store and a database that belong to one test alone.

use std::sync::Arc;
use std::time::Duration;

use counter_core::{Config, DeltaStore, MemoryStore};
use counter_diesel::{Counters, Ledger};

use crate::database::{self, Database};
use crate::faults::{Faults, FaultyLedger, FaultyStore};
use crate::suite::WorldKind;

/// A store and a migrated database of one test's own.
pub struct World {
    /// Where increments wait.
    pub store: Arc<dyn DeltaStore>,
    /// Where they end up.
    pub ledger: Arc<dyn Ledger>,
    /// The database behind the ledger.
    pub database: Box<dyn Database>,
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
        self.counters_with(impatient())
    }

    /// The counters of a process with this configuration.
    pub fn counters_with(&self, config: Config) -> Counters {
        Counters::from_parts(config, Arc::clone(&self.store), Arc::clone(&self.ledger))
    }

    /// Makes the table refuse every row that is written, while it can be read.
    pub fn make_table_refuse_writes(&self) {
        let add_column =
            "ALTER TABLE model_counters ADD COLUMN refusing INTEGER NOT NULL DEFAULT 0";
        self.database.execute(&format!("{add_column} CHECK (1 = 0)")).unwrap();
    }

    /// Removes our tables.
    pub fn drop_tables(&self) {
        for suffix in ["_state", "", "_migrations"] {
            self.database.execute(&format!("DROP TABLE model_counters{suffix}")).unwrap();
        }
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
    memory_x(database::sqlite())
}

fn memory_x(database: Box<dyn Database>) -> World {
    let ledger = database.ledger("model_counters");
    ledger.run_pending_migrations().unwrap();
    World { store: Arc::new(MemoryStore::new()), ledger, database }
}
