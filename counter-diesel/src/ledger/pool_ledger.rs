use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::mpsc::{self, SyncSender};
use std::time::Duration;

use counter_core::{
    Baseline, Claim, ClaimSeq, CounterId, CounterKey, Generation, HeldNumber, NotedRow, NumberRow,
    Owner, OwnerId, OwnerType, PartSeq, Prefix, StoreNumber, TableName,
};
use diesel::r2d2::{ConnectionManager, Pool};
use diesel::result::Error as DieselError;

use crate::error::{Error, LedgerStep};
use crate::ledger::dialect::connection::CounterConnection;
use crate::ledger::dialect::lock_wait::LockWait;
use crate::ledger::dialect::numbers::SharedRecord;
use crate::ledger::facts::LedgerFacts;
use crate::ledger::ledger::{
    BucketRange, Ledger, LedgerTransaction, LockedRecord, OwnerWithRows, PreparedRead, RowPage,
    RowPlace, Unapplied, UpdateOutcome,
};
use crate::ledger::limits::LedgerLimits;
use crate::ledger::pool::DirectLedger;
use crate::ledger::state::{LedgerState, SyncedPrefix};
use crate::ledger::threads::{Call, Drained, Overdue, Threads};
use crate::ledger::transaction::PoolTransaction;

/// How long an attempt may take to end a statement that was left behind.
const END_WITHIN: Duration = Duration::from_secs(2);

/// How long a thread may take to give up a read that it has prepared.
const END_READ_WITHIN: Duration = Duration::from_millis(100);

/// The ledger behind a Diesel connection pool.
///
/// Every call ends within a time, also if the server is frozen or the network drops its packets: a
/// read or a question within 10 seconds, which is [`Error::Unreachable`] then, and a step of a
/// transaction within 30, which is [`Error::TimedOut`]. Migrations may change large tables and have
/// no such limit. SQLite is no server, and its files are waited for as the pool says. Where the
/// operating system gives no thread for a call, its caller waits as long as the call takes.
///
/// A call that ended so goes on in a thread that holds its connection, until the server answers or
/// the system gives the connection up. While such calls hold at least half of the pool's
/// connections, those that need another one fail at once with [`Error::Unreachable`], so that the
/// application, which may share the pool, keeps the others.
///
/// The server itself ends a statement of a transaction after 25 seconds, unless it has a shorter
/// limit, so that a statement that takes too long is not left behind: by `statement_timeout` in
/// PostgreSQL and `max_statement_time` in MariaDB. MySQL has no limit for statements that write:
/// there another connection of the pool ends it by `KILL QUERY` once the step has timed out. Where
/// that is not possible, it goes on and keeps its rows locked until it ends.
pub struct PoolLedger<C: CounterConnection> {
    direct: Arc<DirectLedger<C>>,
    threads: Threads,
}

impl<C: CounterConnection> PoolLedger<C> {
    /// The ledger that keeps counters in this table of the pool's database.
    ///
    /// # Errors
    ///
    /// [`Error::Build`] if the pool is one with which counters cannot work: more than one
    /// connection to a SQLite database in memory.
    pub fn new(pool: Pool<ConnectionManager<C>>, table: TableName) -> Result<Self, Error> {
        Self::with_limits(pool, table, LedgerLimits::default())
    }

    /// Like [`PoolLedger::new`], with other limits of waiting.
    ///
    /// # Errors
    ///
    /// As [`PoolLedger::new`].
    #[doc(hidden)]
    pub fn with_limits(
        pool: Pool<ConnectionManager<C>>,
        table: TableName,
        limits: LedgerLimits,
    ) -> Result<Self, Error> {
        let threads = Threads::new(pool.max_size());
        Ok(Self { direct: Arc::new(DirectLedger::new(pool, table, limits)?), threads })
    }

    fn limits(&self) -> &LedgerLimits {
        self.direct.limits()
    }

    /// Returns what a call returns that takes a connection of the pool.
    fn within<T: Send + 'static>(
        &self,
        limit: Duration,
        call: impl FnOnce(&DirectLedger<C>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        if !C::IS_SERVER {
            return call(&self.direct);
        }
        let is_drained = |source: Drained| Error::Unreachable { source: source.into() };
        self.threads.check_left_behind().map_err(is_drained)?;
        let direct = Arc::clone(&self.direct);
        let is_overdue = |source: Overdue| Error::Unreachable { source: source.into() };
        self.threads.run(limit, move || call(&direct)).map_err(is_overdue)?
    }
}

