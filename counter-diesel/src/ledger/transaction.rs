use counter_core::{Claim, ClaimOp};
use diesel::connection::TransactionManager;
use diesel::r2d2::{ConnectionManager, PooledConnection};
use diesel::result::{Error as DieselError, QueryResult};

use crate::error::{Error, LedgerStep};
use crate::ledger::dialect::connection::CounterConnection;
use crate::ledger::dialect::tables::Tables;
use crate::ledger::failure::as_ledger_error;
use crate::ledger::ledger::{LedgerTransaction, NewerRow, UpdateOutcome};

/// An open transaction on a connection of its own.
pub(crate) struct PoolTransaction<'a, C: CounterConnection> {
    conn: PooledConnection<ConnectionManager<C>>,
    tables: &'a Tables,
    is_open: bool,
}

impl<'a, C: CounterConnection> PoolTransaction<'a, C> {
    /// Begins a transaction that waits only shortly for locks and asks for a durable commit.
    pub(crate) fn begin(
        mut conn: PooledConnection<ConnectionManager<C>>,
        tables: &'a Tables,
    ) -> Result<Self, Error> {
        conn.begin_transaction()
            .map_err(|source| as_ledger_error(&mut *conn, tables, LedgerStep::Begin, source))?;
        let mut transaction = Self { conn, tables, is_open: true };
        transaction.run(LedgerStep::Begin, |conn, _| conn.prepare_transaction())?;
        Ok(transaction)
    }

    pub(crate) fn conn(&mut self) -> &mut C {
        &mut self.conn
    }

    pub(crate) fn run<T>(
        &mut self,
        step: LedgerStep,
        query: impl FnOnce(&mut C, &Tables) -> QueryResult<T>,
    ) -> Result<T, Error> {
        if !self.is_open {
            // Whatever is written after an error would be written outside of any transaction.
            let source = DieselError::NotInTransaction;
            return Err(Error::Database { step, source });
        }
        query(&mut self.conn, self.tables).map_err(|source| {
            // First, for a failed transaction answers no question about what went wrong.
            self.roll_back();
            as_ledger_error(&mut *self.conn, self.tables, step, source)
        })
    }

    fn roll_back(&mut self) {
        if !std::mem::take(&mut self.is_open) {
            return;
        }
        let rolled_back = C::TransactionManager::rollback_transaction(&mut *self.conn)
            .and_then(|()| self.conn.finish_transaction());
        if let Err(error) = rolled_back {
            tracing::debug!(%error, "a transaction could not be rolled back");
            self.throw_away();
        }
    }

    /// Else its next user would have the settings that a transaction here needs.
    fn throw_away(&mut self) {
        C::TransactionManager::transaction_manager_status_mut(&mut *self.conn).set_in_error();
    }
}

impl<C: CounterConnection> LedgerTransaction for PoolTransaction<'_, C> {
    fn upsert(&mut self, claims: &[Claim]) -> Result<Vec<NewerRow>, Error> {
        self.run(LedgerStep::Upsert, |conn, tables| {
            let all_let_through = conn.upsert(tables, claims)?;
            let newer =
                if all_let_through { Vec::new() } else { newer_rows(conn, tables, claims)? };
            for claim in claims.iter().filter(|claim| claim.op == ClaimOp::Delete) {
                conn.delete(tables, &claim.id, claim.seq)?;
            }
            Ok(newer)
        })
    }

    fn update(&mut self, claim: &Claim) -> Result<UpdateOutcome, Error> {
        self.run(LedgerStep::Upsert, |conn, tables| {
            if conn.update(tables, claim)? > 0 {
                if claim.op == ClaimOp::Delete {
                    conn.delete(tables, &claim.id, claim.seq)?;
                }
                return Ok(UpdateOutcome::Applied);
            }
            let rows = conn.current_rows(tables, std::slice::from_ref(&claim.id))?;
            Ok(if rows.into_iter().flatten().next().is_some() {
                UpdateOutcome::AlreadyApplied
            } else {
                UpdateOutcome::NoRow
            })
        })
    }

    fn commit(mut self: Box<Self>) -> Result<(), Error> {
        self.is_open = false;
        let committed = C::TransactionManager::commit_transaction(&mut *self.conn);
        if let Err(error) = self.conn.finish_transaction() {
            tracing::debug!(%error, "a connection keeps the settings of a transaction");
            self.throw_away();
        }
        committed.map_err(|source| {
            as_ledger_error(&mut *self.conn, self.tables, LedgerStep::Commit, source)
        })
    }
}

impl<C: CounterConnection> Drop for PoolTransaction<'_, C> {
    fn drop(&mut self) {
        self.roll_back();
    }
}

/// The claims whose row has seen a newer one. The rows are locked by the upsert before.
fn newer_rows<C: CounterConnection>(
    conn: &mut C,
    tables: &Tables,
    claims: &[Claim],
) -> QueryResult<Vec<NewerRow>> {
    let ids = claims.iter().map(|claim| claim.id.clone()).collect::<Vec<_>>();
    let rows = conn.current_rows(tables, &ids)?;
    let newer = rows.iter().zip(claims).enumerate().filter_map(|(index, (row, claim))| {
        row.filter(|row| row.seq > claim.seq).map(|row| NewerRow { index, row: row.seq })
    });
    Ok(newer.collect())
}
