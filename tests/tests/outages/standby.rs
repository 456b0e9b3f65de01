//! A standby of PostgreSQL that follows its primary, is asked for what it cannot do, and takes its
//! place.

use counter_diesel::error::LedgerStep;
use counter_diesel::{Counters, Error, postgres_pool};
use counter_tests::command::counter;
use counter_tests::database::ServerConnection as _;
use counter_tests::fixtures::post;
use counter_tests::process::wait_for;
use counter_tests::program::Program;
use counter_tests::proxy::Proxy;
use counter_tests::servers::postgres::Postgres;
use counter_tests::servers::{Durability, RedisServer};
use diesel::connection::SimpleConnection as _;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel::{Connection as _, PgConnection};

use super::{everything_said, sync, sync_cleanly};

/// Returns counters in the database of the server whose socket is in the folder of this URL.
fn counters_at(url: &str, redis: &RedisServer) -> Counters {
    let pool = postgres_pool(url, 4).unwrap();
    Counters::builder(pool).redis(&redis.url()).build().unwrap()
}

fn promote(standby: &Postgres) {
    let mut conn = PgConnection::establish(&standby.url("postgres")).unwrap();
    conn.batch_execute("SELECT pg_promote()").unwrap();
    let primary = "SELECT (NOT pg_is_in_recovery())::int::bigint AS n";
    wait_for("the promotion", || (conn.number(primary) == 1).then_some(()));
}

/// Waits until the standby has the row of a counter that has this value there.
fn wait_for_row(at_standby: &Counters, value: i64) {
    wait_for("the standby to follow", || {
        (at_standby.baseline(post(1), "views").ok()? == value).then_some(())
    });
}

#[test]
fn a_standby_is_read_and_refuses_a_sync_until_it_is_promoted() {
    let (primary, redis) = (Postgres::new(Durability::Off), RedisServer::start());
    let at_primary = counters_at(&primary.url("postgres"), &redis);
    at_primary.run_pending_migrations().unwrap();
    let standby = primary.standby();
    let url = standby.url("postgres");
    let at_standby = counters_at(&url, &redis);
    at_primary.increment(post(1), "views", 5).unwrap();
    assert_eq!(sync_cleanly(&at_primary).applied, 1);
    wait_for_row(&at_standby, 5);

    assert!(at_standby.run_pending_migrations().unwrap().is_empty());
    let migrate = Program::start(counter(&url, &redis.url()).arg("migrate")).finish();
    assert_eq!(migrate.code(), 0, "{migrate:?}");
    at_standby.increment(post(1), "views", 2).unwrap();
    assert_eq!(at_standby.get(post(1), "views").unwrap(), 7);
    for _ in 0..2 {
        let error = match sync(&at_standby) {
            Ok(report) => report.stopped.expect("it stops"),
            Err(error) => error,
        };
        assert!(is_read_only(&error), "{error:?}");
        let said = everything_said(&error);
        assert!(said.contains("read-only transaction"), "{said}");
    }
    assert_eq!(at_standby.get(post(1), "views").unwrap(), 7);
    assert_eq!(at_primary.baseline(post(1), "views").unwrap(), 5);

    drop(primary);
    promote(&standby);
    let _ = sync(&at_standby);
    let _ = sync_cleanly(&at_standby);
    assert_eq!(at_standby.baseline(post(1), "views").unwrap(), 7);
    assert_eq!(at_standby.get(post(1), "views").unwrap(), 7);
}

#[test]
fn a_standby_that_takes_the_place_of_its_primary_is_reached_by_the_next_passes() {
    let (mut primary, redis) = (Postgres::new(Durability::Off), RedisServer::start());
    let proxy = Proxy::to_socket(&primary.socket());
    let through = format!("postgres:///postgres?host={}&user=postgres", proxy.folder().display());
    let counters = counters_at(&through, &redis);
    counters.run_pending_migrations().unwrap();
    let standby = primary.standby();
    let at_standby = counters_at(&standby.url("postgres"), &redis);
    counters.increment(post(1), "views", 5).unwrap();
    assert_eq!(sync_cleanly(&counters).applied, 1);
    wait_for_row(&at_standby, 5);

    // The name leads to the standby before that is promoted, as names do.
    proxy.lead_to(&standby.socket());
    primary.stop();
    counters.increment(post(1), "views", 2).unwrap();
    let early = sync(&counters);
    assert!(!early.is_ok_and(|report| report.is_clean()));
    promote(&standby);
    let _ = sync(&counters);
    let _ = sync_cleanly(&counters);
    assert_eq!(counters.baseline(post(1), "views").unwrap(), 7);
    counters.set(post(1), "views", 9).unwrap();
    assert_eq!(at_standby.baseline(post(1), "views").unwrap(), 9);
}

fn is_read_only(error: &Error) -> bool {
    use DatabaseErrorKind::ReadOnlyTransaction;
    let Error::Database { step: LedgerStep::Upsert | LedgerStep::State, source } = error else {
        return false;
    };
    matches!(source, DieselError::DatabaseError(ReadOnlyTransaction, _))
}
