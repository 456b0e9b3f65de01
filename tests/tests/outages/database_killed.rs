//! The database crashes under load, again and again.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use counter_core::Config;
use counter_diesel::{Counters, Error, SyncReport};
use counter_tests::site::Site;
use counter_tests::wait;
use counter_tests::writers::{Writers, baselines};

use super::{last_sync, sync};

#[test]
fn totals_are_exact_after_postgres_was_killed() {
    survives_crashes(&Site::with_postgres());
}

#[test]
fn totals_are_exact_after_mariadb_was_killed() {
    survives_crashes(&Site::with_mariadb());
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

fn survives_crashes(site: &Site) {
    let (counters, syncs) = (site.counters(), Syncs::default());
    let writers = Writers::start(WRITERS, COUNTERS, &counters);
    // One takes every claim for one that was left behind, and applies again what the other is applying.
    let processes = [site.counters(), impatient_counters(site)];
    thread::scope(|scope| {
        let _end = End(&syncs);
        for process in &processes {
            scope.spawn(|| syncs.repeat(process));
        }
        (0..CRASHES).for_each(|_| crash(site, &syncs));
    });
    let counted = writers.stop();
    last_sync(site);
    assert_eq!(baselines(&counters, COUNTERS), counted);
    let (applied, failed) = (syncs.applied.load(SeqCst), syncs.failed.load(SeqCst));
    assert!(failed >= CRASHES as i64, "only {failed} syncs noticed");
    println!("{} counted, {applied} claims, {failed} syncs failed", counted.iter().sum::<i64>());
}

fn impatient_counters(site: &Site) -> Counters {
    let mut config = Config::default();
    config.claim_timeout = Duration::ZERO;
    let url = site.redis().url();
    site.database().builder().config(config).redis(&url).build().unwrap()
}

/// Kills the database once syncs are at work in it, and starts it once they have noticed.
fn crash(site: &Site, syncs: &Syncs) {
    let enough = syncs.applied.load(SeqCst) + 10 * COUNTERS;
    wait::until("syncs are at work", || (syncs.applied.load(SeqCst) > enough).then_some(()));
    let failed = syncs.failed.load(SeqCst);
    site.database().kill();
    wait::until("a sync fails", || (syncs.failed.load(SeqCst) > failed).then_some(()));
    site.database().start();
}

impl Syncs {
    fn repeat(&self, process: &Counters) {
        while !self.is_over.load(SeqCst) {
            match sync(process) {
                Ok(report) => self.note(&report),
                Err(Error::Unreachable { .. }) => drop(self.failed.fetch_add(1, SeqCst)),
                Err(error) => panic!("{error:?}"),
            }
        }
    }

    fn note(&self, report: &SyncReport) {
        self.applied.fetch_add(report.applied as i64, SeqCst);
        match &report.stopped {
            None => assert!(report.is_clean(), "{report:?}"),
            Some(Error::Unreachable { .. }) => drop(self.failed.fetch_add(1, SeqCst)),
            Some(error) => panic!("{error:?}"),
        }
    }
}
