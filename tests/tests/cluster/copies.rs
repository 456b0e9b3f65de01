//! A prefix in a cluster and a database, and what a node held at some time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use counter_core::{Config, DeltaStore, Prefix};
use counter_diesel::{Counters, SyncOptions, SyncReport};
use counter_tests::database::{self, Database};
use counter_tests::faults::{Faults, FaultyLedger, FaultyStore};
use counter_tests::fixtures::{post, views_of};
use counter_tests::patient_store::PatientStore;
use counter_tests::servers::{ClusterSite, RedisServer};
use counter_tests::store_worlds::{ClusterWorld, StoreWorld, unlink};

use super::faults::slot_of;

/// Enough that some are on each node.
pub const COUNTERS: i64 = 60;

/// A prefix in the cluster of this process, and a database.
pub struct World {
    pub cluster: ClusterWorld,
    pub database: Box<dyn Database>,
}

/// The names behind a prefix that are on a node, and what each holds.
pub type Copy = BTreeMap<Vec<u8>, Vec<u8>>;

impl World {
    pub fn new() -> Self {
        Self::on(database::sqlite())
    }

    pub fn on(database: Box<dyn Database>) -> Self {
        database.ledger("model_counters").run_pending_migrations().unwrap();
        Self { cluster: ClusterWorld::of_all_slots(), database }
    }

    /// Counters of a process that knows nothing of what was before.
    pub fn process(&self) -> Counters {
        self.process_with(Config::default(), &Faults::none())
    }

    /// Counters of a process like `process`, with faults in its database.
    pub fn process_with(&self, mut config: Config, faults: &Arc<Faults>) -> Counters {
        config.prefix = self.cluster.prefix();
        let inner = self.database.ledger("model_counters");
        let ledger = FaultyLedger { inner, faults: Arc::clone(faults) };
        Counters::from_parts(config, self.patient_store(), Arc::new(ledger))
    }

    /// A store whose slots, of which there are thousands, may all be slow to answer.
    fn patient_store(&self) -> Arc<dyn DeltaStore> {
        Arc::new(PatientStore(self.cluster.store()))
    }

    /// Counters of a process like `process`, with faults in its store.
    pub fn process_behind(&self, faults: &Arc<Faults>) -> Counters {
        let mut config = Config::default();
        config.prefix = self.cluster.prefix();
        let store = FaultyStore::new(self.patient_store(), faults);
        Counters::from_parts(config, Arc::new(store), self.database.ledger("model_counters"))
    }

    /// The node that had the slot of a name in the beginning, and has it still.
    pub fn node_of(name: &str) -> &'static RedisServer {
        let nodes = &ClusterWorld::site().nodes;
        &nodes[ClusterSite::first_owner(slot_of(&nodes[0], name))]
    }

    pub fn name_of_id(&self) -> String {
        format!("{}{{id}}", self.cluster.prefix())
    }

    /// A node that does not have the id of the data.
    pub fn node(&self) -> &'static RedisServer {
        let of_id = Self::node_of(&self.name_of_id());
        let mut masters = ClusterWorld::site().nodes[..3].iter();
        masters.find(|node| node.port() != of_id.port()).unwrap()
    }

    /// The counters that are on a node, and the others.
    pub fn split(&self, node: &RedisServer) -> (Vec<i64>, Vec<i64>) {
        let name = |number: &i64| self.cluster.prefix().pending_name(&views_of(*number));
        let (here, others): (Vec<_>, Vec<_>) =
            (1..=COUNTERS).partition(|number| Self::node_of(&name(number)).port() == node.port());
        assert!(!here.is_empty() && !others.is_empty());
        (here, others)
    }

    /// How many different slots these counters are in.
    pub fn slots_of(&self, numbers: &[i64]) -> u64 {
        let node = &ClusterWorld::site().nodes[0];
        let name = |number: &i64| self.cluster.prefix().pending_name(&views_of(*number));
        let slots = numbers.iter().map(|number| slot_of(node, &name(number)));
        slots.collect::<BTreeSet<_>>().len() as u64
    }

    /// Another counter that is in the slot of this one.
    pub fn beside(&self, number: i64) -> i64 {
        let mut bare = ClusterWorld::site().nodes[0].bare();
        let mut slot = |number| {
            let name = self.cluster.prefix().pending_name(&views_of(number));
            redis::cmd("CLUSTER").arg("KEYSLOT").arg(name).query::<u16>(&mut bare).unwrap()
        };
        let of_number = slot(number);
        (COUNTERS + 1..).find(|other| slot(*other) == of_number).unwrap()
    }

    pub fn names_on(&self, node: &RedisServer) -> Vec<Vec<u8>> {
        names_behind(&self.cluster.prefix(), node)
    }

    pub fn copy(&self, node: &RedisServer) -> Copy {
        copy_behind(&self.cluster.prefix(), node)
    }

    pub fn restore(&self, node: &RedisServer, copy: &Copy) {
        restore_behind(&self.cluster.prefix(), node, copy);
    }

    pub fn empty(&self, node: &RedisServer) {
        unlink(&self.names_on(node), &mut node.bare()).unwrap();
    }
}

pub fn names_behind(prefix: &Prefix, node: &RedisServer) -> Vec<Vec<u8>> {
    redis::cmd("KEYS").arg(format!("{prefix}*")).query(&mut node.bare()).unwrap()
}

pub fn restore_behind(prefix: &Prefix, node: &RedisServer, copy: &Copy) {
    unlink(&names_behind(prefix, node), &mut node.bare()).unwrap();
    let mut restores = redis::pipe();
    for (name, value) in copy {
        restores.cmd("RESTORE").arg(name).arg(0).arg(value).ignore();
    }
    restores.exec(&mut node.bare()).unwrap();
}

pub fn copy_behind(prefix: &Prefix, node: &RedisServer) -> Copy {
    let names = names_behind(prefix, node);
    let mut dumps = redis::pipe();
    for name in &names {
        dumps.cmd("DUMP").arg(name);
    }
    let values: Vec<Vec<u8>> = dumps.query(&mut node.bare()).unwrap();
    names.into_iter().zip(values).collect()
}

/// The slots that a worker asks: all of them only at first.
pub fn of_a_worker() -> SyncOptions {
    SyncOptions::default().follow_index(true).full_scan_every(Duration::ZERO)
}

pub fn sync(counters: &Counters) -> SyncReport {
    counters.sync(&SyncOptions::default()).unwrap()
}

pub fn assert_all(counters: &Counters, numbers: &[i64], count: i64) {
    assert_eq!(baselines(counters, numbers), vec![count; numbers.len()]);
}

pub fn increment_all(counters: &Counters) {
    for number in 1..=COUNTERS {
        counters.increment(post(number), "views", 5).unwrap();
    }
}

pub fn baselines(counters: &Counters, numbers: &[i64]) -> Vec<i64> {
    let baseline = |number: &i64| counters.baseline(post(*number), "views").unwrap();
    numbers.iter().map(baseline).collect()
}
