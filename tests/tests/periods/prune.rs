//! Buckets of periods that ended long ago, which are removed in two steps.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, Utc};
use counter_core::{Claim, ClaimOp, ClaimSeq, CounterId, Grain, Period};
use counter_diesel::ledger::LockWait;
use counter_diesel::store::ManualClock;
use counter_diesel::sync::{PruneOptions, Pruned};
use counter_diesel::{Counters, During, Error, Owner, SyncOptions};
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
            assert_eq!(since_of(&counters), [None; 3], "and nothing is noted");
            assert_eq!(numbers(counters.prune(&days()).unwrap()), [4, 4, 0]);
            let first = "2026-10-01T00:00:00".parse().ok();
            assert_eq!(since_of(&counters), [first; 3]);
            let day = |text: &str| counters.during(text.parse::<Period>().unwrap());
            let page = Owner::new("page", 7).unwrap();
            let read = |during: During<'_>| during.stored_by([Grain::Day]).get(&page, "views");
            assert_eq!(read(day("day:2026-10-01")).unwrap(), 5);
            let refused = read(day("day:2026-09-30")).unwrap_err();
            assert!(matches!(refused, Error::NotKept { since, .. } if since == first));
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
        assert_eq!(counters.prune(&days()).unwrap().cleared, 4);
        world.age_rows();
        let late = &ids()[1];
        world.store.increment(late, 5).unwrap();
        assert_eq!(numbers(counters.prune(&days()).unwrap()), [4, 0, 3]);
        assert_pending(world, &[(BUCKETS[1].0, 5)]);
        assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
        assert_eq!(rows(world, std::slice::from_ref(late)), [5], "it is counted anew");
        assert_eq!(numbers(counters.prune(&days()).unwrap()), [1, 1, 0]);
    }),
    ("what is pending of an old bucket is synced before it goes", |world| {
        let counters = filled(world);
        world.store.increment(&ids()[1], 5).unwrap();
        for is_dry in [true, false] {
            let pruned = counters.prune(&days().dry_run(is_dry)).unwrap();
            assert_eq!((pruned.held, numbers(pruned)), (1, [4, 3, 0]));
        }
        assert_pending(world, &[(BUCKETS[1].0, 5)]);
        assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
        assert_eq!(rows(world, &ids()[1..2]), [6]);
        assert_eq!(numbers(counters.prune(&days()).unwrap()), [4, 1, 0]);
        assert_eq!(rows(world, &ids()[1..2]), [0]);
    }),
    ("what is set may stop at any step, and the next call goes on", |world| {
        stops_anywhere(world, false);
    }),
    ("what is removed may stop at any step, and the next call goes on", |world| {
        stops_anywhere(world, true);
    }),
    ("a row that others have locked keeps no other from being removed", |world| {
        if !world.database.url().contains("://") {
            return; // SQLite locks the whole file.
        }
        let counters = due(world);
        let mut transaction = world.ledger.begin(LockWait::Usual).unwrap();
        let seen = Claim { id: ids()[2].clone(), seq: ClaimSeq::new(1), op: ClaimOp::Add(0) };
        assert_eq!(transaction.upsert(&[seen]).unwrap().len(), 1, "the row has seen it");
        let pruned = counters.prune(&days()).unwrap();
        assert_eq!((pruned.removed, pruned.failed.count()), (3, 0), "{pruned:?}");
        drop(transaction);
        assert_eq!(counters.prune(&days()).unwrap().removed, 1);
    }),
];