/// A read of a thread that has a connection, or waits for one.
struct BegunRead {
    ask: Option<SyncSender<Vec<CounterId>>>,
    call: Option<Call<Result<Vec<Baseline>, Error>>>,
    limit: Duration,
}

impl BegunRead {
    /// Returns what the thread reads of these, which it does nothing for where there are none.
    fn end(&mut self, ids: Option<&[CounterId]>, limit: Duration) -> Result<Vec<Baseline>, Error> {
        if let (Some(ask), Some(ids)) = (self.ask.take(), ids) {
            // Its answer says why the thread is not there.
            let _ = ask.send(ids.to_vec());
        }
        let Some(call) = self.call.take() else { return Ok(Vec::new()) };
        call.wait(limit).map_err(|source| Error::Unreachable { source: source.into() })?
    }
}

impl PreparedRead for BegunRead {
    fn baselines(mut self: Box<Self>, ids: &[CounterId]) -> Result<Vec<Baseline>, Error> {
        let limit = self.limit;
        self.end(Some(ids), limit)
    }
}

impl Drop for BegunRead {
    /// The thread ends at once, unless the database keeps it: then it counts as left behind.
    fn drop(&mut self) {
        let _ = self.end(None, END_READ_WITHIN);
    }
}

impl<C: CounterConnection> fmt::Debug for PoolLedger<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PoolLedger").field(&self.direct).finish()
    }
}

impl<C: CounterConnection> Ledger for PoolLedger<C> {
    fn baselines(&self, ids: &[CounterId]) -> Result<Vec<Baseline>, Error> {
        let ids = ids.to_vec();
        self.within(self.limits().answer, move |direct| direct.baselines(&ids))
    }

