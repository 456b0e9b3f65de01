use std::sync::Arc;
use std::time::{Duration, Instant};

use counter_core::{Claim, ClaimOp, ClaimSeq, CounterId, NotedRow, Prefix};
use diesel::connection::TransactionManager;
use diesel::r2d2::{ConnectionManager, PooledConnection};
use diesel::result::{Error as DieselError, QueryResult};

use crate::causes::one_line;
use crate::error::{Error, LedgerStep};
use crate::ledger::by_table;
use crate::ledger::demotion::Demotion;
use crate::ledger::dialect::connection::CounterConnection;
use crate::ledger::dialect::isolation::Isolation;
use crate::ledger::dialect::lock_wait::LockWait;
use crate::ledger::dialect::tables::Tables;
use crate::ledger::dialect::time_limit::TimeLimit;
use crate::ledger::failure::{as_ledger_error, is_read_only};
use crate::ledger::ledger::{LockedRecord, Unapplied, UnappliedCause, UpdateOutcome};
use crate::ledger::limits::LedgerLimits;
use crate::ledger::records;

/// The statements of a step took too long together.
#[derive(Debug, thiserror::Error)]
#[error("its statements took longer than {} s", .0.as_secs())]
struct OutOfTime(Duration);

/// An open transaction on a connection of its own.
pub(crate) struct PoolTransaction<C: CounterConnection> {
    conn: PooledConnection<ConnectionManager<C>>,
    tables: Arc<Tables>,
    wait: LockWait,
    demotion: Arc<Demotion>,
    isolation: Isolation,
    unlimited_session: Option<i64>,
    /// The statement that puts back the settings which outlive the transaction.
    put_back: Option<String>,
    is_open: bool,
    limits: LedgerLimits,
}

impl<C: CounterConnection> PoolTransaction<C> {
    /// Begins a transaction that waits for locks as `wait` says and asks for a durable commit.
    pub(crate) fn begin(
        mut conn: PooledConnection<ConnectionManager<C>>,
        tables: Arc<Tables>,
        wait: LockWait,
        demotion: Arc<Demotion>,
        limits: LedgerLimits,
    ) -> Result<Self, Error> {
        let (unlimited_session, isolation) = session_on(&mut conn)
            .and_then(|session| {
                let isolation = isolation_on(&mut conn)?;
                conn.begin_transaction(isolation)?;
                Ok((session, isolation))
            })
            .map_err(|source| as_ledger_error(&mut *conn, &tables, LedgerStep::Begin, source))?;
        let mut transaction = Self {
            conn,
            tables,
            wait,
            demotion,
            isolation,
            unlimited_session,
            put_back: None,
            is_open: true,
            limits,
        };
        transaction.put_back = transaction.run(LedgerStep::Begin, |conn, _| {
            conn.prepare_transaction(wait, Some(limits.statement))
        })?;
        Ok(transaction)
    }

    pub(crate) fn conn(&mut self) -> &mut C {
        &mut self.conn
    }

    /// Returns the session, if its server does not end statements that take too long.
    pub(crate) const fn unlimited_session(&self) -> Option<i64> {
        self.unlimited_session
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
        let started = Instant::now();
        query(&mut self.conn, &self.tables).map_err(|source| {
            let waited = started.elapsed();
            // First, for a failed transaction answers no question about what went wrong.
            self.roll_back();
            self.failure(step, source, waited)
        })
    }

    fn failure(&mut self, step: LedgerStep, source: DieselError, waited: Duration) -> Error {
        match self.conn.limit_reached(&source, waited, self.wait) {
            Some(TimeLimit::Lock) => return Error::Locked { step, source },
            Some(TimeLimit::Statement) => {
                return Error::TimedOut { step, source: source.into() };
            }
            None if is_out_of_time(&source) => {
                return Error::TimedOut { step, source: OutOfTime(self.limits.statement).into() };
            }
            None => {}
        }
        let error = as_ledger_error(&mut *self.conn, &self.tables, step, source);
        if is_read_only(&error) {
            self.demotion.note_refusal();
        }
        error
    }

    fn roll_back(&mut self) {
        if !std::mem::take(&mut self.is_open) {
            return;
        }
        let rolled_back = C::TransactionManager::rollback_transaction(&mut *self.conn)
            .and_then(|()| self.put_settings_back());
        if let Err(error) = rolled_back {
            tracing::debug!(error = one_line(&error), "a transaction could not be rolled back");
            self.throw_away();
        }
    }

    fn put_settings_back(&mut self) -> QueryResult<()> {
        match self.put_back.take() {
            Some(put_back) => self.conn.finish_transaction(&put_back),
            None => Ok(()),
        }
    }

    /// Otherwise the connection's next user would have the settings that a transaction here needs.
    fn throw_away(&mut self) {
        C::TransactionManager::transaction_manager_status_mut(&mut *self.conn).set_in_error();
    }
}

