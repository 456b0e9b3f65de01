//! Schemas, of which each tenant may have one.

use counter_diesel::ledger::{CounterHarness, CounterMigrations, Ledger, PoolLedger};
use counter_diesel::{Counters, Error, Owner, SyncOptions};
use counter_tests::database::{Database, OwnDatabase, ServerConnection};
use counter_tests::servers::mariadb::MariaDb;
use counter_tests::servers::{Durability, mariadb, postgres};
use diesel::connection::SimpleConnection;
use diesel::migration::MigrationSource;
use diesel::r2d2::{ConnectionManager, Pool};
use diesel::{MysqlConnection, PgConnection};
use diesel_migrations::MigrationHarness;

fn post() -> Owner {
    Owner::new("post", 1).unwrap()
}

fn counters_in<C: ServerConnection>(pool: &Pool<ConnectionManager<C>>, table: &str) -> Counters {
    let builder = Counters::builder(pool.clone()).memory().table_name(table.parse().unwrap());
    let counters = builder.build().unwrap();
    counters.run_pending_migrations().unwrap();
    counters
}

fn sync(counters: &Counters) -> Result<u64, Error> {
    let report = counters.sync(&SyncOptions::default())?;
    assert!(report.is_clean(), "{report:?}");
    Ok(report.applied)
}

#[test]
fn a_schema_with_a_hyphen_is_taken_by_its_name_in_postgres_and_mariadb() {
    let database = OwnDatabase::<PgConnection>::in_server(&postgres::shared_url());
    database.execute("CREATE SCHEMA \"tenant-a\"").unwrap();
    in_schema(&database, "tenant-a");
    let database = OwnDatabase::<MysqlConnection>::in_server(&mariadb::shared_url());
    let schema = format!("{}-a", database.name());
    database.execute(&format!("CREATE DATABASE \"{schema}\"")).unwrap();
    in_schema(&database, &schema);
    database.execute(&format!("DROP DATABASE \"{schema}\"")).unwrap();
}

fn in_schema<C: ServerConnection>(database: &OwnDatabase<C>, schema: &str) {
    let counters = counters_in(&database.pool(2), &format!("{schema}.model_counters"));
    counters.increment(post(), "views", 2).unwrap();
    assert_eq!(sync(&counters).unwrap(), 1);
    assert_eq!(counters.baseline(post(), "views").unwrap(), 2);
}

#[test]
fn the_schema_that_was_found_first_is_kept_in_postgres() {
    let database = OwnDatabase::<PgConnection>::in_server(&postgres::shared_url());
    database.execute("CREATE SCHEMA a; CREATE SCHEMA b").unwrap();
    keeps_the_first(&database, ["a", "b"], |schema| format!("SET search_path TO {schema}"));
}

#[test]
fn the_database_that_was_found_first_is_kept_in_mariadb() {
    let database = OwnDatabase::<MysqlConnection>::in_server(&mariadb::shared_url());
    let other = database.other_schema();
    keeps_the_first(&database, [database.name(), &other], |schema| format!("USE {schema}"));
}

fn keeps_the_first<C: ServerConnection>(
    database: &OwnDatabase<C>,
    [a, b]: [&str; 2],
    moving: impl Fn(&str) -> String,
) {
    let pool = database.pool(1);
    let go = |schema: &str| pool.get().unwrap().batch_execute(&moving(schema)).unwrap();
    go(b);
    let of_b = counters_in(&pool, "model_counters");
    go(a);
    let of_a = counters_in(&pool, "model_counters");
    of_a.increment(post(), "views", 5).unwrap();
    assert_eq!(sync(&of_a).unwrap(), 1);

    go(b);
    of_a.increment(post(), "views", 2).unwrap();
    assert_eq!(of_a.get(post(), "views").unwrap(), 7, "reads keep to the schema");
    assert_eq!(of_a.on(&mut pool.get().unwrap()).get(post(), "views").unwrap(), 7);
    let error = sync(&of_a).unwrap_err();
    assert!(matches!(error, Error::OtherSchema { .. }), "{error:?}");
    let text = error.to_string();
    for part in [&format!("the schema {a} first"), &format!("it is in {b}"), "COUNTER_TABLE_NAME"] {
        assert!(text.contains(part), "{text}");
    }
    // Another one may mean those tables.
    of_b.increment(post(), "views", 100).unwrap();
    assert_eq!(sync(&of_b).unwrap(), 1);

    go(a);
    assert!(sync(&of_a).unwrap() >= 1, "what was counted is still there");
    assert_eq!(of_a.get(post(), "views").unwrap(), 7);
    assert_eq!(of_b.baseline(post(), "views").unwrap(), 100, "reads keep to the schema");
    let named = counters_in(&pool, &format!("{b}.model_counters"));
    go(b);
    assert_eq!(named.baseline(post(), "views").unwrap(), 100);
}

