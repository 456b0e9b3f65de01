//! G1, G2 and G3 under load: writers, a setter, readers and syncs of two processes at once. Every
//! read was a true value at some moment of the call, the totals are exact, and no pass fails,
//! whatever locks it meets. `COUNTER_TEST_LOAD` makes it longer.

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering::SeqCst};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use counter_diesel::sync::{Capped, PostponedCause, PostponedClaim};
use counter_diesel::{Counters, Owner, SyncOptions};
use counter_tests::effort::{load, load_time};
use counter_tests::fixtures::post;
use counter_tests::process::wait_for;
use counter_tests::suite::{self, Case};
use counter_tests::world::{PAIRS, World, cluster_x_postgres};

fn main() -> ExitCode {
    let mut trials = suite::trials(PAIRS, CASES);
    let specific = suite::specific(CASES, &[]);
    let specific = if specific.is_empty() { CLUSTER_CASES.to_vec() } else { specific };
    trials.extend(suite::trials(&[("cluster_x_postgres", cluster_x_postgres)], &specific));
    suite::run_trials(trials)
}

const CASES: &[Case<World>] = &[
    ("reads of counters that only grow are never too low or too high", |world| {
        growing_counters(world, TIME);
    }),
    ("reads of a counter that is set are true and its increments exact", set_counter),
];

const CLUSTER_CASES: &[Case<World>] = &[("reads of counters that only grow are true", |world| {
    growing_counters(world, TIME / 4);
})];

const WRITERS: usize = 4;
const COUNTERS: i64 = 5;
/// The duration of each of two cases, for each pair of store and database.
const TIME: Duration = Duration::from_secs(5);

/// At the end at least this many passes and reads were made, however busy the machine.
const ENOUGH: i64 = 10;
/// Ends the wait for them, because after a failure they are never made.
const PATIENCE: Duration = Duration::from_secs(60);

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

/// Ends the threads that go on while others write, also when the test panics.
struct EndOfWriting<'a>(&'a AtomicBool);

impl Drop for EndOfWriting<'_> {
    fn drop(&mut self) {
        self.0.store(false, SeqCst);
    }
}

/// The threads of each share its counters, as those of an application do. One takes every claim for
/// one that was left behind, so that claims are fought over.
fn two_processes(world: &World) -> [Counters; 2] {
    [world.counters(), world.impatient_counters()]
}

/// In which process a thread that syncs is, and one that reads.
const THREADS: [usize; 3] = [0, 0, 1];

fn growing_counters(world: &World, time: Duration) {
    let processes = two_processes(world);
    let bounds: [Bounds; COUNTERS as usize] = Default::default();
    let (writing, passes, reads) = (AtomicBool::new(true), AtomicI64::new(0), AtomicI64::new(0));
    let end = Instant::now() + load_time(time);
    let last = end + PATIENCE;
    thread::scope(|scope| {
        let end_of_writing = EndOfWriting(&writing);
        let writers = (0..WRITERS).map(|writer| {
            let (process, bounds, passes, reads) =
                (&processes[writer % 2], &bounds, &passes, &reads);
            scope.spawn(move || {
                let mut counter = writer as i64;
                let is_enough = || passes.load(SeqCst).min(reads.load(SeqCst)) >= ENOUGH;
                while Instant::now() < end || (!is_enough() && Instant::now() < last) {
                    counter = (counter + 1) % COUNTERS;
                    bounds[counter as usize].increment(process, &post(counter));
                }
            })
        });
        let writers = writers.collect::<Vec<_>>();
        for process in THREADS.map(|number| &processes[number]) {
            let (bounds, writing, passes, reads) = (&bounds, &writing, &passes, &reads);
            scope.spawn(move || sync_while(process, writing, passes));
            scope.spawn(move || read_while(process, bounds, writing, reads));
        }
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        drop(end_of_writing);
    });
    finish(world);
    let total =
        (0..COUNTERS).map(|n| world.counters().baseline(post(n), "views").unwrap()).sum::<i64>();
    assert_eq!(total, bounds.iter().map(|bound| bound.done.load(SeqCst)).sum::<i64>());
    let (passes, reads) = (passes.into_inner(), reads.into_inner());
    println!("{total} increments, {passes} passes, {reads} reads");
    assert!(passes.min(reads) >= ENOUGH);
}

fn sync_while(counters: &Counters, writing: &AtomicBool, passes: &AtomicI64) {
    while writing.load(SeqCst) {
        let mut report = counters.sync(&SyncOptions::default()).unwrap();
        // The store of a test may verify for longer than another pass waits for its rows, and on a
        // busy machine a transaction may take too long, or find its claims changed each time.
        let is_refused = |claim: &PostponedClaim| claim.cause == PostponedCause::Refused;
        assert!(!report.postponed.iter().any(is_refused), "{report:?}");
        report.postponed = Capped::default();
        assert!(report.is_clean(), "{report:?}");
        passes.fetch_add(i64::from(report.applied > 0), SeqCst);
    }
}

