//! Workers, which follow the index.

use std::time::Duration;

use counter_core::DeltaStore as _;
use counter_diesel::sync::Reach;
use counter_tests::fixtures::{post, views_of};
use counter_tests::process::wait_for;

use super::{LONG, Setting, baseline, count};

const SOON: Duration = Duration::from_millis(1);
const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn a_worker_scans_once_and_then_follows_the_index() {
    let setting = Setting::new();
    let counters = setting.counters();
    let worker = counters.spawn_sync(SOON).unwrap();
    let has_synced = |status: &counter_diesel::sync::WorkerStatus, reach: Reach| {
        status.last_report.as_ref().is_some_and(|report| report.reach == reach)
    };
    assert!(worker.wait_until(PATIENCE, |status| has_synced(status, Reach::Index)));
    for round in 1..=3 {
        count(&counters, 1..=3);
        assert!(worker.wait_until(PATIENCE, |status| status.applied == 3 * round));
    }
    let status = worker.stop().unwrap();
    assert!(has_synced(&status, Reach::Index));
    assert_eq!(baseline(&counters, 3), 3);
}

#[test]
fn the_last_pass_finds_what_was_counted_before_it_and_does_not_scan() {
    let mut setting = Setting::scanned();
    let counters = setting.counters();
    let worker = counters.spawn_sync(LONG).unwrap();
    worker.sync_now();
    assert!(worker.wait_until(PATIENCE, |status| status.passes == 1));
    let _: i64 = setting.run("DEL counter:{scanned}");
    count(&counters, 1..=1000);
    setting.count_bare(1001);
    let report = worker.stop().unwrap().last_report.unwrap();
    assert_eq!((report.reach, report.applied), (Reach::Index, 1000), "{report}");
}

#[test]
fn the_only_pass_of_a_worker_scans_if_that_is_due() {
    let mut setting = Setting::new();
    let counters = setting.counters();
    let worker = counters.spawn_sync(LONG).unwrap();
    setting.count_bare(1);
    let report = worker.stop().unwrap().last_report.unwrap();
    assert_eq!((report.reach, report.applied), (Reach::Everything, 1), "{report}");
}

/// Each process writes what it has gathered within about a second.
#[test]
fn a_worker_finds_what_living_processes_count() {
    let setting = Setting::scanned();
    let counters = setting.counters();
    let store = setting.store();
    let worker = counters.spawn_sync(SOON).unwrap();
    for round in 1..=3 {
        store.increment(&views_of(round), 1).unwrap();
        assert!(worker.wait_until(PATIENCE, |_| baseline(&counters, round) == 1));
    }
    worker.stop().unwrap();
    assert_eq!(counters.get(post(1), "views").unwrap(), 1);
}

/// A counter that one has claimed is left to it by the other.
#[test]
fn two_workers_share_what_was_counted_and_apply_each_counter_once() {
    let setting = Setting::scanned();
    let both = [setting.counters(), setting.counters()];
    let workers = [0, 1].map(|worker: usize| both[worker].spawn_sync(SOON).unwrap());
    let applied = || workers.iter().map(|worker| worker.status().applied).sum::<u64>();
    for round in 1..=3 {
        count(&both[0], 1..=1000);
        wait_for("both to have applied all", || (applied() >= 1000 * round).then_some(()));
    }
    let ended = workers.map(|worker| worker.stop().unwrap());
    assert_eq!(ended.iter().map(|status| status.applied).sum::<u64>(), 3000);
    assert!((1..=1000).all(|number| baseline(&both[0], number) == 3));
}
