//! A node that comes back with an older copy of its data, where counters are in all slots.

use std::sync::Arc;

use counter_core::{Config, DeltaStore, RedisStore};
use counter_diesel::sync::OnConflict;
use counter_diesel::{Counters, SyncOptions};
use counter_tests::database::{self, Database};
use counter_tests::fixtures::{post, views_of};
use counter_tests::servers::{ClusterSite, RedisServer};
use counter_tests::store_worlds::patient;

use super::faults::slot_of;

/// So many that there are some on each node.
const COUNTERS: i64 = 60;

/// A cluster and a database, and what a node held at some time.
struct World {
    site: ClusterSite,
    database: Box<dyn Database>,
}

/// The names of a node and what each holds.
type Copy = Vec<(Vec<u8>, Vec<u8>)>;

impl World {
    fn new() -> Self {
        Self { site: ClusterSite::start(), database: database::sqlite() }
    }

    /// Counters of a process that knows nothing of what was before.
    fn process(&self) -> Counters {
        let builder = RedisStore::builder(self.site.url()).timeouts(patient());
        let ledger = self.database.ledger("model_counters");
        ledger.run_pending_migrations().unwrap();
        Counters::from_parts(Config::default(), Arc::new(builder.build().unwrap()), ledger)
    }

    /// The node that has the counter of post 1, but not the id of the data.
    fn node(&self) -> &RedisServer {
        let node = &self.site.nodes[0];
        let id = self.site.wait_for_owner(slot_of(node, "counter:{id}"), |_| true);
        let mut masters = self.site.nodes[..3].iter();
        masters.find(|node| node.port() != id.port()).unwrap()
    }

    fn is_on(&self, node: &RedisServer, number: i64) -> bool {
        let slot = slot_of(node, &format!("counter:{}", views_of(number)));
        self.site.wait_for_owner(slot, |_| true).port() == node.port()
    }

    /// The counters that are on a node, and the others.
    fn split(&self, node: &RedisServer) -> (Vec<i64>, Vec<i64>) {
        let (here, others): (Vec<_>, Vec<_>) =
            (1..=COUNTERS).partition(|number| self.is_on(node, *number));
        assert!(!here.is_empty() && !others.is_empty());
        (here, others)
    }
}

fn copy(node: &RedisServer) -> Copy {
    let mut bare = node.bare();
    let names: Vec<Vec<u8>> = redis::cmd("KEYS").arg("counter:*").query(&mut bare).unwrap();
    let value = |name: &Vec<u8>| redis::cmd("DUMP").arg(name).query(&mut bare).unwrap();
    let values: Vec<Vec<u8>> = names.iter().map(value).collect();
    names.into_iter().zip(values).collect()
}

fn restore(node: &RedisServer, copy: &Copy) {
    let mut bare = node.bare();
    redis::cmd("FLUSHALL").exec(&mut bare).unwrap();
    for (name, value) in copy {
        redis::cmd("RESTORE").arg(name).arg(0).arg(value).exec(&mut bare).unwrap();
    }
}

fn increment_all(counters: &Counters) {
    for number in 1..=COUNTERS {
        counters.increment(post(number), "views", 5).unwrap();
    }
}

fn baselines(counters: &Counters, numbers: &[i64]) -> Vec<i64> {
    let baseline = |number: &i64| counters.baseline(post(*number), "views").unwrap();
    numbers.iter().map(baseline).collect()
}

#[test]
fn a_node_that_went_back_is_found_by_a_process_that_knows_nothing_and_the_others_go_on() {
    let world = World::new();
    let (node, counters) = (world.node(), world.process());
    let (here, others) = world.split(node);
    increment_all(&counters);
    assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
    increment_all(&counters);
    let held = copy(node);
    let report = counters.sync(&SyncOptions::default()).unwrap();
    assert!(report.is_clean() && report.applied == COUNTERS as u64, "{report}");
    drop(counters);
    restore(node, &held);

    // What it holds was counted already.
    for _ in 0..2 {
        let counters = world.process();
        counters.increment(post(others[0]), "views", 5).unwrap();
        let report = counters.sync(&SyncOptions::default()).unwrap();
        assert_eq!(report.gone_back.count(), here.len() as u64, "{report}");
        assert!(report.stopped.is_none() && report.applied == 1, "{report}");
        assert!(baselines(&counters, &here).iter().all(|count| *count == 10));
        assert!(counters.get(post(here[0]), "views").is_err());
        assert!(counters.get(post(others[1]), "views").is_ok());
        let conflicts = counters.conflicts().unwrap();
        assert_eq!(conflicts.parts_went_back.count(), here.len() as u64);
        assert_eq!(conflicts.conflicts.count(), here.len() as u64);
    }
    let counters = world.process();
    let discard = SyncOptions::default().on_conflict(OnConflict::Discard);
    let report = counters.sync(&discard).unwrap();
    assert_eq!(report.discarded, here.len() as u64, "{report}");
    counters.increment(post(here[0]), "views", 1).unwrap();
    assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
    assert_eq!(baselines(&counters, &here)[0], 11);
    assert_eq!(baselines(&counters, &here[1..]), vec![10; here.len() - 1]);
    assert_eq!(baselines(&counters, &others[..2]), [20, 10]);
}

/// To compare the newest sequences would not do.
#[test]
fn a_node_that_went_back_and_gave_out_newer_sequences_since_is_found() {
    let world = World::new();
    let (node, counters) = (world.node(), world.process());
    let (here, _) = world.split(node);
    increment_all(&counters);
    assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
    increment_all(&counters);
    let held = copy(node);
    assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
    drop(counters);
    restore(node, &held);
    // Claimed, but not applied.
    let builder = RedisStore::builder(world.site.url()).timeouts(patient());
    let store = builder.build().unwrap();
    let ids: Vec<_> = here.iter().map(|number| views_of(*number)).collect();
    store.claim(&ids, std::time::Duration::ZERO).unwrap();
    let mut config = Config::default();
    config.claim_timeout = std::time::Duration::ZERO;
    let ledger = world.database.ledger("model_counters");
    let counters = Counters::from_parts(config, Arc::new(store), ledger);
    let report = counters.sync(&SyncOptions::default()).unwrap();
    assert_eq!(report.gone_back.count(), here.len() as u64, "{report}");
    assert!(baselines(&counters, &here).iter().all(|count| *count == 10));
}

#[test]
fn a_node_that_was_emptied_is_reported_and_goes_on() {
    let world = World::new();
    let (node, counters) = (world.node(), world.process());
    let (here, _) = world.split(node);
    increment_all(&counters);
    assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
    redis::cmd("FLUSHALL").exec(&mut node.bare()).unwrap();
    increment_all(&counters);
    let report = counters.sync(&SyncOptions::default()).unwrap();
    assert!(report.high_water_lost && report.gone_back.is_empty(), "{report}");
    assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
    assert!(baselines(&counters, &here).iter().all(|count| *count == 10));
}
