//! Passwords in the URLs of databases, and what errors, their causes, check-ups and events say of them.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use counter_diesel::ledger::CounterConnection;
use counter_diesel::{Counters, SyncOptions, mysql_pool, postgres_pool};
use counter_tests::fixtures::post;
use counter_tests::log::Log;
use counter_tests::said::everything_said;
use diesel::r2d2::{ConnectionManager, Pool};
use diesel::{MysqlConnection, PgConnection};

/// Nobody listens there, or somebody forgot to escape a password.
const POSTGRES: [&str; 17] = [
    "postgres://u:s3cret@127.0.0.1:1/d",
    "postgres://u:s3cret@127.0.0.1:s3cret/d",
    "postgres://u:s3cret/x@127.0.0.1/d",
    "postgres://u:half@s3cret@127.0.0.1/d",
    "postgres://u:%zzs3cret@127.0.0.1/d",
    "postgres://u:p@nohost.invalid/d?s3cret=1",
    "host=h password=my s3cret",
    "host=h password='my s3cret",
    "postgres:///d?host=/nowhere&user=u&password=s3cret",
    "postgres://u:%00s3cret@127.0.0.1/d",
    "postgres://u:s3cret@[::1/d",
    "postgres://u:s3cret@[]/d",
    "postgres://u:a@[s3cret@h/d",
    "postgres://u:s3cret@127.0.0.1/d?x=1=2",
    "postgres://u@127.0.0.1/d?host&password=s3cret",
    "postgres://u:s3cret@127.0.0.1:1,2/d",
    "hostaddr=s3cret",
];

const MYSQL: [&str; 8] = [
    "mysql://u:s3cret@127.0.0.1:1/d",
    "mysql://u:s3cret@127.0.0.1:s3cret/d",
    "mysql://u:s3cret/x@127.0.0.1/d",
    "mysql://u:half@s3cret@127.0.0.1:1/d",
    "mysql://u:%zzs3cret@127.0.0.1:1/d",
    "mysql://u:%FFs3cret@127.0.0.1/d",
    "s3cret",
    "mysql://u:s3cret@localhost/d?unix_socket=/nowhere&ssl_mode=s3cret",
];

#[test]
fn errors_of_our_pools_do_not_show_a_password() {
    let log = Log::of_process();
    for url in POSTGRES {
        assert_silent(url, &everything_said(&postgres_pool(url, 1).map(drop).unwrap_err()));
    }
    for url in MYSQL {
        assert_silent(url, &everything_said(&mysql_pool(url, 1).map(drop).unwrap_err()));
    }
    let events = log.events();
    assert!(events.iter().any(|told| told.target == "counter_diesel::pool"), "{events:?}");
    events.iter().for_each(|told| assert_silent("events", &format!("{told:?}")));
}

#[test]
fn errors_of_the_application_s_pools_do_not_show_a_password_once_they_are_ours() {
    POSTGRES.iter().for_each(|url| everything_fails_silently::<PgConnection>(url));
    MYSQL.iter().for_each(|url| everything_fails_silently::<MysqlConnection>(url));
}

fn everything_fails_silently<C: CounterConnection>(url: &str) {
    let pool = Pool::builder()
        .max_size(1)
        .connection_timeout(Duration::from_millis(300))
        .build_unchecked(ConnectionManager::<C>::new(url));
    let counters = Counters::builder(pool).memory().build().unwrap();
    let owner = post(1);
    counters.increment(owner.clone(), "views", 1).unwrap();
    let log = Log::of_process();
    let errors = [
        counters.get(owner.clone(), "views").unwrap_err(),
        counters.sync(&SyncOptions::default()).unwrap_err(),
        counters.run_pending_migrations().unwrap_err(),
    ];
    counters.set(owner, "views", 1).unwrap();
    let events = log.events();
    let told = |text| events.iter().any(|told| told.text == text);
    assert!(told("a sync failed") && told("a set is left to the next sync"), "{events:?}");
    events.iter().for_each(|told| assert_silent(url, &format!("{told:?}")));
    for error in &errors {
        assert_silent(url, &everything_said(error));
    }
    let check_up = counters.check();
    assert_silent(url, &format!("{check_up} {check_up:?} {counters:?}"));
}

fn assert_silent(url: &str, said: &str) {
    assert!(!said.contains("s3c") && !said.contains("cret"), "{url}: {said}");
}
