//! Statements that take longer than a sync waits for them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use counter_core::{Config, RedisStore};
use counter_diesel::Counters;
use counter_diesel::ledger::LedgerLimits;
use counter_tests::fixtures::post;
use counter_tests::servers::mariadb::is_mysql;
use counter_tests::site::{Site, ledger_within};
use diesel::connection::SimpleConnection;
use diesel::{Connection, MysqlConnection, PgConnection};

use super::{sync, sync_cleanly};

#[test]
fn a_batch_that_postgres_takes_too_long_over_is_applied_in_parts() {
    a_batch_is_applied_in_parts::<PgConnection>(
        &Site::with_postgres(),
        "CREATE SEQUENCE slept; \
         CREATE FUNCTION sleeping() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         IF nextval('slept') = 1 THEN PERFORM pg_sleep(100); END IF; RETURN NEW; END $$; \
         CREATE TRIGGER sleeping BEFORE INSERT ON model_counters \
         FOR EACH ROW EXECUTE FUNCTION sleeping()",
    );
}

#[test]
fn a_batch_that_mariadb_takes_too_long_over_is_applied_in_parts() {
    a_batch_is_applied_in_parts::<MysqlConnection>(
        &Site::with_mariadb(),
        // A table that keeps what is rolled back.
        "CREATE TABLE slept (n INTEGER) ENGINE = MyISAM; \
         CREATE TRIGGER sleeping BEFORE INSERT ON model_counters FOR EACH ROW BEGIN \
         IF (SELECT COUNT(*) FROM slept) = 0 THEN \
         INSERT INTO slept VALUES (1); DO SLEEP(100); END IF; END",
    );
}

/// The first row ever takes too long. Its statement is ended, so no part of the batch waits
/// for the rows that it has locked.
fn a_batch_is_applied_in_parts<C: Connection + SimpleConnection>(site: &Site, sleeping: &str) {
    const COUNTERS: i64 = 1_000;
    const LIMIT: Duration = Duration::from_secs(4);
    let url = site.database().url();
    // MySQL has no limit for statements that write, so another session ends it after the step's.
    let is_mysql = url.starts_with("mysql") && is_mysql();
    let mut limits = LedgerLimits::default();
    let limit = if is_mysql { &mut limits.step } else { &mut limits.statement };
    *limit = LIMIT;
    let ledger = ledger_within(&url, limits);
    ledger.run_pending_migrations().unwrap();
    let store = RedisStore::builder(site.redis().url()).build().unwrap();
    let counters = Counters::from_parts(Config::default(), Arc::new(store), ledger);
    let _ = sync_cleanly(&counters);
    C::establish(&url).unwrap().batch_execute(sleeping).unwrap();
    (1..=COUNTERS).for_each(|n| counters.increment(post(n), "views", 1).unwrap());
    let started = Instant::now();
    let report = sync(&counters).unwrap();
    let took = started.elapsed();
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.applied, COUNTERS as u64, "{report}");
    assert!((LIMIT..LedgerLimits::default().statement).contains(&took), "{took:?}");
    assert_eq!(counters.baseline(post(COUNTERS), "views").unwrap(), 1);
}
