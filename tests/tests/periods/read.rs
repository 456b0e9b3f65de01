//! What was counted in periods, read from the buckets of whichever grain is stored.

use chrono::{Datelike as _, NaiveDate, NaiveDateTime, TimeDelta, Weekday};
use counter_core::{CounterId, ManualClock};
use counter_diesel::error::CoreError;
use counter_diesel::query::{Grain, Period, Span};
use counter_diesel::{Counters, Error, HasCounters, Owner, Series, SyncOptions};
use counter_tests::fixtures::bucket_of;
use counter_tests::suite::Case;
use counter_tests::world::World;

/// Counted by every way in which grains add up, and not.
#[derive(HasCounters)]
#[counters(keys(
    views(every(day)),
    calls(every(hour)),
    sales(every(month)),
    visits(every(week, hour)),
    likes
))]
pub(super) struct Page {
    pub(super) id: i64,
}

pub(super) const PAGE: Page = Page { id: 7 };

/// 28 November 2026, 14:30 UTC, a Saturday.
pub(super) const NOW: i64 = 1_795_876_200_000_000;

pub(super) const CASES: &[Case<World>] = &[
    ("sums of months are those of the span, and its ends are widened to whole months", |world| {
        let months = [("month:2026-04", 60), ("month:2026-05", 80), ("month:2026-06", 100)];
        put(world, "sales", &months);
        let counters = at(world, NOW);
        let sum = |from, until| {
            let span = Span::between(Grain::Month, date(2026, from, 1), until);
            counters.during(span).get(&PAGE, PageCounter::Sales).unwrap()
        };
        assert_eq!(sum(4, date(2026, 7, 1)), 240);
        assert_eq!(sum(5, date(2026, 7, 1)), 180);
        assert_eq!(sum(4, date(2026, 5, 31)), 140);
        assert_eq!(sum(5, date(2026, 5, 31)), 80);
        let may =
            PAGE.counter_during(&counters, PageCounter::Sales, Period::month(2026, 5).unwrap());
        assert_eq!(may.unwrap(), 80);
        let quarter = counters.during(Period::quarter(2026, 2).unwrap());
        assert_eq!(quarter.get(&PAGE, PageCounter::Sales).unwrap(), 240);
    }),
    ("a series has its oldest period first and 0 in the gaps", |world| {
        put(world, "sales", &[("month:2026-09", 5), ("month:2026-11", 7)]);
        let counters = at(world, NOW);
        let span = Span::last(3, Grain::Month);
        let series = PAGE.counter_series(&counters, PageCounter::Sales, span).unwrap();
        assert_eq!(texts(&series), ["month:2026-09 5", "month:2026-10 0", "month:2026-11 7"]);
        assert_eq!((series.sum().unwrap(), series.highest().unwrap().1), (12, 7));
        let trend = series.trend().unwrap();
        assert_eq!((trend.last, trend.before), (0, 5));
        let complete = counters.series(&PAGE, PageCounter::Sales, span.complete()).unwrap();
        assert_eq!(texts(&complete), ["month:2026-08 0", "month:2026-09 5", "month:2026-10 0"]);
        let trend = complete.trend().unwrap();
        assert_eq!((trend.last, trend.before), (0, 5));
        let none = Span::between(Grain::Month, date(2026, 1, 1), date(2026, 1, 1));
        assert!(counters.series(&PAGE, PageCounter::Sales, none).unwrap().is_empty());
        assert_eq!(counters.during(none).get(&PAGE, PageCounter::Sales).unwrap(), 0);
    }),
    ("any instant of a period names it", |world| {
        put(world, "views", &[("day:2026-11-28", 5)]);
        put(world, "visits", &[("week:2026-W48", 6)]);
        let counters = at(world, NOW);
        let read = |grain, at: NaiveDateTime, key| {
            counters.during(Period::containing(grain, at)).get(&PAGE, key).unwrap()
        };
        let midnight = date(2026, 11, 28).and_hms_opt(0, 0, 0).unwrap();
        for second in [0, 43_210, 86_399] {
            let at = midnight + TimeDelta::seconds(second);
            assert_eq!(read(Grain::Day, at, PageCounter::Views), 5, "{at}");
            assert_eq!(read(Grain::Week, at, PageCounter::Visits), 6, "{at}");
        }
        for second in [-1, 86_400] {
            assert_eq!(
                read(Grain::Day, midnight + TimeDelta::seconds(second), PageCounter::Views),
                0
            );
        }
    }),
    ("a bucket is exact while it is pending, claimed, and in the table", |world| {
        let counters = at(world, NOW);
        let days = ["day:2026-11-27", "day:2026-11-28"].map(|day| bucket_of(&of("views"), day));
        let span = Span::last(3, Grain::Day);
        let is_exact = |expected: [i64; 2]| {
            let series = counters.series(&PAGE, PageCounter::Views, span).unwrap();
            assert_eq!(series.values().collect::<Vec<_>>(), [&[0][..], &expected].concat());
            let sum = counters.during(span).get(&PAGE, PageCounter::Views).unwrap();
            assert_eq!(sum, expected.iter().sum::<i64>());
        };
        is_exact([0, 0]);
        days.iter().for_each(|day| world.store.increment(day, 3).unwrap());
        is_exact([3, 3]);
        world.store.claim(&days[..1], std::time::Duration::from_secs(3600)).unwrap();
        world.store.increment(&days[0], 10).unwrap();
        is_exact([13, 3]);
        let sync = || world.impatient_counters().sync(&SyncOptions::default()).unwrap();
        assert!(sync().is_clean());
        is_exact([13, 3]);
        days.iter().for_each(|day| world.store.increment(day, 1).unwrap());
        is_exact([14, 4]);
        assert!(sync().is_clean());
        is_exact([14, 4]);
        // History before today includes nothing of today.
        let before = counters.series(&PAGE, PageCounter::Views, span.complete()).unwrap();
        assert_eq!(before.values().collect::<Vec<_>>(), [0, 0, 14]);
    }),
    ("a grain that is not stored is added up from the shortest that divides it", |world| {
        let days = [("day:2026-10-31", 1), ("day:2026-11-01", 10), ("day:2026-11-30", 100)];
        put(world, "views", &days);
        put(world, "views", &[("day:2026-12-01", 1_000), ("day:2027-01-01", 10_000)]);
        let hours = [("hour:2026-10-31T23", 1), ("hour:2026-11-01T00", 10)];
        put(world, "calls", &hours);
        put(world, "calls", &[("hour:2026-11-30T23", 100), ("hour:2026-12-01T00", 1_000)]);
        put(world, "visits", &[("week:2026-W48", 5), ("hour:2026-11-28T14", 3)]);
        let counters = at(world, NOW);
        let read = |period: &str, key| {
            counters.during(period.parse::<Period>().unwrap()).get(&PAGE, key).unwrap()
        };
        for (period, views) in [
            ("month:2026-11", 110),
            ("month:2026-10", 1),
            ("quarter:2026-Q4", 1_111),
            ("year:2026", 1_111),
            ("year:2027", 10_000),
            ("week:2026-W49", 1_100),
            ("week:2026-W44", 11),
        ] {
            assert_eq!(read(period, PageCounter::Views), views, "{period}");
        }
        for (period, calls) in [
            ("day:2026-11-01", 10),
            ("day:2026-11-30", 100),
            ("month:2026-11", 110),
            ("week:2026-W49", 1_100),
            ("hour:2026-12-01T00", 1_000),
        ] {
            assert_eq!(read(period, PageCounter::Calls), calls, "{period}");
        }
        // Weeks add up to nothing, so what is no week comes from the hours.
        assert_eq!(read("week:2026-W48", PageCounter::Visits), 5);
        assert_eq!(read("month:2026-11", PageCounter::Visits), 3);
        assert_eq!(read("day:2026-11-28", PageCounter::Visits), 3);
    }),
    ("weeks from Sunday and months from the 15th regroup the days", |world| {
        let days = [("day:2026-11-14", 1), ("day:2026-11-15", 10), ("day:2026-11-21", 100)];
        put(world, "views", &days);
        put(world, "views", &[("day:2026-11-22", 1_000), ("day:2026-11-28", 10_000)]);
        let counters = at(world, NOW);
        let read = |span| {
            let series = counters.series(&PAGE, PageCounter::Views, span).unwrap();
            series.values().collect::<Vec<_>>()
        };
        assert_eq!(read(Span::last(2, Grain::Week).weeks_from(Weekday::Sun)), [110, 11_000]);
        assert_eq!(read(Span::last(2, Grain::Week)), [1_100, 10_000]);
        assert_eq!(read(Span::last(2, Grain::Month).months_from(15)), [1, 11_110]);
        assert_eq!(read(Span::last(2, Grain::Year).years_from(12)), [0, 11_111]);
        // A step says which days it is, and is read as these.
        let weeks = Span::last(2, Grain::Week).weeks_from(Weekday::Sun);
        for (week, count) in counters.series(&PAGE, PageCounter::Views, weeks).unwrap() {
            assert_eq!(week.start().date().weekday(), Weekday::Sun);
            assert_eq!(counters.during(week).get(&PAGE, PageCounter::Views).unwrap(), count);
        }
    }),
    ("a zone says where days end, and hours make up its days", |world| {
        let hours = [("hour:2026-11-26T22", 1), ("hour:2026-11-26T23", 10)];
        put(world, "calls", &hours);
        put(world, "calls", &[("hour:2026-11-27T22", 100), ("hour:2026-11-27T23", 1_000)]);
        let counters = at(world, NOW);
        let in_zone = |zone: &str| {
            let day = Span::last(1, Grain::Day).complete().zone(zone.parse().unwrap());
            counters.during(day).get(&PAGE, PageCounter::Calls)
        };
        assert_eq!(in_zone("UTC").unwrap(), 1_100);
        assert_eq!(in_zone("+01:00").unwrap(), 110);
        let half = in_zone("+05:30").unwrap_err();
        assert!(matches!(half, Error::NotKept { grain: Grain::Day, .. }), "{half:?}");
    }),
    ("what is not kept is an error, and never 0", |world| {
        put(world, "likes", &[("day:2026-11-28", 5)]);
        let counters = at(world, NOW);
        let day = Period::day(date(2026, 11, 28));
        let hour = Period::hour(date(2026, 11, 28), 14).unwrap();
        let refused = |read: Result<i64, Error>, stored: &[Grain]| match read.unwrap_err() {
            Error::NotKept { stored: found, .. } => assert_eq!(found, stored),
            error => panic!("{error:?}"),
        };
        refused(counters.during(day).get(&PAGE, PageCounter::Likes), &[]);
        refused(counters.during(hour).get(&PAGE, PageCounter::Views), &[Grain::Day]);
        refused(counters.during(day).get(&PAGE, PageCounter::Sales), &[Grain::Month]);
        let week = Period::week(2026, 48).unwrap();
        refused(counters.during(week).get(&PAGE, PageCounter::Sales), &[Grain::Month]);
        let by_text = Owner::new("page", 7).unwrap();
        refused(counters.during(day).get(&by_text, "views"), &[]);
        let error = counters.series(&PAGE, PageCounter::Likes, day).unwrap_err().to_string();
        assert!(error.contains("likes is not kept by day"), "{error}");
    }),
    ("many are read at once, of several grains", |world| {
        put(world, "views", &[("day:2026-11-01", 1), ("day:2026-11-28", 2)]);
        put(world, "sales", &[("month:2026-11", 40)]);
        let other = bucket_of(&CounterId::new("page", 8, "views").unwrap(), "day:2026-11-02");
        world.store.increment(&other, 500).unwrap();
        let counters = at(world, NOW);
        let november = counters.during(Period::month(2026, 11).unwrap());
        let pages = [PAGE, Page { id: 8 }, Page { id: 9 }];
        let keys = [PageCounter::Views, PageCounter::Sales];
        assert_eq!(november.load(&pages, keys).unwrap(), [[3, 40], [500, 0], [0, 0]]);
        let asked = [(&PAGE, PageCounter::Sales), (&PAGE, PageCounter::Views)];
        assert_eq!(november.get_many(asked).unwrap(), [40, 3]);
        let days = Span::between(Grain::Day, date(2026, 11, 1), date(2026, 11, 4));
        let series = counters.load_series(&pages, PageCounter::Views, days).unwrap();
        let values = series.iter().map(|one| one.values().collect::<Vec<_>>());
        assert_eq!(values.collect::<Vec<_>>(), [[1, 0, 0], [0, 500, 0], [0, 0, 0]]);
    }),
    ("a sum that does not fit is an error, and one that does is none", |world| {
        put(world, "views", &[("day:2026-11-01", i64::MAX), ("day:2026-11-02", 1)]);
        let counters = at(world, NOW);
        let november = || counters.during(Period::month(2026, 11).unwrap());
        let error = november().get(&PAGE, PageCounter::Views).unwrap_err();
        assert!(matches!(error, Error::Core(CoreError::Overflow { .. })), "{error:?}");
        put(world, "views", &[("day:2026-11-03", -1)]);
        assert_eq!(november().get(&PAGE, PageCounter::Views).unwrap(), i64::MAX);
        let days = Span::between(Grain::Day, date(2026, 11, 1), date(2026, 11, 3));
        let series = counters.series(&PAGE, PageCounter::Views, days).unwrap();
        assert!(series.sum().is_err());
    }),
    ("more periods than are added up are an error, before any of them is read", |world| {
        let counters = at(world, NOW);
        let years = |n| Span::last(n, Grain::Year);
        assert_eq!(counters.during(years(200)).get(&PAGE, PageCounter::Views).unwrap(), 0);
        for (span, key, by) in [
            (years(12), PageCounter::Calls, Grain::Hour),
            (years(300), PageCounter::Views, Grain::Day),
            (Span::last(10_000, Grain::Week), PageCounter::Calls, Grain::Hour),
        ] {
            let many = counters.series(&PAGE, key, span).unwrap_err();
            let Error::TooManyPeriods { grain, most, .. } = many else { panic!("{many:?}") };
            assert_eq!((grain, most), (by, Span::MAX_PERIODS));
        }
    }),
    ("a year of hours is read in turns", |world| {
        let hours =
            [("hour:2026-01-01T00", 1), ("hour:2026-03-25T07", 20), ("hour:2026-12-31T23", 300)];
        put(world, "calls", &hours);
        let counters = at(world, NOW);
        let span = Span::between(Grain::Hour, date(2026, 1, 1), date(2027, 1, 1));
        let series = counters.series(&PAGE, PageCounter::Calls, span).unwrap();
        assert_eq!((series.len(), series.sum().unwrap()), (8_760, 321));
        let found = series.into_iter().filter(|(_, count)| *count != 0);
        let found = found.map(|(hour, count)| format!("{hour} {count}")).collect::<Vec<_>>();
        assert_eq!(found, hours.map(|(hour, count)| format!("{hour} {count}")));
        let year = counters.during(Period::year(2026).unwrap());
        assert_eq!(year.get(&PAGE, PageCounter::Calls).unwrap(), 321);
    }),
    ("before the migration a period is an error, and a total is none", |world| {
        world.database.execute("DROP TABLE \"model_counters_periods\"").unwrap();
        let counters = at(world, NOW);
        let error = counters.series(&PAGE, PageCounter::Views, Span::last(2, Grain::Day));
        assert!(error.as_ref().is_err_and(Error::is_not_migrated), "{error:?}");
        assert_eq!(counters.get(&PAGE, PageCounter::Views).unwrap(), 0);
    }),
];

pub(super) fn at(world: &World, micros: i64) -> Counters {
    world.counters().with_clock(ManualClock::at_micros(micros))
}

pub(super) fn of(key: &str) -> CounterId {
    CounterId::new("page", 7, key).unwrap()
}

/// Counts in buckets: all but 1 goes into the table, and the rest is pending.
pub(super) fn put(world: &World, key: &str, counts: &[(&str, i64)]) {
    let ids = counts.iter().map(|(period, count)| (bucket_of(&of(key), period), *count));
    let ids = ids.collect::<Vec<_>>();
    ids.iter().for_each(|(id, count)| world.store.increment(id, count - 1).unwrap());
    assert!(world.impatient_counters().sync(&SyncOptions::default()).unwrap().is_clean());
    ids.iter().for_each(|(id, _)| world.store.increment(id, 1).unwrap());
}

pub(super) fn date(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap()
}

fn texts(series: &Series) -> Vec<String> {
    series.iter().map(|(period, count)| format!("{period} {count}")).collect()
}
