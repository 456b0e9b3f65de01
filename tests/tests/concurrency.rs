//! G1, G2 and G3 under load: writers, a setter, readers and two syncs at once. Every read was a true value
//! at some moment of the call, and the totals are exact.

use std::process::ExitCode;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::SeqCst};
use std::thread;

use counter_diesel::{Counters, Owner, SyncOptions};
use counter_tests::suite;
use counter_tests::world::{PAIRS, World};

fn main() -> ExitCode {
    suite::run(
        PAIRS,
        &[
            ("reads of counters that only grow are never too low or too high", growing_counters),
            ("reads of a counter that is set are true and its increments exact", set_counter),
        ],
    )
}

const WRITERS: usize = 4;
const COUNTERS: i64 = 5;

/// What is known from outside about a counter that is only incremented by 1.
#[derive(Default)]
struct Bounds {
    /// Increments that have begun.
    begun: AtomicI64,
    /// Increments that have returned.
    done: AtomicI64,
}

impl Bounds {
    fn increment(&self, counters: &Counters, owner: &Owner) {
        self.begun.fetch_add(1, SeqCst);
        counters.increment(owner, "views", 1).unwrap();
        self.done.fetch_add(1, SeqCst);
    }
}

fn growing_counters(world: &World) {
    let bounds: [Bounds; COUNTERS as usize] = Default::default();
    let (writing, passes) = (AtomicBool::new(true), AtomicI64::new(0));
    let enough = load(100);
    thread::scope(|scope| {
        let writers = (0..WRITERS).map(|writer| {
            let (counters, bounds, passes) = (world.counters(), &bounds, &passes);
            scope.spawn(move || {
                let mut counter = writer as i64;
                while passes.load(SeqCst) < enough {
                    counter = (counter + 1) % COUNTERS;
                    bounds[counter as usize].increment(&counters, &owner(counter));
                }
            })
        });
        let writers = writers.collect::<Vec<_>>();
        // One takes every claim for one that was left behind, so that claims are fought over.
        for process in [world.counters(), world.impatient_counters()] {
            let (writing, passes) = (&writing, &passes);
            scope.spawn(move || sync_while(&process, writing, passes));
        }
        for process in [world.counters(), world.counters()] {
            let (bounds, writing) = (&bounds, &writing);
            scope.spawn(move || read_while(&process, bounds, writing));
        }
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        writing.store(false, SeqCst);
    });
    finish(world);
    let total =
        (0..COUNTERS).map(|n| world.counters().baseline(owner(n), "views").unwrap()).sum::<i64>();
    assert_eq!(total, bounds.iter().map(|bound| bound.done.load(SeqCst)).sum::<i64>());
}

fn sync_while(counters: &Counters, writing: &AtomicBool, passes: &AtomicI64) {
    while writing.load(SeqCst) {
        let report = counters.sync(&SyncOptions::default()).unwrap();
        assert!(report.is_clean(), "{report:?}");
        passes.fetch_add(i64::from(report.applied > 0), SeqCst);
    }
}

fn read_while(counters: &Counters, bounds: &[Bounds], writing: &AtomicBool) {
    let mut reads = 0;
    while writing.load(SeqCst) || reads < 10 {
        let at_least = bounds.iter().map(|bound| bound.done.load(SeqCst)).collect::<Vec<_>>();
        let values = counters.get_many((0..COUNTERS).map(|n| (owner(n), "views"))).unwrap();
        for ((value, at_least), bound) in values.iter().zip(at_least).zip(bounds) {
            let at_most = bound.begun.load(SeqCst);
            assert!(
                (at_least..=at_most).contains(value),
                "read {value}, true {at_least}..={at_most}"
            );
        }
        reads += 1;
    }
}

/// Values carry the number of the set that they come from, so a read says which set it saw.
const EPOCH: i64 = 1_000_000_000;

/// What is known from outside about the setter.
#[derive(Default)]
struct Sets {
    begun: AtomicI64,
    done: AtomicI64,
}

fn set_counter(world: &World) {
    let (bounds, sets, writing) = (Bounds::default(), Sets::default(), AtomicBool::new(true));
    let increments = load(2_000);
    let all_set = Barrier::new(WRITERS + 1);
    thread::scope(|scope| {
        let writers = (0..WRITERS).map(|_| {
            let (process, bounds, all_set) = (world.counters(), &bounds, &all_set);
            scope.spawn(move || {
                (0..increments).for_each(|_| bounds.increment(&process, &owner(0)));
                all_set.wait(); // the last set happens between these two
                all_set.wait();
                (0..increments).for_each(|_| bounds.increment(&process, &owner(0)));
            })
        });
        let writers = writers.collect::<Vec<_>>();
        for process in [world.counters(), world.impatient_counters()] {
            let writing = &writing;
            scope.spawn(move || {
                while writing.load(SeqCst) {
                    let report = process.sync(&SyncOptions::default()).unwrap();
                    assert!(report.stopped.is_none() && report.lost.is_empty(), "{report:?}");
                }
            });
        }
        let process = world.counters();
        scope.spawn({
            let (sets, writing) = (&sets, &writing);
            move || read_epochs_while(&process, sets, writing)
        });
        let setter = world.counters();
        for _ in 0..load(100) {
            set_next(&setter, &sets);
        }
        all_set.wait();
        set_next(&setter, &sets);
        all_set.wait();
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        writing.store(false, SeqCst);
    });
    finish(world);
    let expected = sets.done.load(SeqCst) * EPOCH + WRITERS as i64 * increments;
    assert_eq!(world.counters().baseline(owner(0), "views").unwrap(), expected);
}

fn set_next(counters: &Counters, sets: &Sets) {
    let epoch = sets.begun.fetch_add(1, SeqCst) + 1;
    counters.set(owner(0), "views", epoch * EPOCH).unwrap();
    sets.done.store(epoch, SeqCst);
}

/// A read sees a set that was not yet replaced when it began, and at most what was incremented in all.
fn read_epochs_while(counters: &Counters, sets: &Sets, writing: &AtomicBool) {
    let mut last = (0, 0);
    while writing.load(SeqCst) {
        let at_least = sets.done.load(SeqCst);
        let value = counters.get(owner(0), "views").unwrap();
        let (epoch, increments) = (value / EPOCH, value % EPOCH);
        let at_most = sets.begun.load(SeqCst);
        assert!(
            (at_least..=at_most).contains(&epoch),
            "read set {epoch}, true {at_least}..={at_most}"
        );
        // Within one set's reign a counter only grows, so one reader never sees it shrink.
        assert!((epoch, increments) >= last, "read {value} after {last:?}");
        last = (epoch, increments);
    }
}

fn finish(world: &World) {
    let process = world.impatient_counters();
    let report = process.sync(&SyncOptions::default()).unwrap();
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(process.sync(&SyncOptions::default()).unwrap().scanned, 0);
}

/// `COUNTER_TEST_LOAD` multiplies the work of a run, for those who have time.
fn load(work: i64) -> i64 {
    let factor = std::env::var("COUNTER_TEST_LOAD").map(|factor| factor.parse::<i64>());
    work * factor.map_or(1, |factor| factor.expect("COUNTER_TEST_LOAD is a number"))
}

fn owner(n: i64) -> Owner {
    Owner::new("post", n).unwrap()
}
