//! One process at a time, and none waits for ever.

use std::thread;
use std::time::{Duration, Instant};

use counter_diesel::ledger::LedgerLimits;
use counter_tests::database::Database;
use counter_tests::site::ledger_within;
use diesel::{Connection, MysqlConnection, PgConnection, SqliteConnection};

use super::DATABASES;

/// A session that has taken the lock under which migrations are run, and does nothing.
fn locked(name: &str, url: &str) -> Box<dyn std::any::Any> {
    fn after<C: Connection + 'static>(url: &str, lock: &str) -> Box<dyn std::any::Any> {
        let mut conn = C::establish(url).unwrap();
        conn.batch_execute(lock).unwrap();
        Box::new(conn)
    }
    match name {
        "postgres" => after::<PgConnection>(
            url,
            "BEGIN; SELECT pg_advisory_xact_lock(hashtextextended(\
             'counter migrations: model_counters', 0))",
        ),
        "mariadb" => after::<MysqlConnection>(
            url,
            "DO GET_LOCK(SHA2(CONCAT('counter migrations: ', DATABASE(), '.model_counters'), 256), 0)",
        ),
        _ => after::<SqliteConnection>(url, "BEGIN IMMEDIATE"),
    }
}

#[test]
fn a_wait_for_another_s_migrations_ends_in_sqlite_postgres_and_mariadb() {
    thread::scope(|scope| {
        for (name, make) in DATABASES {
            scope.spawn(move || assert_ends(name, &*make()));
        }
    });
}

fn assert_ends(name: &str, database: &dyn Database) {
    let mut limits = LedgerLimits::default();
    limits.migrations = Duration::from_secs(3);
    let ledger = ledger_within(&database.url(), limits);
    let lock = locked(name, &database.url());
    let begun = Instant::now();
    let error = ledger.run_pending_migrations().unwrap_err().to_string();
    let waited = begun.elapsed();
    // SQLite itself waits 5 seconds for a writer.
    let within = limits.migrations..limits.migrations + Duration::from_secs(10);
    assert!(within.contains(&waited), "{name}: {waited:?}");
    let holder = match name {
        "postgres" => "pg_terminate_backend",
        "mariadb" => "KILL",
        _ => "writing to the file",
    };
    for part in ["running the migrations of", "model_counters", holder, "run them again"] {
        assert!(error.contains(part), "{name}: {error}");
    }
    drop(lock);
    assert_eq!(ledger.run_pending_migrations().unwrap().len(), 4, "{name}");
    assert_eq!(ledger.pending_migrations().unwrap(), [""; 0], "{name}");
    // A process that finds nothing to do asks for no lock.
    let lock = locked(name, &database.url());
    assert_eq!(ledger.run_pending_migrations().unwrap(), [""; 0], "{name}");
    drop(lock);
}
