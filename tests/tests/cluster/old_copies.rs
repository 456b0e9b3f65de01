//! A node that comes back with an older copy of its data, or without any, where counters are in all slots.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use counter_core::{Config, Prefix};
use counter_diesel::sync::OnConflict;
use counter_diesel::{Counters, SyncOptions, SyncReport};
use counter_tests::database::{self, Database};
use counter_tests::faults::{Faults, FaultyLedger};
use counter_tests::fixtures::{post, views_of};
use counter_tests::servers::{ClusterSite, RedisServer};
use counter_tests::store_worlds::{ClusterWorld, StoreWorld, unlink};

use super::faults::slot_of;

/// So many that there are some on each node.
const COUNTERS: i64 = 60;

/// A prefix in the cluster of this process, and a database.
struct World {
    cluster: ClusterWorld,
    database: Box<dyn Database>,
}

/// The names behind a prefix that are on a node, and what each holds.
type Copy = BTreeMap<Vec<u8>, Vec<u8>>;

impl World {
    fn new() -> Self {
        Self::on(database::sqlite())
    }

    fn on(database: Box<dyn Database>) -> Self {
        database.ledger("model_counters").run_pending_migrations().unwrap();
        Self { cluster: ClusterWorld::of_all_slots(), database }
    }

    /// Counters of a process that knows nothing of what was before.
    fn process(&self) -> Counters {
        self.process_with(Config::default(), &Faults::none())
    }

    /// Counters of such a process, to whose database things happen.
    fn process_with(&self, mut config: Config, faults: &Arc<Faults>) -> Counters {
        config.prefix = self.cluster.prefix();
        let inner = self.database.ledger("model_counters");
        let ledger = FaultyLedger { inner, faults: Arc::clone(faults) };
        Counters::from_parts(config, self.cluster.store(), Arc::new(ledger))
    }

    /// The node that had the slot of a name in the beginning, and has it still.
    fn node_of(name: &str) -> &'static RedisServer {
        let nodes = &ClusterWorld::site().nodes;
        &nodes[ClusterSite::first_owner(slot_of(&nodes[0], name))]
    }

    fn name_of_id(&self) -> String {
        format!("{}{{id}}", self.cluster.prefix())
    }

    /// A node that does not have the id of the data.
    fn node(&self) -> &'static RedisServer {
        let of_id = Self::node_of(&self.name_of_id());
        let mut masters = ClusterWorld::site().nodes[..3].iter();
        masters.find(|node| node.port() != of_id.port()).unwrap()
    }

    /// The counters that are on a node, and the others.
    fn split(&self, node: &RedisServer) -> (Vec<i64>, Vec<i64>) {
        let name = |number: &i64| self.cluster.prefix().pending_name(&views_of(*number));
        let (here, others): (Vec<_>, Vec<_>) =
            (1..=COUNTERS).partition(|number| Self::node_of(&name(number)).port() == node.port());
        assert!(!here.is_empty() && !others.is_empty());
        (here, others)
    }

    fn names_on(&self, node: &RedisServer) -> Vec<Vec<u8>> {
        names_behind(&self.cluster.prefix(), node)
    }

    fn copy(&self, node: &RedisServer) -> Copy {
        copy_behind(&self.cluster.prefix(), node)
    }

    fn restore(&self, node: &RedisServer, copy: &Copy) {
        self.empty(node);
        let mut restores = redis::pipe();
        for (name, value) in copy {
            restores.cmd("RESTORE").arg(name).arg(0).arg(value).ignore();
        }
        restores.exec(&mut node.bare()).unwrap();
    }

    fn empty(&self, node: &RedisServer) {
        unlink(&self.names_on(node), &mut node.bare()).unwrap();
    }
}

fn names_behind(prefix: &Prefix, node: &RedisServer) -> Vec<Vec<u8>> {
    redis::cmd("KEYS").arg(format!("{prefix}*")).query(&mut node.bare()).unwrap()
}

fn copy_behind(prefix: &Prefix, node: &RedisServer) -> Copy {
    let names = names_behind(prefix, node);
    let mut dumps = redis::pipe();
    for name in &names {
        dumps.cmd("DUMP").arg(name);
    }
    let values: Vec<Vec<u8>> = dumps.query(&mut node.bare()).unwrap();
    names.into_iter().zip(values).collect()
}

/// What a worker asks for: all slots only at first.
fn of_a_worker() -> SyncOptions {
    SyncOptions::default().follow_index(true).full_scan_every(Duration::ZERO)
}

