//! How the databases are set up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use counter_core::Config;
use counter_diesel::check::FindingCode as Code;
use counter_diesel::check::Severity::{Error, Note, Warning};
use counter_diesel::check::{CheckUp, Severity};
use counter_diesel::ledger::{CounterConnection, Ledger as _, PoolLedger};
use counter_diesel::{Counters, SyncOptions, mysql_pool, postgres_pool, sqlite_pool};
use counter_tests::database::ServerConnection as _;
use counter_tests::fixtures::post;
use counter_tests::process::wait_for;
use counter_tests::servers::Durability;
use counter_tests::servers::RedisServer;
use counter_tests::servers::mariadb::{self, MariaDb};
use counter_tests::servers::postgres::Postgres;
use diesel::connection::SimpleConnection as _;
use diesel::r2d2::{ConnectionManager, Pool};
use diesel::{Connection as _, MysqlConnection, PgConnection, SqliteConnection};

use super::{DURABLE, found, only};

fn check<C: CounterConnection>(pool: Pool<ConnectionManager<C>>) -> CheckUp {
    let redis = RedisServer::start_with(&DURABLE);
    Counters::builder(pool).redis(&redis.url()).build().unwrap().check()
}

fn migrate<C: CounterConnection>(pool: Pool<ConnectionManager<C>>) {
    let ledger = PoolLedger::new(pool, Config::default().table_name).unwrap();
    Arc::new(ledger).run_pending_migrations().unwrap();
}

/// The settings that were found wrong.
fn settings(check_up: &CheckUp) -> Vec<(Severity, String)> {
    let settings = check_up.findings.iter().map(|finding| {
        assert_eq!(finding.code, Code::DatabaseDurability, "{check_up}");
        (finding.severity, finding.message.split(':').next().unwrap().to_owned())
    });
    settings.collect()
}

fn expected<const N: usize>(settings: [(Severity, &str); N]) -> Vec<(Severity, String)> {
    settings.map(|(severity, setting)| (severity, setting.to_owned())).into()
}

fn postgres(durability: Durability) -> (Postgres, String) {
    let server = Postgres::new(durability);
    let url = server.url("postgres");
    migrate(postgres_pool(&url, 1).unwrap());
    (server, url)
}

#[test]
fn settings_of_postgres_under_which_a_crash_forgets_or_breaks_are_named() {
    let (_server, url) = postgres(Durability::Off);
    let check_up = check(postgres_pool(&url, 1).unwrap());
    let crash = [(Error, "fsync is off"), (Warning, "full_page_writes is off")];
    assert_eq!(settings(&check_up), expected(crash));
    assert!(check_up.database.unwrap().to_string().starts_with("PostgreSQL 15"));
}

#[test]
fn a_postgres_that_commits_asynchronously_is_a_note_for_syncs_ask_for_more() {
    let (_server, url) = postgres(Durability::On);
    assert_eq!(found(&check(postgres_pool(&url, 1).unwrap())), []);
    let url = format!("{url}&options=-c%20synchronous_commit%3Doff");
    let check_up = check(postgres_pool(&url, 1).unwrap());
    assert_eq!(settings(&check_up), expected([(Note, "synchronous_commit is off")]));
}

#[test]
fn a_postgres_that_is_a_standby_is_an_error() {
    let (mut server, url) = postgres(Durability::On);
    server.restart_as_standby();
    let finding = only(&check(postgres_pool(&url, 1).unwrap()), Error, Code::DatabaseRefusesWrites);
    assert!(finding.message.contains("read-only transaction"), "{finding}");
}

/// The migrations need what it does not have.
#[test]
fn an_old_postgres_is_a_warning() {
    let server = Postgres::old(Durability::On);
    let check_up = check(postgres_pool(&server.url("postgres"), 1).unwrap());
    let expected = [(Error, Code::SchemaMissing), (Warning, Code::DatabaseVersion)];
    assert_eq!(found(&check_up), expected, "{check_up}");
    assert!(check_up.to_string().contains("PostgreSQL 12.22 is older"), "{check_up}");
}

