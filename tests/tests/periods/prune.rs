//! Buckets of periods that ended long ago, which are removed in two steps.

use std::time::Duration;

use chrono::{DateTime, Utc};
use counter_core::{CounterId, Grain};
use counter_diesel::store::ManualClock;
use counter_diesel::sync::{PruneOptions, Pruned};
use counter_diesel::{Counters, SyncOptions};
use counter_tests::faults::{Fault, Faults};
use counter_tests::suite::Case;
use counter_tests::world::{World, impatient};

use super::{assert_pending, rows};

/// Ninety days before it is noon of 2 October.
const NOW: &str = "2026-12-31T12:00:00Z";

/// Buckets by the count that each has, and whether it is a day that ended ninety days ago.
const BUCKETS: [(&str, i64, bool); 10] = [
    ("page:7:views", 100, false),
    ("page:7:views@day:2025-12-31", 1, true),
    ("page:7:views@day:2026-09-30", 2, true),
    ("page:7:likes@day:2026-09-30", 3, true),
    ("site:home:hits@day:2026-09-30", 4, true),
    ("page:7:views@day:2026-10-01", 5, false),
    ("page:7:views@day:2026-12-31", 6, false),
    ("page:7:views@hour:2025-12-31T12", 7, false),
    ("page:7:views@quarter:2025-Q4", 8, false),
    ("page:7:views@year:2025", 9, false),
];

pub(super) const CASES: &[Case<World>] = &[
    (
        "what ended long ago is set to 0, and is removed an hour later, and the rest stays",
        |world| {
            let counters = filled(world);
            let dry = days().dry_run(true);
            assert_eq!(numbers(counters.prune(&dry).unwrap()), [4, 4, 0]);
            assert_eq!(
                rows(world, &ids()),
                BUCKETS.map(|(_, count, _)| count),
                "nothing is changed"
            );
            assert_eq!(numbers(counters.prune(&days()).unwrap()), [4, 4, 0]);
            let left = BUCKETS.map(|(_, count, is_old)| if is_old { 0 } else { count });
            assert_eq!(rows(world, &ids()), left);
            assert_eq!(numbers(counters.prune(&days()).unwrap()), [4, 0, 0]);
            assert_eq!(present(world), [true; 10], "a read may be under way");
            world.age_rows();
            assert_eq!(numbers(counters.prune(&dry).unwrap()), [4, 0, 4]);
            assert_eq!(numbers(counters.prune(&days()).unwrap()), [4, 0, 4]);
            assert_eq!(present(world), BUCKETS.map(|(.., is_old)| !is_old));
            assert_eq!(numbers(counters.prune(&days()).unwrap()), [0, 0, 0]);
            assert_eq!(rows(world, &ids()), left);
        },
    ),
    ("a row stays as long as the store holds anything of its bucket", |world| {
        let counters = filled(world);
        counters.prune(&days()).unwrap();
        world.age_rows();
        let late = &ids()[1];
        world.store.increment(late, 5).unwrap();
        assert_eq!(numbers(counters.prune(&days()).unwrap()), [4, 0, 3]);
        assert_pending(world, &[(BUCKETS[1].0, 5)]);
        assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
        assert_eq!(rows(world, std::slice::from_ref(late)), [5], "it is counted anew");
        assert_eq!(numbers(counters.prune(&days()).unwrap()), [1, 1, 0]);
    }),
    ("what is pending of an old bucket goes with it", |world| {
        let counters = filled(world);
        world.store.increment(&ids()[1], 5).unwrap();
        assert_eq!(numbers(counters.prune(&days()).unwrap()), [4, 4, 0]);
        assert_pending(world, &[(BUCKETS[1].0, 0)]);
        assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
        assert_eq!(rows(world, &ids()[1..2]), [0]);
    }),
    ("a prune may stop at any step, and the next one goes on", |world| {
        for step in 0.. {
            let total = world.store.look(&ids()[..1]).unwrap().held[0].as_ref().unwrap().pending;
            assert_eq!(total, 0);
            filled(world);
            let faults = Faults::at(step, Fault::Kill);
            let process = world.counters_behind(&faults, impatient()).with_clock(clock());
            let _ = Faults::survive(|| process.prune(&days()));
            let next = world.impatient_counters().with_clock(clock());
            next.prune(&days()).unwrap();
            assert!(next.sync(&SyncOptions::default()).unwrap().is_clean());
            world.age_rows();
            next.prune(&days()).unwrap();
            assert_eq!(present(world), BUCKETS.map(|(.., is_old)| !is_old), "step {step}");
            let times = i64::try_from(step + 1).unwrap();
            let left = BUCKETS.map(|(_, count, is_old)| if is_old { 0 } else { times * count });
            assert_eq!(rows(world, &ids()), left, "step {step}");
            if faults.steps() <= step {
                assert!(step > 10, "{step} steps");
                break;
            }
        }
    }),
];

/// What does not depend on the database.
pub(super) const PAGES: &[Case<World>] =
    &[("more rows than are read at a time are all looked at", |world| {
        let day = |n: i64| format!("page:{n}:views@day:2025-12-31").parse::<CounterId>().unwrap();
        for n in 1..=1_100 {
            world.store.increment(&day(n), n).unwrap();
        }
        let counters = world.counters().with_clock(clock());
        assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
        assert_eq!(numbers(counters.prune(&days()).unwrap()), [1_100, 1_100, 0]);
        assert_eq!(rows(world, &[day(1), day(1_100)]), [0, 0]);
        world.age_rows();
        assert_eq!(numbers(counters.prune(&days()).unwrap()), [1_100, 0, 1_100]);
    })];

fn days() -> PruneOptions {
    PruneOptions::new(Grain::Day, Duration::from_secs(90 * 24 * 60 * 60))
}

fn numbers(pruned: Pruned) -> [u64; 3] {
    [pruned.rows, pruned.cleared, pruned.removed]
}

fn clock() -> ManualClock {
    ManualClock::at_micros(NOW.parse::<DateTime<Utc>>().unwrap().timestamp_micros())
}

fn ids() -> [CounterId; 10] {
    BUCKETS.map(|(id, ..)| id.parse().unwrap())
}

/// Counts all buckets, and syncs them.
fn filled(world: &World) -> Counters {
    for (id, (_, count, _)) in ids().iter().zip(BUCKETS) {
        world.store.increment(id, count).unwrap();
    }
    let counters = world.impatient_counters().with_clock(clock());
    assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
    counters
}

/// Which of them have rows.
fn present(world: &World) -> [bool; 10] {
    let rows = world.ledger.baselines(&ids()).unwrap();
    let present = rows.iter().map(|row| *row != counter_core::Baseline::NONE);
    present.collect::<Vec<_>>().try_into().unwrap()
}
