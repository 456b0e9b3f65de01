use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use chrono::NaiveDateTime;
use counter_core::{
    Baseline, CounterId, CounterKey, Fact, Generation, Grain, NotedRow, Owner, OwnerId, OwnerType,
    PartSeq, Prefix, TableName, redact,
};
use diesel::r2d2::{ConnectionManager, Pool, PooledConnection};
use diesel::result::QueryResult;

use crate::error::{Error, LedgerStep};
use crate::ledger::by_table;
use crate::ledger::demotion::Demotion;
use crate::ledger::dialect::connection::CounterConnection;
use crate::ledger::dialect::lock_wait::LockWait;
use crate::ledger::dialect::period::BucketRange;
use crate::ledger::dialect::pooling::Pooling;
use crate::ledger::dialect::state_row::StateRow;
use crate::ledger::dialect::tables::Tables;
use crate::ledger::facts::{self, LedgerFacts};
use crate::ledger::failure::{as_ledger_error, contained, is_read_only};
use crate::ledger::kept_tables::KeptTables;
use crate::ledger::limits::LedgerLimits;
use crate::ledger::migration::migrations;
use crate::ledger::parts;
use crate::ledger::records;
use crate::ledger::retry;
use crate::ledger::state::{LedgerState, SyncedPrefix};
use crate::ledger::suspension::was_suspended;
use crate::ledger::transaction::PoolTransaction;

/// How long a check-up waits each time for a second connection.
const OTHER_WITHIN: Duration = Duration::from_millis(100);

/// How long a connection is held for a read that has not come yet: longer than a look into a
/// healthy store takes.
const KEPT_FOR_A_READ: Duration = Duration::from_millis(5);

/// The ledger behind a Diesel connection pool, on the thread that waits for it.
pub(crate) struct DirectLedger<C: CounterConnection> {
    pool: Pool<ConnectionManager<C>>,
    tables: KeptTables,
    demotion: Arc<Demotion>,
    limits: LedgerLimits,
}

impl<C: CounterConnection> DirectLedger<C> {
    pub(crate) fn new(
        pool: Pool<ConnectionManager<C>>,
        table: TableName,
        limits: LedgerLimits,
    ) -> Result<Self, Error> {
        C::check_pool(&pool)?;
        let demotion = Arc::new(Demotion::of_pool(pool.max_size()));
        Ok(Self { pool, tables: KeptTables::new(&table), demotion, limits })
    }

    pub(crate) const fn limits(&self) -> &LedgerLimits {
        &self.limits
    }

    fn connect(&self) -> Result<PooledConnection<ConnectionManager<C>>, Error> {
        let within = self.limits.connection.min(self.pool.connection_timeout());
        let started = Instant::now();
        let mut conn = self.pool.get_timeout(within);
        if conn.is_err() && was_suspended(started, within) {
            conn = self.pool.get_timeout(within);
        }
        conn.map_err(|source| Error::Unreachable { source: redact::quotations(source.into()) })
    }

    /// The tables, which are looked up once. So a read takes one round trip, and reads these tables
    /// even on a connection that would find others.
    fn tables_on(&self, conn: &mut C) -> Result<&Arc<Tables>, Error> {
        match self.tables.found() {
            Some(tables) => Ok(tables),
            None => contained(conn, |conn| self.tables.find(conn)).map_err(|source| {
                as_ledger_error(conn, self.tables.named(), LedgerStep::Read, source)
            }),
        }
    }

    /// Begins a transaction that writes. If a server may have been demoted, uses a connection whose
    /// server takes writes.
    fn begin_writing(&self, wait: LockWait) -> Result<PoolTransaction<C>, Error> {
        if self.demotion.is_likely() {
            return self.begin_where_written(wait);
        }
        self.begin_on(self.connect()?, wait)
    }