/// A write has to wait, and is not refused, while another session locks writers out.
#[test]
fn a_postgres_that_speaks_german_is_understood_when_a_table_is_locked_against_writers() {
    let server = Postgres::speaking("de", Durability::On);
    let url = server.url("postgres");
    migrate(postgres_pool(&url, 1).unwrap());
    let read_only = format!("{url}&options=-c%20default_transaction_read_only%3Don");
    let finding =
        only(&check(postgres_pool(&read_only, 1).unwrap()), Error, Code::DatabaseRefusesWrites);
    assert!(finding.message.contains("kann nicht in einer Read-Only-Transaktion"), "{finding}");
    for table in ["model_counters", "model_counters_state"] {
        let mut other = PgConnection::establish(&url).unwrap();
        other.batch_execute(&format!("BEGIN; LOCK TABLE {table} IN SHARE MODE")).unwrap();
        let pool = postgres_pool(&url, 1).unwrap();
        let finding = only(&check(pool), Warning, Code::DatabaseUnchecked);
        assert!(finding.message.contains("writes: storniere Anfrage"), "{finding}");
    }
}

/// Writers queue behind a session that waits until other writers are done.
#[test]
fn a_postgres_is_busy_where_somebody_waits_to_lock_a_table_against_writers() {
    let (_server, url) = postgres(Durability::On);
    let [mut writer, mut locker, mut watcher] =
        [(); 3].map(|()| PgConnection::establish(&url).unwrap());
    writer.batch_execute("BEGIN; LOCK TABLE model_counters IN ROW EXCLUSIVE MODE").unwrap();
    let locking = thread::spawn(move || {
        locker.batch_execute("BEGIN; LOCK TABLE model_counters IN SHARE MODE; ROLLBACK").unwrap();
    });
    wait_for("a session that waits for the lock", || (watcher.waiting() == 1).then_some(()));
    let finding = only(&check(postgres_pool(&url, 1).unwrap()), Warning, Code::DatabaseUnchecked);
    assert!(finding.message.contains("writes: canceling statement due to lock"), "{finding}");
    writer.batch_execute("ROLLBACK").unwrap();
    locking.join().unwrap();
}

fn mariadb(options: &[&str]) -> (MariaDb, String) {
    let server = MariaDb::with_options(Durability::On, options);
    let mut root = MysqlConnection::establish(&server.url("mysql")).unwrap();
    root.batch_execute("CREATE DATABASE site").unwrap();
    let url = server.url("site");
    migrate(mysql_pool(&url, 1).unwrap());
    (server, url)
}

#[test]
fn settings_of_mariadb_under_which_a_power_cut_forgets_are_named() {
    let (_server, url) = mariadb(&[]);
    let check_up = check(mysql_pool(&url, 1).unwrap());
    assert_eq!(found(&check_up), [], "{check_up}");
    let product = if mariadb::is_mysql() { "MySQL" } else { "MariaDB" };
    assert_eq!(check_up.database.unwrap().product, product);
    let mut root = MysqlConnection::establish(&url).unwrap();
    root.batch_execute("SET GLOBAL innodb_flush_log_at_trx_commit = 2").unwrap();
    let check_up = check(mysql_pool(&url, 1).unwrap());
    let named = "innodb_flush_log_at_trx_commit is 2";
    assert_eq!(settings(&check_up), expected([(Warning, named)]));
}

#[test]
fn a_mariadb_that_does_not_wait_for_its_binary_log_is_a_warning() {
    let (_server, url) = mariadb(&["--log-bin=binlog", "--server-id=1", "--sync-binlog=0"]);
    let check_up = check(mysql_pool(&url, 1).unwrap());
    assert_eq!(settings(&check_up), expected([(Warning, "sync_binlog is 0")]));
}

