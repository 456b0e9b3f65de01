//! What everybody gets wrong once, and that the message says what to do.

#![allow(clippy::unwrap_used)]

use std::error::Error as _;
use std::time::Duration;

use counter_core::{Config, RedisStore};
use counter_diesel::{Counters, Error, SyncOptions, mysql_pool, postgres_pool, sqlite_pool};
use counter_tests::faults::{Fault, Faults};
use counter_tests::fixtures::post;
use counter_tests::log::Log;
use counter_tests::world::memory_x_sqlite;

/// What a user reads whose `main` returns this error.
fn shown_by_main(error: Error) -> String {
    format!("{:?}", Box::<dyn std::error::Error>::from(error))
}

#[test]
fn forgotten_migrations_and_a_misspelt_table_are_reported_with_what_to_do() {
    let counters = Counters::builder(sqlite_pool(":memory:", 1).unwrap()).memory().build().unwrap();
    for error in [
        counters.get(post(1), "views").unwrap_err(),
        counters.sync(&SyncOptions::default()).map(drop).unwrap_err(),
    ] {
        let shown = shown_by_main(error);
        for part in
            ["model_counters", "run_pending_migrations()", "COUNTER_TABLE_NAME", "no such table"]
        {
            assert!(shown.contains(part), "{part}: {shown}");
        }
    }
}

#[test]
fn a_sqlite_file_that_cannot_be_opened_is_named() {
    let shown = shown_by_main(sqlite_pool("missing/app.sqlite", 1).map(drop).unwrap_err());
    assert!(shown.contains("missing/app.sqlite: "), "{shown}");
    assert!(shown.contains("unable to open database file"), "{shown}");
}

#[test]
fn a_url_of_another_database_is_refused_with_the_kind_that_is_wanted() {
    let errors = [
        ("postgres://", postgres_pool("mysql://u:s3cret@h/d", 1).map(drop).unwrap_err()),
        ("mysql://", mysql_pool("postgres://u:s3cret@h/d", 1).map(drop).unwrap_err()),
        ("mysql://", mysql_pool("app.sqlite", 1).map(drop).unwrap_err()),
        ("the path of a file", sqlite_pool("postgres://u:s3cret@h/d", 1).map(drop).unwrap_err()),
    ];
    let in_uri = sqlite_pool("file:///nowhere/app.sqlite", 1).map(drop).unwrap_err();
    let in_words = postgres_pool("host=/nowhere password=a://b", 1).map(drop).unwrap_err();
    for error in [in_uri, in_words] {
        assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    }
    for (wanted, error) in errors {
        assert!(matches!(error, Error::Build(_)), "{error}");
        assert!(shown_by_main(error).contains(wanted), "{wanted}");
    }
}

#[test]
fn a_redis_url_of_another_scheme_is_refused_with_those_there_are() {
    let error = RedisStore::builder("http://cache.internal/").build().map(drop).unwrap_err();
    for scheme in ["redis://", "rediss://", "redis+unix://"] {
        assert!(error.to_string().contains(scheme), "{error}");
    }
}

#[test]
fn increments_that_failed_are_shown_one_by_one() {
    let world = memory_x_sqlite();
    let counters = world.counters();
    counters.increment(post(1), "full", i64::MAX).unwrap();
    let increments = [(post(1), "views", 1), (post(1), "full", 1)];
    let shown = shown_by_main(counters.increment_many(increments).unwrap_err());
    assert!(
        shown.starts_with("1 of 2 increments were not certainly counted: [Ok(()), Err("),
        "{shown}"
    );
    assert!(shown.contains("post:1:full"), "{shown}");
}

#[test]
fn a_report_says_why_its_sync_stopped() {
    let world = memory_x_sqlite();
    let faults = Faults::deciding(|step| (step == "begin").then_some(Fault::Refused));
    let counters = world.counters_behind(&faults, Config::default());
    counters.increment(post(1), "views", 1).unwrap();
    let report = counters.sync(&SyncOptions::default()).unwrap();
    let error = report.stopped.as_ref().unwrap();
    let ending = format!("; stopped: {error}: {}", error.source().unwrap());
    assert!(report.to_string().ends_with(&ending), "{report}");
}

#[test]
fn a_worker_that_is_dropped_at_once_is_reported() {
    let world = memory_x_sqlite();
    let counters = world.counters();
    let logged = |run: &dyn Fn()| {
        let log = Log::of(run);
        log.events()
            .iter()
            .any(|event| event.text.contains("dropped before its first sync: keep it"))
    };
    let hour = Duration::from_secs(3600);
    assert!(logged(&|| {
        let _ = counters.spawn_sync(hour).unwrap();
    }));
    assert!(!logged(&|| {
        counters.spawn_sync(hour).unwrap().stop().unwrap();
    }));
    assert!(!logged(&|| counters.spawn_sync(hour).unwrap().detach()));
    assert!(!logged(&|| {
        let worker = counters.spawn_sync(hour).unwrap();
        worker.sync_now();
        assert!(worker.wait_until(Duration::from_secs(60), |status| status.passes > 0));
    }));
}