    /// Begins a transaction on a connection whose server takes writes. Looks through those of the
    /// pool; the others are thrown away.
    fn begin_where_written(&self, wait: LockWait) -> Result<PoolTransaction<C>, Error> {
        let mut tries = self.pool.max_size();
        loop {
            let mut transaction = self.begin_on(self.connect()?, wait)?;
            match transaction.run(LedgerStep::Upsert, ask_writes) {
                Ok(()) => {
                    self.demotion.note_write();
                    return Ok(transaction);
                }
                // Each connection that is there, and a new one.
                Err(error) if is_read_only(&error) && tries > 0 => tries -= 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// Writes fail on a connection that would find other tables, so that the mistake is seen.
    fn begin_on(
        &self,
        mut conn: PooledConnection<ConnectionManager<C>>,
        wait: LockWait,
    ) -> Result<PoolTransaction<C>, Error> {
        let tables = Arc::clone(self.tables_on(&mut conn)?);
        let mut transaction =
            PoolTransaction::begin(conn, tables, wait, Arc::clone(&self.demotion), self.limits)?;
        let other = transaction.run(LedgerStep::Begin, |conn, _| self.tables.other_schema(conn))?;
        let Some(found) = other else { return Ok(transaction) };
        if transaction.run(LedgerStep::Begin, |conn, _| self.tables.are_in(conn, &found))? {
            let table = self.tables.named().totals().to_string();
            let kept = self.tables.schema().unwrap_or_default().to_owned();
            return Err(Error::OtherSchema { table, kept, found });
        }
        transaction.forget_reads()?;
        Ok(transaction)
    }

    pub(crate) fn run<T>(
        &self,
        step: LedgerStep,
        query: impl FnOnce(&mut C, &Tables) -> QueryResult<T>,
    ) -> Result<T, Error> {
        self.run_on(self.connect()?, step, query)
    }

    fn run_on<T>(
        &self,
        mut conn: PooledConnection<ConnectionManager<C>>,
        step: LedgerStep,
        query: impl FnOnce(&mut C, &Tables) -> QueryResult<T>,
    ) -> Result<T, Error> {
        let tables = self.tables_on(&mut conn)?;
        contained(&mut *conn, |conn| query(conn, tables))
            .map_err(|source| as_ledger_error(&mut *conn, tables, step, source))
    }

    /// Runs a query in a transaction that waits for locks for a few seconds at most and is rolled
    /// back.
    fn run_soon<T>(
        &self,
        step: LedgerStep,
        query: impl FnOnce(&mut C, &Tables) -> QueryResult<T>,
    ) -> Result<T, Error> {
        self.begin_on(self.connect()?, LockWait::Usual)?.run(step, query)
    }
}

impl<C: CounterConnection> fmt::Debug for DirectLedger<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DirectLedger").field("tables", &self.tables).finish_non_exhaustive()
    }
}

impl<C: CounterConnection> DirectLedger<C> {
    pub(crate) fn baselines(&self, ids: &[CounterId]) -> Result<Vec<Baseline>, Error> {
        self.baselines_on(self.connect()?, ids)
    }

    fn baselines_on(
        &self,
        conn: PooledConnection<ConnectionManager<C>>,
        ids: &[CounterId],
    ) -> Result<Vec<Baseline>, Error> {
        let read = |conn: &mut C, tables: &Tables| by_table::baselines(conn, tables, ids);
        let rows = self.run_on(conn, LedgerStep::Read, read)?;
        Ok(rows.into_iter().map(Option::unwrap_or_default).collect())
    }

