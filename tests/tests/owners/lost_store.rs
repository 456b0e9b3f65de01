//! The store is emptied in the middle of a merge, or loses a claim: the table holds all that it
//! held, and the merge says what happened.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use counter_core::{Error as CoreError, Pattern, Prefix};
use counter_diesel::sync::Merged;
use counter_diesel::{Config, Counters, Error, Owner, SyncOptions};
use counter_tests::faults::{Fault, Faults};
use counter_tests::fixtures::{counter_of, post};
use counter_tests::servers::redis::{bare, shared_url};
use counter_tests::suite::Case;
use counter_tests::world::{World, impatient};

use super::crash::MakingCase;

pub(super) const AT_EVERY_STEP: &[MakingCase] = &[
    ("a_store_that_is_emptied_at_any_step_takes_nothing_out_of_the_table", |make| {
        let world = make();
        if world.store.generation().is_some() {
            let steps = (0..).take_while(|step| survives(&world, *step, None)).count();
            assert!(steps >= 25, "{steps} steps");
        }
    }),
    ("nor_does_one_whose_process_dies_soon_afterwards", |make| {
        let world = make();
        if world.store.generation().is_some() {
            // The second commit is the one that could part the two; the others take long on a
            // server.
            let is_server = world.database.url().contains("://");
            for commits in if is_server { 1..2 } else { 0..4 } {
                let steps = (0..).take_while(|step| survives(&world, *step, Some(commits)));
                assert!(steps.count() >= 25);
            }
        }
    }),
];

pub(super) const CASES: &[Case<World>] = &[
    ("what is lost before it is synced is said to be lost, and moved by the next call", |world| {
        if world.store.generation().is_none() {
            return; // Nothing empties the memory of a process.
        }
        // Also where another process has met the new store first.
        for others in [0, 1] {
            let counters = with_views(world);
            let (prefix, others) = (world.prefix.clone(), vec![world.counters(); others]);
            let process = after_the_move(world, "state", move || {
                empty(&prefix);
                others.iter().for_each(|other| drop(other.sync(&SyncOptions::default())));
            });
            let merged = process.merge(post(1), post(2)).unwrap();
            assert_eq!((merged.store_lost, merged.is_complete()), (true, false), "{merged:?}");
            assert_eq!(rows(&counters, &post(1), &post(2), "views"), [5, 0]);
            assert_goes_on(&process, &counters);
            assert!(counters.delete_all(post(2)).unwrap() > 0);
        }
    }),
    ("what is lost just before it is claimed stays in the table", |world| {
        if world.store.generation().is_none() {
            return;
        }
        let counters = with_views(world);
        let prefix = world.prefix.clone();
        let process = after_the_move(world, "claim", move || empty(&prefix));
        let error = process.merge(post(1), post(2)).unwrap_err();
        assert!(matches!(error, Error::Core(CoreError::StoreWentBack { .. })), "{error:?}");
        assert_eq!(rows(&counters, &post(1), &post(2), "views"), [5, 0]);
        assert!(!process.merge(post(1), post(2)).unwrap().is_complete());
        assert_goes_on(&process, &counters);
    }),
    ("what is lost once it is claimed is in both rows, and is named", |world| {
        if world.store.generation().is_none() {
            return;
        }
        let counters = with_views(world);
        let prefix = world.prefix.clone();
        let faults = Faults::calling_once_before("verify", move || empty(&prefix));
        let process = world.counters_behind(&faults, Config::default());
        let merged = process.merge(post(1), post(2)).unwrap();
        assert_eq!(rows(&counters, &post(1), &post(2), "views"), [0, 5], "{merged:?}");
        let lost = merged.lost.iter().map(counter_core::CounterId::as_str).collect::<Vec<_>>();
        assert_eq!(lost, ["post:1:views", "post:2:views"]);
        assert_eq!((merged.store_lost, merged.is_complete()), (true, false), "{merged:?}");
        assert_goes_on(&process, &counters);
    }),
    ("a claim of one side alone that is lost is in its row", |world| {
        if world.store.generation().is_none() {
            return;
        }
        for of in [1, 2] {
            let counters = with_views(world);
            let claim = world.prefix.claim_name(&counter_of(&post(of), "views"));
            let faults = Faults::calling_once_before("verify", move || {
                let () = redis::cmd("DEL").arg(&claim).query(&mut bare(&shared_url())).unwrap();
            });
            let process = world.counters_behind(&faults, Config::default());
            let merged = process.merge(post(1), post(2)).unwrap();
            assert_eq!(rows(&counters, &post(1), &post(2), "views"), [0, 5], "{merged:?}");
            let lost = merged.lost.iter().map(counter_core::CounterId::as_str).collect::<Vec<_>>();
            assert_eq!(lost, [format!("post:{of}:views")]);
            assert_eq!((merged.store_lost, merged.is_complete()), (false, false), "{merged:?}");
            assert_goes_on(&process, &counters);
            [1, 2].iter().for_each(|id| assert!(counters.delete_all(post(*id)).unwrap() > 0));
        }
    }),
    ("a counter that the database refuses a row is named, and the rest is moved", |world| {
        if world.store.private().is_some() {
            return; // What is in memory needs no rows.
        }
        let counters = with_views(world);
        counters.increment(post(1), "likes", 3).unwrap();
        counters.increment(post(1), "late", 4).unwrap();
        assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
        // No two posts may be liked.
        let index = "CREATE UNIQUE INDEX one_like ON model_counters (\"key\", owner_type)";
        let index = format!("{index} WHERE \"key\" = 'likes'");
        if world.database.execute(&index).is_err() {
            return; // MariaDB has no indexes of a part.
        }
        let merged = counters.merge(post(1), post(2)).unwrap();
        let failed = merged.failed.iter().map(|failed| failed.counter.as_str()).collect::<Vec<_>>();
        assert_eq!((failed, merged.moved), (vec!["post:1:likes"], 2), "{merged:?}");
        assert_eq!(rows(&counters, &post(1), &post(2), "likes"), [3, 0]);
        assert_eq!(rows(&counters, &post(1), &post(2), "late"), [0, 4]);
    }),
];