impl<C: CounterConnection> PoolTransaction<C> {
    pub(crate) fn upsert(&mut self, claims: &[Claim]) -> Result<Vec<Unapplied>, Error> {
        let time = StepTime { began: Instant::now(), limit: self.limits.statement };
        self.run(LedgerStep::Upsert, |conn, tables| {
            let mut unproven = upsert(conn, tables, claims, time)?;
            for claim in claims.iter().filter(|claim| claim.op == ClaimOp::Delete) {
                time.check::<C>()?;
                conn.delete(tables, &claim.id, claim.seq)?;
                // It may have triggers of its own, which change the rows of others.
                unproven = (0..claims.len()).collect();
            }
            unapplied(conn, tables, claims, unproven)
        })
    }

    /// For a transaction that has read something, and written nothing.
    pub(crate) fn forget_reads(&mut self) -> Result<(), Error> {
        let isolation = self.isolation;
        self.run(LedgerStep::Begin, |conn, _| forget_reads(conn, isolation))
    }

    pub(crate) fn lock_rows(&mut self, claims: &[Claim]) -> Result<Vec<usize>, Error> {
        let ids = claims.iter().map(|claim| claim.id.clone()).collect::<Vec<_>>();
        let isolation = self.isolation;
        self.run(LedgerStep::Upsert, |conn, tables| {
            // Before anything is read: a transaction of SQLite that has read waits for no writer.
            let Some(ours) = by_table::lock_rows(conn, tables, &ids)? else {
                return Ok(Vec::new());
            };
            let rows = by_table::baselines(conn, tables, &ids)?;
            let mut is_locked = rows.iter().map(Option::is_some).collect::<Vec<_>>();
            for place in ours {
                if let Some(is_locked) = is_locked.get_mut(place) {
                    *is_locked = false;
                }
            }
            // The upsert locks the rows again.
            forget_reads(conn, isolation)?;
            Ok((0..ids.len()).filter(|place| is_locked.get(*place) == Some(&true)).collect())
        })
    }

    pub(crate) fn update(&mut self, claim: &Claim) -> Result<UpdateOutcome, Error> {
        let outcome = self.run(LedgerStep::Upsert, |conn, tables| {
            let is_updated = conn.update(tables, claim)? > 0;
            let rows = conn.current_rows(tables, std::slice::from_ref(&claim.id))?;
            let outcome = match rows.into_iter().flatten().next() {
                None if !is_updated => Some(UpdateOutcome::NoRow),
                Some(row) if row.seq == claim.seq && is_updated => Some(UpdateOutcome::Applied),
                Some(row) if row.seq >= claim.seq => Some(UpdateOutcome::AlreadyApplied),
                _ => None,
            };
            let is_to_go = outcome == Some(UpdateOutcome::Applied) && claim.op == ClaimOp::Delete;
            let is_kept = is_to_go && conn.delete(tables, &claim.id, claim.seq)? == 0;
            Ok(outcome.filter(|_| !is_kept))
        })?;
        outcome.ok_or_else(|| {
            self.roll_back();
            Error::KeptOut { table: self.tables.of(Some(&claim.id)).to_string() }
        })
    }

    pub(crate) fn delete_zeros(&mut self, rows: &[(CounterId, ClaimSeq)]) -> Result<u64, Error> {
        let time = StepTime { began: Instant::now(), limit: self.limits.statement };
        self.run(LedgerStep::Upsert, |conn, tables| {
            let mut deleted = 0;
            for part in by_table::parts(rows, |(id, _)| id) {
                if part.items.first().is_none_or(|(id, _)| id.period().is_none()) {
                    deleted += conn.delete_zeros(tables, &part.items)?;
                    continue;
                }
                for (id, seq) in part.items.iter() {
                    time.check::<C>()?;
                    deleted += conn.delete_zero_bucket(tables, id, *seq)?;
                }
            }
            Ok(deleted as u64)
        })
    }

    pub(crate) fn lock_record(
        &mut self,
        prefix: &Prefix,
        store_id: &str,
    ) -> Result<LockedRecord, Error> {
        let (of, isolation) = ((prefix.as_str(), store_id), self.isolation);
        self.run(LedgerStep::State, |conn, tables| records::lock(conn, tables, isolation, of))
    }

    pub(crate) fn record(
        &mut self,
        prefix: &Prefix,
        store_id: &str,
        row: &NotedRow,
    ) -> Result<(), Error> {
        let (prefix, store_id) = (prefix.as_str(), store_id);
        self.run(LedgerStep::State, |conn, tables| {
            records::write(conn, tables, prefix, store_id, row)
        })
    }

    /// Returns what a copy of the database does not share with it. It is asked for once on each
    /// connection.
    pub(crate) fn identity(&mut self) -> Result<Option<String>, Error> {
        if let Some(Identity(identity)) = PooledConnection::extensions(&self.conn).get() {
            return Ok(identity.clone());
        }
        let identity = self.run(LedgerStep::State, |conn, _| conn.identity())?;
        PooledConnection::extensions_mut(&mut self.conn).insert(Identity(identity.clone()));
        Ok(identity)
    }

