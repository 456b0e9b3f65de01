//! The worker thread: when it syncs, what it survives, how it ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use counter_core::Config;
use counter_diesel::{Counters, Error, SyncOptions, SyncWorker};
use counter_tests::faults::{Fault, Faults};
use counter_tests::fixtures::post;
use counter_tests::world::{World, memory_x_sqlite};

const NEVER: Duration = Duration::from_secs(3600);
const SOON: Duration = Duration::from_millis(1);
const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn it_syncs_at_its_interval() {
    let world = memory_x_sqlite();
    let counters = counted(&world, 1);
    let worker = counters.spawn_sync(SOON).unwrap();
    assert!(worker.wait_until(PATIENCE, |status| status.passes >= 3));
    assert_eq!(baseline(&world), 1);
    assert_eq!(worker.status().consecutive_failures, 0);
    worker.stop().unwrap();
}

/// Of workers that wait for all of their interval none is earlier than that.
#[test]
fn workers_that_are_started_together_do_not_all_begin_when_their_interval_is_over() {
    let interval = Duration::from_secs(6);
    let counters = memory_x_sqlite().counters();
    let started = Instant::now();
    let workers = [(); 8].map(|()| counters.spawn_sync(interval).unwrap());
    let has_synced = |worker: &SyncWorker| worker.wait_until(SOON, |status| status.passes > 0);
    while !workers.iter().any(has_synced) {}
    assert!(started.elapsed() < interval);
}

#[test]
fn waiting_without_a_limit_ends_when_it_comes() {
    let worker = memory_x_sqlite().counters().spawn_sync(SOON).unwrap();
    assert!(worker.wait_until(Duration::MAX, |status| status.passes > 0));
}

#[test]
fn an_interval_of_zero_is_only_a_short_one() {
    let worker = memory_x_sqlite().counters().spawn_sync(Duration::ZERO).unwrap();
    assert!(worker.wait_until(PATIENCE, |status| status.passes >= 2));
}

#[test]
fn it_wakes_at_once_when_it_is_asked_to_sync() {
    let world = memory_x_sqlite();
    let worker = counted(&world, 1).spawn_sync(NEVER).unwrap();
    assert_eq!(worker.status().passes, 0);
    worker.sync_now();
    assert!(worker.wait_until(PATIENCE, |status| status.passes == 1));
    assert_eq!(worker.status().last_report.unwrap().applied, 1);
    worker.stop().unwrap();
}

#[test]
fn waiting_for_what_does_not_come_ends() {
    let worker = memory_x_sqlite().counters().spawn_sync(NEVER).unwrap();
    assert!(!worker.wait_until(SOON, |status| status.passes > 0));
}

#[test]
fn it_stops_at_once_with_a_last_sync() {
    let world = memory_x_sqlite();
    let worker = counted(&world, 7).spawn_sync(NEVER).unwrap();
    assert_eq!(worker.stop().unwrap().applied, 1);
    assert_eq!(baseline(&world), 7);
}

#[test]
fn dropping_it_makes_a_last_sync_too() {
    let world = memory_x_sqlite();
    drop(counted(&world, 7).spawn_sync(NEVER).unwrap());
    assert_eq!(baseline(&world), 7);
}

#[test]
fn detached_it_goes_on_without_its_owner() {
    let world = memory_x_sqlite();
    let (synced, has_synced) = mpsc::channel();
    let faults = Faults::calling(move |step| {
        if step == "ack" {
            let _ = synced.send(());
        }
    });
    let counters = world.counters_behind(&faults, Config::default());
    counters.spawn_sync(SOON).unwrap().detach();
    for _ in 0..3 {
        counters.increment(post(1), "views", 1).unwrap();
        has_synced.recv_timeout(PATIENCE).unwrap();
    }
}

#[test]
fn it_shows_failures_and_recovers_from_them() {
    let world = memory_x_sqlite();
    let (down, counters) = behind_switch(&world, || Some(Fault::Before));
    counters.increment(post(1), "views", 5).unwrap();
    let worker = counters.spawn_sync(SOON).unwrap();
    assert!(worker.wait_until(PATIENCE, |status| status.consecutive_failures >= 3));
    let status = worker.status();
    assert!(matches!(status.last_error.as_deref(), Some(Error::Unreachable { .. })), "{status:?}");
    assert_eq!(
        counters.pending(post(1), "views").unwrap().pending,
        5,
        "nothing was claimed in vain"
    );
    down.store(false, SeqCst);
    worker.sync_now();
    assert!(worker.wait_until(PATIENCE, |status| status.consecutive_failures == 0));
    assert_eq!(baseline(&world), 5);
    assert!(worker.status().last_error.is_none());
    worker.stop().unwrap();
}

#[test]
fn it_survives_a_panic_in_a_pass() {
    let world = memory_x_sqlite();
    let (down, counters) = behind_switch(&world, || panic!("a planned panic"));
    counters.increment(post(1), "views", 5).unwrap();
    let worker = counters.spawn_sync(SOON).unwrap();
    assert!(worker.wait_until(PATIENCE, |status| status.consecutive_failures >= 2));
    let error = worker.status().last_error.unwrap();
    assert_eq!(error.to_string(), "a sync panicked: a planned panic");
    down.store(false, SeqCst);
    worker.sync_now();
    assert!(worker.wait_until(PATIENCE, |status| status.consecutive_failures == 0));
    assert_eq!(baseline(&world), 5);
    worker.stop().unwrap();
}

#[test]
fn stopping_while_the_database_is_away_says_so_and_leaves_the_counts_in_the_store() {
    let world = memory_x_sqlite();
    let (down, counters) = behind_switch(&world, || Some(Fault::Before));
    counters.increment(post(1), "views", 5).unwrap();
    let worker = counters.spawn_sync(NEVER).unwrap();
    assert!(matches!(worker.stop().unwrap_err(), Error::Unreachable { .. }));
    down.store(false, SeqCst);
    assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
    assert_eq!(baseline(&world), 5);
}

#[test]
fn two_workers_on_the_same_counters_lose_nothing() {
    let world = memory_x_sqlite();
    let counters = world.counters();
    let workers = [(); 2].map(|()| counters.spawn_sync(SOON).unwrap());
    for _ in 0..10_000 {
        counters.increment(post(1), "views", 1).unwrap();
    }
    for worker in workers {
        worker.stop().unwrap();
    }
    assert_eq!(baseline(&world), 10_000);
}

/// Counters over a database that is down until the switch is turned.
fn behind_switch(world: &World, fail: fn() -> Option<Fault>) -> (Arc<AtomicBool>, Counters) {
    let down = Arc::new(AtomicBool::new(true));
    let switch = Arc::clone(&down);
    let faults =
        Faults::deciding(
            move |step| {
                if step == "state" && switch.load(SeqCst) { fail() } else { None }
            },
        );
    (down, world.counters_behind(&faults, Config::default()))
}

fn counted(world: &World, by: i64) -> Counters {
    let counters = world.counters();
    counters.increment(post(1), "views", by).unwrap();
    counters
}

fn baseline(world: &World) -> i64 {
    world.counters().baseline(post(1), "views").unwrap()
}
