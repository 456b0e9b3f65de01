use std::fmt;

use counter_core::{
    Baseline, Claim, ClaimOp, CounterId, CounterKey, Generation, Owner, OwnerId, OwnerType, Prefix,
    TableName, ToOwnerId,
};
use diesel::connection::TransactionManager;
use diesel::r2d2::{ConnectionManager, Pool, PooledConnection};
use diesel::result::{DatabaseErrorKind, Error as DieselError, QueryResult};

use crate::error::{Error, LedgerStep};
use crate::ledger::dialect::dialect::CounterConnection;
use crate::ledger::dialect::secrets::without_url;
use crate::ledger::facts::{self, LedgerFacts};
use crate::ledger::ledger::{Ledger, LedgerState, LedgerTransaction, Newer, Recorded, Updated};
use crate::ledger::{migrations, retry};

/// The ledger behind a Diesel connection pool.
pub struct PoolLedger<C: CounterConnection> {
    pool: Pool<ConnectionManager<C>>,
    table: TableName,
}

impl<C: CounterConnection> PoolLedger<C> {
    /// The ledger that keeps counters in this table of the pool's database.
    ///
    /// # Errors
    ///
    /// [`Error::Build`] if the pool is one with which counters cannot work: more than one connection to a
    /// SQLite database in memory.
    pub fn new(pool: Pool<ConnectionManager<C>>, table: TableName) -> Result<Self, Error> {
        C::check_pool(&pool)?;
        Ok(Self { pool, table })
    }

    fn connect(&self) -> Result<PooledConnection<ConnectionManager<C>>, Error> {
        self.pool.get().map_err(|source| Error::Unreachable { source: without_url(source.into()) })
    }

    fn begin_on(
        &self,
        mut conn: PooledConnection<ConnectionManager<C>>,
    ) -> Result<PoolTransaction<'_, C>, Error> {
        C::TransactionManager::begin_transaction(&mut *conn)
            .map_err(|source| explain(&mut *conn, &self.table, LedgerStep::Begin, source))?;
        let mut transaction = PoolTransaction { conn, table: &self.table, is_open: true };
        transaction.run(LedgerStep::Begin, |conn, _| conn.prepare_transaction())?;
        Ok(transaction)
    }

    fn run<T>(
        &self,
        step: LedgerStep,
        query: impl FnOnce(&mut C) -> QueryResult<T>,
    ) -> Result<T, Error> {
        let mut conn = self.connect()?;
        contained(&mut *conn, query)
            .map_err(|source| explain(&mut *conn, &self.table, step, source))
    }

    /// The same in a transaction that waits only shortly for locks. It is rolled back.
    fn run_soon<T>(
        &self,
        step: LedgerStep,
        query: impl FnOnce(&mut C, &TableName) -> QueryResult<T>,
    ) -> Result<T, Error> {
        self.begin_on(self.connect()?)?.run(step, query)
    }
}

impl<C: CounterConnection> fmt::Debug for PoolLedger<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolLedger").field("table", &self.table).finish_non_exhaustive()
    }
}

impl<C: CounterConnection> Ledger for PoolLedger<C> {
    fn baselines(&self, ids: &[CounterId]) -> Result<Vec<Baseline>, Error> {
        let rows = self.run(LedgerStep::Read, |conn| conn.baselines(&self.table, ids))?;
        Ok(rows.into_iter().map(Option::unwrap_or_default).collect())
    }

    fn baselines_soon(&self, ids: &[CounterId]) -> Result<Vec<Baseline>, Error> {
        let rows = self.run_soon(LedgerStep::Read, |conn, table| conn.baselines(table, ids))?;
        Ok(rows.into_iter().map(Option::unwrap_or_default).collect())
    }

    fn rows_of(&self, owner: &Owner) -> Result<Vec<(CounterKey, Baseline)>, Error> {
        let rows = self.run(LedgerStep::Read, |conn| conn.rows_of(&self.table, owner))?;
        Ok(with_keys(rows))
    }