#[test]
fn a_table_that_is_made_later_is_found_then_in_postgres() {
    let database = OwnDatabase::<PgConnection>::in_server(&postgres::shared_url());
    let ledger = PoolLedger::new(database.pool(1), Default::default()).unwrap();
    assert!(ledger.state(&Default::default()).unwrap_err().is_not_migrated());
    assert_eq!(ledger.schema(), None);
    ledger.run_pending_migrations().unwrap();
    ledger.state(&Default::default()).unwrap();
    assert_eq!(ledger.schema().as_deref(), Some("public"));
}

/// A name without a schema means the temporary table, in the session that has it.
#[test]
fn a_temporary_table_of_the_same_name_gets_no_counts_in_postgres() {
    let database = OwnDatabase::<PgConnection>::in_server(&postgres::shared_url());
    let pool = database.pool(1);
    counters_in(&pool, "model_counters");
    let temporary = "CREATE TEMPORARY TABLE model_counters (LIKE model_counters INCLUDING ALL); \
                     CREATE TEMPORARY TABLE model_counters_state \
                     (LIKE model_counters_state INCLUDING ALL)";
    pool.get().unwrap().batch_execute(temporary).unwrap();
    // First counters that meet the temporary table first, then counters that have found the other
    // table before.
    for count in 1..=2 {
        let counters = counters_in(&pool, "model_counters");
        counters.increment(post(), "views", 1).unwrap();
        assert_eq!(sync(&counters).unwrap(), 1);
        assert_eq!(counters.table_name().schema(), Some("public"));
        assert_eq!(counters.get(post(), "views").unwrap(), count);
    }
    let rows = "SELECT count(*) AS n FROM pg_temp.model_counters";
    assert_eq!(pool.get().unwrap().number(rows), 0);
    assert_eq!(database.connect().number("SELECT count AS n FROM model_counters"), 2);
}

#[test]
fn our_harness_reverts_the_tables_that_were_found_in_postgres_and_mariadb() {
    let database = OwnDatabase::<PgConnection>::in_server(&postgres::shared_url());
    database.execute("CREATE SCHEMA a; CREATE SCHEMA b").unwrap();
    reverts_what_was_found(&database, ["a", "b"], |schema| format!("SET search_path TO {schema}"));
    let database = OwnDatabase::<MysqlConnection>::in_server(&mariadb::shared_url());
    let other = database.other_schema();
    let schemas = [database.name(), &other];
    reverts_what_was_found(&database, schemas, |schema| format!("USE {schema}"));
}

fn reverts_what_was_found<C: ServerConnection>(
    database: &OwnDatabase<C>,
    [a, b]: [&str; 2],
    moving: impl Fn(&str) -> String,
) where
    CounterMigrations: MigrationSource<C::Backend>,
{
    let pool = database.pool(1);
    let go = |schema: &str| pool.get().unwrap().batch_execute(&moving(schema)).unwrap();
    go(b);
    let of_b = counters_in(&pool, "model_counters");
    go(a);
    let of_a = counters_in(&pool, "model_counters");
    go(b);
    let table = of_a.table_name();
    assert_eq!(table.schema(), Some(a));
    let mut conn = pool.get().unwrap();
    let mut harness = CounterHarness::new(&mut conn, &table);
    let reverted = harness.revert_all_migrations(CounterMigrations::new(&table)).unwrap();
    assert_eq!(reverted.len(), 4);
    drop(conn);
    assert!(of_a.baseline(post(), "views").unwrap_err().is_not_migrated());
    assert_eq!(of_b.baseline(post(), "views").unwrap(), 0);
    assert_eq!(of_a.run_pending_migrations().unwrap().len(), 4);
}

/// With this option, as on Windows, names are kept in lower case.
#[test]
fn a_table_is_found_by_a_mariadb_that_writes_names_in_lower_case() {
    let option = ["--lower-case-table-names=1"];
    let server = MariaDb::with_options(Durability::Off, &option);
    let database = OwnDatabase::<MysqlConnection>::in_server(&server.url("mysql"));
    for (count, name) in [(1, "Page_Counters"), (2, "page_counters")] {
        let counters = counters_in(&database.pool(1), name);
        counters.increment(post(), "views", 1).unwrap();
        assert_eq!(sync(&counters).unwrap(), 1);
        assert_eq!(counters.get(post(), "views").unwrap(), count);
        assert_eq!(counters.pending_migrations().unwrap(), [""; 0]);
    }
}