    /// Takes a free connection, waits for the counters to read, and reads their rows. Reads nothing
    /// if the caller asks for none. The connection is not held for long: if the caller asks late,
    /// or if no connection was free, another one is taken.
    pub(crate) fn baselines_when_asked(
        &self,
        asked: &Receiver<Arc<[CounterId]>>,
    ) -> Result<Vec<Baseline>, Error> {
        if let Some(conn) = self.pool.try_get() {
            match asked.recv_timeout(KEPT_FOR_A_READ) {
                Ok(ids) => return self.baselines_on(conn, &ids),
                Err(RecvTimeoutError::Disconnected) => return Ok(Vec::new()),
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
        asked.recv().map_or_else(|_| Ok(Vec::new()), |ids| self.baselines(&ids))
    }

    pub(crate) fn try_baselines(&self, ids: &[CounterId]) -> Result<Vec<Baseline>, Error> {
        let read = |conn: &mut C, tables: &Tables| by_table::baselines(conn, tables, ids);
        let rows = self.run_soon(LedgerStep::Read, read)?;
        Ok(rows.into_iter().map(Option::unwrap_or_default).collect())
    }

    pub(crate) fn rows_of(&self, owner: &Owner) -> Result<Vec<(CounterKey, Baseline)>, Error> {
        let rows = self.run(LedgerStep::Read, |conn, tables| conn.rows_of(tables, owner))?;
        Ok(typed_keys(rows))
    }

    pub(crate) fn top(
        &self,
        owner_type: &OwnerType,
        key: &CounterKey,
        buckets: Option<&[BucketRange]>,
        limit: usize,
    ) -> Result<Vec<OwnerId>, Error> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.run(LedgerStep::Read, |conn, tables| conn.top(tables, owner_type, key, buckets, limit))
    }

    pub(crate) fn newest_bucket(
        &self,
        total: &CounterId,
        grain: Grain,
        until: NaiveDateTime,
    ) -> Result<Option<NaiveDateTime>, Error> {
        self.run(LedgerStep::Read, |conn, tables| conn.newest_bucket(tables, total, grain, until))
    }

    pub(crate) fn begin(&self, wait: LockWait) -> Result<PoolTransaction<C>, Error> {
        self.begin_writing(wait)
    }

    pub(crate) fn ask_writes(&self) -> Result<(), Error> {
        self.begin_writing(LockWait::Short)?.run(LedgerStep::Upsert, ask_writes)
    }

    /// Ends, on another connection, the statement that this session has been running for long.
    pub(crate) fn end_statement(&self, session: i64) -> Result<(), Error> {
        self.run(LedgerStep::Upsert, |conn, _| conn.end_statement(session))
    }

    pub(crate) fn state(&self, prefix: &Prefix) -> Result<LedgerState, Error> {
        state_in(self.begin_on(self.connect()?, LockWait::Usual)?, prefix)
    }

    /// A database without a server is in one place only.
    pub(crate) fn state_to_write(&self, prefix: &Prefix) -> Result<LedgerState, Error> {
        if !C::IS_SERVER {
            return self.state(prefix);
        }
        state_in(self.begin_where_written(LockWait::Short)?, prefix)
    }

    pub(crate) fn prefixes(&self) -> Result<Vec<SyncedPrefix>, Error> {
        let prefixes = self.run_soon(LedgerStep::State, C::prefixes)?;
        let synced = |(prefix, synced_at)| SyncedPrefix { prefix, synced_at };
        Ok(prefixes.into_iter().map(synced).collect())
    }

    pub(crate) fn record(&self, prefix: &Prefix, generation: &Generation) -> Result<(), Error> {
        retry::with_backoff(|| {
            let mut transaction = self.begin_writing(LockWait::Usual)?;
            let mut row =
                StateRow::new(prefix.as_str(), &generation.store_id, generation.high_water);
            row.marks = transaction.identity()?.unwrap_or_default();
            transaction.run(LedgerStep::State, |conn, tables| {
                conn.forget_passes(tables, &row.prefix, &row.store_id)?;
                conn.record(tables, std::slice::from_ref(&row))
            })?;
            transaction.commit()
        })
    }

    pub(crate) fn parts(&self, prefix: &Prefix, store_id: &str) -> Result<Vec<PartSeq>, Error> {
        self.run(LedgerStep::State, |conn, tables| {
            parts::all(conn, tables, prefix.as_str(), store_id)
        })
    }

    pub(crate) fn adopt(
        &self,
        prefix: &Prefix,
        store_id: &str,
        noted: &[NotedRow],
    ) -> Result<Vec<NotedRow>, Error> {
        retry::with_backoff(|| {
            let mut transaction = self.begin_writing(LockWait::Usual)?;
            let identity = transaction.identity()?.unwrap_or_default();
            let noted = transaction.run(LedgerStep::State, |conn, tables| {
                // First, because a transaction of SQLite that has read does not wait for a writer.
                let prefix = prefix.as_str();
                conn.replace_identity(tables, prefix, store_id, &identity)?;
                records::adopt(conn, tables, prefix, store_id, noted)
            })?;
            transaction.commit()?;
            Ok(noted)
        })
    }

    pub(crate) fn pending_migrations(&self) -> Result<Vec<&'static str>, Error> {
        self.run(LedgerStep::Migrations, |conn, _| {
            let tables = self.tables.to_migrate(conn)?;
            migrations::pending(conn, &tables)
        })
    }