    pub(crate) fn commit(mut self) -> Result<(), Error> {
        self.is_open = false;
        let started = Instant::now();
        let committed = C::TransactionManager::commit_transaction(&mut *self.conn);
        let waited = started.elapsed();
        if let Err(error) = self.put_settings_back() {
            tracing::debug!(
                error = one_line(&error),
                "a connection keeps the settings of a transaction"
            );
            self.throw_away();
        }
        committed.map_err(|source| self.failure(LedgerStep::Commit, source, waited))
    }
}

impl<C: CounterConnection> Drop for PoolTransaction<C> {
    fn drop(&mut self) {
        self.roll_back();
    }
}

/// Begins a transaction again under REPEATABLE READ. Otherwise the record would be read as it was
/// at the first read: without what others commit while this transaction waits for a row.
fn forget_reads<C: CounterConnection>(conn: &mut C, isolation: Isolation) -> QueryResult<()> {
    if isolation == Isolation::RepeatableRead {
        C::TransactionManager::rollback_transaction(conn)?;
        conn.begin_transaction(isolation)?;
    }
    Ok(())
}

/// Returns the isolation of our transactions on this connection, which is asked for once.
fn isolation_on<C: CounterConnection>(
    conn: &mut PooledConnection<ConnectionManager<C>>,
) -> QueryResult<Isolation> {
    if let Some(isolation) = PooledConnection::extensions(conn).get::<Isolation>() {
        return Ok(*isolation);
    }
    let isolation = conn.isolation()?;
    PooledConnection::extensions_mut(conn).insert(isolation);
    Ok(isolation)
}

/// The database's identity, as a connection has read it.
struct Identity(Option<String>);

/// The number of a session that has no limit for statements that write.
#[derive(Clone, Copy)]
struct UnlimitedSession(Option<i64>);

/// Returns the number of this connection's session, if its statements have to be ended by another.
/// That is asked for once.
fn session_on<C: CounterConnection>(
    conn: &mut PooledConnection<ConnectionManager<C>>,
) -> QueryResult<Option<i64>> {
    if let Some(UnlimitedSession(session)) = PooledConnection::extensions(conn).get() {
        return Ok(*session);
    }
    let session = conn.unlimited_session()?;
    PooledConnection::extensions_mut(conn).insert(UnlimitedSession(session));
    Ok(session)
}

/// Upserts claims, and returns the places of those of which nothing proves that their rows show
/// them.
fn upsert<C: CounterConnection>(
    conn: &mut C,
    tables: &Tables,
    claims: &[Claim],
    time: StepTime,
) -> QueryResult<Vec<usize>> {
    let mut unproven = Vec::new();
    let parts = by_table::parts(claims, |claim| &claim.id);
    for part in &parts {
        let mut first = 0;
        for claims in part.items.chunks(C::WRITTEN_AT_ONCE) {
            time.check::<C>()?;
            let places = conn.upsert(tables, claims)?.into_iter();
            unproven.extend(places.map(|place| part.place(first + place)));
            first += claims.len();
        }
    }
    // Triggers of one table may change rows of the other.
    if parts.len() > 1 && !unproven.is_empty() {
        unproven = (0..claims.len()).collect();
    }
    Ok(unproven)
}

/// The time of a step in which a statement of it may begin.
#[derive(Clone, Copy)]
struct StepTime {
    began: Instant,
    limit: Duration,
}

impl StepTime {
    /// Fails if the step has taken too long for another statement. Its caller may have left
    /// already.
    fn check<C: CounterConnection>(self) -> QueryResult<()> {
        if C::IS_SERVER && self.began.elapsed() > self.limit {
            return Err(DieselError::QueryBuilderError(OutOfTime(self.limit).into()));
        }
        Ok(())
    }
}

fn is_out_of_time(error: &DieselError) -> bool {
    matches!(error, DieselError::QueryBuilderError(source) if source.is::<OutOfTime>())
}

/// Returns the claims whose rows show another sequence, of those that nothing proves to be written.
/// The rows are locked by the upsert before, and nothing more is written after this.
fn unapplied<C: CounterConnection>(
    conn: &mut C,
    tables: &Tables,
    claims: &[Claim],
    mut unproven: Vec<usize>,
) -> QueryResult<Vec<Unapplied>> {
    let claim_at = |place: &usize| claims.get(*place);
    let ids = unproven.iter().filter_map(claim_at).map(|claim| claim.id.clone());
    let ids = ids.collect::<Vec<CounterId>>();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows = by_table::current_rows(conn, tables, &ids)?;
    let mut unapplied = Vec::new();
    for (index, row) in unproven.drain(..).zip(rows) {
        let Some(claim) = claims.get(index) else { continue };
        let cause = match row {
            // A deleted row that is still there shows its claim, too.
            Some(row) if row.seq == claim.seq && claim.op != ClaimOp::Delete => continue,
            None if claim.op == ClaimOp::Delete => continue,
            Some(row) if row.seq > claim.seq => UnappliedCause::Newer(row.seq),
            _ => UnappliedCause::KeptOut,
        };
        unapplied.push(Unapplied { index, cause });
    }
    Ok(unapplied)
}
