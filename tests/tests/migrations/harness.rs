//! Migrations in Diesel's harnesses.

use std::fs;
use std::path::Path;

use counter_diesel::ledger::{
    CounterConnection, CounterHarness, CounterMigrations, Ledger, PoolLedger, TableName,
};
use counter_tests::database::{self, connect_patiently};
use diesel::backend::Backend;
use diesel::migration::{MigrationSource, MigrationVersion};
use diesel::r2d2::{ConnectionManager, Pool};
use diesel::{Connection, MysqlConnection, PgConnection, SqliteConnection};
use diesel_migrations::{FileBasedMigrations, MigrationHarness};

fn of(table: &str) -> CounterMigrations {
    CounterMigrations::new(&table.parse().unwrap())
}

fn ledger<C: CounterConnection>(url: &str, table: &str) -> PoolLedger<C> {
    let pool = Pool::builder().max_size(1).build(ConnectionManager::<C>::new(url)).unwrap();
    PoolLedger::new(pool, table.parse().unwrap()).unwrap()
}

/// The application's own migration, dated as ours is.
fn application_s(folder: &Path) -> FileBasedMigrations {
    let migration = folder.join("2026-01-01-000000_init");
    fs::create_dir(&migration).unwrap();
    fs::write(migration.join("up.sql"), "CREATE TABLE posts (id INTEGER PRIMARY KEY)").unwrap();
    fs::write(migration.join("down.sql"), "DROP TABLE posts").unwrap();
    FileBasedMigrations::from_path(folder).unwrap()
}

#[test]
fn an_application_runs_ours_in_its_own_harness_on_sqlite_postgres_and_mariadb() {
    let databases = [database::postgres(), database::mariadb(), database::sqlite()];
    let [postgres, mysql, sqlite] = databases.each_ref().map(|database| database.url());
    in_own_harness::<PgConnection>(&postgres);
    in_own_harness::<MysqlConnection>(&mysql);
    in_own_harness::<SqliteConnection>(&sqlite);
}

fn in_own_harness<C>(url: &str)
where
    C: CounterConnection + MigrationHarness<<C as Connection>::Backend>,
    CounterMigrations: MigrationSource<C::Backend>,
{
    let folder = tempfile::tempdir().unwrap();
    let own = application_s(folder.path());
    let mut conn = connect_patiently::<C>(url);
    assert_eq!(versions(&mut conn, of("hits")).len(), 4);
    assert_eq!(versions(&mut conn, own.clone()), ["20260101000000"]);
    assert_eq!(versions(&mut conn, CounterMigrations::default()).len(), 4);
    for table in ["hits", "model_counters"] {
        assert!(versions(&mut conn, of(table)).is_empty(), "{table} was run before");
        ledger::<C>(url, table).state(&Default::default()).unwrap();
    }
    // As `diesel migration revert` does it, which knows the application's folder alone.
    let reverted = conn.revert_last_migration(own).unwrap();
    assert_eq!(reverted, MigrationVersion::from("20260101000000"));
    ledger::<C>(url, "hits").state(&Default::default()).unwrap();
}

fn versions<C, DB: Backend>(conn: &mut C, source: impl MigrationSource<DB>) -> Vec<String>
where
    C: MigrationHarness<DB>,
{
    let run = conn.run_pending_migrations(source).unwrap();
    run.iter().map(ToString::to_string).collect()
}

#[test]
fn our_harness_sees_and_reverts_what_was_run_on_sqlite_postgres_and_mariadb() {
    let databases = [database::postgres(), database::mariadb(), database::sqlite()];
    let [postgres, mysql, sqlite] = databases.each_ref().map(|database| database.url());
    in_our_harness::<PgConnection>(&postgres);
    in_our_harness::<MysqlConnection>(&mysql);
    in_our_harness::<SqliteConnection>(&sqlite);
}

fn in_our_harness<C>(url: &str)
where
    C: CounterConnection,
    CounterMigrations: MigrationSource<C::Backend>,
{
    let table = TableName::default();
    let mut conn = connect_patiently::<C>(url);
    let mut harness = CounterHarness::new(&mut conn, &table);
    assert_eq!(versions(&mut harness, CounterMigrations::default()).len(), 4);
    let ledger = ledger::<C>(url, "model_counters");
    assert_eq!(ledger.pending_migrations().unwrap(), [""; 0]);
    assert!(!harness.has_pending_migration(CounterMigrations::default()).unwrap());
    harness.revert_all_migrations(CounterMigrations::default()).unwrap();
    assert!(ledger.state(&Default::default()).unwrap_err().is_not_migrated());
    assert_eq!(ledger.run_pending_migrations().unwrap().len(), 4);
    ledger.state(&Default::default()).unwrap();
}