    pub(crate) fn run_migrations(&self) -> Result<Vec<&'static str>, Error> {
        let mut conn = self.connect()?;
        let tables = contained(&mut *conn, |conn| self.tables.to_migrate(conn));
        let tables = tables.map_err(|source| {
            as_ledger_error(&mut *conn, self.tables.named(), LedgerStep::Migrations, source)
        })?;
        let run = migrations::run_pending(&mut *conn, &tables, self.limits.migrations)?;
        // What was made here is kept, before another connection finds other tables.
        self.tables_on(&mut conn)?;
        Ok(run)
    }

    pub(crate) fn schema(&self) -> Option<String> {
        self.tables.schema().map(str::to_owned)
    }

    /// Returns a second connection, if the pool may have one.
    fn other_connection(
        &self,
    ) -> Result<Option<PooledConnection<ConnectionManager<C>>>, impl fmt::Display> {
        if self.pool.max_size() < 2 {
            return Ok(None);
        }
        // While a connection is made, the pool does not say why the last one failed.
        let mut got = self.pool.get_timeout(OTHER_WITHIN);
        for _ in 0..5 {
            match got {
                Err(error) if !names_a_statement(&error) => {
                    got = self.pool.get_timeout(OTHER_WITHIN);
                }
                done => return done.map(Some),
            }
        }
        got.map(Some)
    }

    pub(crate) fn inspect(&self) -> Result<LedgerFacts, Error> {
        let mut facts = LedgerFacts::default();
        let mut conn = self.connect()?;
        facts::inspect_server(&mut *conn, &mut facts);
        match self.other_connection() {
            Err(error) if names_a_statement(&error) => facts.pooling = Fact::Known(Pooling::Named),
            other => {
                let mut other = other.ok().flatten();
                facts::inspect_pooling(&mut *conn, other.as_deref_mut(), &mut facts);
            }
        }
        let tables = self.tables_on(&mut conn)?;
        let mut transaction = self.begin_on(conn, LockWait::Usual)?;
        facts::inspect_tables(transaction.conn(), tables, &mut facts);
        drop(transaction);
        if facts.has_usable_tables() {
            let mut transaction = self.begin_on(self.connect()?, LockWait::Usual)?;
            facts::inspect_writes(transaction.conn(), tables, &mut facts);
        }
        Ok(facts)
    }
}

/// Returns whether an error is about a prepared statement that Diesel has named. Behind a pooler
/// the pool's own question whether a connection answers fails so, in any language.
fn names_a_statement(error: &impl fmt::Display) -> bool {
    error.to_string().contains("__diesel_stmt_")
}

/// Reads what is known of the store behind a prefix, and rolls the transaction back.
fn state_in<C: CounterConnection>(
    mut transaction: PoolTransaction<C>,
    prefix: &Prefix,
) -> Result<LedgerState, Error> {
    let state = |conn: &mut C, tables: &Tables| conn.state(tables, prefix.as_str());
    let rows = transaction.run(LedgerStep::State, state)?;
    Ok(LedgerState { identity: transaction.identity()?, ..LedgerState::of_rows(rows) })
}

/// Asks whether the counters' table takes writes at all. A server that is read-only refuses this,
/// though no row is meant.
fn ask_writes<C: CounterConnection>(conn: &mut C, tables: &Tables) -> QueryResult<()> {
    let counters = C::quoted(tables.totals());
    conn.batch_execute(&format!("UPDATE {counters} SET count = count WHERE 1 = 0"))
}

/// Skips rows that no call can ask for, because no counter has such a key.
pub(crate) fn typed_keys(rows: Vec<(String, Baseline)>) -> Vec<(CounterKey, Baseline)> {
    rows.into_iter().filter_map(|(key, row)| Some((CounterKey::new(key).ok()?, row))).collect()
}
