//! The clock of Redis steps forth and back.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;

use counter_diesel::{Counters, SyncReport};
use counter_tests::fixtures::post;
use counter_tests::servers::SteppingClock;

use super::setting::{Setting, sync, sync_cleanly, views};

const SECOND: i64 = 1_000_000;
/// Each is the clock's distance from the truth for a while.
const STEPS: [i64; 8] = [0, 5 * SECOND, -5 * SECOND, 1, -60 * SECOND, 40 * SECOND, -1, 0];
const ROUNDS: usize = 5;
const POSTS: i64 = 3;

#[test]
fn the_clock_of_the_server_can_be_put_back() {
    let clock = SteppingClock::new();
    let redis = clock.start_redis(&[]);
    let seconds = || {
        let time: (i64, i64) = redis::cmd("TIME").query(&mut redis.bare()).unwrap();
        time.0
    };
    let now = seconds();
    clock.set(-1000 * SECOND);
    assert!((now - 1001..now - 900).contains(&seconds()));
}

#[test]
fn nothing_is_lost_doubled_or_misread_while_the_clock_steps() {
    for setting in [Setting::with_postgres, Setting::with_mariadb] {
        let clock = SteppingClock::new();
        let setting = setting(clock.start_redis(&[]));
        // One of them takes every claim of the other for one that was left behind.
        let processes = [setting.counters(), setting.impatient_counters()];
        let (writing, is_over) = (setting.counters(), AtomicBool::new(false));
        let expected = thread::scope(|scope| {
            let syncing = processes.each_ref().map(|counters| {
                let is_over = &is_over;
                scope.spawn(move || sync_until(counters, is_over))
            });
            let counted = thread::scope(|scope| {
                scope.spawn(|| count_while_stepping(&writing, &clock)).join()
            });
            is_over.store(true, SeqCst);
            syncing.into_iter().for_each(|thread| thread.join().unwrap());
            counted.unwrap()
        });
        clock.set(-90 * SECOND);
        let _ = sync_cleanly(&setting.impatient_counters());
        assert_eq!(views(&processes[0]), expected);
    }
}

fn sync_until(counters: &Counters, is_over: &AtomicBool) {
    while !is_over.load(SeqCst) {
        assert_harmless(&sync(counters).unwrap());
    }
}

/// Claims that keep changing under one pass are left to the next.
fn assert_harmless(report: &SyncReport) {
    assert!(report.conflicts.is_empty() && report.lost.is_empty(), "{report:?}");
    assert!(report.failed.is_empty() && report.stopped.is_none(), "{report:?}");
    assert!(report.store_replaced.is_none() && !report.shared_prefix, "{report:?}");
}

/// Writes and reads each counter as the only one, while others sync. Returns the values in the end.
fn count_while_stepping(counters: &Counters, clock: &SteppingClock) -> [i64; POSTS as usize] {
    let mut expected = [0; POSTS as usize];
    for step in STEPS.repeat(ROUNDS) {
        clock.set(step);
        for (number, expected) in (1..).zip(&mut expected) {
            for by in 1..=5 {
                counters.increment(post(number), "views", by).unwrap();
                *expected += by;
                let read = counters.get(post(number), "views").unwrap();
                assert_eq!(read, *expected, "at {step}");
            }
            if *expected > 100 {
                counters.set(post(number), "views", 7).unwrap();
                *expected = 7;
                assert_eq!(counters.get(post(number), "views").unwrap(), 7, "at {step}");
            }
        }
    }
    expected
}