fn sync(counters: &Counters) -> SyncReport {
    counters.sync(&SyncOptions::default()).unwrap()
}

fn assert_all(counters: &Counters, numbers: &[i64], count: i64) {
    assert_eq!(baselines(counters, numbers), vec![count; numbers.len()]);
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
    let held = world.copy(node);
    let report = counters.sync(&SyncOptions::default()).unwrap();
    assert!(report.is_clean() && report.applied == COUNTERS as u64, "{report}");
    drop(counters);
    world.restore(node, &held);

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
    let held = world.copy(node);
    assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
    drop(counters);
    world.restore(node, &held);
    // Claimed, but not applied.
    let store = world.cluster.store();
    let ids: Vec<_> = here.iter().map(|number| views_of(*number)).collect();
    store.claim(&ids, Duration::ZERO).unwrap();
    let mut config = Config::default();
    config.claim_timeout = Duration::ZERO;
    let counters = world.process_with(config, &Faults::none());
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
    world.empty(node);
    increment_all(&counters);
    let report = counters.sync(&SyncOptions::default()).unwrap();
    assert!(report.high_water_lost && report.gone_back.is_empty(), "{report}");
    assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
    assert!(baselines(&counters, &here).iter().all(|count| *count == 10));
}

/// What was counted since is claimed once its slots have high waters again.
#[test]
fn a_node_that_is_emptied_beside_a_worker_is_not_taken_for_an_old_copy() {
    let world = World::new();
    let (node, worker) = (world.node(), world.process());
    let (here, others) = world.split(node);
    increment_all(&worker);
    assert!(worker.sync(&of_a_worker()).unwrap().is_clean());
    world.empty(node);
    increment_all(&worker);
    let report = worker.sync(&of_a_worker()).unwrap();
    assert!(report.high_water_lost && report.gone_back.is_empty(), "{report}");
    assert_eq!((report.unavailable, report.applied), (here.len() as u64, others.len() as u64));
    let report = worker.sync(&of_a_worker()).unwrap();
    assert_eq!(report.applied, here.len() as u64, "{report}");
    assert_all(&worker, &here, 10);
    assert!(worker.sync(&of_a_worker()).unwrap().is_clean());
}

/// A worker asks all slots at its start only, and what it claims later is above all that was given out.
#[test]
fn a_node_that_went_back_beside_a_worker_is_found_by_the_transaction() {
    let world = World::new();
    let (node, other, worker) = (world.node(), world.process(), world.process());
    let (here, others) = world.split(node);
    increment_all(&other);
    assert!(sync(&other).is_clean());
    assert!(worker.sync(&of_a_worker()).unwrap().is_clean());
    increment_all(&other);
    let held = world.copy(node);
    assert!(sync(&other).is_clean());
    world.restore(node, &held);
    worker.increment(post(others[0]), "views", 1).unwrap();
    let report = worker.sync(&of_a_worker()).unwrap();
    assert_eq!(report.gone_back.count(), here.len() as u64, "{report}");
    assert!(report.stopped.is_none() && report.applied == 1, "{report}");
    assert_all(&worker, &here, 10);
}

/// Each of two transactions at a time records in a row of its own, for each slot.
#[test]
fn what_any_writer_has_recorded_of_a_slot_is_asked_for() {
    let world = World::on(database::postgres());
    let node = world.node();
    let (here, others) = world.split(node);
    let (worker, second) = (world.process(), world.process());
    assert!(worker.sync(&of_a_worker()).unwrap().is_clean());
    let held = Arc::new(Mutex::new(Copy::new()));
    // While the first transaction has its row of the record, the second takes another one.
    let faults = Faults::calling_once_before("commit", {
        let (prefix, held, here) = (world.cluster.prefix(), Arc::clone(&held), here.clone());
        move || {
            for number in &here {
                second.increment(post(*number), "views", 5).unwrap();
            }
            *held.lock().unwrap() = copy_behind(&prefix, node);
            let report = sync(&second);
            assert_eq!(report.applied, here.len() as u64, "{report}");
        }
    });
    let first = world.process_with(Config::default(), &faults);
    for number in &others {
        first.increment(post(*number), "views", 5).unwrap();
    }
    let report = sync(&first);
    assert_eq!(report.applied, others.len() as u64, "{report}");
    world.restore(node, &held.lock().unwrap());
    let report = worker.sync(&of_a_worker()).unwrap();
    assert_eq!(report.gone_back.count(), here.len() as u64, "{report}");
    assert_all(&worker, &here, 5);
}