    fn prepare_read(&self) -> Option<Box<dyn PreparedRead + '_>> {
        if !C::IS_SERVER || self.threads.check_left_behind().is_err() {
            return None;
        }
        let (ask, asked) = mpsc::sync_channel(1);
        let direct = Arc::clone(&self.direct);
        let call = self.threads.begin(move || direct.baselines_when_asked(&asked))?;
        Some(Box::new(BegunRead { ask: Some(ask), call: Some(call), limit: self.limits().answer }))
    }

    fn try_baselines(&self, ids: &[CounterId]) -> Result<Vec<Baseline>, Error> {
        let ids = ids.to_vec();
        self.within(self.limits().answer, move |direct| direct.try_baselines(&ids))
    }

    fn rows_of(&self, owner: &Owner) -> Result<Vec<(CounterKey, Baseline)>, Error> {
        let owner = owner.clone();
        self.within(self.limits().answer, move |direct| direct.rows_of(&owner))
    }

    fn top(
        &self,
        owner_type: &OwnerType,
        key: &CounterKey,
        range: Option<BucketRange>,
        limit: usize,
    ) -> Result<Vec<OwnerId>, Error> {
        let (of, key) = (owner_type.clone(), key.clone());
        self.within(self.limits().answer, move |direct| direct.top(&of, &key, range, limit))
    }

    fn rows_after(
        &self,
        owner_type: &OwnerType,
        after: Option<&RowPlace>,
        limit: NonZeroUsize,
    ) -> Result<RowPage, Error> {
        let (owner_type, after) = (owner_type.clone(), after.cloned());
        self.within(self.limits().answer, move |direct| {
            direct.rows_after(&owner_type, after.as_ref(), limit)
        })
    }

    fn buckets_after(
        &self,
        owner_type: &OwnerType,
        after: Option<&RowPlace>,
        limit: NonZeroUsize,
    ) -> Result<RowPage, Error> {
        let (owner_type, after) = (owner_type.clone(), after.cloned());
        self.within(self.limits().answer, move |direct| {
            direct.buckets_after(&owner_type, after.as_ref(), limit)
        })
    }

    fn bucket_type_after(&self, after: Option<&OwnerType>) -> Result<Option<OwnerType>, Error> {
        let after = after.cloned();
        self.within(self.limits().answer, move |direct| direct.bucket_type_after(after.as_ref()))
    }

    fn owners_after(
        &self,
        owner_type: &OwnerType,
        after: Option<&OwnerId>,
        limit: NonZeroUsize,
    ) -> Result<Vec<OwnerWithRows>, Error> {
        let (owner_type, after) = (owner_type.clone(), after.cloned());
        // It goes through all rows of the owners.
        self.within(self.limits().step, move |direct| {
            direct.owners_after(&owner_type, after.as_ref(), limit)
        })
    }

    fn present_owners(
        &self,
        table: &TableName,
        column: &str,
        ids: &[OwnerId],
    ) -> Result<Vec<OwnerId>, Error> {
        let (table, column, ids) = (table.clone(), column.to_owned(), ids.to_vec());
        self.within(self.limits().step, move |direct| direct.present_owners(&table, &column, &ids))
    }

    fn begin(&self, wait: LockWait) -> Result<Box<dyn LedgerTransaction + '_>, Error> {
        let transaction = self.within(self.limits().answer, move |direct| direct.begin(wait))?;
        let transaction = Some(transaction);
        Ok(Box::new(BoundedTransaction { transaction, ledger: self }))
    }

    fn ask_writes(&self) -> Result<(), Error> {
        self.within(self.limits().answer, DirectLedger::ask_writes)
    }

    fn state(&self, prefix: &Prefix) -> Result<LedgerState, Error> {
        let prefix = prefix.clone();
        self.within(self.limits().answer, move |direct| direct.state(&prefix))
    }

    fn state_to_write(&self, prefix: &Prefix) -> Result<LedgerState, Error> {
        let prefix = prefix.clone();
        self.within(self.limits().answer, move |direct| direct.state_to_write(&prefix))
    }

    fn prefixes(&self) -> Result<Vec<SyncedPrefix>, Error> {
        self.within(self.limits().answer, DirectLedger::prefixes)
    }

    fn record(&self, prefix: &Prefix, generation: &Generation) -> Result<(), Error> {
        let (prefix, generation) = (prefix.clone(), generation.clone());
        self.within(self.limits().step, move |direct| direct.record(&prefix, &generation))
    }

    fn parts(&self, prefix: &Prefix, store_id: &str) -> Result<Vec<PartSeq>, Error> {
        let (prefix, store_id) = (prefix.clone(), store_id.to_owned());
        self.within(self.limits().answer, move |direct| direct.parts(&prefix, &store_id))
    }

    fn adopt(
        &self,
        prefix: &Prefix,
        store_id: &str,
        noted: &[NotedRow],
    ) -> Result<Vec<NotedRow>, Error> {
        let (prefix, store_id, noted) = (prefix.clone(), store_id.to_owned(), noted.to_vec());
        self.within(self.limits().step, move |direct| direct.adopt(&prefix, &store_id, &noted))
    }

    fn pending_migrations(&self) -> Result<Vec<&'static str>, Error> {
        self.within(self.limits().answer, DirectLedger::pending_migrations)
    }

    fn run_pending_migrations(&self) -> Result<Vec<&'static str>, Error> {
        // On a standby too, and by a user who may not make tables.
        if self.pending_migrations()?.is_empty() {
            return Ok(Vec::new());
        }
        self.direct.run_migrations()
    }

    fn schema(&self) -> Option<String> {
        self.direct.schema()
    }

    fn inspect(&self) -> Result<LedgerFacts, Error> {
        self.within(self.limits().step, DirectLedger::inspect)
    }
}

/// A transaction that goes from thread to thread, and to none after a step without an answer.
struct BoundedTransaction<'a, C: CounterConnection> {
    transaction: Option<PoolTransaction<C>>,
    ledger: &'a PoolLedger<C>,
}

impl<C: CounterConnection> BoundedTransaction<'_, C> {
    fn step<T: Send + 'static>(
        &mut self,
        step: LedgerStep,
        run: impl FnOnce(&mut PoolTransaction<C>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let mut transaction = self.take(step)?;
        let session = transaction.unlimited_session();
        let run = move || {
            let result = run(&mut transaction);
            (transaction, result)
        };
        let (transaction, result) =
            self.in_time(step, run).inspect_err(|_| self.end_statement(session))?;
        self.transaction = Some(transaction);
        result
    }

    fn in_time<T: Send + 'static>(
        &self,
        step: LedgerStep,
        run: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        if !C::IS_SERVER {
            return Ok(run());
        }
        let is_overdue = |source: Overdue| Error::TimedOut { step, source: source.into() };
        self.ledger.threads.run(self.ledger.limits().step, run).map_err(is_overdue)
    }

    /// Tries to end a statement that was left behind, so that it does not keep its rows locked.
    fn end_statement(&self, session: Option<i64>) {
        let Some(session) = session else { return };
        let direct = Arc::clone(&self.ledger.direct);
        let ended = self.ledger.threads.run(END_WITHIN, move || direct.end_statement(session));
        tracing::debug!(session, ?ended, "a statement that takes too long was to be ended");
    }

    fn take(&mut self, step: LedgerStep) -> Result<PoolTransaction<C>, Error> {
        let source = DieselError::NotInTransaction;
        self.transaction.take().ok_or(Error::Database { step, source })
    }
}

