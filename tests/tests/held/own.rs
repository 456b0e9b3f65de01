//! Claims that a process has made itself and could not finish.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use counter_core::Config;
use counter_diesel::sync::HeldCause;
use counter_diesel::{Counters, SyncOptions};
use counter_tests::faults::{Fault, Faults};
use counter_tests::fixtures::post;
use counter_tests::suite::Case;
use counter_tests::world::World;

use crate::{held, last_sync};

pub(crate) const CASES: &[Case<World>] = &[
    ("what a sync has claimed and not applied when it ends is named", |world| {
        for (step, cause, applied) in [
            ("begin", HeldCause::Unfinished, 0),
            ("ack", HeldCause::Unfinished, 2),
            ("claim", HeldCause::Unanswered, 0),
        ] {
            let (counters, failing) = counted(world, step);
            let report = last_sync(&counters);
            assert!(report.stopped.is_some(), "{step}: {report}");
            let expected = ["post:1:likes", "post:1:views"].map(|id| (id.to_owned(), cause));
            assert_eq!((held(&report).as_slice(), report.applied), (&expected[..], applied));
            failing.store(false, SeqCst);
            let report = last_sync(&counters);
            assert!(report.is_clean(), "{step}: {report}");
        }
        assert_eq!(world.counters().baseline(post(1), "views").unwrap(), 15);
    }),
    ("what the report names already is not named again", |world| {
        let counters = world.counters();
        counters.set(post(1), "views", i64::MAX).unwrap();
        counters.increment(post(1), "views", 1).unwrap();
        for options in [SyncOptions::default(), SyncOptions::default().retry_refused(false)] {
            let report = counters.sync(&options.report_held(true)).unwrap();
            assert_eq!(report.failed.count() + report.postponed.count(), 1, "{report}");
            assert_eq!(report.held.count(), 0, "{report}");
        }
    }),
];

/// Counters, two of them pending, that fail at this step until the switch is turned off. A failing
/// claim is made; a failing step of the database is not.
fn counted(world: &World, failing: &'static str) -> (Counters, Arc<AtomicBool>) {
    let is_failing = Arc::new(AtomicBool::new(true));
    let switch = Arc::clone(&is_failing);
    let faults = Faults::deciding(move |step| {
        let fault = if step == "claim" { Fault::After } else { Fault::Before };
        // A database that is away answers no question either.
        let is_away = failing == "begin" && step == "ask_writes";
        ((step == failing || is_away) && switch.load(SeqCst)).then_some(fault)
    });
    let counters = world.counters_behind(&faults, Config::default());
    for key in ["views", "likes"] {
        counters.increment(post(1), key, 5).unwrap();
    }
    (counters, is_failing)
}