/// A process to which this happens once, before the first step of this name after a move.
fn after_the_move(
    world: &World,
    step: &'static str,
    happen: impl FnOnce() + Send + 'static,
) -> Counters {
    let (has_moved, happen) = (AtomicBool::new(false), Mutex::new(Some(happen)));
    let faults = Faults::calling(move |name| {
        let is_next = name == step && has_moved.load(Ordering::Relaxed);
        if let Some(happen) = happen.lock().unwrap().take_if(|_| is_next) {
            happen();
        }
        has_moved.fetch_or(name == "move", Ordering::Relaxed);
    });
    world.counters_behind(&faults, Config::default())
}

/// Removes everything that the store of this prefix holds.
fn empty(prefix: &Prefix) {
    let mut bare = bare(&shared_url());
    let glob = format!("{}*", Pattern::escape(prefix.as_str()));
    let names = redis::cmd("KEYS").arg(glob).query::<Vec<Vec<u8>>>(&mut bare).unwrap();
    if !names.is_empty() {
        let () = redis::cmd("DEL").arg(names).query(&mut bare).unwrap();
    }
}

/// The first post has 5 views, in the table; the second has no row.
fn with_views(world: &World) -> Counters {
    let counters = world.counters();
    counters.increment(post(1), "views", 5).unwrap();
    assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
    counters
}

fn rows(counters: &Counters, from: &Owner, into: &Owner, key: &'static str) -> [i64; 2] {
    [from, into].map(|owner| counters.baseline(owner, key).unwrap())
}

/// The same call, again, moves the rest.
fn assert_goes_on(process: &Counters, counters: &Counters) {
    let merged = process.merge(post(1), post(2)).unwrap();
    assert!(merged.is_complete(), "{merged:?}");
    assert_eq!(rows(counters, &post(1), &post(2), "views"), [0, 5]);
}

/// What the two owners have in the table of each key, when the store is emptied, and at the most.
const TOTALS: [(&str, i64, i64); 3] = [("both-rows", 10, 10), ("one-row", 7, 7), ("more", 1, 8)];

/// Returns whether there was such a step: the store is emptied before it, and the process dies
/// before it commits so many times more.
fn survives(world: &World, step: usize, dies_after: Option<usize>) -> bool {
    let [old, new] = ["old", "new"].map(|name| {
        let word = dies_after.map_or("a".to_owned(), |commits| commits.to_string());
        Owner::new(format!("{name}-{word}-{step}"), 7).unwrap()
    });
    prepare(world, &old, &new);
    let was_reached = Arc::new(AtomicBool::new(false));
    let (reached, prefix) = (Arc::clone(&was_reached), world.prefix.clone());
    let (steps, commits) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let faults = Faults::deciding(move |name| {
        if steps.fetch_add(1, Ordering::Relaxed) == step {
            empty(&prefix);
            reached.store(true, Ordering::Relaxed);
        }
        let is_commit = name == "commit" && reached.load(Ordering::Relaxed);
        let dies = is_commit && Some(commits.fetch_add(1, Ordering::Relaxed)) == dies_after;
        dies.then_some(Fault::Kill)
    });
    let process = world.counters_behind(&faults, impatient());
    let merged = Faults::survive(|| process.merge(&old, &new));
    let place = format!("before step {step}, dies after {dies_after:?}: {merged:?}");
    assert_kept(world, &old, &new, &place);
    if let Some(Ok(merged)) = &merged {
        assert_moved_if_complete(world, &old, &new, merged, &place);
    }
    let goes_on = dies_after.is_none();
    let next = if goes_on { process } else { world.impatient_counters() };
    let is_complete = (0..3).any(|_| next.merge(&old, &new).unwrap().is_complete());
    assert!(is_complete, "{place}");
    assert_kept(world, &old, &new, &place);
    for (key, _, _) in TOTALS {
        assert_eq!(next.get(&old, key).unwrap(), 0, "{key}, {place}");
        assert_eq!(next.baseline(&old, key).unwrap(), 0, "{key}, {place}");
    }
    was_reached.load(Ordering::Relaxed)
}

fn prepare(world: &World, old: &Owner, new: &Owner) {
    let counters = world.counters();
    for (owner, key, by) in
        [(old, "both-rows", 4), (new, "both-rows", 6), (old, "one-row", 7), (old, "more", 1)]
    {
        counters.increment(owner, key, by).unwrap();
    }
    // From here on the store is another one.
    let _ = counters.sync(&SyncOptions::default()).unwrap();
    assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
    counters.increment(old, "more", 7).unwrap();
}

fn assert_kept(world: &World, old: &Owner, new: &Owner, place: &str) {
    for (key, least, most) in TOTALS {
        let rows = rows(&world.counters(), old, new, key);
        let total = rows.iter().sum::<i64>();
        assert!((least..=most).contains(&total), "{key} is {rows:?}, {place}");
    }
}

/// What was counted is lost with the store, but what was in the table is not said to be moved
/// unless it is.
fn assert_moved_if_complete(world: &World, old: &Owner, new: &Owner, merged: &Merged, place: &str) {
    for (key, _, _) in TOTALS.iter().filter(|_| merged.is_complete()) {
        assert_eq!(rows(&world.counters(), old, new, key)[0], 0, "{key}, {place}");
    }
}
