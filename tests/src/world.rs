//! A store and a database that belong to one test alone.

use std::sync::Arc;
use std::time::Duration;

use counter_core::{Config, DeltaStore, Prefix};
use counter_diesel::Counters;
use counter_diesel::ledger::Ledger;

use crate::database::{self, Database};
use crate::faults::{Faults, FaultyLedger, FaultyStore};
use crate::patient_store::PatientStore;
use crate::store_worlds::{ClusterWorld, MemoryWorld, RedisWorld, StoreWorld};
use crate::suite::WorldKind;

/// A store and a migrated database of one test's own.
pub struct World {
    /// Where increments wait.
    pub store: Arc<dyn DeltaStore>,
    /// What names in the store start with.
    pub prefix: Prefix,
    /// Where they end up.
    pub ledger: Arc<dyn Ledger>,
    /// The database behind the ledger.
    pub database: Box<dyn Database>,
    /// Makes the stores of other processes.
    stores: Box<dyn StoreWorld>,
}

/// Every pair that matters.
pub const PAIRS: &[WorldKind<World>] = &[
    ("memory_x_sqlite", memory_x_sqlite),
    ("redis_x_sqlite", || redis_x(database::sqlite())),
    ("redis_x_postgres", || redis_x(database::postgres())),
    ("redis_x_mariadb", || redis_x(database::mariadb())),
];

/// Every pair that matters, and PostgreSQL behind a pooler.
pub const PAIRS_AND_POOLER: &[WorldKind<World>] = &[
    ("memory_x_sqlite", memory_x_sqlite),
    ("redis_x_sqlite", || redis_x(database::sqlite())),
    ("redis_x_postgres", || redis_x(database::postgres())),
    ("redis_x_pooled_postgres", || redis_x(database::pooled_postgres())),
    ("redis_x_mariadb", || redis_x(database::mariadb())),
];

/// The pairs for tests that make thousands of worlds. All of them share one connection pool to
/// Redis, because its threads outlive a pool by half a minute, and one database of PostgreSQL,
/// because making one takes long.
pub const SHARING_PAIRS: &[WorldKind<World>] = &[
    ("memory_x_sqlite", memory_x_sqlite),
    ("redis_x_sqlite", || sharing_redis_x(database::sqlite())),
    ("redis_x_postgres", || sharing_redis_x(database::postgres_schema())),
    ("redis_x_mariadb", || sharing_redis_x(database::mariadb())),
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
    pub fn counters_with(&self, mut config: Config) -> Counters {
        config.prefix = self.prefix.clone();
        Counters::from_parts(config, self.patient_store(), Arc::clone(&self.ledger))
    }

    /// The counters of a process that takes every claim for one that was left behind, over another
    /// database.
    pub fn counters_over(&self, ledger: Arc<dyn Ledger>) -> Counters {
        let mut config = impatient();
        config.prefix = self.prefix.clone();
        Counters::from_parts(config, self.patient_store(), ledger)
    }

    /// The store of one process.
    fn patient_store(&self) -> Arc<dyn DeltaStore> {
        Arc::new(PatientStore(self.stores.store()))
    }

    /// Makes the table refuse every row that is written, while it can be read.
    pub fn make_table_refuse_writes(&self) {
        let add_column =
            "ALTER TABLE model_counters ADD COLUMN refusing INTEGER NOT NULL DEFAULT 0";
        self.database.execute(&format!("{add_column} CHECK (1 = 0)")).unwrap();
    }

    /// Makes all rows look as if they had not changed for years.
    pub fn age_rows(&self) {
        for table in ["model_counters", "model_counters_periods"] {
            let age = format!("UPDATE {table} SET updated_at = '2001-02-03 04:05:06'");
            self.database.execute(&age).unwrap();
        }
    }

    /// Makes all notes look as if they had been made years ago.
    pub fn age_notes(&self) {
        let age = "UPDATE model_counters_kept SET noted_at = '2001-02-03 04:05:06' \
                   WHERE noted_at IS NOT NULL";
        self.database.execute(age).unwrap();
    }

    /// Removes our tables.
    pub fn drop_tables(&self) {
        for suffix in ["_state", "_kept", "_periods", "", "_migrations"] {
            self.database.execute(&format!("DROP TABLE model_counters{suffix}")).unwrap();
        }
    }

    /// The counters of a process to whose store and database things happen.
    pub fn counters_behind(&self, faults: &Arc<Faults>, mut config: Config) -> Counters {
        config.prefix = self.prefix.clone();
        let store = FaultyStore::new(self.patient_store(), faults);
        let inner = Arc::clone(&self.ledger);
        let ledger = FaultyLedger { inner, faults: Arc::clone(faults) };
        Counters::from_parts(config, Arc::new(store), Arc::new(ledger))
    }
}

/// A cluster of this process, with all counters in one slot, and PostgreSQL.
pub fn cluster_with_a_tag() -> World {
    world(Box::new(ClusterWorld::of_one_slot()), database::postgres())
}

/// A cluster of this process, with counters in all slots, and PostgreSQL.
pub fn cluster_x_postgres() -> World {
    world(Box::new(ClusterWorld::of_all_slots()), database::postgres())
}

/// The configuration of a process that takes every claim for one that was left behind.
pub fn impatient() -> Config {
    let mut config = Config::default();
    config.claim_timeout = Duration::ZERO;
    config
}

/// The embedded default.
pub fn memory_x_sqlite() -> World {
    world(Box::new(MemoryWorld::ticking()), database::sqlite())
}

fn world(stores: Box<dyn StoreWorld>, database: Box<dyn Database>) -> World {
    let ledger = database.ledger("model_counters");
    ledger.run_pending_migrations().unwrap();
    World { store: stores.store(), prefix: stores.prefix(), ledger, database, stores }
}

fn sharing_redis_x(database: Box<dyn Database>) -> World {
    world(Box::new(RedisWorld::sharing()), database)
}

fn redis_x(database: Box<dyn Database>) -> World {
    world(Box::new(RedisWorld::own()), database)
}