impl<C: CounterConnection> LedgerTransaction for BoundedTransaction<'_, C> {
    fn upsert(&mut self, claims: &[Claim]) -> Result<Vec<Unapplied>, Error> {
        let claims = claims.to_vec();
        self.step(LedgerStep::Upsert, move |transaction| transaction.upsert(&claims))
    }

    fn lock_rows(&mut self, claims: &[Claim]) -> Result<Vec<usize>, Error> {
        let claims = claims.to_vec();
        self.step(LedgerStep::Upsert, move |transaction| transaction.lock_rows(&claims))
    }

    fn update(&mut self, claim: &Claim) -> Result<UpdateOutcome, Error> {
        let claim = claim.clone();
        self.step(LedgerStep::Upsert, move |transaction| transaction.update(&claim))
    }

    fn delete_zeros(&mut self, rows: &[(CounterId, ClaimSeq)]) -> Result<u64, Error> {
        let rows = rows.to_vec();
        self.step(LedgerStep::Upsert, move |transaction| transaction.delete_zeros(&rows))
    }

    fn lock_record(&mut self, prefix: &Prefix, store_id: &str) -> Result<LockedRecord, Error> {
        let (prefix, store_id) = (prefix.clone(), store_id.to_owned());
        let lock =
            move |transaction: &mut PoolTransaction<C>| transaction.lock_record(&prefix, &store_id);
        self.step(LedgerStep::State, lock)
    }

    fn record(&mut self, prefix: &Prefix, store_id: &str, row: &NotedRow) -> Result<(), Error> {
        let (prefix, store_id, row) = (prefix.clone(), store_id.to_owned(), row.clone());
        let record = move |transaction: &mut PoolTransaction<C>| {
            transaction.record(&prefix, &store_id, &row)
        };
        self.step(LedgerStep::State, record)
    }

    fn recorded_parts(
        &mut self,
        prefix: &Prefix,
        store_id: &str,
        parts: &[u16],
    ) -> Result<Vec<PartSeq>, Error> {
        let (prefix, store_id) = (prefix.clone(), store_id.to_owned());
        let parts = parts.to_vec();
        self.step(LedgerStep::State, move |transaction| {
            transaction.recorded_parts(&prefix, &store_id, &parts)
        })
    }

    fn record_parts(
        &mut self,
        prefix: &Prefix,
        store_id: &str,
        writer: i64,
        parts: &[PartSeq],
    ) -> Result<(), Error> {
        let (prefix, store_id, parts) = (prefix.clone(), store_id.to_owned(), parts.to_vec());
        self.step(LedgerStep::State, move |transaction| {
            transaction.record_parts(&prefix, &store_id, writer, &parts)
        })
    }

    fn take_number(&mut self, holder: i64) -> Result<HeldNumber, Error> {
        self.step(LedgerStep::State, move |transaction| transaction.take_number(holder))
    }

    fn lock_number(&mut self, number: StoreNumber) -> Result<Option<NumberRow>, Error> {
        self.step(LedgerStep::State, move |transaction| transaction.lock_number(number))
    }

    fn write_number(
        &mut self,
        number: StoreNumber,
        locked: NumberRow,
        row: NumberRow,
    ) -> Result<SharedRecord, Error> {
        self.step(LedgerStep::State, move |transaction| {
            transaction.write_number(number, locked, row)
        })
    }

    fn commit(mut self: Box<Self>) -> Result<(), Error> {
        let transaction = self.take(LedgerStep::Commit)?;
        self.in_time(LedgerStep::Commit, move || transaction.commit())?
    }
}

impl<C: CounterConnection> Drop for BoundedTransaction<'_, C> {
    fn drop(&mut self) {
        let Some(transaction) = self.transaction.take() else { return };
        if !C::IS_SERVER {
            return;
        }
        if let Err(error) =
            self.ledger.threads.run(self.ledger.limits().answer, move || drop(transaction))
        {
            tracing::debug!(%error, "a transaction could not be rolled back");
        }
    }
}
