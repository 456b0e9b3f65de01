//! Slots that came back from an old copy: what could hide that, what an operator decides about
//! them, and what happens meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use counter_core::{Claimed, Config, Replacement};
use counter_diesel::sync::OnConflict;
use counter_diesel::{Counters, SyncOptions};
use counter_tests::faults::{Fault, Faults};
use counter_tests::fixtures::{post, views_of};
use counter_tests::store_worlds::{StoreWorld, unlink};

use super::copies::{COUNTERS, World, assert_all, baselines, increment_all, of_a_worker, sync};
use super::old_copies::assert_went_back_to_before_the_id;

/// This many calls give out more sequences than a slot remembers.
pub const SETS: i64 = 10;

/// While the database is away, sets give out sequences and nothing asks the slot.
#[test]
fn a_slot_that_was_found_to_have_gone_back_stays_so_whatever_is_set_in_it() {
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
    assert_eq!(sync(&world.process()).gone_back.count(), world.slots_of(&here));

    let (store, beside) = (world.cluster.store(), views_of(world.beside(here[0])));
    for to in 0..SETS {
        store.replace(&beside, Replacement::Set(to)).unwrap();
    }
    let claimed = store.claim(&[views_of(here[0])], Duration::ZERO).unwrap().remove(0);
    assert!(matches!(claimed, Claimed::WentBack(_)), "{claimed:?}");
    let counters = world.process();
    for options in [of_a_worker(), SyncOptions::default()] {
        let report = counters.sync(&options).unwrap();
        assert_eq!(report.gone_back.count(), world.slots_of(&here), "{report}");
    }
    assert_all(&counters, &here, 10);
    // The values that were set wait for the decision. Deciding to count what the slot holds counts
    // them too.
    let apply = SyncOptions::default().on_conflict(OnConflict::Apply);
    drop(world.process().sync(&apply).unwrap());
    drop(sync(&world.process()));
    let all = [here[0], world.beside(here[0])];
    assert_eq!(baselines(&counters, &all), [15, SETS - 1]);
    assert!(sync(&world.process()).is_clean());
}

/// The pass under the first new id is not recorded as a good one.
#[test]
fn a_node_that_went_back_to_before_the_last_of_two_new_ids_is_found() {
    let world = World::new();
    let (node, counters) = (world.node(), world.process());
    let (here, _) = world.split(node);
    increment_all(&counters);
    assert!(sync(&counters).is_clean());
    for number in &here {
        counters.increment(post(*number), "views", 5).unwrap();
    }
    let held = world.copy(node);
    let of_id = World::node_of(&world.name_of_id());
    world.empty(of_id);
    let ends_badly = Faults::deciding(|step| (step == "record").then_some(Fault::Before));
    let report = world.process_with(Config::default(), &ends_badly).sync(&SyncOptions::default());
    assert!(report.unwrap().stopped.is_some());
    assert_all(&counters, &here, 10);
    world.restore(node, &held);
    world.empty(of_id);
    let report = sync(&world.process());
    assert!(report.store_replaced.is_some() && report.stopped.is_none(), "{report}");
    assert_went_back_to_before_the_id(&report);
    assert_all(&counters, &here, 10);
}

/// After the pass has asked all slots, a claim that is gone makes it ask that node again.
#[test]
fn a_node_that_goes_back_while_another_is_decided_about_is_not_decided_about() {
    let world = World::new();
    let (node, other) = (world.node(), Arc::new(world.process()));
    let (here, others) = world.split(node);
    increment_all(&other);
    assert!(sync(&other).is_clean());
    other.increment(post(here[0]), "views", 5).unwrap();
    let held = world.copy(node);
    let is_away = Arc::new(AtomicBool::new(true));
    let has_gone_back = Arc::new(AtomicBool::new(false));
    let (cluster, counting, counted) = (world.cluster.prefix(), Arc::clone(&other), others[0]);
    let faults = Faults::deciding({
        let (is_away, has_gone_back) = (Arc::clone(&is_away), Arc::clone(&has_gone_back));
        move |step| {
            if step == "update" && !has_gone_back.swap(true, Ordering::Relaxed) {
                super::copies::restore_behind(&cluster, node, &held);
                counting.increment(post(counted), "views", 7).unwrap();
            }
            (step == "upsert" && is_away.load(Ordering::Relaxed)).then_some(Fault::Before)
        }
    });
    let worker = world.process_with(Config::default(), &faults);
    assert_eq!(worker.sync(&of_a_worker()).unwrap().applied, 0);
    is_away.store(false, Ordering::Relaxed);
    let claim = world.cluster.prefix().claim_name(&views_of(here[0]));
    unlink(&[claim.into_bytes()], &mut node.bare()).unwrap();

    let discard = SyncOptions::default().on_conflict(OnConflict::Discard);
    let report = worker.sync(&discard).unwrap();
    assert!(has_gone_back.load(Ordering::Relaxed), "{report}");
    assert_eq!((report.gone_back.count(), report.discarded), (1, 0), "{report}");
    assert!(sync(&other).gone_back.count() >= 1);
    assert_eq!(baselines(&other, &[here[0], others[0]]), [5, 12]);
}

