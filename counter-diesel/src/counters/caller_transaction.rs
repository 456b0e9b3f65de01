use std::sync::atomic::{AtomicU64, Ordering};

use diesel::connection::TransactionManager;
use diesel::result::{Error as DieselError, QueryResult};

use crate::causes::one_line;
use crate::error::{Error, LedgerStep, TransactionProblem};
use crate::ledger::dialect::connection::CounterConnection;
use crate::ledger::failure::{is_lost, says_closed};

/// A transaction on a connection of the caller's, of whose commit it is known whether it was one.
///
/// Dropped, it is rolled back, with whatever was begun inside of it.
pub(crate) struct CallerTransaction<'a, C: CounterConnection> {
    conn: &'a mut C,
    /// How many transactions are around it: none, or the one that an application's tests never
    /// commit.
    outside: u32,
    /// Distinguishes it from a transaction that was begun after it.
    mark: u64,
}

static MARKS: AtomicU64 = AtomicU64::new(1);

/// Why a transaction was not committed, or not certainly.
pub(crate) enum CommitFailure {
    /// Nothing of it was kept.
    RolledBack(Error),
    /// The connection was lost before the answer to the COMMIT.
    Unknown(DieselError),
}

impl<'a, C: CounterConnection> CallerTransaction<'a, C> {
    pub(crate) fn begin(conn: &'a mut C) -> Result<Self, Error> {
        let outside =
            depth(conn).map_err(|source| database_error(conn, 0, LedgerStep::Begin, source))?;
        // A pool takes a connection for broken whose open transaction is not one of tests.
        if outside > 1 || outside == 1 && conn.is_broken() {
            return Err(Error::Transaction(TransactionProblem::AlreadyOpen));
        }
        C::TransactionManager::begin_transaction(conn)
            .map_err(|source| database_error(conn, outside, LedgerStep::Begin, source))?;
        let mark = MARKS.fetch_add(1, Ordering::Relaxed);
        let transaction = Self { conn, outside, mark };
        match transaction.conn.mark_transaction(mark) {
            Ok(()) => Ok(transaction),
            Err(source) => Err(transaction.roll_back_after(LedgerStep::Begin, source)),
        }
    }

    pub(crate) fn conn(&mut self) -> &mut C {
        self.conn
    }

    pub(crate) fn commit(mut self) -> Result<(), CommitFailure> {
        match self.is_open() {
            Ok(true) => {}
            Ok(false) => {
                return Err(CommitFailure::RolledBack(Error::Transaction(
                    TransactionProblem::Ended,
                )));
            }
            // As after a connection that was lost, which is said in the error.
            Err(source) => {
                let error = self.roll_back_after(LedgerStep::Commit, source);
                return Err(CommitFailure::RolledBack(error));
            }
        }
        C::TransactionManager::commit_transaction(self.conn).map_err(|source| {
            if is_lost_inside(self.conn, self.outside, &source) {
                CommitFailure::Unknown(source)
            } else {
                CommitFailure::RolledBack(Error::Database { step: LedgerStep::Commit, source })
            }
        })
    }

    /// Whether it is what a COMMIT now would commit.
    fn is_open(&mut self) -> QueryResult<bool> {
        Ok(depth(self.conn)? == self.outside + 1 && self.conn.is_marked_transaction(self.mark)?)
    }

    /// First, because a failed transaction answers no question about what went wrong.
    fn roll_back_after(mut self, step: LedgerStep, source: DieselError) -> Error {
        self.roll_back();
        database_error(self.conn, self.outside, step, source)
    }

    fn roll_back(&mut self) {
        for _ in self.outside..depth(self.conn).unwrap_or_default() {
            if let Err(error) = C::TransactionManager::rollback_transaction(self.conn) {
                tracing::debug!(error = one_line(&error), "a transaction could not be rolled back");
            }
        }
    }
}

impl<C: CounterConnection> Drop for CallerTransaction<'_, C> {
    fn drop(&mut self) {
        self.roll_back();
    }
}

/// How many transactions and savepoints are open.
fn depth<C: CounterConnection>(conn: &mut C) -> QueryResult<u32> {
    let status = C::TransactionManager::transaction_manager_status_mut(conn);
    Ok(status.transaction_depth()?.map_or(0, u32::from))
}

/// Nothing is asked inside of another transaction, which may have failed and answers nothing then.
fn is_lost_inside<C: CounterConnection>(conn: &mut C, outside: u32, error: &DieselError) -> bool {
    (outside == 0 || says_closed(error)) && is_lost(conn, error)
}

fn database_error<C: CounterConnection>(
    conn: &mut C,
    outside: u32,
    step: LedgerStep,
    source: DieselError,
) -> Error {
    if is_lost_inside(conn, outside, &source) {
        let source = source.into();
        return Error::Unreachable { source };
    }
    Error::Database { step, source }
}
