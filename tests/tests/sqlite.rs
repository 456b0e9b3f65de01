//! What only SQLite does.
#![allow(clippy::unwrap_used)]

use counter_diesel::check::FindingCode;
use counter_diesel::ledger::{Ledger, LockWait, PoolLedger, TableName};
use counter_diesel::store::{Claim, ClaimOp, ClaimSeq};
use counter_diesel::{Counters, Error, sqlite_pool};
use counter_tests::fixtures::{post, views_of};
use counter_tests::query_log::QueryLog;
use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::prelude::*;
use diesel::sql_types::Text;

#[test]
fn a_database_in_memory_takes_a_pool_of_one() {
    let ledger = |max_size| {
        let pool = sqlite_pool(":memory:", max_size).unwrap();
        PoolLedger::new(pool, TableName::default())
    };
    let error = ledger(2).unwrap_err();
    assert!(matches!(error, Error::Build(_)), "{error:?}");
    let ledger = ledger(1).unwrap();
    ledger.run_pending_migrations().unwrap();
    assert_eq!(ledger.run_pending_migrations().unwrap(), [""; 0]);
    assert_eq!(ledger.baselines(&[views_of(1)]).unwrap()[0].count, 0);
}

#[test]
fn a_file_that_cannot_be_opened_is_unreachable() {
    let error = sqlite_pool("/nowhere/counters.sqlite", 1).map(drop).unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
}

#[test]
fn the_journal_mode_is_set_once_and_not_by_a_check_up() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("counters.sqlite");
    let pool = sqlite_pool(file.to_str().unwrap(), 1).unwrap();
    let counters = Counters::builder(pool.clone()).memory().build().unwrap();
    counters.run_pending_migrations().unwrap();
    let mut conn = pool.get().unwrap();
    let mode = |conn: &mut SqliteConnection| {
        let mode = diesel::sql_query("SELECT journal_mode AS detail FROM pragma_journal_mode");
        mode.load::<Plan>(conn).unwrap().pop().unwrap().detail
    };
    assert_eq!(mode(&mut conn), "wal");
    conn.batch_execute("PRAGMA journal_mode = DELETE").unwrap();
    // The pool throws the connection away, and makes another one.
    AnsiTransactionManager::transaction_manager_status_mut(&mut *conn).set_in_error();
    drop(conn);
    let before = std::fs::read(&file).unwrap();
    assert_eq!(counters.check().findings, []);
    assert_eq!(mode(&mut pool.get().unwrap()), "delete");
    assert!(std::fs::read(&file).unwrap() == before);
}

#[test]
fn a_uri_that_is_for_reading_leaves_the_file_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("100% counters?.sqlite");
    let pool = sqlite_pool(file.to_str().unwrap(), 1).unwrap();
    PoolLedger::new(pool.clone(), TableName::default()).unwrap().run_pending_migrations().unwrap();
    pool.get().unwrap().batch_execute("PRAGMA journal_mode = DELETE").unwrap();
    drop(pool);
    let before = std::fs::read(&file).unwrap();
    for scheme in ["file:", "sqlite://"] {
        let folder = folder.path().display();
        let uri = format!("{scheme}{folder}/100%25%20counters%3F.sqlite?mode=ro");
        let counters = Counters::builder(sqlite_pool(&uri, 2).unwrap()).memory().build().unwrap();
        assert_eq!(counters.get(post(1), "views").unwrap(), 0);
        let findings = counters.check().findings;
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert_eq!(findings[0].code, FindingCode::DatabaseRefusesWrites);
    }
    assert!(std::fs::read(&file).unwrap() == before);
}

#[test]
fn a_file_that_stays_locked_is_not_taken_for_one_without_tables() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("counters.sqlite");
    let file = file.to_str().unwrap();
    let pool = sqlite_pool(file, 1).unwrap();
    let ledger = PoolLedger::new(pool.clone(), TableName::default()).unwrap();
    ledger.run_pending_migrations().unwrap();
    // Without the write-ahead log a writer keeps readers out.
    let rollback_journal = "PRAGMA busy_timeout = 0; PRAGMA journal_mode = DELETE";
    pool.get().unwrap().batch_execute(rollback_journal).unwrap();
    let mut other = SqliteConnection::establish(file).unwrap();
    other.batch_execute("BEGIN EXCLUSIVE").unwrap();
    let error = ledger.baselines(&[views_of(1)]).unwrap_err();
    assert!(matches!(error, Error::Database { .. }), "{error:?}");
}

#[test]
fn reads_of_many_look_each_counter_up_in_the_unique_index() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("counters.sqlite");
    let pool = sqlite_pool(file.to_str().unwrap(), 1).unwrap();
    let ledger = PoolLedger::new(pool.clone(), TableName::default()).unwrap();
    ledger.run_pending_migrations().unwrap();
    let mut transaction = ledger.begin(LockWait::Usual).unwrap();
    transaction.upsert(&(0..500).map(add).collect::<Vec<_>>()).unwrap();
    transaction.commit().unwrap();

    let seen = QueryLog::on(&mut *pool.get().unwrap());
    ledger.baselines(&[views_of(1), views_of(2)]).unwrap();
    let seen = seen.take();
    let read = seen.iter().find(|query| query.contains("json_each")).unwrap();
    let (sql, _) = read.split_once(" -- binds").unwrap();
    let explain = diesel::sql_query(format!("EXPLAIN QUERY PLAN {sql}")).bind::<Text, _>("[]");
    let plan = explain.load::<Plan>(&mut pool.get().unwrap()).unwrap();
    let plan = plan.iter().map(|step| step.detail.as_str()).collect::<Vec<_>>();
    let of_table = plan.iter().find(|step| step.contains(" c ")).unwrap();
    assert!(of_table.starts_with("SEARCH c USING INDEX"), "{plan:?}");
    assert!(
        of_table.contains("(owner_type=? AND owner_id=? AND owner_key=? AND key=?)"),
        "{plan:?}"
    );
}

#[derive(QueryableByName)]
struct Plan {
    #[diesel(sql_type = Text)]
    detail: String,
}

#[test]
fn a_transaction_that_skips_locked_rows_still_waits_for_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("counters.sqlite");
    let pool = sqlite_pool(file.to_str().unwrap(), 2).unwrap();
    let ledger = PoolLedger::new(pool.clone(), TableName::default()).unwrap();
    ledger.run_pending_migrations().unwrap();
    let mut transaction = ledger.begin(LockWait::Short).unwrap();
    assert_eq!(transaction.lock_rows(&[add(1)]).unwrap(), [0; 0]);
    // If it had read, it could not write any more after this.
    let mut other = ledger.begin(LockWait::Usual).unwrap();
    other.upsert(&[add(2)]).unwrap();
    other.commit().unwrap();
    transaction.upsert(&[add(1)]).unwrap();
    transaction.commit().unwrap();
    assert_eq!(ledger.baselines(&[views_of(1), views_of(2)]).unwrap().len(), 2);
}

fn add(id: i64) -> Claim {
    Claim { id: views_of(id), seq: ClaimSeq::new(5), op: ClaimOp::Add(1) }
}