/// Cases that do not depend on the database.
pub(super) const ONCE: &[Case<World>] = &[
    ("a read that saw the claim of a row which goes meanwhile counts nothing again", |world| {
        filled(world);
        let (of_old, day) = (&ids()[2], "day:2026-09-30".parse::<Period>().unwrap());
        world.store.increment(of_old, -2).unwrap();
        // A pass has applied the claim and died, and the row has been 0 for long.
        let faults = Faults::deciding(|step| step.starts_with("ack").then_some(Fault::Kill));
        let dying = world.counters_behind(&faults, impatient());
        assert!(Faults::survive(|| dying.sync(&SyncOptions::default())).is_none());
        assert_eq!(rows(world, &ids()[2..3]), [0]);
        world.age_rows();
        let others = world.impatient_counters().with_clock(clock());
        let meanwhile = Faults::calling_once_before("baselines", move || {
            assert!(others.sync(&SyncOptions::default()).unwrap().is_clean());
            assert_eq!(others.prune(&days()).unwrap().removed, 1);
        });
        let reading = world.counters_behind(&meanwhile, impatient());
        let during = reading.during(day).stored_by([Grain::Day]);
        assert_eq!(during.get(Owner::new("page", 7).unwrap(), "views").unwrap(), 0);
    }),
    ("more rows than are read at a time are all looked at", |world| {
        let counters = many(world, 1_100);
        assert_eq!(numbers(counters.prune(&days()).unwrap()), [1_100, 1_100, 0]);
        assert_eq!(rows(world, &[nth(1), nth(1_100)]), [0, 0]);
        world.age_rows();
        assert_eq!(numbers(counters.prune(&days()).unwrap()), [1_100, 0, 1_100]);
    }),
    ("a bucket that the database refuses is named, and the others are set to 0", |world| {
        filled(world);
        // The first of these days, and then all again.
        let counters = refusing(world, "move_counts", 0..2);
        let pruned = counters.prune(&days()).unwrap();
        assert_eq!((pruned.cleared, pruned.failed.count()), (3, 1), "{pruned:?}");
        let failed = pruned.failed.iter().next().unwrap();
        assert!(failed.why.contains("the database refused"), "{failed:?}");
        let kept = rows(world, &ids());
        let is_left = |(n, kept): (usize, &i64)| (BUCKETS[n].2 && *kept != 0).then_some(n);
        let left = kept.iter().enumerate().filter_map(is_left).collect::<Vec<_>>();
        assert_eq!(left.len(), 1, "{kept:?}");
        assert_eq!(ids()[left[0]], failed.counter);
        assert_eq!(numbers(counters.prune(&days()).unwrap()), [4, 1, 0]);
        assert_eq!(rows(world, &ids()[left[0]..=left[0]]), [0]);
    }),
    ("where every row is refused it ends early, and the store is not filled", |world| {
        many(world, 100);
        let pruned = refusing(world, "move_counts", 0..usize::MAX).prune(&days()).unwrap();
        assert_eq!((pruned.cleared, pruned.failed.count()), (0, 16), "{pruned:?}");
        assert_eq!(claims(world, 100), 0);
    }),
    ("a database that takes no writes is refused before the store is asked", |world| {
        many(world, 100);
        let refused = refusing(world, "ask_writes", 0..1).prune(&days());
        assert!(matches!(refused, Err(Error::Database { .. })), "{refused:?}");
        assert_eq!(claims(world, 100), 0);
    }),
    ("a row whose removal is refused is named, and the others are removed", |world| {
        due(world);
        // All of them together, five times, and then the first alone.
        let pruned = refusing(world, "delete_zeros", 0..6).prune(&days()).unwrap();
        assert_eq!((pruned.removed, pruned.failed.count()), (3, 1), "{pruned:?}");
        let pruned = refusing(world, "delete_zeros", 0..usize::MAX).prune(&days()).unwrap();
        assert_eq!((pruned.removed, pruned.failed.count()), (0, 1), "{pruned:?}");
    }),
    ("where no row can be removed it ends early", |world| {
        let counters = many(world, 100);
        assert_eq!(counters.prune(&days()).unwrap().cleared, 100);
        world.age_rows();
        let pruned = refusing(world, "delete_zeros", 0..usize::MAX).prune(&days()).unwrap();
        assert_eq!((pruned.removed, pruned.failed.count()), (0, 16), "{pruned:?}");
    }),
    ("what late events may still be counted in is kept, unless the call says so", |world| {
        let counters = filled(world);
        let hours = |n: u64| Duration::from_secs(n * 60 * 60);
        let of = |age| PruneOptions::new(Grain::Day, age);
        for refused in [of(hours(35 * 24 - 1)), of(hours(0)), of(hours(0)).even_if_late(true)] {
            let refused = counters.prune(&refused.dry_run(true));
            assert!(matches!(refused, Err(Error::TooYoung { .. })), "{refused:?}");
        }
        let dry = |age| of(age).dry_run(true);
        assert_eq!(counters.prune(&dry(hours(35 * 24))).unwrap().rows, 5);
        assert_eq!(counters.prune(&dry(hours(24)).even_if_late(true)).unwrap().rows, 5);
        let mut config = impatient();
        config.oldest_event = hours(7 * 24);
        let counters = world.counters_with(config).with_clock(clock());
        assert_eq!(counters.prune(&dry(hours(7 * 24))).unwrap().rows, 5);
        assert!(counters.prune(&dry(hours(7 * 24 - 1))).is_err());
    }),
];

