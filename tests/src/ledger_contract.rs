//! What every ledger does, whatever the database.

mod batches;
mod guard;
mod kept;
pub mod names;
mod numbers;
mod owners;
mod periods;
mod tables;
mod transactions;

use std::sync::Arc;

use counter_diesel::ledger::{Ledger, LockWait, Unapplied, UnappliedCause};
use counter_diesel::store::{Baseline, Claim, ClaimOp, ClaimSeq};
use counter_diesel::{CounterId, CounterKey, Owner};

use crate::database::Database;
use crate::suite::Case;

/// A database of one test's own, and a ledger over migrated tables in it.
pub struct LedgerWorld {
    /// Keeps its counters in `model_counters`.
    pub ledger: Arc<dyn Ledger>,
    /// Makes more ledgers.
    pub database: Box<dyn Database>,
}

impl LedgerWorld {
    /// The world of a new database.
    pub fn new(database: Box<dyn Database>) -> Self {
        let ledger = database.ledger("model_counters");
        ledger.run_pending_migrations().unwrap();
        Self { ledger, database }
    }
}

/// Every sentence of the contract.
pub fn cases() -> Vec<Case<LedgerWorld>> {
    let [guard, batches, transactions] = [guard::CASES, batches::CASES, transactions::CASES];
    let [numbers, names, tables, owners, periods, kept] =
        [numbers::CASES, names::CASES, tables::CASES, owners::CASES, periods::CASES, kept::CASES];
    [guard, batches, transactions, numbers, names, tables, owners, periods, kept].concat()
}

fn claim(id: &CounterId, seq: i64, op: ClaimOp) -> Claim {
    Claim { id: id.clone(), seq: ClaimSeq::new(seq), op }
}

fn add(id: &CounterId, seq: i64, by: i64) -> Claim {
    claim(id, seq, ClaimOp::Add(by))
}

fn set(id: &CounterId, seq: i64, to: i64) -> Claim {
    claim(id, seq, ClaimOp::Set(to))
}

fn delete(id: &CounterId, seq: i64) -> Claim {
    claim(id, seq, ClaimOp::Delete)
}

fn row(count: i64, seq: i64) -> Baseline {
    Baseline { count, seq: ClaimSeq::new(seq) }
}

/// Applies claims in a transaction of their own.
fn apply(ledger: &dyn Ledger, claims: impl Into<Vec<Claim>>) -> Vec<Unapplied> {
    let mut claims = claims.into();
    claims.sort_by(|a, b| a.id.cmp(&b.id));
    let mut transaction = ledger.begin(LockWait::Usual).unwrap();
    let newer = transaction.upsert(&claims).unwrap();
    transaction.commit().unwrap();
    newer
}

/// A claim whose row had seen a newer one.
pub(crate) fn newer_row(index: usize, row: i64) -> Unapplied {
    Unapplied { index, cause: UnappliedCause::Newer(ClaimSeq::new(row)) }
}

fn baseline(ledger: &dyn Ledger, id: &CounterId) -> Baseline {
    let rows = ledger.baselines(std::slice::from_ref(id)).unwrap();
    assert_eq!(rows.len(), 1);
    rows[0]
}

/// The row, or `None` if there is none; a baseline does not tell that from a row of zeros.
fn row_of(ledger: &dyn Ledger, id: &CounterId) -> Option<Baseline> {
    let owner = Owner::new(id.owner_type().into_owned(), id.owner_id()).unwrap();
    let key = CounterKey::new(id.key().into_owned()).unwrap();
    let rows = ledger.rows_of(&owner).unwrap();
    let row = rows.into_iter().find(|(found, _)| *found == key);
    row.map(|(_, row)| row)
}
