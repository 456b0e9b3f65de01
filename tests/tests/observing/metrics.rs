//! Every metric, with the right value.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use counter_core::Config;
use counter_diesel::{SyncOptions, SyncReport};
use counter_tests::faults::{Fault, Faults};
use counter_tests::fixtures::{counter_of, post};
use counter_tests::world::{PAIRS, World};
use metrics_util::debugging::DebuggingRecorder;

use crate::Case;
use crate::documented;
use crate::recorded::Recorded;
use crate::scenes::{
    contradict, counted, failing_at, fill, litter, losing, memory, panicking_once, redis, sync,
    wait_for_clock,
};
use crate::workers::{NEVER, PATIENCE};

pub const CASES: &[Case] = &[
    ("the names, kinds, units and labels are those of the page", || {
        let world = memory();
        let recorded = Recorded::of(|| assert!(sync(&counted(&world)).is_clean()));
        let page = documented::metrics().into_iter().collect();
        assert_eq!(recorded.described, page);
    }),
    ("a clean sync records how much it did and how long that took", || {
        for (name, make_world) in PAIRS {
            assert_clean_sync(&make_world(), name);
        }
    }),
    ("whatever is left where it is counts in each sync", || {
        let world = redis();
        contradict(&world, "contradicted");
        litter(&world);
        let counters = counted(&world);
        fill(&counters);
        let recorded = Recorded::of(|| {
            assert!(!sync(&counters).is_clean());
            assert!(!sync(&counters).is_clean());
        });
        for what in ["failed", "conflicts", "foreign"] {
            assert_eq!(total(&recorded, &world, what), 2, "{what}");
        }
        assert_eq!(passes(&recorded, &world), [0, 2, 0]);
    }),
    ("the age is that of the oldest claim", || {
        let world = redis();
        let claim = contradict(&world, "first");
        // Longer than the sync takes, or they could not be distinguished.
        std::thread::sleep(Duration::from_millis(300));
        contradict(&world, "second");
        let (counters, before) = (counted(&world), now());
        let recorded = Recorded::of(|| assert_eq!(sync(&counters).conflicts.count(), 2));
        let age = recorded.gauge(&world, "counter_oldest_claim_seconds").unwrap();
        let claimed_at = Duration::from_micros(claim.seq.get().unsigned_abs());
        let bounds = [before, now()].map(|time| time.saturating_sub(claimed_at).as_secs_f64());
        assert!((bounds[0]..=bounds[1]).contains(&age), "{age} {bounds:?}");
    }),
    ("a claim that vanished counts as lost", || {
        let world = memory();
        let counters = losing(&world);
        let recorded = Recorded::of(|| assert_eq!(sync(&counters).lost.count(), 1));
        assert_eq!(total(&recorded, &world, "lost"), 1);
        assert_eq!(passes(&recorded, &world), [0, 1, 0]);
    }),
    ("a claim that changes again and again counts as postponed", || {
        let world = memory();
        let store = std::sync::Arc::clone(&world.store);
        let faults = Faults::calling(move |step| {
            if step == "verify" {
                wait_for_clock(&*store);
                // Another one vanishes before each of the three tries.
                let (mut ids, keys) = (Vec::new(), ["a", "b", "c"]);
                ids.extend(keys.map(|key| counter_of(&post(1), key)));
                let held = store.look(&ids).unwrap().held;
                let claim = held.into_iter().find_map(|held| held.unwrap().claim);
                store.ack(&[claim.unwrap()]).unwrap();
            }
        });
        let counters = world.counters_behind(&faults, Config::default());
        for key in ["a", "b", "c", "d"] {
            counters.increment(post(1), key, 1).unwrap();
        }
        let recorded = Recorded::of(|| assert_eq!(sync(&counters).postponed.count(), 1));
        assert_eq!(total(&recorded, &world, "postponed"), 1);
        assert_age_of_newest(&recorded, &world);
    }),
    ("a sync that could do nothing counts as failed and records no more", || {
        let world = memory();
        let counters = failing_at(&world, "state", Fault::Before);
        let recorded = Recorded::of(|| drop(counters.sync(&SyncOptions::default()).unwrap_err()));
        assert_eq!(passes(&recorded, &world), [0, 0, 1]);
        assert_eq!(total(&recorded, &world, "applied"), 0);
        assert_eq!(recorded.observed(&world, "counter_sync_duration_seconds", &[]).len(), 1);
        assert_found_nothing_whole(&recorded, &world);
    }),
    ("a sync that ended early counts as failed with what it did before", || {
        let world = memory();
        let store = std::sync::Arc::clone(&world.store);
        let faults = Faults::deciding(move |step| {
            (step == "ack").then(|| {
                wait_for_clock(&*store);
                Fault::Before
            })
        });
        let counters = world.counters_behind(&faults, Config::default());
        counters.increment(post(1), "views", 5).unwrap();
        let recorded = Recorded::of(|| assert!(sync(&counters).stopped.is_some()));
        assert_eq!(passes(&recorded, &world), [0, 0, 1]);
        assert_eq!(total(&recorded, &world, "applied"), 1);
        assert_found_nothing_whole(&recorded, &world);
        assert_age_of_newest(&recorded, &world);
    }),
    ("a sync that was not about everything says nothing about everything", || {
        let world = memory();
        let recorded = Recorded::of(|| {
            let options = SyncOptions::default().pattern("user:*".parse().unwrap());
            assert!(counted(&world).sync(&options).unwrap().is_clean());
        });
        assert_eq!(passes(&recorded, &world), [1, 0, 0]);
        assert_found_nothing_whole(&recorded, &world);
        let counters = counted(&world);
        // More than are claimed ahead, so that something is left when it ends.
        counters.increment_many((2..12).map(|n| (post(n), "views", 1))).unwrap();
        let recorded = Recorded::of(|| {
            let options = SyncOptions::default().batch_size(NonZeroUsize::MIN);
            let stop = &mut |_: counter_diesel::sync::SyncEvent<'_>| ControlFlow::Break(());
            assert!(counters.sync_observed(&options, stop).unwrap().interrupted);
        });
        assert_eq!(passes(&recorded, &world), [1, 0, 0]);
        assert_found_nothing_whole(&recorded, &world);
    }),
    ("counters whose delta is zero were not to be moved", || {
        let world = memory();
        let counters = counted(&world);
        counters.increment(post(1), "zero", 1).unwrap();
        counters.decrement(post(1), "zero", 1).unwrap();
        let recorded = Recorded::of(|| assert_eq!(sync(&counters).zeros, 1));
        assert_eq!(recorded.gauge(&world, "counter_pending_counters"), Some(1.0));
    }),
    ("a dry run is not in the metrics", || {
        let world = memory();
        let options = SyncOptions::default().dry_run(true);
        let recorded = Recorded::of(|| assert!(counted(&world).sync(&options).unwrap().is_clean()));
        assert!(recorded.is_empty(), "{recorded:?}");
    }),
    ("the counters of one process do not mix", || {
        let (first, second) = (memory(), memory());
        let recorded = Recorded::of(|| {
            assert!(sync(&counted(&first)).is_clean());
            assert!(sync(&second.counters()).is_clean());
        });
        assert_eq!(total(&recorded, &first, "applied"), 1);
        assert_eq!(total(&recorded, &second, "applied"), 0);
        assert_eq!(recorded.gauge(&first, "counter_pending_counters"), Some(1.0));
        assert_eq!(recorded.gauge(&second, "counter_pending_counters"), Some(0.0));
    }),
    ("a worker makes its counters known before its first sync", || {
        let world = memory();
        let recorded = Recorded::of(|| counted(&world).spawn_sync(NEVER).unwrap().detach());
        assert_eq!(passes(&recorded, &world), [0, 0, 0]);
        for what in ["applied", "recovered", "failed", "conflicts", "lost", "postponed", "foreign"]
        {
            assert_eq!(total(&recorded, &world, what), 0, "{what}");
        }
        assert_found_nothing_whole(&recorded, &world);
    }),
    ("a sync that panicked counts as failed", || {
        // A worker records in a thread of its own. No other test reads the recorder of the process.
        let recorder = DebuggingRecorder::new();
        let snapshotter = recorder.snapshotter();
        recorder.install().unwrap();
        let world = memory();
        let worker = panicking_once(&world).spawn_sync(NEVER).unwrap();
        worker.sync_now();
        assert!(worker.wait_until(PATIENCE, |status| status.passes == 1));
        let recorded = Recorded::from(snapshotter.snapshot());
        assert_eq!(passes(&recorded, &world), [0, 0, 1]);
        worker.stop().unwrap();
    }),
];