/// Beside a store that knows which database is its own.
pub(super) const IN_REDIS: &[Case<World>] =
    &[("rows of a database that is another one are kept, whatever its store lacks", |world| {
        filled(world);
        let other = world.database.ledger("others");
        other.run_pending_migrations().unwrap();
        let others = "INSERT INTO others_periods (owner_type, owner_id, owner_key, key, grain, \
             starts_at, count, claim_seq, updated_at) VALUES ('page', 7, '', 'views', 'day', \
             '2026-09-30 00:00:00', 0, 1, '2001-02-03 04:05:06')";
        world.database.execute(others).unwrap();
        let other = world.counters_over(other).with_clock(clock());
        for is_dry in [true, false] {
            let refused = other.prune(&days().dry_run(is_dry));
            assert!(matches!(refused, Err(Error::OtherDatabase(_))), "{refused:?}");
        }
        other.adopt_database().unwrap();
        assert_eq!(other.prune(&days()).unwrap().removed, 1);
    })];

/// Stops at each step, of a call that sets to 0 or of one that removes.
fn stops_anywhere(world: &World, is_due: bool) {
    for step in 0.. {
        let total = world.store.look(&ids()[..1]).unwrap().held[0].as_ref().unwrap().pending;
        assert_eq!(total, 0);
        if is_due {
            due(world);
        } else {
            filled(world);
        }
        let faults = Faults::at(step, Fault::Kill);
        let process = world.counters_behind(&faults, impatient()).with_clock(clock());
        let _ = Faults::survive(|| process.prune(&days()));
        let next = world.impatient_counters().with_clock(clock());
        assert!(next.prune(&days()).unwrap().failed.is_empty());
        assert!(next.sync(&SyncOptions::default()).unwrap().is_clean());
        if !is_due {
            world.age_rows();
            assert!(next.prune(&days()).unwrap().failed.is_empty());
        }
        assert_eq!(present(world), BUCKETS.map(|(.., is_old)| !is_old), "step {step}");
        let times = i64::try_from(step + 1).unwrap();
        let left = BUCKETS.map(|(_, count, is_old)| if is_old { 0 } else { times * count });
        assert_eq!(rows(world, &ids()), left, "step {step}");
        if faults.steps() <= step {
            assert!(step > 8, "{step} steps");
            break;
        }
    }
}

/// Rows that have been 0 for long.
fn due(world: &World) -> Counters {
    let counters = filled(world);
    assert_eq!(counters.prune(&days()).unwrap().cleared, 4);
    world.age_rows();
    counters
}

fn nth(n: i64) -> CounterId {
    format!("page:{n}:views@day:2025-12-31").parse().unwrap()
}

/// This many days that ended long ago.
fn many(world: &World, n: i64) -> Counters {
    for n in 1..=n {
        world.store.increment(&nth(n), n).unwrap();
    }
    let counters = world.counters().with_clock(clock());
    assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
    counters
}

/// The number of these days of which the store has claims.
fn claims(world: &World, n: i64) -> usize {
    let held = world.store.look(&(1..=n).map(nth).collect::<Vec<_>>()).unwrap().held;
    held.into_iter().filter(|held| held.as_ref().unwrap().claim.is_some()).count()
}

/// A process whose database refuses these of the times that it takes a step.
fn refusing(world: &World, step: &'static str, times: Range<usize>) -> Counters {
    let met = AtomicUsize::new(0);
    let faults = Faults::deciding(move |taken| {
        let is_refused = taken == step && times.contains(&met.fetch_add(1, Ordering::Relaxed));
        is_refused.then_some(Fault::Refused)
    });
    world.counters_behind(&faults, impatient()).with_clock(clock())
}

/// Since when the days are kept of likes and views of pages, and of hits of sites.
fn since_of(counters: &Counters) -> [Option<NaiveDateTime>; 3] {
    let days = counters.kept().unwrap().into_iter().filter(|row| row.grain == Grain::Day);
    days.map(|row| row.since).collect::<Vec<_>>().try_into().unwrap()
}

fn days() -> PruneOptions {
    PruneOptions::new(Grain::Day, Duration::from_secs(90 * 24 * 60 * 60))
}

fn numbers(pruned: Pruned) -> [u64; 3] {
    assert!(pruned.failed.is_empty(), "{pruned:?}");
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
