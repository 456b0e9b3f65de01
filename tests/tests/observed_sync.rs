//! Which events the observer of a sync gets, when, and how it ends the sync.

use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::ops::ControlFlow::{self, Break, Continue};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::Duration;

use counter_core::{ClaimOp, Config, CounterId};
use counter_diesel::sync::SyncEvent;
use counter_diesel::{Counters, Owner, SyncOptions, SyncReport};
use counter_tests::faults::{Fault, Faults};
use counter_tests::fixtures::{post, views_of};
use counter_tests::suite::{self, Case};
use counter_tests::world::{PAIRS, World};

fn main() -> ExitCode {
    suite::run(PAIRS, CASES)
}

const CASES: &[Case<World>] = &[
    ("it gets every counter that is found and every claim that is applied", |world| {
        let counters = counted(world, 25);
        world.store.claim(&[views_of(0)], Duration::ZERO).unwrap();
        counters.increment(post(0), "views", 5).unwrap();
        let observed = observe(&world.impatient_counters(), &batches_of_10(), |_| Continue(()));
        let Observed { report, pages, found, applied, would_apply } = observed;
        assert!(report.is_clean() && !report.interrupted && pages > 0, "{report:?}");
        assert_eq!(found, report.scanned);
        // Redis may return a name twice, whose claim then may be sent by two batches.
        assert_eq!(report.applied, applied.len() as u64, "{applied:?}");
        let different = applied.iter().map(|(id, op, _)| (id, *op)).collect::<HashSet<_>>();
        assert_eq!(different.len(), 26, "{applied:?}");
        let of_first = applied.iter().filter(|(id, ..)| *id == views_of(0)).collect::<Vec<_>>();
        assert_eq!(of_first[0], &(views_of(0), ClaimOp::Add(1), true));
        assert_eq!(of_first[1], &(views_of(0), ClaimOp::Add(5), false));
        assert!(would_apply.is_empty());
    }),
    ("in a dry run it gets what would be applied", |world| {
        let counters = counted(world, 25);
        world.store.claim(&[views_of(0)], Duration::ZERO).unwrap();
        counters.increment(post(0), "views", 5).unwrap();
        // One at a time, so that the first is found by its claim and again by what is pending.
        let options = SyncOptions::default().batch_size(NonZeroUsize::MIN).dry_run(true);
        let Observed { report, applied, would_apply, .. } =
            observe(&counters, &options, |_| Continue(()));
        assert_eq!((report.applied as usize, applied.len()), (would_apply.len(), 0), "{report:?}");
        // Redis returns a name twice if it resizes its table during the scan, which others of its
        // clients can bring about at any time. Only a claim is certain to be sent once.
        let found = would_apply.iter().map(|(id, ..)| id).collect::<HashSet<_>>();
        assert_eq!(found, (0..25).map(views_of).collect::<Vec<_>>().iter().collect());
        let first = would_apply.iter().filter(|(id, ..)| *id == views_of(0));
        let [(_, claim, pending)] = first.collect::<Vec<_>>()[..] else {
            panic!("{would_apply:?}");
        };
        assert_eq!((*claim, *pending), (Some(ClaimOp::Add(1)), 5));
    }),
    ("while it is called no row is locked", |world| {
        let counters = counted(world, 3);
        let other = world.counters();
        observe(&counters, &SyncOptions::default(), |event| {
            if let SyncEvent::Applied { claim, .. } = event {
                let owner = Owner::new("post", claim.id.owner_id()).unwrap();
                // The store decides; the table follows at once only if the row is not locked.
                other.set(&owner, "views", 100).unwrap();
                assert_eq!(other.baseline(&owner, "views").unwrap(), 100);
            }
            Continue(())
        });
        assert_eq!(counters.get_many((0..3).map(|n| (post(n), "views"))).unwrap(), [100; 3]);
    }),
    ("it ends the sync between two batches and the rest stays in the store", |world| {
        let counters = counted(world, 55);
        let observed = observe(&counters, &batches_of_10(), |event| match event {
            SyncEvent::Applied { .. } => Break(()),
            _ => Continue(()),
        });
        assert!(observed.report.interrupted && observed.report.is_clean(), "{:?}", observed.report);
        assert!(observed.report.to_string().contains("; interrupted"), "{}", observed.report);
        // Two batches may have been claimed ahead, and what is claimed is applied.
        let applied = observed.report.applied;
        assert!((10..=30).contains(&applied), "{:?}", observed.report);
        assert_eq!(observed.applied.len() as u64, applied);
        let values = (0..55).map(|n| (post(n), "views"));
        assert_eq!(counters.get_many(values).unwrap(), [1; 55]);
        let rest = world.counters().sync(&SyncOptions::default()).unwrap();
        assert_eq!((rest.applied, rest.busy, rest.recovered), (55 - applied, 0, 0), "{rest:?}");
    }),
    ("asking for the end of what is at its end changes nothing", |world| {
        let counters = counted(world, 5);
        let observed = observe(&counters, &SyncOptions::default(), |event| match event {
            SyncEvent::Applied { .. } => Break(()),
            _ => Continue(()),
        });
        assert_eq!((observed.report.applied, observed.report.interrupted), (5, false));
    }),
    ("a dry run can be ended too", |world| {
        let counters = counted(world, 55);
        let options = batches_of_10().dry_run(true);
        let observed = observe(&counters, &options, |event| match event {
            SyncEvent::WouldApply { .. } => Break(()),
            _ => Continue(()),
        });
        assert_eq!((observed.report.applied, observed.report.interrupted), (10, true));
    }),
    ("an interrupted sync is not remembered as a good one", |world| {
        let counters = counted(world, 55);
        observe(&counters, &batches_of_10(), |_| Break(()));
        let recorded = world.ledger.state(&world.prefix).unwrap().recorded;
        assert!(recorded.is_none_or(|recorded| recorded.synced_at.is_none()), "it is no good pass");
    }),
    ("a claim whose acknowledgement fails is sent once", |world| {
        counted(world, 1);
        let faults = Faults::deciding({
            let is_first = std::sync::atomic::AtomicBool::new(true);
            move |step| {
                let fails =
                    step == "ack" && is_first.swap(false, std::sync::atomic::Ordering::SeqCst);
                fails.then_some(Fault::Before)
            }
        });
        let counters = world.counters_behind(&faults, Config::default());
        let first = observe(&counters, &SyncOptions::default(), |_| Continue(()));
        assert!(first.report.stopped.is_some(), "{:?}", first.report);
        assert_eq!(first.applied.len(), 1);
        let second = observe(&counters, &SyncOptions::default(), |_| Continue(()));
        assert!(second.report.is_clean(), "{:?}", second.report);
        assert_eq!((second.report.applied, second.applied.len()), (0, 0));
        assert_eq!(counters.baseline(post(0), "views").unwrap(), 1);
    }),
    ("no batch has more than 10,000 counters, however many are asked for", |world| {
        let counters = counted(world, 10_001);
        let options = SyncOptions::default().batch_size(NonZeroUsize::MAX);
        let mut batches = Vec::new();
        let observed = observe(&counters, &options, |event| {
            if let SyncEvent::Found(counters) = event {
                batches.push(counters);
            }
            Continue(())
        });
        assert!(observed.report.is_clean(), "{:?}", observed.report);
        assert_eq!((observed.report.applied, batches[0]), (10_001, 10_000));
        // Redis may return a name twice.
        assert!(batches[1..].iter().all(|counters| *counters <= 10_000), "{batches:?}");
    }),
    ("its panic loses nothing and counts nothing twice", |world| {
        let counters = counted(world, 55);
        let panicking = AssertUnwindSafe(|| {
            observe(&counters, &batches_of_10(), |event| match event {
                SyncEvent::Applied { .. } => panic!("a planned panic"),
                _ => Continue(()),
            })
        });
        assert!(catch_unwind(panicking).is_err());
        let report = counters.sync(&SyncOptions::default()).unwrap();
        assert!(report.is_clean() && report.busy == 0, "{report:?}");
        for n in 0..55 {
            assert_eq!(counters.baseline(post(n), "views").unwrap(), 1);
        }
    }),
];

