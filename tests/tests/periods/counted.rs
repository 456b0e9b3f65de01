//! Increments that count in a total and in its buckets.

use counter_core::{CounterId, Error as CoreError, ManualClock};
use counter_diesel::schema::{PeriodCount, model_counters_periods};
use counter_diesel::{CounterKey, Counters, Error, HasCounters, Owner, SyncOptions, sqlite_pool};
use counter_tests::fixtures::bucket_of;
use counter_tests::suite::Case;
use counter_tests::world::World;
use diesel::RunQueryDsl;

use super::rows;

#[derive(HasCounters)]
#[counters(keys(views(every(day)), likes, calls(name = "api-calls", every(hour, week, year))))]
struct Page {
    id: i64,
}

const PAGE: Page = Page { id: 7 };

/// The last second of 2026, which is in week 53.
const LAST_SECOND: i64 = 1_798_761_599_000_000;

pub(super) const CASES: &[Case<World>] = &[
    ("a declared key is counted in its total and in the bucket of each grain", |world| {
        let counters = at(world, LAST_SECOND);
        counters.increment(&PAGE, PageCounter::Views, 2).unwrap();
        counters.increment(&PAGE, PageCounter::Calls, 3).unwrap();
        counters.increment(&PAGE, PageCounter::Likes, 4).unwrap();
        PAGE.increment_counter(&counters, PageCounter::Views, 1).unwrap();
        counters.decrement(&PAGE, PageCounter::Calls, 1).unwrap();
        let expected = [
            ("views", "", 3),
            ("views", "day:2026-12-31", 3),
            ("likes", "", 4),
            ("likes", "day:2026-12-31", 0),
            ("api-calls", "", 2),
            ("api-calls", "hour:2026-12-31T23", 2),
            ("api-calls", "week:2026-W53", 2),
            ("api-calls", "year:2026", 2),
            ("api-calls", "day:2026-12-31", 0),
        ];
        assert_pending(world, &expected);
        let report = counters.sync(&SyncOptions::default()).unwrap();
        assert!(report.is_clean() && report.applied == 7, "{report:?}");
        let ids = expected.map(|(key, period, _)| id(key, period));
        assert_eq!(rows(world, &ids), expected.map(|(.., count)| count));
        assert_eq!(counters.get(&PAGE, PageCounter::Views).unwrap(), 3);
    }),
    ("midnight is between two increments, and in none", |world| {
        let clock = ManualClock::at_micros(LAST_SECOND + 999_999);
        let counters = world.counters().with_clock(clock.clone());
        counters.increment(&PAGE, PageCounter::Calls, 1).unwrap();
        clock.set_micros(LAST_SECOND + 1_000_000);
        counters.increment(&PAGE, PageCounter::Calls, 10).unwrap();
        assert_pending(
            world,
            &[
                ("api-calls", "", 11),
                ("api-calls", "hour:2026-12-31T23", 1),
                ("api-calls", "hour:2027-01-01T00", 10),
                ("api-calls", "week:2026-W53", 11),
                ("api-calls", "year:2026", 1),
                ("api-calls", "year:2027", 10),
            ],
        );
    }),
    ("every way to count counts in the buckets, and at one time", |world| {
        let counters = at(world, LAST_SECOND);
        let many = [(&PAGE, PageCounter::Views, 1), (&PAGE, PageCounter::Likes, 2)];
        counters.increment_many(many).unwrap();
        let handle = counters.handle(Page::counter_owner(7).unwrap(), PageCounter::Views).unwrap();
        handle.increment(10).unwrap();
        handle.decrement(1).unwrap();
        // A text is the declared key of that text.
        counters.increment(&PAGE, "views", 100).unwrap();
        counters.increment(&PAGE, CounterKey::from_static("views"), 1_000).unwrap();
        assert_pending(
            world,
            &[("views", "", 1_110), ("views", "day:2026-12-31", 1_110), ("likes", "", 2)],
        );
    }),
    ("an owner known by text is counted in the total alone", |world| {
        let counters = at(world, LAST_SECOND);
        counters.increment(Owner::new("page", 7).unwrap(), "views", 1).unwrap();
        assert_pending(world, &[("views", "", 1), ("views", "day:2026-12-31", 0)]);
    }),
    ("an owner known by text is counted in the buckets of a model that the builder knows", |_| {
        let pool = sqlite_pool(":memory:", 1).unwrap();
        let builder = Counters::builder(pool.clone()).memory().model::<Page>();
        let counters = builder.build().unwrap();
        let counters = counters.with_clock(ManualClock::at_micros(LAST_SECOND));
        counters.run_pending_migrations().unwrap();
        for (owner_type, by) in [("page", 1), ("post", 2)] {
            for key in ["views", "likes"] {
                counters.increment(Owner::new(owner_type, 7).unwrap(), key, by).unwrap();
            }
        }
        let after = counters.transaction(&mut pool.get().unwrap(), |_, after| {
            after.increment(Owner::new("page", 7)?, "views", 10)?;
            after.increment(&PAGE, PageCounter::Views, 100)?;
            after.decrement(&PAGE, PageCounter::Likes, 1)
        });
        after.unwrap();
        assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
        let rows = model_counters_periods::table.load::<PeriodCount>(&mut pool.get().unwrap());
        let [row] = rows.unwrap().try_into().unwrap();
        assert_eq!((row.owner_type.as_str(), row.key.as_str(), row.count), ("page", "views", 111));
        assert_eq!(row.period().unwrap().to_string(), "day:2026-12-31");
        assert_eq!(counters.get(&PAGE, PageCounter::Views).unwrap(), 111);
    }),
    ("one that is not counted is counted nowhere, and the others are", |world| {
        let counters = at(world, LAST_SECOND);
        let full = id("views", "day:2026-12-31");
        world.store.increment(&full, i64::MAX).unwrap();
        let error = counters.increment(&PAGE, PageCounter::Views, 1).unwrap_err();
        assert!(error.is_not_counted(), "{error:?}");
        assert!(error.to_string().contains("page:7:views@day:2026-12-31"), "{error}");
        let other = Page { id: 8 };
        let many = [(&PAGE, PageCounter::Views, 1), (&other, PageCounter::Views, 2)];
        let error = counters.increment_many(many).unwrap_err();
        let Error::Increments { outcomes } = &error else { panic!("{error:?}") };
        assert!(outcomes[0].is_err() && outcomes[1].is_ok(), "{outcomes:?}");
        assert_pending(world, &[("views", "", 0), ("views", "day:2026-12-31", i64::MAX)]);
        let least = counters.increment(&PAGE, PageCounter::Calls, i64::MIN).unwrap_err();
        assert!(least.is_not_counted(), "{least:?}");
        assert_pending(world, &[("api-calls", "", 0), ("api-calls", "year:2026", 0)]);
    }),
    ("a time that has no name is not counted", |world| {
        for micros in [i64::MIN, i64::MAX, -62_000_000_000_000_000, 253_402_300_800_000_000] {
            let counters = at(world, micros);
            let error = counters.increment(&PAGE, PageCounter::Views, 1).unwrap_err();
            assert!(matches!(&error, Error::Core(CoreError::NotCounted { .. })), "{error:?}");
            counters.increment(&PAGE, PageCounter::Likes, 1).unwrap();
        }
        assert_pending(world, &[("views", "", 0), ("likes", "", 4)]);
    }),
    ("a set, a reset and a delete of a total leave its buckets", |world| {
        let counters = at(world, LAST_SECOND);
        counters.increment(&PAGE, PageCounter::Views, 5).unwrap();
        counters.set(&PAGE, PageCounter::Views, 100).unwrap();
        counters.increment(&PAGE, PageCounter::Views, 5).unwrap();
        counters.delete(&PAGE, PageCounter::Views).unwrap();
        assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
        assert_eq!(counters.get(&PAGE, PageCounter::Views).unwrap(), 0);
        assert_eq!(rows(world, &[id("views", "day:2026-12-31")]), [10]);
        assert_eq!(counters.delete_all(&PAGE).unwrap(), 1);
    }),
];

fn at(world: &World, micros: i64) -> Counters {
    world.counters().with_clock(ManualClock::at_micros(micros))
}

fn id(key: &str, period: &str) -> CounterId {
    let total = CounterId::new("page", 7, key).unwrap();
    if period.is_empty() { total } else { bucket_of(&total, period) }
}

fn assert_pending(world: &World, expected: &[(&str, &str, i64)]) {
    let ids = expected.iter().map(|(key, period, _)| id(key, period)).collect::<Vec<_>>();
    let held = world.store.look(&ids).unwrap().held;
    for ((key, period, count), held) in expected.iter().zip(held) {
        assert_eq!(held.unwrap().pending, *count, "{key} {period}");
    }
}
