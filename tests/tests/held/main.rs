//! G4: a last sync says what it leaves in the hands of another one, or of one that died, and what
//! its own process could not finish.

mod own;
mod processes;

use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use counter_core::{Claim, Claimed, Config, DeltaStore};
use counter_diesel::sync::HeldCause;
use counter_diesel::{Counters, SyncOptions, SyncReport};
use counter_tests::faults::Faults;
use counter_tests::fixtures::{counter_of, post};
use counter_tests::suite::{self, Case};
use counter_tests::world::{PAIRS, World};

fn main() -> ExitCode {
    let trials = suite::trials(PAIRS, &[CASES, own::CASES].concat());
    suite::run_trials(trials.into_iter().chain(processes::trials()).collect())
}

const NEVER: Duration = Duration::from_secs(3600);
const HALF_A_MINUTE: Duration = Duration::from_secs(30);

const CASES: &[Case<World>] = &[
    ("a claim that does not change is named by a sync that is asked for it", |world| {
        let counters = claimed_elsewhere(world);
        let report = last_sync(&counters);
        assert_eq!(held(&report), [("post:1:views".to_owned(), HeldCause::Elsewhere)]);
        assert_eq!((report.busy, report.applied, report.is_clean()), (1, 1, false), "{report}");
        assert!(report.to_string().contains(", 1 held"), "{report}");
        // Any other leaves it to the next one.
        let report = counters.sync(&SyncOptions::default()).unwrap();
        assert_eq!((report.busy, report.held.count()), (1, 0), "{report}");
        assert!(report.is_clean(), "{report}");
        let dry = SyncOptions::default().report_held(true).dry_run(true);
        assert_eq!(counters.sync(&dry).unwrap().held.count(), 0);
    }),
    ("a worker that stops names it", |world| {
        let counters = claimed_elsewhere(world);
        let worker = counters.spawn_sync(NEVER).unwrap();
        worker.sync_now();
        assert!(worker.wait_until(HALF_A_MINUTE, |status| status.passes == 1));
        assert_eq!(worker.status().last_report.unwrap().held.count(), 0);
        let report = worker.stop().unwrap().last_report.unwrap();
        assert_eq!(held(&report), [("post:1:views".to_owned(), HeldCause::Elsewhere)]);
    }),
    ("a worker that has only so long to stop names it too", |world| {
        let worker = claimed_elsewhere(world).spawn_sync(NEVER).unwrap();
        let status = worker.stop_within(HALF_A_MINUTE).unwrap();
        assert_eq!(status.last_report.unwrap().held.count(), 1);
        assert_eq!(status.applied, 1);
    }),
    (
        "a claim that another sync finishes meanwhile is not named, and the rest is applied",
        |world| {
            let (finish, may_finish) = mpsc::channel();
            let (finished, has_finished) = mpsc::channel();
            let has_finished = Mutex::new(has_finished);
            // Another sync has claimed 5, and waits before its transaction.
            let (claimed, has_claimed) = mpsc::channel();
            let other = Faults::calling_once_before("begin", move || {
                claimed.send(()).unwrap();
                may_finish.recv().unwrap();
            });
            let other = world.counters_behind(&other, Config::default());
            other.increment(post(1), "views", 5).unwrap();
            thread::scope(|scope| {
                scope.spawn(move || {
                    assert_eq!(other.sync(&SyncOptions::default()).unwrap().applied, 1);
                    finished.send(()).unwrap();
                });
                has_claimed.recv().unwrap();
                let looks = AtomicUsize::new(0);
                let faults = Faults::calling(move |step| {
                    if step == "look" && looks.fetch_add(1, SeqCst) == 1 {
                        finish.send(()).unwrap();
                        has_finished.lock().unwrap().recv().unwrap();
                    }
                });
                let counters = world.counters_behind(&faults, Config::default());
                counters.increment(post(1), "views", 1).unwrap();
                let report = last_sync(&counters);
                assert!(report.is_clean(), "{report}");
                assert_eq!((report.busy, report.applied), (0, 1), "{report}");
            });
            assert_eq!(world.counters().baseline(post(1), "views").unwrap(), 6);
            assert_eq!(world.counters().pending(post(1), "views").unwrap().pending, 0);
        },
    ),
    ("a counter that another sync claims again is that one's work", |world| {
        let counters = world.counters();
        counters.increment(post(1), "views", 5).unwrap();
        let first = claim(&*world.store);
        let store = Arc::clone(&world.store);
        counters.increment(post(1), "views", 1).unwrap();
        let looks = AtomicUsize::new(0);
        let faults = Faults::calling(move |step| {
            if step == "look" && looks.fetch_add(1, SeqCst) == 1 {
                store.ack(std::slice::from_ref(&first)).unwrap();
                claim(&*store);
            }
        });
        let report = last_sync(&world.counters_behind(&faults, Config::default()));
        assert_eq!((report.busy, report.applied), (1, 0), "{report}");
        assert!(report.is_clean(), "{report}");
    }),
    ("a claim that becomes old enough meanwhile is finished", |world| {
        let mut config = Config::default();
        config.claim_timeout = Duration::from_secs(1);
        let counters = world.counters_with(config);
        counters.increment(post(1), "views", 5).unwrap();
        claim(&*world.store);
        let report = last_sync(&counters);
        assert_eq!((report.recovered, report.busy), (1, 0), "{report}");
        assert!(report.is_clean(), "{report}");
        assert_eq!(counters.baseline(post(1), "views").unwrap(), 5);
    }),
];

/// Counters of which one was claimed by a sync of which nothing more is heard. Another one waits.
fn claimed_elsewhere(world: &World) -> Counters {
    let counters = world.counters();
    counters.increment(post(1), "views", 5).unwrap();
    claim(&*world.store);
    counters.increment(post(1), "likes", 1).unwrap();
    counters
}

fn claim(store: &dyn DeltaStore) -> Claim {
    match store.claim(&[counter_of(&post(1), "views")], NEVER).unwrap().remove(0) {
        Claimed::Fresh(claim) => claim,
        other => panic!("{other:?}"),
    }
}

fn last_sync(counters: &Counters) -> SyncReport {
    counters.sync(&SyncOptions::default().report_held(true)).unwrap()
}

/// The counters that a report names as held, and why.
fn held(report: &SyncReport) -> Vec<(String, HeldCause)> {
    assert!(report.held.count() <= 100, "{report}");
    report.held.iter().map(|held| (held.counter.to_string(), held.cause)).collect()
}