/// The events that an observer got.
struct Observed {
    report: SyncReport,
    pages: u32,
    found: u64,
    applied: Vec<(CounterId, ClaimOp, bool)>,
    would_apply: Vec<(CounterId, Option<ClaimOp>, i64)>,
}

fn observe(
    counters: &Counters,
    options: &SyncOptions,
    mut answer: impl FnMut(SyncEvent<'_>) -> ControlFlow<()>,
) -> Observed {
    let (mut pages, mut found) = (0, 0);
    let (mut applied, mut would_apply) = (Vec::new(), Vec::new());
    let report = counters.sync_observed(options, &mut |event| {
        match event {
            SyncEvent::Scanned => pages += 1,
            SyncEvent::Found(counters) => found += counters,
            SyncEvent::Applied { claim, is_recovered } => {
                applied.push((claim.id.clone(), claim.op, is_recovered));
            }
            SyncEvent::WouldApply { counter, held } => {
                let claim = held.claim.as_ref().map(|claim| claim.op);
                would_apply.push((counter.clone(), claim, held.pending));
            }
            event => panic!("{event:?} is not known here"),
        }
        answer(event)
    });
    Observed { report: report.unwrap(), pages, found, applied, would_apply }
}

fn counted(world: &World, posts: i64) -> Counters {
    let counters = world.counters();
    counters.increment_many((0..posts).map(|n| (post(n), "views", 1))).unwrap();
    counters
}

fn batches_of_10() -> SyncOptions {
    SyncOptions::default().batch_size(NonZeroUsize::new(10).unwrap())
}