fn assert_clean_sync(world: &World, name: &str) {
    let counters = counted(world);
    counters.increment_many((2..5).map(|n| (post(n), "views", 1))).unwrap();
    world.store.claim(&[counter_of(&post(1), "views")], Duration::MAX).unwrap();
    let before = now().as_secs_f64();
    let mut report = SyncReport::default();
    let recorded = Recorded::of(|| report = sync(&counters));
    assert!(report.is_clean(), "{name}: {report:?}");
    assert_eq!(passes(&recorded, world), [1, 0, 0], "{name}");
    assert_eq!((total(&recorded, world, "applied"), report.applied), (4, 4), "{name}");
    assert_eq!(total(&recorded, world, "recovered"), 1, "{name}");
    assert_eq!(recorded.gauge(world, "counter_pending_counters"), Some(report.scanned as f64));
    assert_eq!(recorded.gauge(world, "counter_oldest_claim_seconds"), Some(0.0));
    let success = recorded.gauge(world, "counter_sync_last_success_timestamp_seconds").unwrap();
    assert!((before..=now().as_secs_f64()).contains(&success), "{name}: {success}");
    let took = recorded.observed(world, "counter_sync_duration_seconds", &[]);
    assert!(took.len() == 1 && took[0] >= report.elapsed.as_secs_f64(), "{name}: {took:?}");
    for (step, spent) in report.times.steps() {
        let labels = [("step", step)];
        let observed = recorded.observed(world, "counter_sync_step_duration_seconds", &labels);
        assert_eq!(observed, [spent.as_secs_f64()], "{name}: {step}");
        assert!(spent > Duration::ZERO, "{name}: {step}");
    }
}

fn assert_found_nothing_whole(recorded: &Recorded, world: &World) {
    assert_eq!(recorded.gauge(world, "counter_pending_counters"), None);
    assert_eq!(recorded.gauge(world, "counter_sync_last_success_timestamp_seconds"), None);
}

/// How many were clean, unclean and failed.
fn passes(recorded: &Recorded, world: &World) -> [u64; 3] {
    ["clean", "unclean", "failed"].map(|outcome| {
        let labels = [("outcome", outcome)];
        recorded.count(world, "counter_sync_passes_total", &labels).unwrap()
    })
}

fn total(recorded: &Recorded, world: &World, what: &str) -> u64 {
    recorded.count(world, &format!("counter_sync_{what}_total"), &[]).unwrap()
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap()
}

/// Of the newest claim, whose sequence was behind the clock when the sync ended.
fn assert_age_of_newest(recorded: &Recorded, world: &World) {
    let age = recorded.gauge(world, "counter_oldest_claim_seconds").unwrap();
    let newest = world.store.look(&[]).unwrap().high_water.get() as f64 / 1e6;
    let oldest = now().as_secs_f64() - newest;
    assert!(age > 0.0 && age <= oldest, "{age} {oldest}");
}
