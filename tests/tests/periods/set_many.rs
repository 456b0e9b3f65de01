//! Many counters and buckets that are set at once, as an import does.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::NaiveDateTime;
use counter_core::{CounterId, ManualClock};
use counter_diesel::query::{Grain, Period, Span};
use counter_diesel::{Config, Counters, Error, Owner, SyncOptions};
use counter_tests::faults::{Fault, Faults, FaultyStore};
use counter_tests::fixtures::{bucket_of, post, views_of};
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
    ("a set of many stops asking a store that does not answer", |world| {
        let (calls, counted) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let seen = Arc::clone(&calls);
        let faults = Faults::deciding(move |step| {
            let is_it = step == "replace_many";
            seen.fetch_add(is_it.into(), Ordering::Relaxed);
            is_it.then_some(Fault::Before)
        });
        let counters = world.counters_behind(&faults, Config::default());
        let outcomes = counters.set_many(sets_of(1_000)).unwrap();
        assert_eq!((outcomes.len(), calls.load(Ordering::Relaxed)), (1_000, 2));
        let is_unknown =
            |outcome: &Result<(), Error>| outcome.as_ref().is_err_and(Error::is_outcome_unknown);
        assert!(outcomes[..400].iter().all(is_unknown), "{:?}", outcomes[0]);
        for outcome in &outcomes[400..] {
            let error = outcome.as_ref().unwrap_err();
            assert!(error.is_not_counted(), "{error:?}");
            assert!(counter_diesel::error::one_line(error).contains("none of 400"), "{error:?}");
        }
        assert_eq!(counters.get(post(1_000), "views").unwrap(), 0);
        // One batch that fails is not enough.
        let seen = Arc::clone(&counted);
        let faults = Faults::deciding(move |step| {
            let nth = if step == "replace_many" { seen.fetch_add(1, Ordering::Relaxed) } else { 1 };
            (nth == 0).then_some(Fault::Before)
        });
        let counters = world.counters_behind(&faults, Config::default());
        let outcomes = counters.set_many(sets_of(600)).unwrap();
        assert!(
            outcomes[200..].iter().all(Result::is_ok) && outcomes[..200].iter().all(is_unknown)
        );
    }),
    ("a set of many does not ask a database that is away for each two hundred", |world| {
        let begun = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&begun);
        let faults = Faults::deciding(move |step| {
            seen.fetch_add((step == "begin").into(), Ordering::Relaxed);
            (step == "begin").then_some(Fault::Before)
        });
        let counters = world.counters_behind(&faults, Config::default());
        let outcomes = counters.set_many(sets_of(1_000)).unwrap();
        assert!(outcomes.iter().all(Result::is_ok));
        assert!(begun.load(Ordering::Relaxed) <= 2, "{}", begun.load(Ordering::Relaxed));
        assert_eq!(counters.get(post(1_000), "views").unwrap(), 1_000);
        assert!(world.impatient_counters().sync(&SyncOptions::default()).unwrap().is_clean());
        assert_eq!(rows(world, &[1, 999].map(views_of)), [1, 999]);
        let asked = Faults::none();
        let counters = world.counters_behind(&asked, Config::default());
        assert!(counters.set_many::<&Page, PageCounter>([]).unwrap().is_empty());
        assert_eq!(asked.steps(), 0, "there is nothing to ask for");
    }),
    ("what is rolled up is asked for once by a set of many periods, and once in vain", |world| {
        for is_away in [false, true] {
            let asked = Arc::new(AtomicUsize::new(0));
            let seen = Arc::clone(&asked);
            let faults = Faults::deciding(move |step| {
                seen.fetch_add((step == "kept").into(), Ordering::Relaxed);
                (is_away && step == "kept").then_some(Fault::Before)
            });
            let counters = world.counters_behind(&faults, Config::default());
            let counters = counters.with_clock(ManualClock::at_micros(NOW));
            let (pages, day) = (of_pages(500), Period::day(date(2026, 11, 28)));
            let sets = pages.iter().map(|page| (page, PageCounter::Views, day, page.id));
            assert!(counters.set_periods(sets).unwrap().iter().all(Result::is_ok));
            let sets = pages.iter().map(|page| (page, PageCounter::Views, page.id));
            assert!(counters.during(day).set_many(sets).unwrap().iter().all(Result::is_ok));
            // One of each call is since when the buckets are kept.
            let asked = asked.load(Ordering::Relaxed);
            assert!((2..=4).contains(&asked), "{asked}, {is_away}");
        }
    }),
    ("one counter of many whose answer is lost does not keep the others from the table", |world| {
        let faults = Faults::none();
        let mut store = FaultyStore::new(Arc::clone(&world.store), &faults);
        store.unanswered = Some(views_of(2));
        let mut config = Config::default();
        config.prefix = world.prefix.clone();
        let counters = Counters::from_parts(config, Arc::new(store), Arc::clone(&world.ledger));
        let outcomes = counters.set_many(sets_of(3)).unwrap();
        let is_unknown =
            |outcome: &Result<(), Error>| outcome.as_ref().is_err_and(Error::is_outcome_unknown);
        let unknown = outcomes.iter().map(is_unknown).collect::<Vec<_>>();
        assert_eq!(unknown, [false, true, false], "{outcomes:?}");
        let ids: [CounterId; 3] = [1, 2, 3].map(views_of);
        assert_eq!(rows(world, &ids), [1, 0, 3]);
        // The process knows of which counter it may have a claim.
        assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
        assert_eq!(rows(world, &ids), [1, 2, 3]);
    }),
    ("all of a call set the period of one instant, also over midnight", |world| {
        let clock = ManualClock::at_micros(NOW);
        let counters = world.counters().with_clock(clock.clone());
        let pages = [Page { id: 7 }, Page { id: 8 }];
        let sets = pages.iter().map(|page| {
            clock.advance(std::time::Duration::from_secs(24 * 3600));
            (page, PageCounter::Views, page.id)
        });
        let outcomes = counters.during(Span::last(1, Grain::Day)).set_many(sets).unwrap();
        assert!(outcomes.iter().all(Result::is_ok));
        let day = Period::day(date(2026, 11, 28));
        assert_eq!(counters.during(day).load(&pages, [PageCounter::Views]).unwrap(), [[7], [8]]);
    }),
];

fn of_pages(pages: i64) -> Vec<Page> {
    (1..=pages).map(|id| Page { id }).collect()
}

/// Sets the views of each post to the number of the post.
fn sets_of(posts: i64) -> impl Iterator<Item = (Owner, &'static str, i64)> {
    (1..=posts).map(|id| (post(id), "views", id))
}