/// InnoDB takes no writes of a READ COMMITTED transaction into such a log.
#[test]
fn a_binary_log_of_statements_is_written_to_at_another_isolation() {
    let log = ["--log-bin=binlog", "--server-id=1", "--sync-binlog=1"];
    let (_server, url) = mariadb(&[&log[..], &["--binlog-format=STATEMENT"]].concat());
    let check_up = check(mysql_pool(&url, 1).unwrap());
    assert_eq!(found(&check_up), [], "{check_up}");
}

#[test]
fn a_mariadb_that_may_leave_torn_pages_is_a_warning() {
    let (_server, url) = mariadb(&["--innodb-doublewrite=0"]);
    let check_up = check(mysql_pool(&url, 1).unwrap());
    assert_eq!(settings(&check_up), expected([(Warning, "innodb_doublewrite is OFF")]));
}

#[test]
fn a_mariadb_that_is_read_only_is_an_error() {
    let (_server, url) = mariadb(&[]);
    let mut root = MysqlConnection::establish(&url).unwrap();
    let user = "CREATE USER app@localhost; GRANT ALL ON site.* TO app@localhost";
    root.batch_execute(&format!("{user}; SET GLOBAL read_only = 1")).unwrap();
    let as_app = mysql_pool(&url.replace("root@", "app@"), 1).unwrap();
    let finding = only(&check(as_app), Error, Code::DatabaseRefusesWrites);
    assert!(finding.message.contains("read-only"), "{finding}");
}

/// A table of which a user has no right at all is hidden from that user.
#[test]
fn a_mariadb_user_without_rights_on_the_buckets_is_told_so_and_changes_nothing() {
    let (_server, url) = mariadb(&[]);
    let mut root = MysqlConnection::establish(&url).unwrap();
    root.batch_execute("CREATE USER app@localhost").unwrap();
    for suffix in ["", "_state", "_migrations"] {
        let grant = "GRANT SELECT, INSERT, UPDATE, DELETE ON";
        root.batch_execute(&format!("{grant} site.model_counters{suffix} TO app@localhost"))
            .unwrap();
    }
    let as_app = || mysql_pool(&url.replace("root@", "app@"), 1).unwrap();
    let check_up = check(as_app());
    for (finding, table) in check_up.findings.iter().zip(["_periods", "_kept"]) {
        assert_eq!((finding.severity, finding.code), (Warning, Code::SchemaUnusable), "{finding}");
        let denied = "SELECT command denied to user 'app'@'localhost' for table";
        assert!(finding.message.contains(denied) && finding.message.contains(table), "{finding}");
        assert!(finding.advice.contains("let the user select"), "{finding}");
    }
    assert_eq!(check_up.findings.len(), 2, "{check_up}");
    let counters = Counters::builder(as_app()).memory().build().unwrap();
    let owner = post(1);
    counters.increment(&owner, "views", 1).unwrap();
    assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
    let refused = counters.delete_all(&owner).unwrap_err();
    assert!(!refused.is_not_migrated() && refused.to_string().contains("read"), "{refused:?}");
    assert_eq!(counters.get(&owner, "views").unwrap(), 1);
    root.batch_execute("DROP TABLE site.model_counters").unwrap();
}

#[test]
fn a_mariadb_that_speaks_german_is_understood_when_a_table_is_locked_against_writers() {
    let (_server, url) = mariadb(&["--lc-messages=de_DE"]);
    let mut other = MysqlConnection::establish(&url).unwrap();
    let unknown = other.batch_execute("nonsense").unwrap_err().to_string();
    assert!(unknown.starts_with("Fehler"), "{unknown}");
    other.batch_execute("LOCK TABLES model_counters READ").unwrap();
    let finding = only(&check(mysql_pool(&url, 1).unwrap()), Warning, Code::DatabaseUnchecked);
    assert!(finding.message.contains("writes: Lock wait timeout"), "{finding}");
}

fn sqlite_file() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("counters.sqlite").display().to_string();
    migrate(sqlite_pool(&file, 1).unwrap());
    (folder, file)
}

