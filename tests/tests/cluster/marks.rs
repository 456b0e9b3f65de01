//! What a slot that came back from an old copy records of that, and until when.

use std::time::Duration;

use counter_core::{ClaimSeq, DeltaStore, PartSeq, RedisStore, Replacement};
use counter_diesel::SyncOptions;
use counter_diesel::sync::OnConflict;
use counter_tests::faults::{Fault, Faults};
use counter_tests::fixtures::views_of;
use counter_tests::servers::{ClusterSite, RedisServer};
use counter_tests::store_worlds::{StoreWorld, unlink};

use super::copies::{
    Copy, World, assert_all, copy_behind, increment_all, names_behind, restore_behind, sync,
};
use super::found::{SETS, lose_id};
use super::old_copies::assert_went_back_to_before_the_id;

/// Makes each counter 10 in the database. Returns what the node held when it was 5, and when 5 more
/// were pending.
fn counted_and_copied(world: &World, node: &RedisServer) -> [Copy; 2] {
    let counters = world.process();
    increment_all(&counters);
    assert!(sync(&counters).is_clean());
    let older = world.copy(node);
    increment_all(&counters);
    let held = world.copy(node);
    assert!(sync(&counters).is_clean());
    [older, held]
}

fn set_often(world: &World, beside: i64) {
    let (store, beside) = (world.cluster.store(), views_of(world.beside(beside)));
    for to in 0..SETS {
        store.replace(&beside, Replacement::Set(to)).unwrap();
    }
}

/// The process that found it while it began the id has gone before it could ask.
#[test]
fn a_slot_that_is_found_for_a_new_id_stays_so_whatever_is_set_in_it() {
    let world = World::new();
    let node = world.node();
    let (here, _) = world.split(node);
    let [_, held] = counted_and_copied(&world, node);
    world.restore(node, &held);
    lose_id(&world.name_of_id());
    let faults = Faults::deciding(|step| (step == "recall_parts").then_some(Fault::Before));
    let report = sync(&world.process_behind(&faults));
    assert!(report.store_replaced.is_some() && report.stopped.is_some(), "{report}");
    set_often(&world, here[0]);
    let report = sync(&world.process());
    assert_eq!(report.gone_back.count(), world.slots_of(&here), "{report}");
    assert_all(&world.process(), &here, 10);
}

/// The older copy has nothing pending that a claim would have to ask for. Another process may find
/// a copy that came back meanwhile, too.
#[test]
fn a_copy_that_comes_back_while_a_decision_is_carried_out_waits_for_another_one() {
    let world = World::new();
    let node = world.node();
    let (here, _) = world.split(node);
    let slots = world.slots_of(&here);
    let [older, held] = counted_and_copied(&world, node);
    world.restore(node, &held);
    let discard = SyncOptions::default().on_conflict(OnConflict::Discard);
    let dropped = here.len() as u64;
    let rounds = [(dropped, &held, false), (dropped, &older, false), (0, &held, true)];
    for (discarded, next, is_found) in rounds {
        assert_eq!(sync(&world.process()).gone_back.count(), slots);
        let (prefix, next, other) = (world.cluster.prefix(), next.clone(), world.process());
        let faults = Faults::calling_once_before("raise_parts", move || {
            restore_behind(&prefix, node, &next);
            assert!(!is_found || sync(&other).gone_back.count() == slots);
        });
        let report = world.process_behind(&faults).sync(&discard).unwrap();
        assert_eq!((report.discarded, report.gone_back.count()), (discarded, slots), "{report}");
    }
    let counters = world.process();
    assert_eq!(sync(&counters).gone_back.count(), slots);
    assert_all(&counters, &here, 10);
    assert_eq!(counters.sync(&discard).unwrap().discarded, dropped);
    increment_all(&counters);
    assert!(sync(&counters).is_clean());
    assert_all(&counters, &here, 15);
}

