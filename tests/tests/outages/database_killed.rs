//! The database crashes under load, again and again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use counter_core::Config;
use counter_diesel::{Counters, Error, SyncReport};
use counter_tests::faults::Faults;
use counter_tests::process::wait_for;
use counter_tests::site::{Site, is_of_busy_redis};
use counter_tests::writers::{Writers, baselines};

use super::sync;

#[test]
fn totals_are_exact_after_postgres_was_killed() {
    survives_crashes(&Arc::new(Site::with_postgres()));
}

#[test]
fn totals_are_exact_after_mariadb_was_killed() {
    survives_crashes(&Arc::new(Site::with_mariadb()));
}

const CRASHES: usize = 3;
const WRITERS: i64 = 2;
const COUNTERS: i64 = 50;

/// What came of all syncs together.
#[derive(Default)]
struct Syncs {
    is_over: AtomicBool,
    /// Claims that were applied.
    applied: AtomicI64,
    /// Syncs that failed or were ended early.
    failed: AtomicI64,
}

/// Ends the threads that sync, also when the test panics.
struct End<'a>(&'a Syncs);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.is_over.store(true, SeqCst);
    }
}

fn survives_crashes(site: &Arc<Site>) {
    let (counters, syncs) = (site.patient_counters(), Syncs::default());
    let crash_wanted = Arc::new(AtomicBool::new(false));
    let writers = Writers::start(WRITERS, COUNTERS, &counters);
    // One takes every claim for one that was left behind, and applies again what the other is
    // applying.
    let processes = [crashing_counters(site, &crash_wanted), site.counters_after(Duration::ZERO)];
    thread::scope(|scope| {
        let _end = End(&syncs);
        for process in &processes {
            scope.spawn(|| syncs.repeat(process));
        }
        (0..CRASHES).for_each(|_| crash(site, &crash_wanted, &syncs));
    });
    let counted = writers.stop();
    site.last_sync();
    assert_eq!(baselines(&counters, COUNTERS), counted);
    let (applied, failed) = (syncs.applied.load(SeqCst), syncs.failed.load(SeqCst));
    assert!(failed >= CRASHES as i64, "only {failed} syncs noticed");
    println!("{} counted, {applied} claims, {failed} syncs failed", counted.iter().sum::<i64>());
}

/// A process whose database crashes when it is about to commit, if that is wanted.
fn crashing_counters(site: &Arc<Site>, crash_wanted: &Arc<AtomicBool>) -> Counters {
    let (crashing, crash_wanted) = (Arc::clone(site), Arc::clone(crash_wanted));
    let faults = Faults::calling(move |step| {
        if step == "commit" && crash_wanted.swap(false, SeqCst) {
            crashing.database().kill();
        }
    });
    site.counters_behind(&faults, Config::default())
}

/// Kills the database in the middle of a batch, and of whatever the other process is at, and starts
/// it once they have noticed.
fn crash(site: &Site, crash_wanted: &AtomicBool, syncs: &Syncs) {
    let enough = syncs.applied.load(SeqCst) + 10 * COUNTERS;
    wait_for("syncs to be at work", || (syncs.applied.load(SeqCst) > enough).then_some(()));
    let failed = syncs.failed.load(SeqCst);
    crash_wanted.store(true, SeqCst);
    wait_for("a sync to fail", || (syncs.failed.load(SeqCst) > failed).then_some(()));
    assert!(!crash_wanted.load(SeqCst), "it failed by itself");
    site.database().start();
}

impl Syncs {
    fn repeat(&self, process: &Counters) {
        while !self.is_over.load(SeqCst) {
            let start = Instant::now();
            match sync(process) {
                Ok(report) => self.note(&report),
                Err(Error::Unreachable { .. }) => drop(self.failed.fetch_add(1, SeqCst)),
                Err(error) if is_of_busy_redis(&error, start.elapsed()) => {}
                Err(error) => panic!("{error:?}"),
            }
        }
    }

    fn note(&self, report: &SyncReport) {
        self.applied.fetch_add(report.applied as i64, SeqCst);
        match &report.stopped {
            None => assert!(report.is_clean(), "{report:?}"),
            Some(Error::Unreachable { .. }) => drop(self.failed.fetch_add(1, SeqCst)),
            Some(error) if is_of_busy_redis(error, report.elapsed) => {}
            Some(error) => panic!("{error:?}"),
        }
    }
}
