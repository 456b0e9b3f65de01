//! Claims that were made without an answer.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use counter_core::{ClaimOp, Claimed, Config, Pattern};
use counter_diesel::SyncOptions;
use counter_tests::faults::{Fault, Faults};
use counter_tests::fixtures::{counter_of, post};
use counter_tests::suite::Case;
use counter_tests::world::World;

/// The claim of this number has no answer, whether or not it was made.
fn losing(number: usize, fault: Fault) -> Arc<Faults> {
    let claims = AtomicUsize::new(0);
    Faults::deciding(move |step| {
        (step == "claim" && claims.fetch_add(1, SeqCst) == number).then_some(fault)
    })
}

pub(crate) const CASES: &[Case<World>] = &[
    ("a claim without an answer is finished by the next pass of its process", |world| {
        for (round, (number, fault)) in
            (1..).zip([(0, Fault::After), (0, Fault::Before), (1, Fault::After)])
        {
            let counters = world.counters_behind(&losing(number, fault), Config::default());
            let options = SyncOptions::default().batch_size(NonZeroUsize::new(3).unwrap());
            for id in 0..10 {
                counters.increment(post(id), "views", 1).unwrap();
            }
            let first = counters.sync(&options);
            assert!(first.is_err() || first.unwrap().stopped.is_some());
            let report = counters.sync(&options).unwrap();
            assert!(report.is_clean() && report.busy == 0, "{report:?}");
            let values = (0..10).map(|id| counters.baseline(post(id), "views").unwrap());
            assert!(values.eq([round; 10]), "{number} {fault:?}");
        }
    }),
    (
        "a claim that is made after the next pass has asked is finished by the one after it",
        |world| {
            let counters = world.counters_behind(&losing(0, Fault::Before), Config::default());
            counters.increment(post(1), "views", 1).unwrap();
            assert!(counters.sync(&SyncOptions::default()).is_err());
            assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
            counters.increment(post(1), "views", 1).unwrap();
            let id = counter_of(&post(1), "views");
            let late = world.store.claim(&[id], Duration::from_secs(30)).unwrap().remove(0);
            assert!(matches!(late, Claimed::Fresh(claim) if claim.op == ClaimOp::Add(1)));
            let report = counters.sync(&SyncOptions::default()).unwrap();
            assert_eq!((report.applied, report.busy), (1, 0), "{report:?}");
            assert_eq!(counters.baseline(post(1), "views").unwrap(), 2);
        },
    ),
    ("a pattern finds a claim without an answer, whatever is in the counter's name", |world| {
        let counters = world.counters_behind(&losing(0, Fault::After), Config::default());
        // Messages escape this character, because it is invisible.
        let key = "a\u{200b}b";
        counters.increment(post(1), key, 1).unwrap();
        assert!(counters.sync(&SyncOptions::default()).is_err());
        let name = Pattern::escape(counter_of(&post(1), key).as_str());
        let options = SyncOptions::default().pattern(name.parse().unwrap());
        let report = counters.sync(&options).unwrap();
        assert_eq!((report.applied, report.busy), (1, 0), "{report:?}");
    }),
    ("a claim in the hands of another sync is said in the line for a log", |world| {
        let counters = world.counters();
        counters.increment(post(1), "views", 1).unwrap();
        let id = counter_of(&post(1), "views");
        world.store.claim(&[id], Duration::from_secs(30)).unwrap();
        let report = counters.sync(&SyncOptions::default()).unwrap().to_string();
        let said = ", 1 in the hands of another sync, or of one that died";
        assert!(report.contains(said), "{report}");
    }),
];
