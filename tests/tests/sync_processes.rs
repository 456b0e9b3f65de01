//! Processes that sync the same counters at the same time, while threads count: real ones, which
//! can be killed and frozen.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use counter_core::Config;
use counter_diesel::sync::{PostponedCause, PostponedClaim};
use counter_diesel::{Counters, Owner, SyncOptions};
use counter_tests::fixtures::post;
use counter_tests::process::wait_for;
use counter_tests::site::{Site, sync_unless_redis_is_busy};
use counter_tests::sync_process::SyncProcess;
use counter_tests::writers::{Writers, baselines};

#[test]
fn processes_that_sync_into_postgres_share_the_work_and_may_be_killed() {
    share_the_work_and_may_be_killed(&Site::with_postgres());
}

#[test]
fn processes_that_sync_into_mariadb_share_the_work_and_may_be_killed() {
    share_the_work_and_may_be_killed(&Site::with_mariadb());
}

#[test]
fn others_go_on_while_a_process_is_frozen_that_holds_rows_in_postgres() {
    others_go_on_while_a_process_is_frozen(&Site::with_postgres());
}

#[test]
fn others_go_on_while_a_process_is_frozen_that_holds_rows_in_mariadb() {
    others_go_on_while_a_process_is_frozen(&Site::with_mariadb());
}

const WRITERS: i64 = 4;
const COUNTERS: i64 = 100;

fn share_the_work_and_may_be_killed(site: &Site) {
    let counters = site.patient_counters();
    let writers = Writers::start(WRITERS, COUNTERS, &counters);
    let mut processes = [(); 2].map(|()| start_process(site));
    processes.iter_mut().for_each(SyncProcess::wait_until_it_has_applied_some);
    let applied = processes.map(SyncProcess::stop);
    kill_in_the_middle_of_a_batch(site, start_process(site));
    let counted = writers.stop();
    assert!(applied.iter().all(|applied| *applied > 0), "{applied:?}");

    let left_behind = site.last_sync();
    let total = counted.iter().sum::<i64>();
    println!("{total} counted, claims applied: {applied:?}, left behind: {left_behind}");
    assert!(left_behind > 0, "it was killed too early or too late");
    assert_eq!(baselines(&counters, COUNTERS), counted);
}

fn start_process(site: &Site) -> SyncProcess {
    let claim_timeout = Config::default().claim_timeout;
    SyncProcess::start(env!("CARGO_BIN_EXE_sync_worker"), site, claim_timeout)
}

/// The process has claimed its batch and is writing rows, one of which another session has locked.
fn kill_in_the_middle_of_a_batch(site: &Site, mut process: SyncProcess) {
    process.wait_until_it_has_applied_some();
    let locked = site.database().lock_rows();
    wait_for("a process to wait for rows", || site.database().has_lock_waits().then_some(()));
    drop(process);
    drop(locked);
}

/// How long a server leaves rows to a process that has stopped talking, and a little.
const PATIENCE: Duration = Duration::from_secs(20);

fn others_go_on_while_a_process_is_frozen(site: &Site) {
    let counters = site.patient_counters();
    let writers = Writers::start(WRITERS, COUNTERS, &counters);
    let process = freeze_one_that_holds_rows(site);
    let (successor, start) = (site.counters_after(Duration::ZERO), Instant::now());
    let (synced, has_synced) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(|| synced.send(sync_until_nothing_is_locked(&successor, start + PATIENCE)));
        wait_for("it to wait for rows", || site.database().has_lock_waits().then_some(()));
        assert_others_are_served(&counters);
        let applied = has_synced.recv_timeout(PATIENCE);
        // Before anything is said of it, or it would wait for the process until no other process
        // waits for it.
        process.thaw();
        assert!(applied.is_ok_and(|applied| applied > 0), "after {:?}", start.elapsed());
    });
    let took = start.elapsed();
    println!("others went on with its rows after {took:?}");
    assert_exact_after(site, writers, process);
}

/// Each pass leaves the rows of the frozen process to the next one, until the server gives them
/// free.
fn sync_until_nothing_is_locked(counters: &Counters, end: Instant) -> u64 {
    let mut applied = 0;
    loop {
        let options = SyncOptions::default();
        let mut report =
            wait_for("a sync in time", || sync_unless_redis_is_busy(counters, &options));
        let postponed = std::mem::take(&mut report.postponed);
        let is_locked = |claim: &PostponedClaim| claim.cause == PostponedCause::Locked;
        assert!(report.is_clean() && postponed.iter().all(is_locked), "{report:?} {postponed:?}");
        applied += report.applied;
        if postponed.count() == 0 {
            return applied;
        }
        assert!(Instant::now() < end, "{postponed:?}");
    }
}

/// The lock of a file cannot be taken away from a process that has it.
#[test]
fn counting_and_reading_go_on_while_a_process_is_frozen_that_writes_to_sqlite() {
    let site = Site::with_sqlite();
    let counters = site.patient_counters();
    let writers = Writers::start(WRITERS, COUNTERS, &counters);
    let process = freeze_one_that_holds_the_file(&site);
    counters.increment(post(0), "views", 0).unwrap();
    counters.get(post(0), "views").unwrap();
    process.thaw();
    assert_exact_after(&site, writers, process);
}

/// The process is frozen while it waits for a row. So it has locked the rows before that row, and
/// gets the others.
fn freeze_one_that_holds_rows(site: &Site) -> SyncProcess {
    let mut process = start_process(site);
    process.wait_until_it_has_applied_some();
    let locked = site.database().lock_rows();
    wait_for("a process to wait for rows", || site.database().has_lock_waits().then_some(()));
    process.freeze();
    drop(locked);
    wait_for("it to hold rows", || site.database().has_idle_writers().then_some(()));
    process
}

/// Which process waits for the file is unknown, so it is frozen again and again.
fn freeze_one_that_holds_the_file(site: &Site) -> SyncProcess {
    let mut process = start_process(site);
    process.wait_until_it_has_applied_some();
    wait_for("a process to be frozen while it holds the file", || {
        process.freeze();
        let holds_file = site.database().has_idle_writers();
        if !holds_file {
            process.thaw();
        }
        holds_file.then_some(())
    });
    process
}

/// Asserts that counting, reading and syncing something else still work.
fn assert_others_are_served(counters: &Counters) {
    let someone = Owner::new("someone", 1).unwrap();
    counters.increment(&someone, "views", 1).unwrap();
    assert_eq!(sync_cleanly(counters, "someone:*"), 1);
    assert_eq!(counters.baseline(&someone, "views").unwrap(), 1);
    counters.get(post(0), "views").unwrap();
}

fn assert_exact_after(site: &Site, writers: Writers, process: SyncProcess) {
    let counted = writers.stop();
    let applied = process.stop();
    let left_behind = site.last_sync();
    let total = counted.iter().sum::<i64>();
    println!("{total} counted, claims applied: {applied}, left behind: {left_behind}");
    assert_eq!(baselines(&site.patient_counters(), COUNTERS), counted);
}

fn sync_cleanly(counters: &Counters, pattern: &str) -> u64 {
    let options = SyncOptions::default().pattern(pattern.parse().unwrap());
    let report = wait_for("a sync in time", || sync_unless_redis_is_busy(counters, &options));
    assert!(report.is_clean(), "{report:?}");
    report.applied
}
