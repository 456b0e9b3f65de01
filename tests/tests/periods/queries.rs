//! What counters counted in periods, inside of queries, on each database.

use counter_diesel::ledger::LockWait;
use counter_diesel::query::{Grain, Period, Span};
use counter_diesel::store::{Claim, ClaimOp, ClaimSeq};
use counter_diesel::{CounterId, Error, HasCounters};
use counter_tests::database::{self, Database};
use counter_tests::fixtures::bucket_of;
use diesel::prelude::*;
use diesel::result::Error as DieselError;
use diesel::{MysqlConnection, PgConnection, SqliteConnection};
use libtest_mimic::Trial;

use super::read::date;

diesel::table! {
    pages (id) { id -> BigInt, next -> Nullable<BigInt>, }
}
diesel::table! {
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
#[counters(keys(views(every(day))))]
struct Note {
    id: String,
}

fn november() -> Period {
    Period::month(2026, 11).unwrap()
}

/// The last two days of November.
fn days() -> Span {
    Span::between(Grain::Day, date(2026, 11, 29), date(2026, 12, 1))
}

/// The queries, for each type of connection.
macro_rules! shows {
    ($conn:expr) => {{
        let conn = $conn;
        let views = |span: Span| Page::counter_in(PageCounter::Views, span);
        // Two spans of one counter in one query, and ordered by the other.
        let rows = pages::table
            .select((pages::id, views(november().into()), views(days())))
            .order((views(days()).desc(), pages::id))
            .load::<(i64, i64, i64)>(conn);
        assert_eq!(rows.unwrap(), [(3, 33, 30), (1, 111, 11), (2, 0, 0), (4, -4, -4)]);
        let viewed = pages::table.filter(views(november().into()).gt(0)).select(pages::id);
        assert_eq!(viewed.order(pages::id).load::<i64>(conn).unwrap(), [1, 3]);
        let most = pages::table.select(pages::id).order(views(november().into()).desc()).limit(1);
        assert_eq!(most.load::<i64>(conn).unwrap(), [1]);
        // An id that is another column's, and may be null.
        let of_next = Page::counter_in_of(pages::next, PageCounter::Views, november());
        let rows = pages::table.select((pages::id, of_next)).order(pages::id);
        assert_eq!(rows.load::<(i64, i64)>(conn).unwrap(), [(1, 0), (2, 111), (3, 0), (4, 33)]);
        // A month of its own, hours that add up to a day, and years beyond 2038.
        let calls = |period: &str| {
            let period = period.parse::<Period>().unwrap();
            let calls = Page::counter_in(PageCounter::Calls, period);
            pages::table.find(1).select(calls).first::<i64>(conn).unwrap()
        };
        let periods =
            ["month:2026-11", "day:2026-11-29", "year:2026", "month:2099-01", "day:1000-01-01"];
        assert_eq!(periods.map(calls), [500, 21, 500, 7, 3]);
        // Texts are compared byte for byte.
        let notes = notes::table.select((notes::id, Note::counter_in(NoteCounter::Views, days())));
        let notes = notes.order(notes::id).load::<(String, i64)>(conn).unwrap();
        assert!(notes.contains(&("a".to_owned(), 8)) && notes.contains(&("B".to_owned(), 0)));
        // What is not kept, and what is no key or no span, is refused.
        let mut refusal = |of| pages::table.select(of).load::<i64>(conn).unwrap_err();
        let month = Span::from(november());
        let DieselError::SerializationError(why) = refusal(Page::counter_in("likes", month)) else {
            panic!("another error");
        };
        assert!(matches!(why.downcast_ref(), Some(Error::NotKept { .. })), "{why}");
        for of in [
            Page::counter_in("", month),
            Page::counter_in("views", Span::last(2, Grain::Month).months_from(31)),
        ] {
            let refused = refusal(of);
            assert!(matches!(&refused, DieselError::SerializationError(_)), "{refused:?}");
        }
        // Nothing is counted in no periods, nor beside another table.
        let none = Span::between(Grain::Day, date(2026, 11, 29), date(2026, 11, 29));
        let nothing = pages::table.find(1).select(views(none));
        assert_eq!(nothing.first::<i64>(conn).unwrap(), 0);
        let other = views(november().into()).in_table(&"other".parse().unwrap());
        assert_eq!(pages::table.find(1).select(other).first::<i64>(conn).unwrap(), 9);
    }};
}

pub(super) fn trials() -> Vec<Trial> {
    let trial = |name: &str, show: fn()| {
        Trial::test(format!("{name}::what_was_counted_in_periods_is_part_of_queries"), move || {
            show();
            Ok(())
        })
    };
    vec![
        trial("sqlite", || {
            let database = filled(database::sqlite());
            shows!(&mut SqliteConnection::establish(&database.url()).unwrap());
        }),
        trial("postgres", || {
            let database = filled(database::postgres());
            shows!(&mut PgConnection::establish(&database.url()).unwrap());
        }),
        trial("mariadb", || {
            let database = filled(database::mariadb());
            shows!(&mut MysqlConnection::establish(&database.url()).unwrap());
        }),
    ]
}

fn filled(database: Box<dyn Database>) -> Box<dyn Database> {
    for sql in [
        "CREATE TABLE pages (id BIGINT PRIMARY KEY, next BIGINT)",
        "INSERT INTO pages VALUES (1, 2), (2, 1), (3, NULL), (4, 3)",
        "CREATE TABLE notes (id VARCHAR(100) PRIMARY KEY)",
        "INSERT INTO notes VALUES ('a'), ('B')",
    ] {
        database.execute(sql).unwrap();
    }
    let counts = [
        ("page", "1", "views", "day:2026-11-01", 100),
        ("page", "1", "views", "day:2026-11-29", 1),
        ("page", "1", "views", "day:2026-11-30", 10),
        ("page", "1", "views", "day:2026-12-01", 1_000),
        ("page", "1", "views", "day:2026-10-31", 10_000),
        ("page", "1", "views", "month:2026-11", 100_000),
        ("page", "1", "likes", "day:2026-11-30", 1_000_000),
        ("page", "3", "views", "day:2026-11-28", 3),
        ("page", "3", "views", "day:2026-11-29", 30),
        ("page", "4", "views", "day:2026-11-30", -4),
        ("page", "1", "calls", "month:2026-11", 500),
        ("page", "1", "calls", "hour:2026-11-29T00", 1),
        ("page", "1", "calls", "hour:2026-11-29T23", 20),
        ("page", "1", "calls", "hour:2026-11-30T00", 300),
        ("page", "1", "calls", "month:2099-01", 7),
        ("page", "1", "calls", "hour:1000-01-01T00", 3),
        ("note", "a", "views", "day:2026-11-30", 8),
        ("note", "b", "views", "day:2026-11-30", 16),
    ];
    fill(&*database, "model_counters", &counts);
    fill(&*database, "other", &[("page", "1", "views", "day:2026-11-30", 9)]);
    database
}

fn fill(database: &dyn Database, table: &str, counts: &[(&str, &str, &str, &str, i64)]) {
    let ledger = database.ledger(table);
    ledger.run_pending_migrations().unwrap();
    let id = |owner_type: &str, owner: &str, key: &str| match owner.parse::<i64>() {
        Ok(owner) => CounterId::new(owner_type, owner, key).unwrap(),
        Err(_) => CounterId::new(owner_type, owner, key).unwrap(),
    };
    let claim = |(owner_type, owner, key, period, by): &(&str, &str, &str, &str, i64)| Claim {
        id: bucket_of(&id(owner_type, owner, key), period),
        seq: ClaimSeq::new(5),
        op: ClaimOp::Add(*by),
    };
    let mut claims = counts.iter().map(claim).collect::<Vec<_>>();
    claims.sort_by(|a, b| a.id.cmp(&b.id));
    let mut transaction = ledger.begin(LockWait::Usual).unwrap();
    assert_eq!(transaction.upsert(&claims).unwrap(), []);
    transaction.commit().unwrap();
}
