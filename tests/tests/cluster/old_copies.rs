//! A node that comes back with an older copy of its data, or without any, where counters are in all
//! slots.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use counter_core::Config;
use counter_diesel::sync::OnConflict;
use counter_diesel::{SyncOptions, SyncReport};
use counter_tests::database;
use counter_tests::faults::{Fault, Faults};
use counter_tests::fixtures::{post, views_of};
use counter_tests::store_worlds::{StoreWorld, unlink};

use super::copies::{
    COUNTERS, Copy, World, assert_all, baselines, copy_behind, increment_all, of_a_worker, sync,
};

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

    // Its contents were counted already.
    for _ in 0..2 {
        let counters = world.process();
        counters.increment(post(others[0]), "views", 5).unwrap();
        let report = counters.sync(&SyncOptions::default()).unwrap();
        assert_eq!(report.gone_back.count(), world.slots_of(&here), "{report}");
        assert!(report.stopped.is_none() && report.applied == 1, "{report}");
        assert!(baselines(&counters, &here).iter().all(|count| *count == 10));
        assert!(counters.get(post(here[0]), "views").is_err());
        assert!(counters.get(post(others[1]), "views").is_ok());
        let conflicts = counters.conflicts().unwrap();
        assert_eq!(conflicts.parts_went_back.count(), world.slots_of(&here));
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
    assert_eq!(report.gone_back.count(), world.slots_of(&here), "{report}");
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

/// A worker asks all slots at its start only, and what it claims later is above all that was given
/// out.
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
    assert_eq!(report.gone_back.count(), world.slots_of(&here), "{report}");
    assert!(report.stopped.is_none() && report.applied == 1, "{report}");
    assert_all(&worker, &here, 10);
}

/// For each slot, two simultaneous transactions record in different rows.
#[test]
fn what_any_writer_has_recorded_of_a_slot_is_asked_for() {
    let world = World::on(database::postgres());
    let node = world.node();
    let (here, others) = world.split(node);
    let (worker, second) = (world.process(), world.process());
    // Makes the row that the first transaction takes: of a store's first two, both can make one.
    worker.increment(post(others[0]), "views", 1).unwrap();
    assert_eq!(worker.sync(&of_a_worker()).unwrap().applied, 1);
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
    assert_eq!(report.gone_back.count(), world.slots_of(&here), "{report}");
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
    assert_went_back_to_before_the_id(&report);
    assert_all(&counters, &here, 10);
    assert_can_be_discarded(&world, &here);
}

/// A process that knows the last id still makes claims. To compare high waters would not do.
#[test]
fn a_node_that_went_back_to_before_the_present_id_and_was_claimed_from_since_is_found() {
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
    assert!(sync(&world.process()).store_replaced.is_some());
    world.restore(node, &held);
    let ids: Vec<_> = here.iter().map(|number| views_of(*number)).collect();
    world.cluster.store().claim(&ids, Duration::ZERO).unwrap();
    let mut config = Config::default();
    config.claim_timeout = Duration::ZERO;
    let counters = world.process_with(config, &Faults::none());
    let report = sync(&counters);
    assert_went_back_to_before_the_id(&report);
    assert_all(&counters, &here, 10);
}

/// All slots of a node are asked, because each has given out a sequence for the id.
pub fn assert_went_back_to_before_the_id(report: &SyncReport) {
    assert!((5461..=5462).contains(&report.gone_back.count()), "{report}");
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
    assert_eq!(report.gone_back.count(), world.slots_of(&here), "{report}");
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
    assert_eq!(report.gone_back.count(), world.slots_of(&here), "{report}");
    let discard = SyncOptions::default().on_conflict(OnConflict::Discard);
    let report = other.sync(&discard).unwrap();
    assert_eq!(report.discarded, here.len() as u64, "{report}");
    // Newer records replace those of the forgotten sequences.
    increment_all(&other);
    assert!(sync(&other).is_clean());
    increment_all(&worker);
    let report = worker.sync(&of_a_worker()).unwrap();
    assert!(report.is_clean() && report.applied == COUNTERS as u64, "{report}");
    assert_all(&worker, &here, 20);
}

/// The copy has what the worker claimed as pending, and the decision counts that.
#[test]
fn a_claim_that_a_worker_has_in_hand_of_a_slot_that_went_back_is_decided_about_with_it() {
    let world = World::new();
    let (node, other) = (world.node(), world.process());
    let claimed = world.split(node).0[0];
    let recorded = world.beside(claimed);
    increment_all(&other);
    assert!(sync(&other).is_clean());
    other.increment(post(claimed), "views", 5).unwrap();
    let held = world.copy(node);
    let is_away = Arc::new(AtomicBool::new(true));
    let faults = Faults::deciding({
        let is_away = Arc::clone(&is_away);
        move |step| (step == "upsert" && is_away.load(Ordering::Relaxed)).then_some(Fault::Before)
    });
    let worker = world.process_with(Config::default(), &faults);
    assert_eq!(worker.sync(&of_a_worker()).unwrap().applied, 0);
    is_away.store(false, Ordering::Relaxed);
    other.increment(post(recorded), "views", 5).unwrap();
    assert_eq!(sync(&other).applied, 1);
    world.restore(node, &held);
    assert!(sync(&other).gone_back.count() > 0);

    // The worker's next sync comes between the decision and the claims of what the copy holds.
    let faults = Faults::calling_once_before("claim", move || {
        drop(worker.sync(&of_a_worker()).unwrap());
    });
    let decider = world.process_behind(&faults);
    let apply = SyncOptions::default().on_conflict(OnConflict::Apply);
    drop(decider.sync(&apply).unwrap());
    drop(sync(&world.process()));
    assert_eq!(baselines(&other, &[claimed, recorded]), [10, 5]);
}

/// A claim is lost with its slot, but the process that made it still knows it.
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
