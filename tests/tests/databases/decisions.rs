//! An operator decides which database is the right one, while others go on.

use std::any::Any;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use counter_core::{Holding, NotedRow};
use counter_diesel::Counters;
use counter_tests::faults::{Faults, FaultyStore};
use counter_tests::fixtures::post;
use counter_tests::servers::redis::{bare, shared_url};
use counter_tests::suite::Case;
use counter_tests::world::{World, impatient};

use super::{assert_refused, baseline, copy_of, sync, synced, synced_cleanly};

pub(crate) const CASES: &[Case<World>] = &[
    ("an adopted database goes on alone", |world| {
        let original = world.impatient_counters();
        synced(&original, 5);
        let copy = world.counters_over(copy_of(world));
        // The copy no longer has what the store had noted before the last of these syncs.
        [4, 2, 1].iter().for_each(|by| synced(&copy, *by));
        original.adopt_database().unwrap();
        assert_refused(&copy, |_| true);
        synced(&original, 11);
        assert_refused(&copy, |_| true);
        copy.adopt_database().unwrap();
        assert_refused(&original, |_| true);
        synced(&copy, 13);
        assert_eq!((baseline(&original), baseline(&copy)), (16, 25));
    }),
    ("a decision holds at once while the other database is set", |world| {
        let (original, copy) = taken_over(world);
        // Between what is read of the store and what it notes.
        let sets = Mutex::new(Some(Arc::clone(&copy)));
        let faults = Faults::deciding(move |step| {
            if step == "adopt"
                && let Some(copy) = sets.lock().unwrap().take()
            {
                (1..=5).for_each(|value| copy.set(post(1), "level", value).unwrap());
            }
            None
        });
        world.counters_behind(&faults, impatient()).adopt_database().unwrap();
        assert_eq!(copy.baseline(post(1), "level").unwrap(), 5);
        // The process does not know yet, unless it asks again.
        let is_made = copy.set(post(1), "level", 6).is_ok();
        assert_eq!(copy.baseline(post(1), "level").unwrap(), 5);
        let error = copy.set(post(1), "level", 7).unwrap_err();
        assert!(error.is_other_database(), "{error:?}");
        assert_eq!(synced_cleanly(&original), u64::from(is_made));
        let expected = if is_made { 6 } else { 0 };
        assert_eq!(original.baseline(post(1), "level").unwrap(), expected);
        assert_refused(&copy, |_| true);
    }),
    ("a decision holds for rows of the record that the store does not know", |world| {
        let (original, copy) = taken_over(world);
        copy.set(post(1), "level", 1).unwrap();
        let _others = unknown_row_alone_is_free(world);
        original.adopt_database().unwrap();
        let is_made = copy.set(post(1), "level", 2).is_ok();
        assert_eq!(copy.baseline(post(1), "level").unwrap(), 1);
        assert_eq!(synced_cleanly(&original), u64::from(is_made));
    }),
    ("what the other database has committed before a decision is not taken after it", |world| {
        let (original, _) = taken_over(world);
        let operator = world.impatient_counters();
        let is_armed = Arc::new(AtomicBool::new(false));
        let fires = Arc::clone(&is_armed);
        let faults = Faults::deciding(move |step| {
            if step == "ack" && fires.swap(false, SeqCst) {
                operator.adopt_database().unwrap();
            }
            None
        });
        let mut config = impatient();
        config.prefix = world.prefix.clone();
        let store = Arc::new(FaultyStore::new(Arc::clone(&world.store), &faults));
        let copy = Counters::from_parts(config, store, world.database.ledger("copied"));
        copy.set(post(1), "level", 1).unwrap();
        let others = unknown_row_alone_is_free(world);
        is_armed.store(true, SeqCst);
        copy.set(post(1), "level", 2).unwrap();
        assert_eq!(copy.baseline(post(1), "level").unwrap(), 2);
        drop(others);
        assert_eq!(synced_cleanly(&original), 1);
        assert_eq!(original.baseline(post(1), "level").unwrap(), 2);
    }),
    ("a transaction that began before a decision is not proven by it", |world| {
        let counters = world.impatient_counters();
        synced(&counters, 5);
        let operator = Mutex::new(Some(world.impatient_counters()));
        let faults = Faults::deciding(move |step| {
            if step == "ack"
                && let Some(operator) = operator.lock().unwrap().take()
            {
                operator.adopt_database().unwrap();
            }
            None
        });
        let process = world.counters_behind(&faults, impatient());
        process.increment(post(1), "views", 7).unwrap();
        let report = sync(&process).unwrap();
        assert!(report.stopped.is_none() && report.applied == 1, "{report:?}");
        let held = process.pending(post(1), "views").unwrap();
        assert!(held.claim.is_some(), "it is not acknowledged: {held:?}");
        let _ = sync(&process).unwrap();
        assert_eq!(process.pending(post(1), "views").unwrap(), Holding::default());
        assert_eq!(baseline(&process), 12);
        synced(&counters, 1);
    }),
    ("marks that cannot be read are replaced by a decision", |world| {
        let counters = world.impatient_counters();
        synced(&counters, 5);
        let marks = format!("{}{{marks}}", world.prefix.as_str());
        let mut redis = bare(&shared_url());
        for (field, value) in [("1", "no marks"), ("x", "7 1:0000000000000007")] {
            let () =
                redis::cmd("HSET").arg(&marks).arg(field).arg(value).query(&mut redis).unwrap();
            counters.increment(post(1), "views", 1).unwrap();
            let error = sync(&counters).unwrap_err();
            assert!(format!("{error:?}").contains("{marks}"), "{error:?}");
            assert!(counters.database_adoption().is_err());
            assert!(counters.adopt_database().unwrap().is_adopted);
            synced_cleanly(&counters);
        }
        assert_eq!(baseline(&counters), 7);
        let state = world.ledger.state(&world.prefix).unwrap();
        assert!(state.stores.iter().any(|row| row.writer == NotedRow::DECISIONS), "{state:?}");
    }),
];

/// Lets the next transaction of the copy record in a row that the store has never noted: until what
/// this returns is dropped, it is the only one that is not locked. A file has one row, and locks it
/// with all else.
fn unknown_row_alone_is_free(world: &World) -> Option<Box<dyn Any>> {
    if !world.database.url().contains("://") {
        return None;
    }
    let row = "INSERT INTO copied_state (prefix, store_id, writer) \
               SELECT prefix, store_id, 65 FROM copied_state WHERE writer = 0 AND prefix <> ''";
    world.database.execute(row).unwrap();
    let rows = world.database.ledger("copied").state(&world.prefix).unwrap().stores;
    let others = rows.iter().filter(|row| (1..65).contains(&row.writer)).map(|row| {
        // By their keys alone, or the databases lock what is between them, too.
        let (prefix, store_id, writer) = (world.prefix.as_str(), &row.store_id, row.writer);
        format!(
            "UPDATE copied_state SET batch = 1 \
             WHERE prefix = '{prefix}' AND store_id = '{store_id}' AND writer = {writer};"
        )
    });
    Some(world.database.hold(&others.collect::<String>()))
}

/// A database that is refused, because the store was synced into its copy since.
fn taken_over(world: &World) -> (Counters, Arc<Counters>) {
    let original = world.impatient_counters();
    synced(&original, 5);
    let copy = world.counters_over(copy_of(world));
    [4, 2].iter().for_each(|by| synced(&copy, *by));
    assert_refused(&original, |_| true);
    copy.set(post(1), "level", 0).unwrap();
    (original, Arc::new(copy))
}
