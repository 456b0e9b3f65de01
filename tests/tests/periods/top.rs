//! The owners that counted the most in a span.

use counter_diesel::error::CoreError;
use counter_diesel::query::{Grain, OwnerType, Period, Span, Zone};
use counter_diesel::{Counters, Error, HasCounters, Owner, SyncOptions};
use counter_tests::fixtures::bucket_of;
use counter_tests::suite::Case;
use counter_tests::world::World;

use super::read::{NOW, at, date};

diesel::table! {
    pages (id) { id -> BigInt, }
}
diesel::table! {
    #[sql_name = "all notes"]
    notes (id) { id -> Text, }
}

#[derive(HasCounters)]
#[diesel(table_name = pages)]
#[counters(keys(views(every(day)), likes, calls(every(hour, month))))]
struct Page {
    id: i64,
}

#[derive(HasCounters)]
#[diesel(table_name = notes)]
#[counters(keys(views(every(day))), zone = zone)]
struct Note {
    id: String,
    zone: Option<String>,
}

pub(super) const CASES: &[Case<World>] = &[(
    "the owners that counted the most in a span come first, and those that are gone leave no hole",
    |world| {
        execute(world, "CREATE TABLE \"pages\" (\"id\" BIGINT PRIMARY KEY)");
        execute(world, "INSERT INTO \"pages\" VALUES (1), (2), (4), (6), (7)");
        put(
            world,
            &[
                ("1", "views@day:2026-11-27", 10),
                ("1", "views@day:2026-11-28", 1),
                ("2", "views@day:2026-11-28", 11),
                ("3", "views@day:2026-11-28", 1_000),
                ("4", "views@day:2026-11-28", 5),
                ("5", "views@day:2026-11-28", 999),
                // Buckets outside of the span, of another grain, and of another key.
                ("6", "views@day:2026-11-30", 4_000),
                ("6", "views@month:2026-11", 4_000),
                ("6", "likes@day:2026-11-28", 4_000),
                ("7", "views@day:2026-11-28", -1),
            ],
        );
        let counters = world.counters();
        assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
        let days =
            counters.during(Span::between(Grain::Day, date(2026, 11, 26), date(2026, 11, 30)));
        let top = |n| {
            let top = days.top::<Page>(PageCounter::Views, n).unwrap().into_iter();
            top.map(|(page, views)| (page.id().as_i64().unwrap(), views)).collect::<Vec<_>>()
        };
        assert_eq!(top(3), [(1, 11), (2, 11), (4, 5)], "the smaller id first");
        assert_eq!(top(9), [(1, 11), (2, 11), (4, 5), (7, -1)]);
        assert_eq!((top(1), top(0)), (vec![(1, 11)], vec![]));
        // Pending increments count for the owners that are found.
        put(world, &[("4", "views@day:2026-11-26", 100), ("6", "views@day:2026-11-26", 9_000)]);
        assert_eq!(top(3), [(4, 105), (1, 11), (2, 11)]);
        let month = counters.during(Period::month(2026, 11).unwrap());
        let of_type = month.clone().stored_by([Grain::Day]);
        let owners = of_type.top_of(&OwnerType::new("page").unwrap(), "views", 2).unwrap();
        let owner = |id| Owner::new("page", id).unwrap();
        assert_eq!(owners, [(owner(6), 13_000), (owner(3), 1_000)]);
        assert_eq!(month.top::<Page>(PageCounter::Calls, 2).unwrap().len(), 0);
    },
)];

pub(super) const ONCE: &[Case<World>] = &[
    ("the highest owners of a span may be texts, in a zone that the span names", |world| {
        execute(world, "CREATE TABLE \"all notes\" (\"id\" VARCHAR(99) PRIMARY KEY)");
        execute(world, "INSERT INTO \"all notes\" VALUES ('a'), ('c'), ('7')");
        let counters = at(world, NOW);
        let note = |id: &str| Note { id: id.to_owned(), zone: None };
        for (id, views) in [("a", 1), ("b", 20), ("c", 300), ("A", 4_000)] {
            counters.increment(&note(id), NoteCounter::Views, views).unwrap();
        }
        assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
        let week = Span::last(7, Grain::Day);
        let top = |counters: &Counters, span| {
            let top = counters.during(span).top::<Note>(NoteCounter::Views, 2)?.into_iter();
            let text = |(note, views): (counter_diesel::query::OwnerOf<Note>, i64)| {
                format!("{} {views}", note.id())
            };
            Ok::<_, Error>(top.map(text).collect::<Vec<_>>())
        };
        assert_eq!(top(&counters, week.zone(Zone::UTC)).unwrap(), ["c 300", "a 1"]);
        let needed = top(&counters, week).unwrap_err();
        assert!(matches!(needed, Error::Core(CoreError::Invalid(_))), "{needed:?}");
        assert!(needed.to_string().contains("the span has to name one"), "{needed}");
        let today = "day:2026-11-28".parse::<Period>().unwrap();
        assert_eq!(top(&counters, today.into()).unwrap(), ["c 300", "a 1"]);
    }),
    ("the highest owners of what is not kept, and of no periods, are an error and none", |world| {
        execute(world, "CREATE TABLE \"pages\" (\"id\" BIGINT PRIMARY KEY)");
        let counters = world.counters();
        let week = counters.during(Period::week(2026, 48).unwrap());
        let likes = week.top::<Page>(PageCounter::Likes, 2).unwrap_err();
        assert!(matches!(&likes, Error::NotKept { stored, .. } if stored.is_empty()), "{likes:?}");
        let of_type = week.top_of(&OwnerType::new("page").unwrap(), "views", 2).unwrap_err();
        assert!(matches!(of_type, Error::NotKept { .. }), "{of_type:?}");
        // Hours make up the week, and a thousand years are too many of them.
        assert!(week.top::<Page>(PageCounter::Calls, 2).unwrap().is_empty());
        let day = date(2026, 11, 28);
        let none = counters.during(Span::between(Grain::Day, day, day));
        assert!(none.top::<Page>(PageCounter::Views, 2).unwrap().is_empty());
        put(world, &[("1", "calls@hour:2026-11-28T14", 1)]);
        execute(world, "INSERT INTO \"pages\" VALUES (1)");
        assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
        let weeks = counters.during(Span::last(10_000, Grain::Week));
        let many = weeks.top::<Page>(PageCounter::Calls, 2).unwrap_err();
        assert!(matches!(many, Error::TooManyPeriods { .. }), "{many:?}");
        execute(world, "DROP TABLE \"pages\"");
        let gone = week.top::<Page>(PageCounter::Calls, 2).unwrap_err();
        assert!(matches!(gone, Error::Database { .. }), "{gone:?}");
    }),
];

fn execute(world: &World, sql: &str) {
    world.database.execute(sql).unwrap();
}

/// Counts in buckets of pages, in the store alone.
fn put(world: &World, counts: &[(&str, &str, i64)]) {
    for (page, bucket, count) in counts {
        let (key, period) = bucket.split_once('@').unwrap();
        let total = format!("page:{page}:{key}").parse().unwrap();
        world.store.increment(&bucket_of(&total, period), *count).unwrap();
    }
}
