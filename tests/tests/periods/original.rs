//! Mistakes of the PHP package with intervals, and its counters without a model.

use chrono::NaiveDateTime;
use counter_core::{CounterId, ManualClock};
use counter_diesel::error::Invalid;
use counter_diesel::query::{Grain, OwnerType, Period, Span, Zone};
use counter_diesel::{
    Config, CounterKey, Counters, HasCounters, Owner, OwnerId, SyncOptions, ToOwnerId,
};
use counter_tests::fixtures::bucket_of;
use counter_tests::suite::Case;
use counter_tests::world::World;

use super::read::{PAGE, PageCounter, at, date, of, put};
use super::rows;

/// The counters without a model, which no derive can declare.
struct Site;

impl HasCounters for Site {
    const OWNER_TYPE: OwnerType = OwnerType::GLOBAL;
    const KEYS: &'static [CounterKey] = &[];

    fn grains_of(key: &CounterKey) -> &'static [Grain] {
        if key.as_str() == "sign-ups" { &[Grain::Day, Grain::Month] } else { &[] }
    }

    fn gauge_grains_of(_gauge: &CounterKey) -> &'static [Grain] {
        &[Grain::Month]
    }

    fn counter_owner_id(&self) -> Result<OwnerId, Invalid> {
        0.to_owner_id()
    }
}

pub(super) const ONCE: &[Case<World>] = &[
    ("each label is its own month, also where a sync runs on the 31st", |world| {
        let months = ["2026-01", "2026-02", "2026-04", "2026-06"].map(|it| format!("month:{it}"));
        let ids = months.clone().map(|month| bucket_of(&of("sales"), &month));
        ids.iter().zip(1..).for_each(|(id, count)| world.store.increment(id, count).unwrap());
        let counters = at(world, micros("2026-03-31T12:00:00"));
        assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
        assert_eq!(rows(world, &ids), [1, 2, 3, 4]);
        let year = Span::last(12, Grain::Month);
        let series = counters.series(&PAGE, PageCounter::Sales, year).unwrap();
        let counted = series.iter().filter(|(_, count)| *count != 0);
        let counted = counted.map(|(month, count)| format!("{month} {count}")).collect::<Vec<_>>();
        assert_eq!(counted, ["month:2026-01 1", "month:2026-02 2"]);
        assert_eq!(series.len(), 12);
    }),
    (
        "a Sunday is in the week that ends with it, in the store, in the table and in reads",
        |world| {
            let sunday = at(world, micros("2026-11-29T23:59:59"));
            sunday.increment(&PAGE, PageCounter::Visits, 3).unwrap();
            let week = bucket_of(&of("visits"), "week:2026-W48");
            let is_right = |rows_there: i64| {
                let this_week = sunday.during(Span::last(1, Grain::Week));
                assert_eq!(this_week.get(&PAGE, PageCounter::Visits).unwrap(), 3);
                let monday = at(world, micros("2026-11-30T00:00:00"));
                let weeks = monday.series(&PAGE, PageCounter::Visits, Span::last(2, Grain::Week));
                assert_eq!(weeks.unwrap().values().collect::<Vec<_>>(), [3, 0]);
                assert_eq!(rows(world, std::slice::from_ref(&week)), [rows_there]);
            };
            is_right(0);
            assert!(sunday.sync(&SyncOptions::default()).unwrap().is_clean());
            is_right(3);
        },
    ),
    ("what was counted keeps its label where the configured zone changes", |world| {
        let in_zone = |zone: Zone| {
            let mut config = Config::default();
            config.zone = zone;
            let clock = ManualClock::at_micros(micros("2026-11-28T22:00:00"));
            world.counters_with(config).with_clock(clock)
        };
        let (before, after) = (in_zone(Zone::UTC), in_zone("+05:30".parse().unwrap()));
        before.increment(&PAGE, PageCounter::Views, 1).unwrap();
        assert!(before.sync(&SyncOptions::default()).unwrap().is_clean());
        before.increment(&PAGE, PageCounter::Views, 1).unwrap();
        after.increment(&PAGE, PageCounter::Views, 10).unwrap();
        let days = |counters: &Counters| {
            let days = Span::between(Grain::Day, date(2026, 11, 28), date(2026, 11, 30));
            let series = counters.series(&PAGE, PageCounter::Views, days).unwrap();
            series.values().collect::<Vec<_>>()
        };
        for counters in [&before, &after] {
            assert_eq!(days(counters), [2, 10]);
        }
        assert!(after.sync(&SyncOptions::default()).unwrap().is_clean());
        assert_eq!(days(&before), [2, 10]);
        let today = |counters: &Counters| {
            let today = counters.during(Span::last(1, Grain::Day));
            today.get(&PAGE, PageCounter::Views).unwrap()
        };
        assert_eq!((today(&before), today(&after)), (2, 10));
    }),
    ("counters without a model are counted by days, set by months, and have gauges", |world| {
        let counters = at(world, micros("2026-11-28T14:30:00"));
        for (at, by) in [("2026-11-27T01:00:00", 4), ("2026-11-28T01:00:00", 10)] {
            let event = at.parse::<NaiveDateTime>().unwrap().and_utc();
            counters.at(event).increment(&Site, "sign-ups", by).unwrap();
        }
        assert_eq!(counters.get(Owner::global(), "sign-ups").unwrap(), 14);
        let days = counters.series(&Site, "sign-ups", Span::last(3, Grain::Day)).unwrap();
        assert_eq!(days.values().collect::<Vec<_>>(), [0, 4, 10]);
        assert_eq!(days.sum().unwrap(), 14);
        let month = |month| Period::month(2026, month).unwrap();
        let history = [(9, 90), (10, 100)].map(|(at, n)| (&Site, "sign-ups", month(at), n));
        assert!(counters.set_periods(history).unwrap().iter().all(Result::is_ok));
        let months = counters.series(&Site, "sign-ups", Span::last(3, Grain::Month)).unwrap();
        assert_eq!(months.values().collect::<Vec<_>>(), [90, 100, 14]);
        counters.record(&Site, "members", 5).unwrap();
        counters.record(&Site, "members", 6).unwrap();
        assert_eq!(counters.latest(&Site, "members").unwrap(), Some((month(11), 6)));
        let id = CounterId::of(&Owner::global(), &"members".parse().unwrap());
        assert_eq!(rows(world, &[bucket_of(&id, "month:2026-11"), id]), [6, 6]);
    }),
    ("an old bucket that is deleted goes alone, whatever is pending beside it", |world| {
        put(world, "sales", &[("month:2026-09", 5), ("month:2026-10", 7)]);
        world.store.increment(&of("sales"), 12).unwrap();
        let counters = at(world, micros("2026-11-28T14:30:00"));
        let september = counters.during(Period::month(2026, 9).unwrap());
        september.delete(&PAGE, PageCounter::Sales).unwrap();
        assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
        let months = counters.series(&PAGE, PageCounter::Sales, Span::last(3, Grain::Month));
        assert_eq!(months.unwrap().values().collect::<Vec<_>>(), [0, 7, 0]);
        assert_eq!(counters.get(&PAGE, PageCounter::Sales).unwrap(), 12);
    }),
];

fn micros(civil: &str) -> i64 {
    civil.parse::<NaiveDateTime>().unwrap().and_utc().timestamp_micros()
}