/// Everything that is claimed in a slot is above what it gave out for the last id, also what a
/// process claims and records that knows an earlier one.
#[test]
fn the_last_id_is_the_one_that_began_last_whatever_is_recorded_of_the_others() {
    let world = World::new();
    let node = world.node();
    let (here, _) = world.split(node);
    let counters = world.process();
    increment_all(&counters);
    assert!(sync(&counters).is_clean());
    increment_all(&counters);
    let held = world.copy(node);
    let first = present_id(&world);
    lose_id(&world.name_of_id());
    assert!(sync(&world.process()).store_replaced.is_some());
    assert_all(&counters, &here, 10);
    let newest = r#"(SELECT MAX("claim_seq") FROM "model_counters_state")"#;
    let rows = format!(r#""store_id" = '{first}' AND "writer" = 1"#);
    let newer =
        format!(r#"UPDATE "model_counters_state" SET "claim_seq" = {newest} + 1 WHERE {rows}"#);
    world.database.execute(&newer).unwrap();
    world.restore(node, &held);
    lose_id(&world.name_of_id());
    let report = sync(&world.process());
    assert!(report.store_replaced.is_some() && report.stopped.is_none(), "{report}");
    assert_went_back_to_before_the_id(&report);
    assert_all(&counters, &here, 10);
}

/// A process that knew an earlier id when it claimed records under that what a slot gave out since.
#[test]
fn what_is_recorded_under_an_earlier_id_is_asked_for_as_well() {
    let world = World::new();
    let node = world.node();
    let (here, _) = world.split(node);
    let counters = world.process();
    increment_all(&counters);
    assert!(sync(&counters).is_clean());
    let first = present_id(&world);
    lose_id(&world.name_of_id());
    assert!(sync(&world.process()).store_replaced.is_some());
    let second = present_id(&world);
    increment_all(&counters);
    let held = world.copy(node);
    assert!(sync(&world.process()).is_clean());
    let execute = |sql: String| world.database.execute(&sql).unwrap();
    let table = r#""model_counters_state""#;
    execute(format!(r#"DELETE FROM {table} WHERE "store_id" = '{first}:parts'"#));
    let change = format!(r#"UPDATE {table} SET "store_id" = '{first}:parts'"#);
    execute(format!(r#"{change} WHERE "store_id" = '{second}:parts'"#));
    world.restore(node, &held);
    lose_id(&world.name_of_id());
    let report = sync(&world.process());
    assert!(report.store_replaced.is_some() && report.stopped.is_none(), "{report}");
    assert_eq!(report.gone_back.count(), world.slots_of(&here), "{report}");
    assert_all(&counters, &here, 10);
}

fn present_id(world: &World) -> String {
    let name = world.name_of_id();
    let id: String = redis::cmd("GET").arg(&name).query(&mut World::node_of(&name).bare()).unwrap();
    id.split_once(':').unwrap().0.to_owned()
}

/// When the slow process read the record, there was nothing in it.
#[test]
fn a_process_that_is_slow_begins_no_id_although_it_read_of_none() {
    let world = World::new();
    let node = world.node();
    let (here, _) = world.split(node);
    let faults = Faults::calling_once_before("generation", {
        let (prefix, id, faster) = (world.cluster.prefix(), world.name_of_id(), world.process());
        move || {
            increment_all(&faster);
            assert!(sync(&faster).is_clean());
            increment_all(&faster);
            let held = copy_behind(&prefix, node);
            assert!(sync(&faster).is_clean());
            restore_behind(&prefix, node, &held);
            lose_id(&id);
        }
    });
    let report = sync(&world.process_behind(&faults));
    assert_eq!(report.gone_back.count(), world.slots_of(&here), "{report}");
    assert_all(&world.process(), &here, 10);
}

#[test]
fn a_slot_that_was_found_and_loses_its_newest_sequence_stays_found() {
    let world = World::new();
    let node = world.node();
    let (here, _) = world.split(node);
    let [_, held] = counted_and_copied(&world, node);
    world.restore(node, &held);
    let slots = world.slots_of(&here);
    assert_eq!(sync(&world.process()).gone_back.count(), slots);
    let mut names = names_behind(&world.cluster.prefix(), node);
    names.retain(|name| {
        let name = String::from_utf8_lossy(name);
        name.contains("{seq:") && !name.ends_with(":given")
    });
    unlink(&names, &mut node.bare()).unwrap();
    let report = sync(&world.process());
    assert!(report.high_water_lost, "{report}");
    assert_eq!(report.gone_back.count(), slots, "{report}");
    assert_eq!(sync(&world.process()).gone_back.count(), slots);
    assert_all(&world.process(), &here, 10);
}

#[test]
fn a_slot_records_what_it_has_forgotten_in_full_memory_and_others_need_no_writes() {
    let site = ClusterSite::start_masters();
    let store = RedisStore::builder(site.url()).without_index().build().unwrap();
    let generation = store.generation().unwrap();
    let id = generation.ensure_generation("database", ClaimSeq::ZERO).unwrap().store_id;
    let parts = generation.parts().unwrap();
    let never = ClaimSeq::new(parts.begun_above(&id).get() + 1_000_000_000);
    let (old, sound) = (PartSeq { part: 1, seq: never }, PartSeq { part: 2, seq: ClaimSeq::ZERO });
    let set = |option: &str, value: &str| {
        redis::cmd("CONFIG").arg("SET").arg(option).arg(value).exec(&mut site.nodes[0].bare())
    };
    let ask = |given_out: &[PartSeq]| {
        let recall = parts.recall_parts(&id, given_out, Duration::from_secs(20)).unwrap();
        let unanswered = recall.unanswered.into_iter().map(|(part, _)| part).collect::<Vec<_>>();
        (recall.forgotten.into_iter().map(|it| it.part).collect::<Vec<_>>(), unanswered)
    };
    set("min-replicas-to-write", "1").unwrap();
    assert_eq!(ask(&[old, sound]), (vec![], vec![1]));
    set("min-replicas-to-write", "0").unwrap();
    set("maxmemory", "1").unwrap();
    assert_eq!(ask(&[old, sound]), (vec![1], vec![]));
    set("maxmemory", "0").unwrap();
    assert_eq!(ask(&[PartSeq { seq: ClaimSeq::ZERO, ..old }, sound]), (vec![1], vec![]));
}