/// A process that found the node empty knows only that it was empty then.
#[test]
fn a_node_that_comes_back_after_it_was_found_empty_is_not_taken_for_one_that_is_new() {
    let world = World::new();
    let (node, counters) = (world.node(), world.process());
    let (here, _) = world.split(node);
    increment_all(&counters);
    assert!(sync(&counters).is_clean());
    increment_all(&counters);
    let held = world.copy(node);
    assert!(sync(&counters).is_clean());
    world.empty(node);
    let prefix = world.cluster.prefix();
    let faults = Faults::calling_once_before("raise_emptied_parts", move || {
        super::copies::restore_behind(&prefix, node, &held);
    });
    let report = sync(&world.process_behind(&faults));
    assert!(report.high_water_lost, "{report}");
    assert_eq!(report.gone_back.count(), world.slots_of(&here), "{report}");
    assert_all(&counters, &here, 10);
}

/// The worker has claimed counts of the copy, and was not allowed to apply them.
#[test]
fn what_a_worker_has_claimed_of_a_copy_is_dropped_with_it() {
    let world = World::new();
    let (node, other, worker) = (world.node(), world.process(), world.process());
    let (here, _) = world.split(node);
    increment_all(&other);
    assert!(sync(&other).is_clean());
    assert!(worker.sync(&of_a_worker()).unwrap().is_clean());
    increment_all(&other);
    let held = world.copy(node);
    assert!(sync(&other).is_clean());
    world.restore(node, &held);
    let report = worker.sync(&of_a_worker()).unwrap();
    assert_eq!(report.gone_back.count(), world.slots_of(&here), "{report}");
    let discard = SyncOptions::default().on_conflict(OnConflict::Discard);
    let report = other.sync(&discard).unwrap();
    assert_eq!(report.discarded, here.len() as u64, "{report}");
    let report = worker.sync(&of_a_worker()).unwrap();
    assert!(report.gone_back.is_empty(), "{report}");
    assert_all(&worker, &here, 10);
    increment_all(&worker);
    assert_eq!(worker.sync(&of_a_worker()).unwrap().applied, COUNTERS as u64);
    assert_all(&worker, &here, 15);
}

/// Nothing is recorded of the claim that the node has lost. Only the worker knows of it.
#[test]
fn a_decision_is_also_about_what_only_another_process_has_claimed() {
    let world = World::new();
    let (node, other) = (world.node(), world.process());
    let claimed = world.split(node).0[0];
    increment_all(&other);
    assert!(sync(&other).is_clean());
    other.increment(post(claimed), "views", 5).unwrap();
    let held = world.copy(node);
    let is_away = Arc::new(AtomicBool::new(true));
    let worker = unable_to_apply(&world, &is_away);
    assert_eq!(worker.sync(&of_a_worker()).unwrap().applied, 0);
    is_away.store(false, Ordering::Relaxed);
    world.restore(node, &held);
    assert_eq!(worker.sync(&of_a_worker()).unwrap().gone_back.count(), 1);
    assert_eq!(other.conflicts().unwrap().parts_went_back.count(), 1);
    let apply = SyncOptions::default().on_conflict(OnConflict::Apply);
    assert_eq!(other.sync(&apply).unwrap().applied, 1);
    let report = worker.sync(&of_a_worker()).unwrap();
    assert!(report.gone_back.is_empty() && report.stopped.is_none(), "{report}");
    assert!(worker.sync(&of_a_worker()).unwrap().is_clean());
    assert_all(&other, &[claimed], 10);
}

/// A process to whose rows nothing can be written while the database is away.
fn unable_to_apply(world: &World, is_away: &Arc<AtomicBool>) -> Counters {
    let is_away = Arc::clone(is_away);
    let faults = Faults::deciding(move |step| {
        (step == "upsert" && is_away.load(Ordering::Relaxed)).then_some(Fault::Before)
    });
    world.process_with(Config::default(), &faults)
}