    fn top(
        &self,
        owner_type: &OwnerType,
        key: &CounterKey,
        limit: usize,
    ) -> Result<Vec<OwnerId>, Error> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let ids =
            self.run(LedgerStep::Read, |conn| conn.top(&self.table, owner_type, key, limit))?;
        Ok(with_ids(ids))
    }

    fn begin(&self) -> Result<Box<dyn LedgerTransaction + '_>, Error> {
        Ok(Box::new(self.begin_on(self.connect()?)?))
    }

    fn state(&self, prefix: &Prefix) -> Result<LedgerState, Error> {
        let rows =
            self.run_soon(LedgerStep::State, |conn, table| conn.state(table, prefix.as_str()))?;
        let mut state = LedgerState::default();
        for row in rows {
            if row.prefix.is_empty() {
                state.database = row.store_id;
                state.migrated_at = Some(row.synced_at);
            } else {
                let (store_id, seq, synced_at) = (row.store_id, row.seq, row.synced_at);
                state.recorded = Some(Recorded { store_id, seq, synced_at });
            }
        }
        Ok(state)
    }

    fn record(&self, prefix: &Prefix, generation: &Generation) -> Result<(), Error> {
        retry::with_backoff(|| {
            self.run(LedgerStep::State, |conn| {
                conn.record(&self.table, prefix.as_str(), generation)
            })
        })
    }

    fn pending_migrations(&self) -> Result<Vec<&'static str>, Error> {
        self.run(LedgerStep::Migrations, |conn| migrations::pending(conn, &self.table))
    }

    fn run_pending_migrations(&self) -> Result<Vec<&'static str>, Error> {
        let mut conn = self.connect()?;
        retry::with_backoff(|| migrations::run_pending(&mut *conn, &self.table))
    }

    fn inspect(&self) -> Result<LedgerFacts, Error> {
        let mut facts = LedgerFacts::default();
        let mut conn = self.connect()?;
        facts::inspect_server(&mut *conn, &mut facts);
        let mut transaction = self.begin_on(conn)?;
        facts::inspect_tables(&mut *transaction.conn, &self.table, &mut facts);
        drop(transaction);
        if facts.has_usable_tables() {
            let mut transaction = self.begin_on(self.connect()?)?;
            facts::inspect_writes(&mut *transaction.conn, &self.table, &mut facts);
        }
        Ok(facts)
    }
}

/// An open transaction on a connection of its own.
struct PoolTransaction<'a, C: CounterConnection> {
    conn: PooledConnection<ConnectionManager<C>>,
    table: &'a TableName,
    is_open: bool,
}

