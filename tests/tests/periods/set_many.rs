//! Many counters and buckets that are set at once, as an import does.

use std::sync::Arc;

use chrono::NaiveDateTime;
use counter_core::CounterId;
use counter_diesel::query::{Grain, Period, Span};
use counter_diesel::{Config, Error, Owner, SyncOptions};
use counter_tests::faults::{Fault, Faults};
use counter_tests::fixtures::{bucket_of, views_of};
use counter_tests::suite::Case;
use counter_tests::world::World;

use super::read::{PAGE, Page, PageCounter, at, date, of, put};
use super::rows;

/// 28 November 2026, 14:30 UTC.
const NOW: i64 = 1_795_876_200_000_000;

pub(super) const CASES: &[Case<World>] = &[
    ("many totals are set at once, and the last value of one that is named again stays", |world| {
        world.store.increment(&views_of(3), 5).unwrap();
        let counters = world.counters();
        let posts = (1..=450).map(|id| Owner::new("post", id).unwrap()).collect::<Vec<_>>();
        let sets = posts.iter().zip(1..).map(|(post, value)| (post, "views", value));
        let again = [(&posts[0], "views", -1), (&posts[449], "views", -2)];
        let outcomes = counters.set_many(sets.chain(again)).unwrap();
        assert_eq!((outcomes.len(), outcomes.iter().filter(|set| set.is_ok()).count()), (452, 452));
        let ids = [1, 2, 3, 449, 450].map(views_of);
        assert_eq!(rows(world, &ids), [-1, 2, 3, 449, -2], "the table has them at once");
        counters.increment(&posts[2], "views", 1).unwrap();
        let values = counters.get_many(posts.iter().map(|post| (post, "views"))).unwrap();
        assert_eq!((values[0], values[2], values[449]), (-1, 4, -2));
        assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
        assert_eq!(rows(world, &ids), [-1, 2, 4, 449, -2]);
    }),
    ("history is set by periods, any instant of which names it, and totals stay", |world| {
        put(world, "sales", &[("month:2026-10", 5), ("month:2026-11", 7)]);
        world.store.increment(&of("sales"), 12).unwrap();
        let counters = at(world, NOW);
        let month = |text: &str| {
            let instant = text.parse::<NaiveDateTime>().unwrap();
            Period::containing(Grain::Month, instant)
        };
        let other = Page { id: 8 };
        let history = [
            (&PAGE, month("2026-09-30T23:59:59"), 900),
            (&PAGE, month("2026-10-15T12:00:00"), 1_000),
            (&other, month("2026-10-01T00:00:00"), 80),
            (&PAGE, month("2026-09-01T00:00:00"), 901),
        ];
        let sets = history.map(|(page, month, value)| (page, PageCounter::Sales, month, value));
        let outcomes = counters.set_periods(sets).unwrap();
        assert_eq!(outcomes.iter().filter(|set| set.is_ok()).count(), 4);
        let months = Span::last(3, Grain::Month);
        let read = |page: &Page| {
            let series = counters.series(page, PageCounter::Sales, months).unwrap();
            series.values().collect::<Vec<_>>()
        };
        let is_exact = || {
            assert_eq!((read(&PAGE), read(&other)), (vec![901, 1_000, 7], vec![0, 80, 0]));
            assert_eq!(counters.get(&PAGE, PageCounter::Sales).unwrap(), 12);
        };
        is_exact();
        let ids =
            ["month:2026-09", "month:2026-10", "month:2026-11"].map(|m| bucket_of(&of("sales"), m));
        assert_eq!(rows(world, &ids), [901, 1_000, 6]);
        assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
        is_exact();
    }),
    ("one period of many counters is set at once", |world| {
        put(world, "views", &[("day:2026-11-28", 5), ("day:2026-11-27", 1)]);
        let counters = at(world, NOW);
        let today = counters.during(Period::day(date(2026, 11, 28)));
        let pages = [Page { id: 7 }, Page { id: 8 }];
        let outcomes = today.set_many(pages.iter().map(|page| (page, PageCounter::Views, page.id)));
        assert_eq!(outcomes.unwrap().iter().filter(|set| set.is_ok()).count(), 2);
        assert_eq!(today.load(&pages, [PageCounter::Views]).unwrap(), [[7], [8]]);
        let yesterday = counters.during(Period::day(date(2026, 11, 27)));
        assert_eq!(yesterday.get(&PAGE, PageCounter::Views).unwrap(), 1);
    }),
];

pub(super) const ONCE: &[Case<World>] = &[
    ("a set of many that is wrong in the middle sets nothing", |world| {
        let counters = at(world, NOW);
        let (day, month) = (Period::day(date(2026, 11, 28)), Period::month(2026, 11).unwrap());
        let keys = ["views", "", "likes"].map(|key| (&PAGE, key, 7));
        assert!(matches!(counters.set_many(keys), Err(Error::Core(_))));
        let sets = [(&PAGE, PageCounter::Views, day, 1), (&PAGE, PageCounter::Views, month, 2)];
        let error = counters.set_periods(sets).unwrap_err();
        assert!(matches!(error, Error::NotStored { grain: Grain::Month, .. }), "{error:?}");
        let today = counters.during(day);
        let keys = [(&PAGE, PageCounter::Views, 1), (&PAGE, PageCounter::Likes, 2)];
        assert!(matches!(today.set_many(keys), Err(Error::NotStored { .. })));
        let days = counters.during(Span::last(2, Grain::Day));
        let several = days.set_many([(&PAGE, PageCounter::Views, 1)]).unwrap_err();
        assert!(several.to_string().contains("2 periods"), "{several}");
        for key in ["views", "likes"] {
            assert_eq!(counters.get(&PAGE, key).unwrap(), 0);
        }
        assert_eq!(today.get(&PAGE, PageCounter::Views).unwrap(), 0);
        assert!(counters.set_many::<&Page, PageCounter>([]).unwrap().is_empty());
    }),
    ("what the table does not take of a set of many is exact, and comes with a sync", |world| {
        let faults = Faults::deciding(|step| (step == "begin").then_some(Fault::Before));
        let counters = world.counters_behind(&Arc::clone(&faults), Config::default());
        let posts = [1, 2].map(|id| Owner::new("post", id).unwrap());
        let sets = posts.iter().map(|post| (post, "views", 7));
        let outcomes = counters.set_many(sets).unwrap();
        assert_eq!(outcomes.iter().filter(|set| set.is_ok()).count(), 2);
        let ids: [CounterId; 2] = [1, 2].map(views_of);
        assert_eq!(rows(world, &ids), [0, 0]);
        assert_eq!(counters.get(&posts[1], "views").unwrap(), 7);
        assert!(world.counters().sync(&SyncOptions::default()).is_ok());
        assert!(world.impatient_counters().sync(&SyncOptions::default()).unwrap().is_clean());
        assert_eq!(rows(world, &ids), [7, 7]);
    }),
];
