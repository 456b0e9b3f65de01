//! Rows that another session has locked.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use counter_core::{Claim, Claimed, Config};
use counter_diesel::Counters;
use counter_diesel::ledger::LockWait;
use counter_diesel::sync::PostponedCause;
use counter_tests::faults::Faults;
use counter_tests::fixtures::{post, views_of};
use counter_tests::process::wait_for;
use counter_tests::site::Site;

use super::{soon, sync, sync_cleanly};

#[test]
fn others_go_on_while_a_worker_is_frozen_in_postgres() {
    others_go_on_while_a_worker_is_frozen(&Site::with_postgres());
}

#[test]
fn others_go_on_while_a_worker_is_frozen_in_mariadb() {
    others_go_on_while_a_worker_is_frozen(&Site::with_mariadb());
}

/// The batch waits for the first of its rows once, and then for none.
#[test]
fn a_pass_that_finds_all_rows_locked_ends_and_the_next_one_finishes_its_work() {
    const COUNTERS: i64 = 32;
    let site = Site::with_postgres();
    let counters = site.counters();
    let count = || (0..COUNTERS).for_each(|n| counters.increment(post(n), "views", 1).unwrap());
    count();
    let _ = sync_cleanly(&counters);
    count();
    let locked = site.database().lock_rows();
    let start = Instant::now();
    let result = sync(&counters);
    let took = start.elapsed();
    let report = result.unwrap();
    assert!(report.stopped.is_none(), "{report}");
    let postponed = report.postponed.iter().map(|postponed| postponed.cause);
    assert!(postponed.eq([PostponedCause::Locked; COUNTERS as usize]), "{report}");
    assert!(took < Duration::from_secs(15), "{took:?}");
    drop(locked);
    let report = sync_cleanly(&counters);
    assert_eq!((report.applied, report.busy), (COUNTERS as u64, 0), "{report:?}");
    for n in 0..COUNTERS {
        assert_eq!(counters.baseline(post(n), "views").unwrap(), 2);
    }
}

/// With a store in memory, what a last sync leaves is lost.
#[test]
fn a_worker_that_is_stopped_within_a_time_takes_what_is_locked_for_less() {
    let site = Site::with_postgres();
    let (skips, skipped) = mpsc::channel();
    let faults = Faults::calling(move |step| {
        if step == "lock_rows" {
            let _ = skips.send(());
        }
    });
    let counters = site.counters_behind(&faults, Config::default());
    counters.increment(post(1), "views", 1).unwrap();
    let _ = sync_cleanly(&counters);
    counters.increment(post(1), "views", 1).unwrap();
    let worker = counters.spawn_sync(Duration::from_secs(3600)).unwrap();
    let locked = site.database().lock_rows();
    let status = thread::scope(|scope| {
        let stopped = scope.spawn(|| worker.stop_within(PATIENCE));
        // Two passes have left it out, or are about to.
        [(); 2].iter().for_each(|()| skipped.recv_timeout(PATIENCE).unwrap());
        drop(locked);
        stopped.join().unwrap().unwrap()
    });
    let report = status.last_report.unwrap();
    assert!(report.is_clean() && report.applied == 1, "{report}");
}

/// How long a server leaves rows to a worker that has stopped talking, twice.
const PATIENCE: Duration = Duration::from_secs(30);

/// How a sync that stands still between upsert and commit affects the others.
fn others_go_on_while_a_worker_is_frozen(site: &Site) {
    let frozen = site.database().ledger();
    let bystander = site.counters();
    bystander.increment(post(1), "views", 5).unwrap();
    let claim = claim(site, 1);
    let mut transaction = frozen.begin(LockWait::Usual).unwrap();
    transaction.upsert(&[claim]).unwrap();

    let (steps, upserting) = (Arc::new(AtomicUsize::new(0)), mpsc::channel());
    let successor = impatient_process(site, &steps, upserting.0);
    thread::scope(|scope| {
        let start = Instant::now();
        let passing = scope.spawn(|| sync(&successor).unwrap());
        upserting.1.recv_timeout(PATIENCE).unwrap();
        wait_for("it to wait for the row", || site.database().has_lock_waits().then_some(()));
        // What has nothing to do with that row is not held up.
        bystander.increment(post(2), "views", 1).unwrap();
        let report = soon(|| sync_cleanly(&bystander));
        assert_eq!((report.applied, report.busy), (1, 1), "{report:?}");
        assert_eq!(bystander.get(post(1), "views").unwrap(), 5);
        // It waits once, and leaves the row to a later pass.
        let report = passing.join().unwrap();
        let postponed = report.postponed.iter().map(|postponed| postponed.cause);
        assert!(report.stopped.is_none() && postponed.eq([PostponedCause::Locked]), "{report}");
        assert!((2..=4).contains(&steps.load(SeqCst)), "{steps:?}");
        let report = wait_for("the server to give the row free", || {
            let report = sync(&successor).unwrap();
            (report.applied > 0).then_some(report)
        });
        assert_eq!((report.applied, report.recovered), (1, 1), "{report:?}");
        assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());
    });
    assert!(transaction.commit().is_err(), "thawed, it must not count again");
    site.last_sync();
    assert_eq!(bystander.baseline(post(1), "views").unwrap(), 5);
}

fn claim(site: &Site, id: i64) -> Claim {
    let id = views_of(id);
    match site.store().claim(&[id], Duration::MAX).unwrap().remove(0) {
        Claimed::Fresh(claim) => claim,
        other => panic!("{other:?}"),
    }
}

/// A process that takes every claim for one that was left behind, counts its transactions and
/// reports each upsert.
fn impatient_process(
    site: &Site,
    transactions: &Arc<AtomicUsize>,
    upserts: mpsc::Sender<()>,
) -> Counters {
    let transactions = Arc::clone(transactions);
    let mut config = Config::default();
    config.claim_timeout = Duration::ZERO;
    let faults = Faults::calling(move |step| match step {
        "begin" => drop(transactions.fetch_add(1, SeqCst)),
        "upsert" => drop(upserts.send(())),
        _ => {}
    });
    site.counters_behind(&faults, config)
}