fn read_while(counters: &Counters, bounds: &[Bounds], writing: &AtomicBool, reads: &AtomicI64) {
    while writing.load(SeqCst) {
        let at_least = bounds.iter().map(|bound| bound.done.load(SeqCst)).collect::<Vec<_>>();
        let values = counters.get_many((0..COUNTERS).map(|n| (post(n), "views"))).unwrap();
        for ((value, at_least), bound) in values.iter().zip(at_least).zip(bounds) {
            let at_most = bound.begun.load(SeqCst);
            assert!(
                (at_least..=at_most).contains(value),
                "read {value}, true {at_least}..={at_most}"
            );
        }
        reads.fetch_add(1, SeqCst);
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
    let processes = two_processes(world);
    let (bounds, sets, writing) = (Bounds::default(), Sets::default(), AtomicBool::new(true));
    let (reads, increments) = (AtomicI64::new(0), load(1_000));
    let (arrived, is_last_set) = (AtomicUsize::new(0), AtomicBool::new(false));
    let end = Instant::now() + load_time(TIME);
    let is_enough = || sets.done.load(SeqCst).min(reads.load(SeqCst)) >= ENOUGH;
    let goes_on = || Instant::now() < end || (!is_enough() && Instant::now() < end + PATIENCE);
    thread::scope(|scope| {
        let end_of_writing = EndOfWriting(&writing);
        let writers = (0..WRITERS).map(|writer| {
            let (process, bounds, goes_on) = (&processes[writer % 2], &bounds, &goes_on);
            let (arrived, is_last_set, writing) = (&arrived, &is_last_set, &writing);
            scope.spawn(move || {
                while goes_on() {
                    bounds.increment(process, &post(0));
                }
                arrived.fetch_add(1, SeqCst);
                while !is_last_set.load(SeqCst) && writing.load(SeqCst) {
                    thread::sleep(Duration::from_millis(1));
                }
                (0..increments).for_each(|_| bounds.increment(process, &post(0)));
            })
        });
        let writers = writers.collect::<Vec<_>>();
        for process in THREADS.map(|number| &processes[number]) {
            let (sets, writing, reads) = (&sets, &writing, &reads);
            scope.spawn(move || {
                while writing.load(SeqCst) {
                    let report = process.sync(&SyncOptions::default()).unwrap();
                    assert!(report.stopped.is_none() && report.lost.is_empty(), "{report:?}");
                }
            });
            scope.spawn(move || read_epochs_while(process, sets, writing, reads));
        }
        let [setter, _] = &processes;
        while goes_on() {
            set_next(setter, &sets);
        }
        wait_for("the writers to pause", || {
            let has_ended = writers.iter().any(ScopedJoinHandle::is_finished);
            (has_ended || arrived.load(SeqCst) == WRITERS).then_some(())
        });
        set_next(setter, &sets);
        is_last_set.store(true, SeqCst);
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        drop(end_of_writing);
    });
    finish(world);
    let expected = sets.done.load(SeqCst) * EPOCH + WRITERS as i64 * increments;
    assert_eq!(world.counters().baseline(post(0), "views").unwrap(), expected);
    assert!(is_enough());
    let (done, sets) = (bounds.done.into_inner(), sets.done.into_inner());
    println!("{done} increments, {sets} sets, {} reads", reads.into_inner());
}

fn set_next(counters: &Counters, sets: &Sets) {
    let epoch = sets.begun.fetch_add(1, SeqCst) + 1;
    counters.set(post(0), "views", epoch * EPOCH).unwrap();
    sets.done.store(epoch, SeqCst);
}

/// A read sees a set that was not yet replaced when it began, and at most what was incremented in
/// all.
fn read_epochs_while(counters: &Counters, sets: &Sets, writing: &AtomicBool, reads: &AtomicI64) {
    let mut last = (0, 0);
    while writing.load(SeqCst) {
        let at_least = sets.done.load(SeqCst);
        let value = counters.get(post(0), "views").unwrap();
        let (epoch, increments) = (value / EPOCH, value % EPOCH);
        let at_most = sets.begun.load(SeqCst);
        assert!(
            (at_least..=at_most).contains(&epoch),
            "read set {epoch}, true {at_least}..={at_most}"
        );
        // Within one set's reign a counter only grows, so one reader never sees it shrink.
        assert!((epoch, increments) >= last, "read {value} after {last:?}");
        last = (epoch, increments);
        reads.fetch_add(1, SeqCst);
    }
}

fn finish(world: &World) {
    let process = world.impatient_counters();
    let report = process.sync(&SyncOptions::default()).unwrap();
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(process.sync(&SyncOptions::default()).unwrap().scanned, 0);
}