fn sqlite_after(database: &str, sql: &str) -> Pool<ConnectionManager<SqliteConnection>> {
    let manager = ConnectionManager::<SqliteConnection>::new(database);
    let pool = Pool::builder().max_size(1).build(manager).unwrap();
    pool.get().unwrap().batch_execute(sql).unwrap();
    pool
}

#[test]
fn a_sqlite_that_does_not_wait_for_the_disk_is_a_warning() {
    let (_folder, file) = sqlite_file();
    assert_eq!(found(&check(sqlite_pool(&file, 2).unwrap())), []);
    let pool = sqlite_after(&file, "PRAGMA synchronous = NORMAL");
    assert_eq!(settings(&check(pool)), expected([(Warning, "synchronous is 1")]));
}

#[test]
fn a_sqlite_that_is_read_only_is_an_error() {
    let (_folder, file) = sqlite_file();
    for pool in [
        sqlite_after(&format!("file:{file}?mode=ro"), "SELECT 1"),
        sqlite_after(&file, "PRAGMA query_only = 1"),
    ] {
        let finding = only(&check(pool), Error, Code::DatabaseRefusesWrites);
        assert!(finding.message.contains("readonly"), "{finding}");
    }
}

/// A transaction that reads first could not wait for the writers there.
#[test]
fn a_sqlite_that_others_write_to_all_the_time_takes_writes() {
    let (_folder, file) = sqlite_file();
    let counters = || Counters::builder(sqlite_pool(&file, 1).unwrap()).memory().build().unwrap();
    let (writer, checked) = (counters(), counters());
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                writer.increment(post(1), "views", 1).unwrap();
                assert!(writer.sync(&SyncOptions::default()).unwrap().is_clean());
            }
        });
        let check_ups = (0..100).map(|_| checked.check()).collect::<Vec<_>>();
        is_over.store(true, Ordering::Relaxed);
        for check_up in check_ups {
            // On a busy machine it may have waited in vain; that is no refusal.
            assert!(check_up.worst() < Some(Error), "{check_up}");
        }
    });
}

#[test]
fn a_sqlite_that_somebody_has_locked_could_not_be_checked() {
    let (_folder, file) = sqlite_file();
    let mut other = SqliteConnection::establish(&file).unwrap();
    other.batch_execute("BEGIN IMMEDIATE").unwrap();
    let pool = sqlite_after(&file, "PRAGMA synchronous = FULL; PRAGMA busy_timeout = 0");
    let finding = only(&check(pool), Warning, Code::DatabaseUnchecked);
    assert!(finding.message.contains("writes: database is locked"), "{finding}");
}

/// Without a write-ahead log a writer keeps all others from reading too.
#[test]
fn a_sqlite_that_is_locked_as_a_whole_could_not_be_checked() {
    let (_folder, file) = sqlite_file();
    let settings =
        "PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 100";
    let pool = sqlite_after(&file, settings);
    let mut other = SqliteConnection::establish(&file).unwrap();
    other.batch_execute("BEGIN EXCLUSIVE").unwrap();
    let finding = only(&check(pool), Warning, Code::DatabaseUnchecked);
    for what in ["the counters' table", "the table beside it", "migrations"] {
        assert!(finding.message.contains(what), "{finding}");
    }
    assert!(finding.message.contains("database is locked"), "{finding}");
}

#[test]
fn a_check_up_in_a_transaction_of_the_application_s_tests_leaves_that_alive() {
    let (_server, url) = postgres(Durability::On);
    let pool = Pool::builder()
        .max_size(1)
        .connection_customizer(Box::new(diesel::r2d2::TestCustomizer))
        .build(ConnectionManager::<PgConnection>::new(&url))
        .unwrap();
    pool.get().unwrap().batch_execute("DROP TABLE model_counters_state").unwrap();
    only(&check(pool.clone()), Error, Code::SchemaHalfDone);
    pool.get().unwrap().batch_execute("SELECT 1").unwrap();
}
