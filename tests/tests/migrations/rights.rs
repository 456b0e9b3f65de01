//! A user who may not make tables, a standby and a file that is read-only.

use std::sync::Arc;
use std::time::Duration;

use counter_core::{
    ClaimSeq, Config, DeltaStore as _, Generation, ManualClock, MemoryStore, RedisStore,
};
use counter_diesel::ledger::{CounterConnection, Ledger, PoolLedger, TableName};
use counter_diesel::query::{Grain, Period};
use counter_diesel::{Counters, Error, SyncOptions};
use counter_tests::database::{Database, OwnDatabase, ServerConnection, SqliteFile};
use counter_tests::every_call::make_calls;
use counter_tests::faults::{Faults, FaultyStore};
use counter_tests::fixtures::{post, views_of};
use counter_tests::patient_store::PatientStore;
use counter_tests::server_contract::{adds, apply};
use counter_tests::servers::postgres::Postgres;
use counter_tests::servers::redis::shared_url;
use counter_tests::servers::{Durability, mariadb, postgres};
use counter_tests::store_worlds::{new_prefix, patient};
use diesel::r2d2::{ConnectionManager, Pool};
use diesel::{MysqlConnection, PgConnection, SqliteConnection};

/// The tables that docs/adopting.md names, in its order: the first four are all that an application
/// needs that does not migrate.
const TABLES: [&str; 5] = [
    "model_counters",
    "model_counters_periods",
    "model_counters_kept",
    "model_counters_state",
    "model_counters_migrations",
];

const RIGHTS: &str = "SELECT, INSERT, UPDATE, DELETE";

fn ledger<C: CounterConnection>(url: &str, table: TableName) -> PoolLedger<C> {
    let pool = Pool::builder().max_size(1).build(ConnectionManager::<C>::new(url)).unwrap();
    PoolLedger::new(pool, table).unwrap()
}

/// Makes a user who may read and write rows of these tables, and no more.
fn make_user<C: ServerConnection>(database: &OwnDatabase<C>, make: &str, tables: &[&str]) {
    database.ledger("model_counters").run_pending_migrations().unwrap();
    let mut conn = database.connect();
    conn.batch_execute(make).unwrap();
    let user = user_of(database);
    for table in tables {
        let grant = format!("GRANT {RIGHTS} ON \"{table}\" TO {user}");
        conn.batch_execute(&C::quoting(&grant)).unwrap();
    }
}

fn user_of<C: ServerConnection>(database: &OwnDatabase<C>) -> String {
    format!("app_{}", database.name())
}

/// The statements that make a user of PostgreSQL, and the address as that user.
fn postgres_user(database: &OwnDatabase<PgConnection>) -> (String, String) {
    let user = user_of(database);
    // A test that failed leaves its user behind, in a server that others use later.
    let make = format!(
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC; \
         DROP ROLE IF EXISTS {user}; CREATE ROLE {user} LOGIN"
    );
    let url = database.url().replace("user=postgres", &format!("user={user}"));
    assert_ne!(url, database.url());
    (make, url)
}

/// The same of MariaDB.
fn mariadb_user(database: &OwnDatabase<MysqlConnection>) -> (String, String) {
    let user = user_of(database);
    let url = database.url();
    let (_, address) = url.split_once('@').unwrap();
    let make = format!("DROP USER IF EXISTS {user}; CREATE USER {user}");
    (make, format!("mysql://{user}@{address}"))
}

fn drop_postgres_user(database: &OwnDatabase<PgConnection>) {
    let user = user_of(database);
    database.execute(&format!("DROP OWNED BY {user}; DROP ROLE {user}")).unwrap();
}

fn drop_mariadb_user(database: &OwnDatabase<MysqlConnection>) {
    database.execute(&format!("DROP USER {}", user_of(database))).unwrap();
}

fn pool_of<C: CounterConnection>(url: &str) -> Pool<ConnectionManager<C>> {
    Pool::builder().max_size(2).build(ConnectionManager::new(url)).unwrap()
}

/// Counters that wait in Redis.
fn counters<C: CounterConnection>(pool: &Pool<ConnectionManager<C>>) -> Counters {
    let mut config = Config::default();
    config.prefix = new_prefix();
    let store = RedisStore::builder(shared_url()).prefix(config.prefix.clone());
    let store = PatientStore(Arc::new(store.timeouts(patient()).build().unwrap()));
    let ledger = PoolLedger::new(pool.clone(), TableName::default()).unwrap();
    Counters::from_parts(config, Arc::new(store), Arc::new(ledger))
}

/// Makes every call as this user.
fn make_calls_as<C: ServerConnection>(url: &str) {
    let pool = pool_of::<C>(url);
    make_calls(&counters(&pool), &pool);
}

type Call = fn(&Counters) -> Result<(), Error>;

/// For each of the four tables a call that needs it.
const CALLS: [Call; 4] = [
    |counters| counters.get(post(1), "views").map(drop),
    |counters| {
        let during = counters.during("day:2026-11-28".parse::<Period>().unwrap());
        during.stored_by([Grain::Day]).get(post(1), "views").map(drop)
    },
    |counters| counters.kept().map(drop),
    |counters| counters.sync(&SyncOptions::default()).map(drop),
];