/// Otherwise a node that was emptied would be asked thousands of times, once for each claim.
#[test]
fn claims_that_are_gone_are_asked_for_together() {
    let world = World::new();
    let (node, counters) = (world.node(), world.process());
    let (here, _) = world.split(node);
    increment_all(&counters);
    assert!(sync(&counters).is_clean());
    increment_all(&counters);
    let (asked, is_first) = (Arc::new(AtomicUsize::new(0)), AtomicBool::new(true));
    let prefix = world.cluster.prefix();
    let claims = here.iter().map(|number| prefix.claim_name(&views_of(*number)).into_bytes());
    let claims = claims.collect::<Vec<_>>();
    let faults = Faults::calling({
        let asked = Arc::clone(&asked);
        move |step| {
            asked.fetch_add(usize::from(step == "recall_parts"), Ordering::Relaxed);
            if step == "verify" && is_first.swap(false, Ordering::Relaxed) {
                unlink(&claims, &mut node.bare()).unwrap();
            }
        }
    });
    let report = sync(&world.process_behind(&faults));
    assert_eq!(report.lost.count(), here.len() as u64, "{report}");
    assert_all(&counters, &here, 10);
    // One question at the start, those of two transactions that begin anew, and those about claims
    // that are gone.
    let asked = asked.load(Ordering::Relaxed);
    assert!(asked <= 6 && here.len() > 6, "{asked}");
}

/// The id is asked for last, because it is on another node than the claims.
#[test]
fn nothing_is_committed_under_an_id_that_is_lost_while_claims_are_verified() {
    let world = World::new();
    let counters = world.process();
    increment_all(&counters);
    assert!(sync(&counters).is_clean());
    increment_all(&counters);
    let id = world.name_of_id();
    let faults = Faults::calling_once_before("verify", move || {
        lose_id(&id);
    });
    let report = sync(&world.process_behind(&faults));
    assert!(report.store_replaced.is_some() && report.stopped.is_none(), "{report}");
    let all = (1..=COUNTERS).collect::<Vec<_>>();
    assert_all(&counters, &all, 10);
}

/// All nodes answer, so the failure is not due to a node.
#[test]
fn an_acknowledgement_that_fails_though_all_nodes_are_there_ends_the_sync() {
    let world = World::new();
    let faults = Faults::deciding(|step| (step == "ack").then_some(Fault::Before));
    let counters = world.process_behind(&faults);
    increment_all(&counters);
    let report = sync(&counters);
    assert!(report.stopped.is_some() && report.unavailable == 0, "{report}");
    assert!(sync(&world.process()).stopped.is_none());
}

/// The id of the claim was lost since, and the process that began the next id did not know of the
/// claim.
#[test]
fn a_claim_that_was_made_under_an_earlier_id_keeps_no_others_from_being_synced() {
    let world = World::new();
    let (node, other) = (world.node(), world.process());
    let (here, others) = world.split(node);
    let claimed = here[0];
    increment_all(&other);
    assert!(sync(&other).is_clean());
    other.increment(post(claimed), "views", 5).unwrap();
    let held = world.copy(node);
    let is_away = Arc::new(AtomicBool::new(true));
    let worker = unable_to_apply(&world, &is_away);
    assert_eq!(worker.sync(&of_a_worker()).unwrap().applied, 0);
    is_away.store(false, Ordering::Relaxed);
    world.restore(node, &held);
    lose_id(&world.name_of_id());
    // The copy's counts are added, because nothing that is recorded was lost.
    let report = sync(&world.process());
    assert!(report.store_replaced.is_some() && report.applied == 1, "{report}");
    other.increment(post(others[0]), "views", 5).unwrap();
    let report = worker.sync(&of_a_worker()).unwrap();
    assert!(report.stopped.is_none() && report.applied == 1, "{report}");
    assert_eq!(report.gone_back.count(), 1, "{report}");
    assert_eq!(baselines(&other, &[claimed, others[0]]), [10, 10]);
    let apply = SyncOptions::default().on_conflict(OnConflict::Apply);
    assert!(world.process().sync(&apply).unwrap().is_clean());
    assert!(worker.sync(&of_a_worker()).unwrap().gone_back.is_empty());
    assert_eq!(baselines(&other, &[claimed, others[0]]), [10, 10]);
}

/// Everything that the slow process has read is from before an id that existed meanwhile.
#[test]
fn a_process_that_is_slow_begins_no_id_with_what_it_read_before_the_last_one() {
    let world = World::new();
    let (node, counters) = (world.node(), world.process());
    let (here, _) = world.split(node);
    increment_all(&counters);
    assert!(sync(&counters).is_clean());
    for number in &here {
        counters.increment(post(*number), "views", 5).unwrap();
    }
    let held = world.copy(node);
    lose_id(&world.name_of_id());
    let faults = Faults::calling_once_before("generation", {
        let (prefix, id, faster) = (world.cluster.prefix(), world.name_of_id(), world.process());
        move || {
            assert!(sync(&faster).store_replaced.is_some());
            super::copies::restore_behind(&prefix, node, &held);
            lose_id(&id);
        }
    });
    let report = sync(&world.process_behind(&faults));
    assert!(report.store_replaced.is_some() && report.stopped.is_none(), "{report}");
    assert_went_back_to_before_the_id(&report);
    assert_all(&counters, &here, 10);
}

pub fn lose_id(name: &str) {
    unlink(&[name.as_bytes().to_vec()], &mut World::node_of(name).bare()).unwrap();
}
