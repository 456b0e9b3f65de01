use diesel::connection::TransactionManager;
use diesel::result::{Error as DieselError, QueryResult};

use crate::connection::CounterConnection;
use crate::error::{Error, LedgerStep};
use crate::pool_ledger::is_lost;

/// A transaction on a connection of the caller's, of whose commit it is known whether it was one.
///
/// Dropped, it is rolled back, with whatever was begun inside of it.
pub(crate) struct OwnTransaction<'a, C: CounterConnection> {
    conn: &'a mut C,
    /// How many transactions are around it: none, or the one that an application's tests never commit.
    outside: u32,
}

/// Why a transaction was not committed, or not certainly.
pub(crate) enum CommitFailure {
    /// Nothing of it was kept.
    RolledBack(Error),
    /// The connection was lost before the answer to the COMMIT.
    Unknown(DieselError),
}

impl<'a, C: CounterConnection> OwnTransaction<'a, C> {
    pub(crate) fn begin(conn: &'a mut C) -> Result<Self, Error> {
        let outside = depth(conn).map_err(|source| refused(conn, LedgerStep::Begin, source))?;
        // A pool takes a connection for broken whose open transaction is not one of tests.
        if outside > 1 || outside == 1 && conn.is_broken() {
            return Err(Error::Transaction(
                "one is open on the connection already, whose commit nobody would tell of: \
                 call `savepoint` of what it gathers inside of it",
            ));
        }
        C::TransactionManager::begin_transaction(conn)
            .map_err(|source| refused(conn, LedgerStep::Begin, source))?;
        let transaction = Self { conn, outside };
        match transaction.conn.mark_transaction() {
            Ok(()) => Ok(transaction),
            Err(source) => Err(transaction.roll_back_after(LedgerStep::Begin, source)),
        }
    }

    pub(crate) fn conn(&mut self) -> &mut C {
        self.conn
    }

    pub(crate) fn commit(self) -> Result<(), CommitFailure> {
        match depth(self.conn) {
            Ok(depth) if depth == self.outside + 1 => {}
            // As after a connection that was lost, which is said in the error.
            Err(source) => {
                let error = self.roll_back_after(LedgerStep::Commit, source);
                return Err(CommitFailure::RolledBack(error));
            }
            Ok(_) => {
                return Err(CommitFailure::RolledBack(Error::Transaction(
                    "what was run inside of it has ended it, or has begun another and not ended that",
                )));
            }
        }
        if let Err(source) = self.conn.check_transaction() {
            let error = self.roll_back_after(LedgerStep::Commit, source);
            return Err(CommitFailure::RolledBack(error));
        }
        C::TransactionManager::commit_transaction(self.conn).map_err(|source| {
            if is_lost(self.conn, &source) {
                CommitFailure::Unknown(source)
            } else {
                CommitFailure::RolledBack(Error::Database { step: LedgerStep::Commit, source })
            }
        })
    }

    /// First, for a failed transaction answers no question about what went wrong.
    fn roll_back_after(mut self, step: LedgerStep, source: DieselError) -> Error {
        self.roll_back();
        refused(self.conn, step, source)
    }

    fn roll_back(&mut self) {
        for _ in self.outside..depth(self.conn).unwrap_or_default() {
            if let Err(error) = C::TransactionManager::rollback_transaction(self.conn) {
                tracing::debug!(%error, "a transaction could not be rolled back");
            }
        }
    }
}

impl<C: CounterConnection> Drop for OwnTransaction<'_, C> {
    fn drop(&mut self) {
        self.roll_back();
    }
}

/// How many transactions and savepoints are open.
fn depth<C: CounterConnection>(conn: &mut C) -> QueryResult<u32> {
    let status = C::TransactionManager::transaction_manager_status_mut(conn);
    Ok(status.transaction_depth()?.map_or(0, u32::from))
}

fn refused<C: CounterConnection>(conn: &mut C, step: LedgerStep, source: DieselError) -> Error {
    if is_lost(conn, &source) {
        let source = source.into();
        return Error::Unreachable { source };
    }
    Error::Database { step, source }
}
