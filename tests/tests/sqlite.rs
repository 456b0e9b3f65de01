//! What only SQLite does.
#![allow(clippy::unwrap_used)]

use counter_diesel::ledger::{Ledger, LockWait, PoolLedger, TableName};
use counter_diesel::store::{Claim, ClaimOp, ClaimSeq};
use counter_diesel::{Error, sqlite_pool};
use counter_tests::fixtures::views_of;
use counter_tests::query_log::QueryLog;
use diesel::connection::SimpleConnection;
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
    assert!(of_table.contains("(owner_type=? AND owner_id=? AND key=?)"), "{plan:?}");
}

#[derive(QueryableByName)]
struct Plan {
    #[diesel(sql_type = Text)]
    detail: String,
}

fn add(id: i64) -> Claim {
    Claim { id: views_of(id), seq: ClaimSeq::new(5), op: ClaimOp::Add(1) }
}
