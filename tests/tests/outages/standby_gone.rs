//! A standby that commits wait for, and that is gone.

use std::thread;
use std::time::{Duration, Instant};

use counter_tests::fixtures::post;
use counter_tests::site::Site;
use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};

use super::locked_tables::CALLS;

#[test]
fn every_call_ends_while_a_commit_waits_for_a_standby_that_is_gone() {
    let site = Site::with_postgres();
    let counters = site.counters();
    counters.increment(post(1), "views", 1).unwrap();
    let mut conn = PgConnection::establish(&site.database().url()).unwrap();
    let mut wait_for = |standby: &str| {
        conn.batch_execute("SET synchronous_commit = local").unwrap();
        let setting = format!("ALTER SYSTEM SET synchronous_standby_names = '{standby}'");
        conn.batch_execute(&setting).unwrap();
        conn.batch_execute("SELECT pg_reload_conf()").unwrap();
    };
    wait_for("gone");
    thread::scope(|scope| {
        for (name, call) in CALLS {
            let counters = site.database().builder().redis(&site.redis().url()).build().unwrap();
            scope.spawn(move || {
                let start = Instant::now();
                let result = call(&counters);
                let took = start.elapsed();
                assert!(result.is_ok() && took < limit_of(name), "{name}: {took:?}, {result:?}");
            });
        }
    });
    wait_for("");
    site.last_sync();
    assert_eq!(counters.baseline(post(1), "views").unwrap(), 1);
}

/// A commit is waited for as long as a step of a transaction. A sync has two, and meets the rows
/// that others have locked.
fn limit_of(call: &str) -> Duration {
    Duration::from_secs(match call {
        "set" | "reset" | "delete" => 40,
        "sync" => 80,
        _ => 10,
    })
}
