//! The database crashes under load, again and again.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use counter_core::Config;
use counter_diesel::{Counters, Error, SyncReport};
use counter_tests::site::Site;
use counter_tests::wait;

use super::{last_sync, post, sync};

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
const COUNTERS: i64 = 32;

/// What happens outside of the database.
#[derive(Default)]
struct Load {
    is_over: AtomicBool,
    counted: [AtomicI64; COUNTERS as usize],
    /// Claims that all syncs together have applied.
    applied: AtomicI64,
    /// Syncs that failed or were ended early.
    failed: AtomicI64,
}

fn survives_crashes(site: &Site) {
    let load = Load::default();
    // One takes every claim for one that was left behind, and applies again what the other is applying.
    let processes = [site.counters(), impatient_counters(site)];
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (counters, load) = (site.counters(), &load);
            scope.spawn(move || load.write(&counters, writer));
        }
        for process in &processes {
            scope.spawn(|| load.sync(process));
        }
        let crashes = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            (0..CRASHES).for_each(|_| crash(site, &load));
        }));
        load.is_over.store(true, SeqCst);
        crashes.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
    last_sync(site);
    let counters = site.counters();
    let table = (0..COUNTERS).map(|id| counters.baseline(post(id), "views").unwrap());
    let counted = load.counted.iter().map(|count| count.load(SeqCst)).collect::<Vec<_>>();
    assert_eq!(table.collect::<Vec<_>>(), counted);
    let (applied, failed) = (load.applied.load(SeqCst), load.failed.load(SeqCst));
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
fn crash(site: &Site, load: &Load) {
    let enough = load.applied.load(SeqCst) + 10 * COUNTERS;
    wait::until("syncs are at work", || (load.applied.load(SeqCst) > enough).then_some(()));
    let failed = load.failed.load(SeqCst);
    site.database().kill();
    wait::until("a sync fails", || (load.failed.load(SeqCst) > failed).then_some(()));
    site.database().start();
}

impl Load {
    fn write(&self, counters: &Counters, writer: i64) {
        let mut id = writer;
        while !self.is_over.load(SeqCst) {
            id = (id + 1) % COUNTERS;
            counters.increment(post(id), "views", 1).unwrap();
            self.counted[id as usize].fetch_add(1, SeqCst);
        }
    }

    fn sync(&self, process: &Counters) {
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
