//! Buckets that are set, reset and deleted apart from their total and from each other.

use counter_diesel::query::{Grain, Period, Span};
use counter_diesel::{Error, SyncOptions};
use counter_tests::fixtures::bucket_of;
use counter_tests::suite::Case;
use counter_tests::world::World;

use super::read::{PAGE, PageCounter, at, date, of, put};
use super::rows;

/// 28 November 2026, 14:30 UTC.
const NOW: i64 = 1_795_876_200_000_000;

const DAYS: [(&str, i64); 3] =
    [("day:2026-11-26", 10), ("day:2026-11-27", 20), ("day:2026-11-28", 30)];

pub(super) const CASES: &[Case<World>] = &[
    ("a set and a reset of a bucket drop what is pending of it and of nothing else", |world| {
        put(world, "views", &DAYS);
        world.store.increment(&of("views"), 100).unwrap();
        let counters = at(world, NOW);
        let on = |day| counters.during(Period::day(date(2026, 11, day)));
        on(27).set(&PAGE, PageCounter::Views, 5).unwrap();
        on(28).reset(&PAGE, PageCounter::Views).unwrap();
        assert_eq!(values(world), [100, 10, 5, 0]);
        let _ = counters.increment(&PAGE, PageCounter::Views, 1);
        assert_eq!(values(world), [101, 10, 5, 1]);
        assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
        assert_eq!(values(world), [101, 10, 5, 1]);
        let ids = DAYS.map(|(day, _)| bucket_of(&of("views"), day));
        assert_eq!(rows(world, &ids), [10, 5, 1]);
        counters.set(&PAGE, PageCounter::Views, 7).unwrap();
        assert_eq!(values(world), [7, 10, 5, 1]);
    }),
    (
        "a deleted bucket goes with its row and what is pending of it, and others stay exact",
        |world| {
            put(world, "views", &DAYS);
            let counters = at(world, NOW);
            let days = Span::between(Grain::Day, date(2026, 11, 26), date(2026, 11, 28));
            counters.during(days).delete(&PAGE, PageCounter::Views).unwrap();
            assert_eq!(values(world), [0, 0, 0, 30]);
            assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
            assert_eq!(values(world), [0, 0, 0, 30]);
            let ids = DAYS.map(|(day, _)| bucket_of(&of("views"), day));
            let found = world.ledger.baselines(&ids).unwrap();
            assert!(found[0].seq == found[1].seq && found[0] == counter_core::Baseline::NONE);
            assert_eq!(rows(world, &ids), [0, 0, 30]);
        },
    ),
    ("what has no bucket is not changed", |world| {
        put(world, "views", &DAYS);
        let counters = at(world, NOW);
        let november = || counters.during(Period::month(2026, 11).unwrap());
        let today = counters.during(Period::day(date(2026, 11, 28)));
        for refused in [
            november().set(&PAGE, PageCounter::Views, 1),
            november().reset(&PAGE, PageCounter::Views),
            november().delete(&PAGE, PageCounter::Views),
            today.set(&PAGE, PageCounter::Likes, 1),
            today.delete(&PAGE, PageCounter::Sales),
            counters
                .during(Span::last(1, Grain::Week).weeks_from(chrono::Weekday::Sun))
                .delete(&PAGE, PageCounter::Visits),
        ] {
            assert!(matches!(refused, Err(Error::NotStored { .. })), "{refused:?}");
        }
        let several = counters.during(Span::last(2, Grain::Day));
        let refused = several.set(&PAGE, PageCounter::Views, 1).unwrap_err();
        assert!(refused.to_string().contains("2 periods"), "{refused}");
        assert_eq!(values(world), [0, 10, 20, 30]);
    }),
    ("a refused bucket is settled alone, whatever is declared", |world| {
        let full = bucket_of(&of("likes"), "month:2026-11");
        put(world, "likes", &[("month:2026-11", i64::MAX)]);
        assert!(at(world, NOW).sync(&SyncOptions::default()).unwrap().is_clean());
        world.store.increment(&full, 1).unwrap();
        let counters = at(world, NOW);
        assert_eq!(counters.sync(&SyncOptions::default()).unwrap().failed.count(), 1);
        assert_eq!(counters.grains_in_use(&PAGE, PageCounter::Likes).unwrap(), [Grain::Month]);
        let november = counters.during(Period::month(2026, 11).unwrap());
        let november = november.stored_by([Grain::Month]);
        november.set(&PAGE, PageCounter::Likes, 5).unwrap();
        assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
        assert_eq!(rows(world, &[full]), [5]);
        assert_eq!(november.get(&PAGE, PageCounter::Likes).unwrap(), 5);
    }),
    ("the grains of which there are buckets are found in the table and in the store", |world| {
        let counters = at(world, NOW);
        let found = || counters.grains_in_use(&PAGE, "any").unwrap();
        assert_eq!(found(), []);
        let count =
            |period: &str| world.store.increment(&bucket_of(&of("any"), period), 1).unwrap();
        // Where it is tomorrow already.
        count("day:2026-11-29");
        assert_eq!(found(), [Grain::Day]);
        ["year:2019", "hour:2020-01-01T00", "hour:2020-01-01T01"].into_iter().for_each(count);
        assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
        assert_eq!(found(), [Grain::Hour, Grain::Day, Grain::Year]);
        count("month:2026-11");
        assert_eq!(found(), [Grain::Hour, Grain::Day, Grain::Month, Grain::Year]);
        assert_eq!(counters.grains_in_use(&PAGE, "any2").unwrap(), []);
        assert_eq!(counters.grains_in_use(&PAGE, "an").unwrap(), []);
    }),
];

/// The total of the views, and the days.
fn values(world: &World) -> [i64; 4] {
    let counters = at(world, NOW);
    let days = counters.series(&PAGE, PageCounter::Views, Span::last(3, Grain::Day)).unwrap();
    let mut days = days.values();
    std::array::from_fn(|place| match place {
        0 => counters.get(&PAGE, PageCounter::Views).unwrap(),
        _ => days.next().unwrap(),
    })
}
