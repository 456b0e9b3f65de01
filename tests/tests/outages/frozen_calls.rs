//! How long each call takes while the database is frozen, each on a pool of its own.

use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use counter_diesel::{Counters, SyncWorker};
use counter_tests::fixtures::post;
use counter_tests::site::Site;

use super::{SOON, sync, sync_cleanly};

#[test]
fn each_call_ends_within_its_time_while_postgres_is_frozen() {
    each_call_ends_within_its_time(&Site::with_postgres());
}

#[test]
fn each_call_ends_within_its_time_while_mariadb_is_frozen() {
    each_call_ends_within_its_time(&Site::with_mariadb());
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// What a process does, its name, and how long it may take. The guide for operators says so.
type Call = (&'static str, Duration, fn(&Counters, &mut Option<SyncWorker>) -> String);

const CALLS: [Call; 12] = [
    ("increment", SOON, |counters, _| shown(counters.increment(post(1), "views", 1))),
    ("pending", SOON, |counters, _| shown(counters.pending(post(1), "views"))),
    ("get", seconds(10), |counters, _| shown(counters.get(post(1), "views"))),
    ("baseline", seconds(10), |counters, _| shown(counters.baseline(post(1), "views"))),
    ("set", seconds(10), |counters, _| shown(counters.set(post(2), "views", 1))),
    ("delete", seconds(10), |counters, _| shown(counters.delete(post(3), "views"))),
    ("sync", seconds(40), |counters, _| shown(sync(counters))),
    ("check", seconds(60), |counters, _| shown(Ok(counters.check().findings.len()))),
    ("stop_within(2 s)", seconds(2), |_, worker| {
        shown(worker.take().unwrap().stop_within(seconds(2)))
    }),
    ("stop_within(2 s) in a pass", seconds(2), |_, worker| {
        shown(in_a_pass(worker).stop_within(seconds(2)))
    }),
    ("stop", seconds(60), |_, worker| shown(worker.take().unwrap().stop())),
    ("stop in a pass", seconds(60), |_, worker| shown(in_a_pass(worker).stop())),
];

fn in_a_pass(worker: &mut Option<SyncWorker>) -> SyncWorker {
    let worker = worker.take().unwrap();
    worker.sync_now();
    assert!(worker.wait_until(SOON, |status| status.running_since.is_some()));
    worker
}

fn shown<T: std::fmt::Debug>(result: Result<T, counter_diesel::Error>) -> String {
    result.map_or_else(|error| error.to_string(), |done| format!("{done:?}"))
}

/// How much longer a call may take than it is said to, on a machine that has other things to do.
const MARGIN: Duration = Duration::from_secs(3);

fn each_call_ends_within_its_time(site: &Site) {
    let processes = CALLS.map(|_| {
        let counters = site.counters();
        counters.increment(post(1), "views", 1).unwrap();
        // From here on it has a connection, of which it does not know that no answer comes there.
        let _ = sync_cleanly(&counters);
        let worker = counters.spawn_sync(seconds(3600)).unwrap();
        (counters, worker)
    });
    processes[0].0.increment(post(1), "views", 1).unwrap();
    site.database().freeze();
    let took = thread::scope(|scope| {
        let calls = CALLS.into_iter().zip(processes).map(|((name, limit, call), process)| {
            scope.spawn(move || {
                let (counters, mut worker) = (process.0, Some(process.1));
                let started = Instant::now();
                let said = call(&counters, &mut worker);
                (name, limit, started.elapsed(), said)
            })
        });
        let calls = calls.collect::<Vec<_>>();
        calls.into_iter().map(ScopedJoinHandle::join).collect::<Vec<_>>()
    });
    site.database().thaw();
    for call in took {
        let (name, limit, took, said) = call.unwrap();
        println!("{name}: {took:.2?} of {limit:?}: {said:.160}");
        assert!(took < limit + MARGIN, "{name}: {took:?}");
    }
    site.last_sync();
}
