use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::mpsc::{self, SyncSender};
use std::time::Duration;

use chrono::NaiveDateTime;
use counter_core::{
    Baseline, CounterId, CounterKey, Generation, Grain, NotedRow, Owner, OwnerId, OwnerType,
    PartSeq, Prefix, TableName,
};
use diesel::r2d2::{ConnectionManager, Pool};

use crate::error::Error;
use crate::ledger::bounded_transaction::BoundedTransaction;
use crate::ledger::dialect::connection::CounterConnection;
use crate::ledger::dialect::lock_wait::LockWait;
use crate::ledger::facts::LedgerFacts;
use crate::ledger::kept::{Kept, KeptChange};
use crate::ledger::ledger::{
    BucketRange, Ledger, LedgerTransaction, OwnerWithRows, RowPage, RowPlace,
};
use crate::ledger::limits::LedgerLimits;
use crate::ledger::pool::DirectLedger;
use crate::ledger::prepared_read::PreparedRead;
use crate::ledger::state::{LedgerState, SyncedPrefix};
use crate::ledger::threads::{Call, Drained, Overdue, Threads};

/// Maximum time that a thread takes to cancel a read that it has prepared.
const END_READ_WITHIN: Duration = Duration::from_millis(100);

/// The ledger behind a Diesel connection pool.
///
/// Every call ends within a time, also if the server is frozen or the network drops its packets: a
/// read or a question within 10 seconds, which is [`Error::Unreachable`] then, and a step of a
/// transaction within 30, which is [`Error::TimedOut`]. Migrations may change large tables and have
/// no such limit. Time in which the process is suspended hardly counts, but a server ends a
/// transaction whose client it has not heard from for 15 seconds. SQLite is no server, and its
/// files are waited for as the pool says. Where the operating system gives no thread for a call,
/// its caller waits as long as the call takes.
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

/// The rows that a thread reads once it gets the counters.
type Rows = Call<Result<Vec<Baseline>, Error>>;

/// A read prepared by a thread that holds a connection.
struct BegunRead {
    /// Both are present until the read is made.
    begun: Option<(SyncSender<Arc<[CounterId]>>, Rows)>,
    limit: Duration,
}

impl PreparedRead for BegunRead {
    fn baselines(mut self: Box<Self>, ids: Arc<[CounterId]>) -> Result<Vec<Baseline>, Error> {
        let Some((ask, call)) = self.begun.take() else { return Ok(Vec::new()) };
        // If the thread has left, its answer says why.
        let _ = ask.send(ids);
        call.wait(self.limit).map_err(|source| Error::Unreachable { source: source.into() })?
    }
}

impl Drop for BegunRead {
    /// Ends the thread at once. If the database keeps the thread waiting, its call counts as left
    /// behind.
    fn drop(&mut self) {
        if let Some((ask, call)) = self.begun.take() {
            drop(ask);
            call.give_up(END_READ_WITHIN);
        }
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
        Some(Box::new(BegunRead { begun: Some((ask, call)), limit: self.limits().answer }))
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
        ranges: Option<&[BucketRange]>,
        limit: usize,
    ) -> Result<Vec<OwnerId>, Error> {
        let (of, key) = (owner_type.clone(), key.clone());
        let ranges = ranges.map(<[_]>::to_vec);
        self.within(self.limits().answer, move |direct| {
            direct.top(&of, &key, ranges.as_deref(), limit)
        })
    }

    fn newest_bucket(
        &self,
        total: &CounterId,
        grain: Grain,
        until: NaiveDateTime,
    ) -> Result<Option<NaiveDateTime>, Error> {
        let total = total.clone();
        self.within(self.limits().answer, move |direct| direct.newest_bucket(&total, grain, until))
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
        // Slow, because it goes through all rows of the owners.
        self.within(self.limits().step, move |direct| {
            direct.owners_after(&owner_type, after.as_ref(), limit)
        })
    }

    fn kept(&self, of: Option<(&OwnerType, &CounterKey)>) -> Result<Option<Vec<Kept>>, Error> {
        let of = of.map(|(owner_type, key)| (owner_type.clone(), key.clone()));
        self.within(self.limits().answer, move |direct| {
            direct.kept(of.as_ref().map(|(owner_type, key)| (owner_type, key)))
        })
    }

    fn counted_before(
        &self,
        owner_type: &OwnerType,
        key: &CounterKey,
    ) -> Result<Option<NaiveDateTime>, Error> {
        let (owner_type, key) = (owner_type.clone(), key.clone());
        self.within(self.limits().answer, move |direct| direct.counted_before(&owner_type, &key))
    }

    fn now(&self) -> Result<Option<NaiveDateTime>, Error> {
        self.within(self.limits().answer, |direct| direct.now().map(Some))
    }

    fn write_kept(&self, kept: &Kept, change: KeptChange) -> Result<(), Error> {
        let kept = kept.clone();
        self.within(self.limits().step, move |direct| direct.write_kept(&kept, change))
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
        Ok(Box::new(BoundedTransaction::new(transaction, &self.direct, &self.threads)))
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
        // Must work on a standby too, and for a user who may not make tables.
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
