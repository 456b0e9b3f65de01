//! The rows as an application's Diesel queries see them, on each database.

use chrono::NaiveDate;
use counter_diesel::ledger::LockWait;
use counter_diesel::schema::{PeriodCount, model_counters_periods as periods};
use counter_diesel::store::{Claim, ClaimOp, ClaimSeq};
use counter_diesel::{CounterId, Owner};
use counter_tests::database::{self, Database};
use counter_tests::fixtures::bucket_of;
use diesel::prelude::*;
use diesel::{MysqlConnection, PgConnection, SqliteConnection};
use libtest_mimic::Trial;

/// The queries, for each type of connection.
macro_rules! shows {
    ($conn:expr) => {{
        let conn = $conn;
        let days = PeriodCount::of(&owner()).unwrap().filter(periods::grain.eq("day"));
        let found = days.clone().order(periods::starts_at).load::<PeriodCount>(conn).unwrap();
        let texts = found.iter().map(|row| row.period().unwrap().to_string()).collect::<Vec<_>>();
        assert_eq!(texts, ["day:2026-11-30", "day:2026-12-01", "day:2026-12-02"]);
        assert_eq!(found.iter().map(|row| row.count).collect::<Vec<_>>(), [1, 2, 3]);
        assert!(found.iter().all(|row| row.owner().unwrap() == owner() && row.claim_seq == 5));
        let december = NaiveDate::from_ymd_opt(2026, 12, 1).unwrap().and_hms_opt(0, 0, 0).unwrap();
        let since = days.filter(periods::starts_at.ge(december));
        let counts = since.select(periods::count).order(periods::starts_at).load::<i64>(conn);
        assert_eq!(counts.unwrap(), [2, 3]);
        // The last day that Diesel can send to MariaDB.
        let last = NaiveDate::from_ymd_opt(2038, 1, 18).unwrap().and_hms_opt(0, 0, 0).unwrap();
        let all = PeriodCount::of(&owner()).unwrap().filter(periods::starts_at.lt(last));
        assert_eq!(all.count().get_result::<i64>(conn).unwrap(), 4);
        let found = periods::table.find(found[1].id()).first::<PeriodCount>(conn).unwrap();
        assert_eq!((found.count, found.starts_at), (2, december));
    }};
}

pub(super) fn trials() -> Vec<Trial> {
    let trial = |name: &str, show: fn()| {
        Trial::test(format!("{name}::rows_are_read_filtered_and_added_up_by_queries"), move || {
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

fn owner() -> Owner {
    Owner::new("post", "a-text").unwrap()
}

fn filled(database: Box<dyn Database>) -> Box<dyn Database> {
    let ledger = database.ledger("model_counters");
    ledger.run_pending_migrations().unwrap();
    let views = CounterId::new("post", "a-text", "views").unwrap();
    let other = CounterId::new("post", 0, "views").unwrap();
    let mut claims = ["day:2026-11-30", "day:2026-12-01", "day:2026-12-02", "month:2026-11"]
        .iter()
        .zip(1..)
        .flat_map(|(period, n)| [(bucket_of(&views, period), n), (bucket_of(&other, period), 100)])
        .map(|(id, by)| Claim { id, seq: ClaimSeq::new(5), op: ClaimOp::Add(by) })
        .collect::<Vec<_>>();
    claims.sort_by(|a, b| a.id.cmp(&b.id));
    let mut transaction = ledger.begin(LockWait::Usual).unwrap();
    assert_eq!(transaction.upsert(&claims).unwrap(), []);
    transaction.commit().unwrap();
    database
}