/// All rights on each table are missing in turn, which is no missing table, although MySQL does not
/// show it then.
fn assert_names_what_is_denied<C: ServerConnection>(database: &OwnDatabase<C>, url: &str) {
    let (user, pool) = (user_of(database), pool_of::<C>(url));
    for (table, call) in TABLES.into_iter().zip(CALLS) {
        let rights = format!("{RIGHTS} ON \"{table}\"");
        database.execute(&C::quoting(&format!("REVOKE {rights} FROM {user}"))).unwrap();
        let error = call(&counters(&pool)).unwrap_err();
        let text = format!("{error:?}");
        assert!(!error.is_not_migrated() && text.contains("denied"), "{table}: {text}");
        let mut words = text.split(|c: char| c != '_' && !c.is_alphanumeric());
        assert!(words.any(|word| word == table), "{table}: {text}");
        database.execute(&C::quoting(&format!("GRANT {rights} TO {user}"))).unwrap();
    }
}

/// With nothing to run it runs; with something, the database's refusal comes out.
fn assert_only_reads<C: ServerConnection>(database: &OwnDatabase<C>, url: &str) {
    let ledger = ledger::<C>(url, TableName::default());
    assert_eq!(ledger.pending_migrations().unwrap(), [""; 0]);
    assert_eq!(ledger.run_pending_migrations().unwrap(), [""; 0]);
    database.execute("DELETE FROM \"model_counters_migrations\"").unwrap();
    let error = ledger.run_pending_migrations().unwrap_err();
    let text = format!("{error:?}");
    assert!(text.contains("denied"), "{text}");
}

#[test]
fn a_postgres_user_without_the_right_to_make_tables_can_find_nothing_to_run() {
    let database = OwnDatabase::<PgConnection>::in_server(&postgres::shared_url());
    let (make, url) = postgres_user(&database);
    make_user(&database, &make, &TABLES);
    assert_only_reads(&database, &url);
    drop_postgres_user(&database);
}

#[test]
fn a_mariadb_user_without_the_right_to_make_tables_can_find_nothing_to_run() {
    let database = OwnDatabase::<MysqlConnection>::in_server(&mariadb::shared_url());
    let (make, url) = mariadb_user(&database);
    make_user(&database, &make, &TABLES);
    assert_only_reads(&database, &url);
    drop_mariadb_user(&database);
}

#[test]
fn a_postgres_user_needs_no_rights_but_those_on_the_four_tables() {
    let database = OwnDatabase::<PgConnection>::in_server(&postgres::shared_url());
    let (make, url) = postgres_user(&database);
    make_user(&database, &make, &TABLES[..4]);
    make_calls_as::<PgConnection>(&url);
    assert_names_what_is_denied(&database, &url);
    drop_postgres_user(&database);
}

#[test]
fn a_mariadb_user_needs_no_rights_but_those_on_the_four_tables() {
    let database = OwnDatabase::<MysqlConnection>::in_server(&mariadb::shared_url());
    let (make, url) = mariadb_user(&database);
    make_user(&database, &make, &TABLES[..4]);
    make_calls_as::<MysqlConnection>(&url);
    assert_names_what_is_denied(&database, &url);
    drop_mariadb_user(&database);
}

/// A row that is newer than all that the store gave out may be of another store, or show an old
/// copy.
#[test]
fn a_user_who_only_reads_needs_both_tables() {
    let database = OwnDatabase::<PgConnection>::in_server(&postgres::shared_url());
    let owner = database.ledger("model_counters");
    owner.run_pending_migrations().unwrap();
    apply(&*owner, &adds([1], 1_000_000_000_000_000));
    let (user, (make, url)) = (user_of(&database), postgres_user(&database));
    let grant = format!("GRANT SELECT ON model_counters, model_counters_state TO {user}");
    database.execute(&format!("{make}; {grant}")).unwrap();
    // The store's newest sequence is far below that of the row, so it may be an old copy.
    let old = MemoryStore::with_clock(ManualClock::at_micros(5));
    old.increment(&views_of(2), 1).unwrap();
    old.claim(&[views_of(2)], Duration::ZERO).unwrap();
    let mut store = FaultyStore::new(Arc::new(old), &Faults::none());
    store.generation = Some(Generation::new("a".into(), "b".into(), ClaimSeq::new(5)));
    let reader = ledger::<PgConnection>(&url, TableName::default());
    let counters = Counters::from_parts(Config::default(), Arc::new(store), Arc::new(reader));
    assert_eq!(counters.get(post(1), "views").unwrap(), 1);
    database.execute(&format!("REVOKE SELECT ON model_counters_state FROM {user}")).unwrap();
    let error = format!("{:?}", counters.get(post(1), "views").unwrap_err());
    assert!(error.contains("permission denied for table model_counters_state"), "{error}");
    drop_postgres_user(&database);
}

#[test]
fn a_standby_of_postgres_finds_nothing_to_run_and_says_that_it_is_read_only_otherwise() {
    let mut server = Postgres::new(Durability::Off);
    let url = server.url("postgres");
    let here = || ledger::<PgConnection>(&url, TableName::default());
    assert_eq!(here().run_pending_migrations().unwrap().len(), 4);
    server.restart_as_standby();
    assert_eq!(here().run_pending_migrations().unwrap(), [""; 0]);
    let other = ledger::<PgConnection>(&url, "hits".parse().unwrap());
    let text = format!("{:?}", other.run_pending_migrations().unwrap_err());
    assert!(text.contains("read-only transaction"), "{text}");
}

#[test]
fn a_file_that_is_read_only_finds_nothing_to_run_and_says_so_otherwise() {
    let file = SqliteFile::new();
    file.ledger("model_counters").run_pending_migrations().unwrap();
    let url = format!("file:{}?mode=ro", file.path());
    let here = |table: &str| ledger::<SqliteConnection>(&url, table.parse().unwrap());
    assert_eq!(here("model_counters").run_pending_migrations().unwrap(), [""; 0]);
    let text = format!("{:?}", here("hits").run_pending_migrations().unwrap_err());
    assert!(text.contains("readonly"), "{text}");
}