impl<C: CounterConnection> PoolTransaction<'_, C> {
    fn run<T>(
        &mut self,
        step: LedgerStep,
        query: impl FnOnce(&mut C, &TableName) -> QueryResult<T>,
    ) -> Result<T, Error> {
        if !self.is_open {
            // Whatever is written after an error would be written outside of any transaction.
            let source = DieselError::NotInTransaction;
            return Err(Error::Database { step, source });
        }
        query(&mut self.conn, self.table).map_err(|source| {
            // First, for a failed transaction answers no question about what went wrong.
            self.roll_back();
            explain(&mut *self.conn, self.table, step, source)
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
    fn upsert(&mut self, claims: &[Claim]) -> Result<Vec<Newer>, Error> {
        self.run(LedgerStep::Upsert, |conn, table| {
            let all_let_through = conn.upsert(table, claims)?;
            let newer = if all_let_through { Vec::new() } else { newer_rows(conn, table, claims)? };
            for claim in claims.iter().filter(|claim| claim.op == ClaimOp::Delete) {
                conn.delete(table, &claim.id, claim.seq)?;
            }
            Ok(newer)
        })
    }

    fn update(&mut self, claim: &Claim) -> Result<Updated, Error> {
        self.run(LedgerStep::Upsert, |conn, table| {
            if conn.update(table, claim)? > 0 {
                if claim.op == ClaimOp::Delete {
                    conn.delete(table, &claim.id, claim.seq)?;
                }
                return Ok(Updated::Applied);
            }
            let rows = conn.current_rows(table, std::slice::from_ref(&claim.id))?;
            Ok(if rows.into_iter().flatten().next().is_some() {
                Updated::Seen
            } else {
                Updated::NoRow
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
        committed.map_err(|source| explain(&mut *self.conn, self.table, LedgerStep::Commit, source))
    }
}

impl<C: CounterConnection> Drop for PoolTransaction<'_, C> {
    fn drop(&mut self) {
        self.roll_back();
    }
}

/// Rows that nobody can ask for, because no counter has such a key, are not counters.
pub(crate) fn with_keys(rows: Vec<(String, Baseline)>) -> Vec<(CounterKey, Baseline)> {
    rows.into_iter().filter_map(|(key, row)| Some((CounterKey::new(key).ok()?, row))).collect()
}

/// Every number that the column takes is an id.
pub(crate) fn with_ids(ids: Vec<i64>) -> Vec<OwnerId> {
    ids.iter().filter_map(|id| id.to_owner_id().ok()).collect()
}

/// Runs a query so that its failure leaves the connection usable, also in the transaction that an
/// application's tests keep open: a savepoint keeps that alive, where PostgreSQL would answer nothing more.
pub(crate) fn contained<C: CounterConnection, T>(
    conn: &mut C,
    query: impl FnOnce(&mut C) -> QueryResult<T>,
) -> QueryResult<T> {
    let status = C::TransactionManager::transaction_manager_status_mut(conn);
    match status.transaction_depth()? {
        Some(_) => conn.transaction(query),
        None => query(conn),
    }
}

/// The claims whose row has seen a newer one. The rows are locked by the upsert before.
fn newer_rows<C: CounterConnection>(
    conn: &mut C,
    table: &TableName,
    claims: &[Claim],
) -> QueryResult<Vec<Newer>> {
    let ids = claims.iter().map(|claim| claim.id.clone()).collect::<Vec<_>>();
    let rows = conn.current_rows(table, &ids)?;
    let newer = rows.iter().zip(claims).enumerate().filter_map(|(index, (row, claim))| {
        row.filter(|row| row.seq > claim.seq).map(|row| Newer { index, row: row.seq })
    });
    Ok(newer.collect())
}

/// Turns what a database says into what is wrong: its connection, its tables, or what it was asked for.
pub(crate) fn explain<C: CounterConnection>(
    conn: &mut C,
    table: &TableName,
    step: LedgerStep,
    source: DieselError,
) -> Error {
    if is_lost(conn, &source) {
        let source = source.into();
        return Error::Unreachable { source };
    }
    match conn.has_tables(table) {
        Ok(false) => Error::NotMigrated { table: table.to_string(), source },
        _ => Error::Database { step, source },
    }
}

/// Whether a connection is of no use any more, on which this has just failed outside of a transaction.
pub(crate) fn is_lost<C: CounterConnection>(conn: &mut C, error: &DieselError) -> bool {
    let is_lost = says_closed(error) || conn.ping().is_err();
    if is_lost {
        // So that no pool hands it out again, not even one that does not test connections.
        C::TransactionManager::transaction_manager_status_mut(conn).set_in_error();
    }
    is_lost
}

/// Whether an error itself says that a connection is of no use any more. Others may be of a lost one too.
pub(crate) fn says_closed(error: &DieselError) -> bool {
    use DatabaseErrorKind::{ClosedConnection, UnableToSendCommand};
    matches!(
        error,
        DieselError::BrokenTransactionManager
            | DieselError::DatabaseError(ClosedConnection | UnableToSendCommand, _)
    )
}
