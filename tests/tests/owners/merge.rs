use std::sync::Arc;
use std::thread;

use counter_core::{CountMove, CounterId, Error as CoreError, MoveOutcome, Replacement, Seen};
use counter_diesel::{Config, Counters, Error, Owner, SyncOptions};
use counter_tests::faults::{Fault, Faults};
use counter_tests::fixtures::{counter_of, post};
use counter_tests::servers::redis::{bare, shared_url};
use counter_tests::suite::Case;
use counter_tests::world::World;
use counter_tests::{store_worlds::patient, world::impatient};

pub(super) const CASES: &[Case<World>] = &[
    ("values add up, and the rows of the first owner go", |world| {
        let counters = prepared(world);
        let merged = world.impatient_counters().merge(post(1), post(2)).unwrap();
        assert!(merged.is_complete(), "{merged:?}");
        assert_eq!((merged.moved, merged.rows_removed, merged.rows_left), (5, 0, 3), "{merged:?}");
        // Both sides are in the table already.
        assert!(
            world
                .store
                .look(&KEYS.map(|key| counter_of(&post(2), key)))
                .unwrap()
                .held
                .iter()
                .all(|held| held.as_ref().unwrap() == &Default::default())
        );
        for (key, total) in KEYS.iter().zip([5, 7, 2, 9, 109]) {
            assert_eq!(counters.baseline(post(1), *key).unwrap(), 0, "{key}");
            assert_eq!(counters.baseline(post(2), *key).unwrap(), total, "{key}");
        }
        assert_merged(&counters, &[5, 7, 2, 9, 109]);
        assert_removed_later(world);
        assert_synced(world, &[5, 7, 2, 9, 109]);
    }),
    ("a row of 0 stays for an hour", |world| {
        let counters = world.counters();
        counters.increment(post(1), "views", 5).unwrap();
        assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
        for _ in 0..2 {
            let merged = counters.merge(post(1), post(2)).unwrap();
            assert_eq!((merged.rows_removed, merged.rows_left), (0, 1), "{merged:?}");
        }
        world.age_rows();
        let merged = counters.merge(post(1), post(2)).unwrap();
        assert_eq!((merged.rows_removed, merged.rows_left), (1, 0), "{merged:?}");
    }),
    ("those who have read a value at the same time move it once", |world| {
        let counters = world.counters();
        counters.set(post(1), "views", 100).unwrap();
        counters.set(post(2), "views", 7).unwrap();
        let third = world.counters();
        let faults = Faults::calling_once_before("move", move || {
            let merged = third.merge(post(1), post(2)).unwrap();
            assert_eq!((merged.moved, merged.is_complete()), (1, true), "{merged:?}");
        });
        let second = world.counters_behind(&faults, Config::default());
        // Each has read the value when the next one begins.
        let faults = Faults::calling_once_before("move", move || {
            let merged = second.merge(post(1), post(2)).unwrap();
            assert_eq!((merged.moved, merged.is_complete()), (0, true), "{merged:?}");
        });
        let first = world.counters_behind(&faults, Config::default());
        let merged = first.merge(post(1), post(2)).unwrap();
        assert_eq!((merged.moved, merged.is_complete()), (0, true), "{merged:?}");
        let values = [1, 2].map(|id| counters.get(post(id), "views").unwrap());
        assert_eq!(values, [0, 107]);
    }),
    ("what could not be synced is named", |world| {
        let counters = world.counters();
        counters.increment(post(1), "views", 5).unwrap();
        assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
        let claim_timeout = std::time::Duration::from_secs(60);
        counters.increment(post(2), "views", 1).unwrap();
        // Another sync that has died.
        let claimed = world.store.claim(&[counter_of(&post(2), "views")], claim_timeout).unwrap();
        assert!(matches!(claimed[0], counter_core::Claimed::Fresh(_)), "{claimed:?}");
        let merged = counters.merge(post(1), post(2)).unwrap();
        let unsynced = merged.unsynced.iter().map(CounterId::as_str).collect::<Vec<_>>();
        assert_eq!((unsynced.as_slice(), merged.is_complete()), (&["post:2:views"][..], false));
        assert_eq!(counters.get(post(2), "views").unwrap(), 6);
    }),
    ("what a call moved that died before it synced is synced by the next one", |world| {
        world.counters().increment(post(1), "views", 5).unwrap();
        assert!(world.counters().sync(&SyncOptions::default()).unwrap().is_clean());
        let faults = Faults::deciding(|step| (step == "claim").then_some(Fault::Kill));
        let dies = world.counters_behind(&faults, Config::default());
        assert!(Faults::survive(|| dies.merge(post(1), post(2))).is_none());
        let counters = world.counters();
        assert_eq!(counters.baseline(post(2), "views").unwrap(), 0);
        assert!(counters.merge(post(1), post(2)).unwrap().is_complete());
        assert_eq!(counters.baseline(post(1), "views").unwrap(), 0);
        assert_eq!(counters.baseline(post(2), "views").unwrap(), 5);
    }),
    ("a second call moves what was counted since", |world| {
        let counters = prepared(world);
        assert!(world.impatient_counters().merge(post(1), post(2)).unwrap().is_complete());
        counters.increment(post(1), "synced", 3).unwrap();
        counters.increment(post(2), "synced", 1).unwrap();
        let merged = counters.merge(post(1), post(2)).unwrap();
        assert_eq!((merged.is_complete(), merged.moved), (true, 1), "{merged:?}");
        assert_merged(&counters, &[9, 7, 2, 9, 109]);
        let merged = counters.merge(post(1), post(2)).unwrap();
        assert_eq!((merged.is_complete(), merged.moved), (true, 0), "{merged:?}");
        assert_synced(world, &[9, 7, 2, 9, 109]);
    }),
    ("an owner is not merged into itself", |world| {
        let counters = prepared(world);
        let error = counters.merge(post(1), post(1)).unwrap_err();
        assert!(matches!(error, Error::Core(CoreError::Invalid(_))), "{error:?}");
        assert_eq!(counters.get(post(1), "synced").unwrap(), 5);
    }),
    ("keys and types of any text are merged, and no others", |world| {
        let counters = world.counters();
        let owner = |owner_type: &'static str, id: i64| Owner::new(owner_type, id).unwrap();
        for (other, by) in
            [(owner("a*:{b}", 1), 1), (owner("a*:{b}", 10), 2), (owner("ax:{b}", 1), 4)]
        {
            counters.increment(&other, "k:*[%", by).unwrap();
        }
        let merged = counters.merge(owner("a*:{b}", 1), owner("c d", -7)).unwrap();
        assert_eq!((merged.is_complete(), merged.moved), (true, 1), "{merged:?}");
        let value = |owner: Owner| counters.get(&owner, "k:*[%").unwrap();
        assert_eq!(value(owner("a*:{b}", 1)), 0);
        assert_eq!(value(owner("a*:{b}", 10)), 2);
        assert_eq!(value(owner("ax:{b}", 1)), 4);
        assert_eq!(value(owner("c d", -7)), 1);
    }),
    ("a sum that does not fit is named and changes nothing, and the rest is moved", |world| {
        let counters = world.counters();
        counters.set(post(2), "full", i64::MAX - 4).unwrap();
        counters.increment(post(1), "full", 5).unwrap();
        counters.increment(post(1), "least", i64::MIN).unwrap();
        counters.increment(post(1), "views", 5).unwrap();
        let merged = counters.merge(post(1), post(2)).unwrap();
        let failed = merged.failed.iter().map(|failed| failed.counter.as_str()).collect::<Vec<_>>();
        assert_eq!(failed, ["post:1:full"], "{merged:?}");
        assert!(!merged.is_complete());
        let value = |owner: i64, key: &str| counters.get(post(owner), key).unwrap();
        assert_eq!((value(1, "full"), value(2, "full")), (5, i64::MAX - 4));
        assert_eq!((value(1, "least"), value(2, "least")), (0, i64::MIN));
        assert_eq!((value(1, "views"), value(2, "views")), (0, 5));
        counters.decrement(post(2), "full", 1).unwrap();
        assert!(counters.merge(post(1), post(2)).unwrap().is_complete());
        assert_eq!((value(1, "full"), value(2, "full")), (0, i64::MAX));
    }),
    ("what is no count is named and stays, and the rest is moved", |world| {
        if world.store.generation().is_none() {
            return; // Nothing but counts gets into the memory of a process.
        }
        let counters = prepared(world);
        put(world, &counter_of(&post(1), "a-foreign"), "text");
        put(world, &counter_of(&post(2), "synced"), "1.5");
        let merged = world.impatient_counters().merge(post(1), post(2)).unwrap();
        let failed = merged.failed.iter().map(|failed| failed.counter.as_str()).collect::<Vec<_>>();
        assert_eq!(failed, ["post:1:a-foreign", "post:1:synced"], "{merged:?}");
        assert_eq!(counters.get(post(1), "synced").unwrap(), 5);
        assert_eq!(counters.get(post(2), "pending").unwrap(), 2);
    }),
    ("a set, a delete and increments between reading and moving take effect", |world| {
        type Deed = fn(&Counters);
        let deeds: [(Deed, i64, i64); 4] = [
            (|counters| counters.set(post(1), "views", 100).unwrap(), 100, 7),
            (|counters| counters.delete(post(1), "views").unwrap(), 0, 7),
            (|counters| counters.increment(post(1), "views", 20).unwrap(), 25, 7),
            (|counters| counters.set(post(2), "views", 50).unwrap(), 5, 50),
        ];
        for (deed, of_from, of_into) in deeds {
            let counters = world.counters();
            counters.set(post(1), "views", 5).unwrap();
            counters.set(post(2), "views", 7).unwrap();
            let other = world.counters();
            let faults = Faults::calling_once_before("move", move || deed(&other));
            let process = world.counters_behind(&faults, Config::default());
            let merged = process.merge(post(1), post(2)).unwrap();
            assert!(merged.is_complete(), "{merged:?}");
            assert_eq!(counters.get(post(1), "views").unwrap(), 0);
            assert_eq!(counters.get(post(2), "views").unwrap(), of_from + of_into);
        }
    }),
    ("a step that is not answered is not repeated, and what was not sent is", |world| {
        for fault in [Fault::Before, Fault::After] {
            let counters = world.counters();
            counters.set(post(1), "views", 5).unwrap();
            counters.set(post(2), "views", 7).unwrap();
            counters.set(post(1), "zaps", 3).unwrap();
            let first = Arc::new(std::sync::atomic::AtomicBool::new(true));
            let faults = Faults::deciding(move |step| {
                let is_first =
                    step == "move" && first.swap(false, std::sync::atomic::Ordering::Relaxed);
                is_first.then_some(fault)
            });
            let process = world.counters_behind(&faults, Config::default());
            let merged = process.merge(post(1), post(2)).unwrap();
            assert_eq!((merged.unanswered, merged.is_complete()), (1, false), "{merged:?}");
            assert_eq!(counters.get(post(1), "views").unwrap(), 0);
            assert_eq!(counters.get(post(2), "views").unwrap(), 12);
            assert_eq!(merged.failed.iter().count(), 0, "{merged:?}");
            assert_eq!(counters.get(post(1), "zaps").unwrap(), 0);
            assert!(process.merge(post(1), post(2)).unwrap().is_complete());
        }
    }),
    ("what a sync moves into the table during the search is found there", |world| {
        let counters = world.counters();
        counters.increment(post(1), "views", 5).unwrap();
        let syncing = || {
            let other = world.counters();
            Faults::calling_once_before("scan", move || {
                assert_eq!(other.sync(&SyncOptions::default()).unwrap().applied, 1);
            })
        };
        let process = world.counters_behind(&syncing(), Config::default());
        assert_eq!(process.merge(post(1), post(2)).unwrap().moved, 1);
        assert_eq!(counters.get(post(2), "views").unwrap(), 5);
        counters.increment(post(3), "views", 5).unwrap();
        drop(counters.sync(&SyncOptions::default().pattern("post:2:*".parse().unwrap())).unwrap());
        let process = world.counters_behind(&syncing(), Config::default());
        assert_eq!(process.delete_all(post(3)).unwrap(), 1);
        assert_eq!(counters.get(post(3), "views").unwrap(), 0);
    }),
    ("a sync that works on an old claim does not bring the row back", |world| {
        let counters = world.counters();
        counters.increment(post(1), "views", 5).unwrap();
        let merging = world.impatient_counters();
        // It has claimed, and begins to apply.
        let faults = Faults::calling_once_before("begin", move || {
            let merged = merging.merge(post(1), post(2)).unwrap();
            assert!(merged.is_complete(), "{merged:?}");
        });
        drop(world.counters_behind(&faults, impatient()).sync(&SyncOptions::default()).unwrap());
        assert_removed_later(world);
        assert_eq!(world.ledger.rows_of(&post(1)).unwrap(), []);
        assert_eq!(counters.get(post(1), "views").unwrap(), 0);
        assert_eq!(counters.get(post(2), "views").unwrap(), 5);
    }),
    ("a row stays while the store has the claim that made it 0", |world| {
        world.counters().increment(post(1), "views", 5).unwrap();
        drop(world.counters().sync(&SyncOptions::default()).unwrap());
        let dies = dying_before_it_acknowledges(world);
        assert!(Faults::survive(|| dies.merge(post(1), post(2))).is_none());
        world.age_rows();
        let merged = world.counters().merge(post(1), post(2)).unwrap();
        assert_eq!((merged.rows_removed, merged.rows_left), (0, 1), "{merged:?}");
        assert_nothing_is_counted_twice(world, 5);
    }),
    ("a row stays that has seen another claim than the one it was found with", |world| {
        world.counters().increment(post(1), "views", 5).unwrap();
        drop(world.counters().sync(&SyncOptions::default()).unwrap());
        assert!(world.counters().merge(post(1), post(2)).unwrap().is_complete());
        world.age_rows();
        let (counters, dies) = (world.counters(), dying_before_it_acknowledges(world));
        let store = Arc::clone(&world.store);
        let faults = Faults::calling_once_before("delete_zeros", move || {
            counters.increment(post(1), "views", 1).unwrap();
            drop(counters.sync(&SyncOptions::default()).unwrap());
            let [from, into] = [1, 2].map(|id| counter_of(&post(id), "views"));
            let seen = Seen { high_water: store.look(&[]).unwrap().high_water, pending: 0 };
            let moved =
                store.moves().unwrap().move_counts(&[CountMove { from, into, by: 1, seen }]);
            assert!(matches!(moved[..], [Ok(MoveOutcome::Moved)]), "{moved:?}");
            let of_first = SyncOptions::default().pattern("post:1:*".parse().unwrap());
            assert!(Faults::survive(|| dies.sync(&of_first)).is_none());
        });
        let process = world.counters_behind(&faults, Config::default());
        let merged = process.merge(post(1), post(2)).unwrap();
        assert_eq!((merged.rows_removed, merged.rows_left), (0, 1), "{merged:?}");
        assert_nothing_is_counted_twice(world, 6);
    }),
    ("what is counted while rows are removed is not lost", |world| {
        let counters = world.counters();
        counters.increment(post(1), "views", 5).unwrap();
        assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
        drop(counters.merge(post(1), post(2)).unwrap());
        for step in ["delete_zeros", "look", "rows_after"] {
            world.age_rows();
            let other = world.counters();
            let faults = Faults::calling_once_before(step, move || {
                other.increment(post(1), "views", 3).unwrap();
                drop(other.sync(&SyncOptions::default()).unwrap());
            });
            let process = world.counters_behind(&faults, Config::default());
            drop(process.merge(post(1), post(2)).unwrap());
        }
        let total = [1, 2].map(|id| counters.get(post(id), "views").unwrap()).iter().sum::<i64>();
        assert_eq!(total, 14);
        drop(counters.merge(post(1), post(2)).unwrap());
        assert_eq!(counters.get(post(2), "views").unwrap(), 14);
    }),
    ("merges that cross each other come to an end and lose nothing", |world| {
        let counters = prepared(world);
        let before = KEYS.map(|key| both(&counters, key));
        let crossing = [(1, 2), (2, 1), (1, 2)].map(|(from, into)| {
            let process = world.counters();
            thread::spawn(move || {
                for _ in 0..3 {
                    let merged = process.merge(post(from), post(into)).unwrap();
                    assert!(merged.failed.is_empty(), "{merged:?}");
                }
            })
        });
        crossing.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(KEYS.map(|key| both(&counters, key)), before);
        let impatient = world.impatient_counters();
        let merged = impatient.merge(post(1), post(2)).unwrap();
        assert!(merged.is_complete(), "{merged:?}");
        assert_synced(world, &before);
    }),
    ("a prefix may have a hash tag", |world| {
        if world.store.generation().is_none() {
            return; // Names are Redis's.
        }
        let mut config = Config::default();
        config.prefix = format!("{}{{tag}}:", world.prefix).parse().unwrap();
        let store = counter_core::RedisStore::builder(shared_url()).prefix(config.prefix.clone());
        let store = Arc::new(store.timeouts(patient()).build().unwrap());
        let counters = Counters::from_parts(config, store, Arc::clone(&world.ledger));
        counters.increment(post(1), "views", 5).unwrap();
        assert!(counters.merge(post(1), post(2)).unwrap().is_complete());
        assert_eq!(counters.get(post(2), "views").unwrap(), 5);
        assert_eq!(counters.baseline(post(2), "views").unwrap(), 5);
    }),
];

