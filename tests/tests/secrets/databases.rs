//! Pools of databases: what errors, their causes, check-ups and events say.

use std::time::Duration;

use counter_diesel::ledger::CounterConnection;
use counter_diesel::{Counters, Error, SyncOptions, mysql_pool, postgres_pool, sqlite_pool};
use counter_tests::fixtures::post;
use counter_tests::log::Log;
use counter_tests::said::everything_said;
use diesel::r2d2::{ConnectionManager, Pool};
use diesel::{MysqlConnection, PgConnection};

use super::urls::Kind::{Mistyped, Mysql, Postgres, Redis};
use super::urls::{Kind, of};
use super::{assert_silent, for_each};

/// Opens one of our pools, and returns why it did not.
fn flaw(kind: Kind, url: &str) -> Error {
    let opened = match kind {
        Mysql => mysql_pool(url, 1).map(drop),
        Postgres => postgres_pool(url, 1).map(drop),
        _ => sqlite_pool(url, 1).map(drop),
    };
    opened.unwrap_err()
}

#[test]
fn errors_of_our_pools_do_not_show_a_password() {
    let log = Log::of_process();
    let mut cases = of(&[Postgres, Mysql]);
    // A word by itself: of MySQL no URL at all.
    cases.push((Mysql, "s3cret"));
    // URLs of something else.
    for (kind, url) in of(&[Postgres, Mysql, Redis, Mistyped]) {
        let others = [Postgres, Mysql, Kind::File].into_iter().filter(|other| *other != kind);
        let is_url = url.contains("://") && !url.contains(' ');
        cases.extend(others.filter(|_| is_url).map(|other| (other, url)));
    }
    for_each(&cases, |case @ (kind, url)| {
        assert_silent(case, &everything_said(&flaw(*kind, url)));
    });
    let events = log.events();
    assert!(events.iter().any(|logged| logged.target == "counter_diesel::pool"), "{events:?}");
    events.iter().for_each(|logged| assert_silent(&"events", &format!("{logged:?}")));
}

#[test]
fn what_a_driver_quotes_of_a_password_is_replaced_and_the_rest_is_shown() {
    for url in ["postgres://u:s3cret/x@h/d", "host=h password=my s3cret"] {
        let error = flaw(Postgres, url);
        let said = format!("{error} {error:?}");
        assert_silent(&url, &said);
        assert!(said.contains("***"), "{said}");
    }
}

#[test]
fn errors_of_the_application_s_pools_do_not_show_a_password_once_they_are_ours() {
    let log = Log::of_process();
    for_each(&of(&[Postgres]), |(_, url)| everything_fails_silently::<PgConnection>(url));
    for_each(&of(&[Mysql]), |(_, url)| everything_fails_silently::<MysqlConnection>(url));
    everything_fails_silently::<MysqlConnection>("s3cret");
    // What other threads than the caller's have logged.
    log.events().iter().for_each(|logged| assert_silent(&"events", &format!("{logged:?}")));
}

fn everything_fails_silently<C: CounterConnection>(url: &str) {
    let pool = Pool::builder()
        .max_size(1)
        .connection_timeout(Duration::from_millis(300))
        .build_unchecked(ConnectionManager::<C>::new(url));
    let counters = Counters::builder(pool).memory().build().unwrap();
    counters.increment(post(1), "views", 1).unwrap();
    let mut errors = Vec::new();
    let log = Log::of(|| {
        errors.push(counters.get(post(1), "views").unwrap_err());
        errors.push(counters.sync(&SyncOptions::default()).unwrap_err());
        errors.push(counters.run_pending_migrations().unwrap_err());
        counters.set(post(1), "views", 1).unwrap();
    });
    let events = log.events();
    let logged = |text| events.iter().any(|logged| logged.text == text);
    assert!(
        logged("a sync failed") && logged("a set is left to the next sync"),
        "{url}: {events:?}"
    );
    assert_silent(&url, &format!("{events:?}"));
    for error in &errors {
        assert_silent(&url, &everything_said(error));
    }
    let check_up = counters.check();
    assert_silent(&url, &format!("{check_up} {check_up:?} {counters:?}"));
}