/// Under the new id nothing is recorded of any slot.
#[test]
fn a_node_that_went_back_to_before_the_present_id_is_found() {
    let world = World::new();
    let (node, counters) = (world.node(), world.process());
    let (here, _) = world.split(node);
    increment_all(&counters);
    assert!(sync(&counters).is_clean());
    increment_all(&counters);
    let held = world.copy(node);
    assert!(sync(&counters).is_clean());
    drop(counters);
    world.empty(World::node_of(&world.name_of_id()));
    let report = sync(&world.process());
    assert!(report.store_replaced.is_some() && report.stopped.is_none(), "{report}");
    world.restore(node, &held);
    let counters = world.process();
    let report = sync(&counters);
    assert_eq!(report.gone_back.count(), here.len() as u64, "{report}");
    assert_all(&counters, &here, 10);
    assert_can_be_discarded(&world, &here);
}

/// By a process that has met none of them.
fn assert_can_be_discarded(world: &World, here: &[i64]) {
    let counters = world.process();
    let discard = SyncOptions::default().on_conflict(OnConflict::Discard);
    let report = counters.sync(&discard).unwrap();
    assert_eq!(report.discarded, here.len() as u64, "{report}");
    counters.increment(post(here[0]), "views", 1).unwrap();
    assert!(sync(&counters).is_clean());
    assert_all(&counters, &here[..1], 11);
    assert_all(&counters, &here[1..], 10);
}

/// The new id is given by a process that is the first to see that the node went back, too.
#[test]
fn a_node_that_went_back_before_the_id_was_lost_is_found() {
    let world = World::new();
    let (node, counters) = (world.node(), world.process());
    let (here, _) = world.split(node);
    increment_all(&counters);
    assert!(sync(&counters).is_clean());
    increment_all(&counters);
    let held = world.copy(node);
    assert!(sync(&counters).is_clean());
    drop(counters);
    world.restore(node, &held);
    world.empty(World::node_of(&world.name_of_id()));
    let counters = world.process();
    let report = sync(&counters);
    assert!(report.store_replaced.is_some() && report.stopped.is_none(), "{report}");
    assert_eq!(report.gone_back.count(), here.len() as u64, "{report}");
    assert_all(&counters, &here, 10);
    assert_can_be_discarded(&world, &here);
}

#[test]
fn a_worker_goes_on_once_another_process_has_decided_about_a_node_that_went_back() {
    let world = World::new();
    let (node, other) = (world.node(), world.process());
    let (here, _) = world.split(node);
    increment_all(&other);
    assert!(sync(&other).is_clean());
    increment_all(&other);
    let held = world.copy(node);
    assert!(sync(&other).is_clean());
    world.restore(node, &held);
    let worker = world.process();
    let report = worker.sync(&of_a_worker()).unwrap();
    assert_eq!(report.gone_back.count(), here.len() as u64, "{report}");
    let discard = SyncOptions::default().on_conflict(OnConflict::Discard);
    let report = world.process().sync(&discard).unwrap();
    assert_eq!(report.discarded, here.len() as u64, "{report}");
    increment_all(&worker);
    let report = worker.sync(&of_a_worker()).unwrap();
    assert!(report.is_clean() && report.applied == COUNTERS as u64, "{report}");
    assert_all(&worker, &here, 15);
}

/// What a process has claimed of a slot is lost with it, but the process knows it still.
#[test]
fn a_node_that_is_emptied_between_a_claim_and_its_record_loses_nothing_that_was_claimed() {
    let world = World::new();
    let (node, counters) = (world.node(), world.process());
    let (here, _) = world.split(node);
    increment_all(&counters);
    assert!(sync(&counters).is_clean());
    let faults = Faults::calling_once_before("upsert", {
        let names = world.names_on(node);
        let claims =
            here.iter().map(|number| world.cluster.prefix().claim_name(&views_of(*number)));
        let names = names.into_iter().chain(claims.map(String::into_bytes)).collect::<Vec<_>>();
        move || unlink(&names, &mut node.bare()).unwrap()
    });
    let worker = world.process_with(Config::default(), &faults);
    increment_all(&worker);
    let report = worker.sync(&of_a_worker()).unwrap();
    assert!(report.high_water_lost && report.stopped.is_none(), "{report}");
    assert_eq!(report.lost.count(), here.len() as u64, "{report}");
    assert_all(&worker, &here, 10);
    increment_all(&worker);
    assert!(worker.sync(&of_a_worker()).unwrap().is_clean());
    assert_all(&worker, &here, 15);
}