/// What both posts have together of a key.
fn both(counters: &Counters, key: &str) -> i64 {
    [1, 2].map(|id| counters.get(post(id), key).unwrap()).iter().sum()
}

/// A process that dies once a claim is in the table, and leaves it in the store.
fn dying_before_it_acknowledges(world: &World) -> Counters {
    let faults = Faults::deciding(|step| (step == "ack").then_some(Fault::Kill));
    world.counters_behind(&faults, Config::default())
}

/// Another process finishes what is left, and both counters are what they were.
fn assert_nothing_is_counted_twice(world: &World, total: i64) {
    let counters = world.impatient_counters();
    assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
    let values = [1, 2].map(|id| counters.get(post(id), "views").unwrap());
    assert_eq!(values, [0, total]);
    assert_removed_later(world);
}

/// The rows of the first owner go once they have been 0 for an hour.
fn assert_removed_later(world: &World) {
    world.age_rows();
    let merged = world.impatient_counters().merge(post(1), post(2)).unwrap();
    assert!(merged.is_complete() && merged.rows_left == 0, "{merged:?}");
    assert_eq!(world.ledger.rows_of(&post(1)).unwrap(), []);
}

const KEYS: [&str; 5] = ["synced", "both", "pending", "set", "of-both-owners"];

/// Post 1 has a counter of each kind, post 2 has one of them too.
fn prepared(world: &World) -> Counters {
    let counters = world.counters();
    for key in ["synced", "both"] {
        counters.increment(post(1), key, 5).unwrap();
    }
    counters.increment(post(2), "of-both-owners", 100).unwrap();
    assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
    counters.increment(post(1), "both", 2).unwrap();
    counters.increment(post(1), "pending", 2).unwrap();
    world.store.replace(&counter_of(&post(1), "set"), Replacement::Set(8)).unwrap();
    counters.increment(post(1), "set", 1).unwrap();
    counters.increment(post(1), "of-both-owners", 9).unwrap();
    counters
}

fn assert_merged(counters: &Counters, expected: &[i64]) {
    for (key, expected) in KEYS.iter().zip(expected) {
        assert_eq!(counters.get(post(1), *key).unwrap(), 0, "{key} of the first");
        assert_eq!(counters.get(post(2), *key).unwrap(), *expected, "{key} of the second");
    }
}

/// Asserts these counts in the table, after a sync.
fn assert_synced(world: &World, expected: &[i64]) {
    let counters = world.impatient_counters();
    let report = counters.sync(&SyncOptions::default()).unwrap();
    assert!(report.is_clean(), "{report}");
    for (key, expected) in KEYS.iter().zip(expected) {
        assert_eq!(counters.baseline(post(1), *key).unwrap(), 0, "{key} of the first");
        assert_eq!(counters.baseline(post(2), *key).unwrap(), *expected, "{key} of the second");
    }
}

/// Writes something else where what is pending should be.
pub(super) fn put(world: &World, id: &CounterId, value: &str) {
    let name = world.prefix.pending_name(id);
    let () = redis::cmd("SET").arg(name).arg(value).query(&mut bare(&shared_url())).unwrap();
}
