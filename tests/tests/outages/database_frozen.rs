//! The database takes what it is sent and answers nothing, as one that is stopped or behind a
//! network that drops its packets.

use std::error::Error as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use counter_diesel::{Config, Counters, Error};
use counter_tests::faults::Faults;
use counter_tests::fixtures::post;
use counter_tests::process::wait_for;
use counter_tests::site::Site;

use super::{assert_unreachable, soon, sync, sync_cleanly};

#[test]
fn reads_syncs_and_workers_end_while_postgres_is_frozen() {
    all_end_while_it_is_frozen(&Site::with_postgres());
}

#[test]
fn reads_syncs_and_workers_end_while_mariadb_is_frozen() {
    all_end_while_it_is_frozen(&Site::with_mariadb());
}

#[test]
fn a_commit_that_postgres_never_answers_counts_once() {
    a_commit_without_an_answer_counts_once(&Arc::new(Site::with_postgres()));
}

#[test]
fn a_commit_that_mariadb_never_answers_counts_once() {
    a_commit_without_an_answer_counts_once(&Arc::new(Site::with_mariadb()));
}

#[test]
fn no_more_calls_hang_than_there_are_connections() {
    const CALLS: usize = 12;
    let site = Site::with_postgres();
    let counters = site.counters();
    counters.get(post(1), "views").unwrap();
    let end = thaw_at_the_end(&site);
    let reads = || {
        let read = || ended_within(ANSWER, || counters.get(post(1), "views")).unwrap_err();
        thread::scope(|scope| {
            let calls = [(); CALLS].map(|()| scope.spawn(read));
            calls.map(|call| call.join().unwrap().source().unwrap().to_string())
        })
    };
    let said = [reads(), reads()].concat();
    let waiting = said.iter().filter_map(|said| said.split("connection of its own: ").nth(1));
    let most = waiting.map(|calls| calls.parse::<usize>().unwrap()).max();
    assert!(most.is_some_and(|calls| (1..=CONNECTIONS).contains(&calls)), "{said:?}");
    drop(end);
    wait_for("connections to work again", || counters.get(post(1), "views").ok());
}

/// The others of the pool are the application's, which may share it.
#[test]
fn calls_fail_at_once_while_half_of_the_connections_wait_for_a_frozen_server() {
    let site = Site::with_postgres();
    let counters = site.counters();
    counters.get(post(1), "views").unwrap();
    let end = thaw_at_the_end(&site);
    thread::scope(|scope| {
        let read = || ended_within(ANSWER, || counters.get(post(1), "views")).unwrap_err();
        let calls = [(); CONNECTIONS / 2].map(|()| scope.spawn(read));
        calls.into_iter().for_each(|call| drop(call.join().unwrap()));
    });
    assert_unreachable(&soon(|| sync(&counters)));
    let error = soon(|| counters.get(post(1), "views")).unwrap_err();
    let said = error.source().unwrap().to_string();
    let expected = "2 calls had no answer in time and still hold a connection each, of the 4";
    assert!(said.starts_with(expected), "{said}");
    drop(end);
    wait_for("connections to work again", || counters.get(post(1), "views").ok());
}

/// As many as the pools of sites have.
const CONNECTIONS: usize = 4;

/// How long a read or a question may take, and a little.
const ANSWER: Duration = Duration::from_secs(13);

/// How long a pass may take that is cut off from its database at its longest step, and a little.
const PASS: Duration = Duration::from_secs(45);

fn all_end_while_it_is_frozen(site: &Site) {
    let counters = site.counters();
    counters.increment(post(1), "views", 5).unwrap();
    let _ = sync_cleanly(&counters);
    let [worker, other] = [(); 2].map(|()| counters.spawn_sync(Duration::from_secs(3600)).unwrap());
    let end = thaw_at_the_end(site);
    soon(|| counters.increment(post(1), "views", 2)).unwrap();
    assert_unreachable(&ended_within(ANSWER, || counters.get(post(1), "views")));
    assert!(worker.status().running_since.is_none());
    worker.sync_now();
    let is_running = worker.wait_until(ANSWER, |status| status.running_since.is_some());
    assert!(is_running, "{:?}", worker.status());
    let two = Duration::from_secs(2);
    let stopped = ended_within(2 * two, || worker.stop_within(two));
    assert!(matches!(stopped, Err(Error::StopTimedOut { .. })), "{stopped:?}");
    assert_unreachable(&ended_within(PASS, || other.stop()));
    assert_unreachable(&ended_within(PASS, || sync(&counters)));
    drop(end);
    works_again(site, &counters);
    assert_eq!(counters.baseline(post(1), "views").unwrap(), 7);
}

/// Nothing says whether it was committed, so the next pass applies it again, under the guard.
fn a_commit_without_an_answer_counts_once(site: &Arc<Site>) {
    let (frozen, is_first) = (Arc::clone(site), AtomicBool::new(true));
    let faults = Faults::calling(move |step| {
        if step == "commit" && is_first.swap(false, SeqCst) {
            frozen.database().freeze();
        }
    });
    let counters = site.counters_behind(&faults, Config::default());
    counters.increment(post(1), "views", 5).unwrap();
    let report = ended_within(PASS, || sync(&counters)).unwrap();
    assert!(matches!(report.stopped, Some(Error::Unreachable { .. })), "{report:?}");
    counters.increment(post(1), "views", 2).unwrap();
    site.database().thaw();
    works_again(site, &counters);
    assert_eq!(counters.baseline(post(1), "views").unwrap(), 7);
    assert_eq!(counters.get(post(1), "views").unwrap(), 7);
}

fn works_again(site: &Site, counters: &Counters) {
    wait_for("a sync to succeed again", || sync(counters).ok()?.is_clean().then_some(()));
    site.last_sync();
}

/// What `call` returns, which has to be in time.
fn ended_within<T>(time: Duration, call: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = call();
    let took = start.elapsed();
    assert!(took < time, "it took {took:?}");
    result
}

/// Freezes the database, until what it returns is dropped.
fn thaw_at_the_end(site: &Site) -> impl Drop + '_ {
    struct Thaw<'a>(&'a Site);
    impl Drop for Thaw<'_> {
        fn drop(&mut self) {
            self.0.database().thaw();
        }
    }
    site.database().freeze();
    Thaw(site)
}
