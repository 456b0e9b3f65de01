use std::num::NonZeroUsize;
use std::time::Duration;

use chrono::NaiveDateTime;
use counter_diesel::check::{Fact, LedgerFacts};
use counter_diesel::ledger::{
    BucketRange, Kept, KeptChange, Ledger, LedgerState, LedgerTransaction, LockWait, OwnerWithRows,
    PoolLedger, RowPage, RowPlace, SyncedPrefix, TableName,
};
use counter_diesel::query::{Grain, OwnerType};
use counter_diesel::store::{Baseline, Generation, NotedRow, Prefix};
use counter_diesel::{CounterId, CounterKey, Error, Owner, OwnerId};
use diesel::SqliteConnection;
use diesel::connection::SimpleConnection as _;
use diesel::r2d2::{ConnectionManager, CustomizeConnection, Pool};

use super::sqlite_file::SqliteFile;
use crate::failure::Failure;

/// One, because a command does one thing after another.
const CONNECTIONS: u32 = 1;

const CONNECTION_TIMEOUT: Duration = Duration::from_secs(1);

/// A SQLite file that is only read. It can still report whether it could be written to.
#[derive(Debug)]
pub(super) struct FileLedger {
    reads: PoolLedger<SqliteConnection>,
    uri_to_write: String,
    table: TableName,
}

impl FileLedger {
    pub(super) fn open(file: &SqliteFile<'_>, table: &TableName) -> Result<Self, Failure> {
        let pool = counter_diesel::sqlite_pool(&file.uri_to_read()?, CONNECTIONS)?;
        let reads = PoolLedger::new(pool, table.clone())?;
        Ok(Self { reads, uri_to_write: file.uri_to_write(), table: table.clone() })
    }

    /// Asks a connection that may write. It changes no byte: it sets no journal mode, what it tries
    /// is rolled back, and while the other connection is open, closing this one moves nothing from
    /// the WAL to the file.
    fn inspect_writes(&self) -> Fact<Result<(), String>> {
        let pool = Pool::builder()
            .max_size(CONNECTIONS)
            .min_idle(Some(0))
            .connection_timeout(CONNECTION_TIMEOUT)
            .connection_customizer(Box::new(Patience));
        let pool = pool.build(ConnectionManager::new(&self.uri_to_write));
        let facts = match pool {
            Ok(pool) => PoolLedger::new(pool, self.table.clone()).and_then(|all| all.inspect()),
            Err(source) => Err(Error::Unreachable { source: source.into() }),
        };
        match facts {
            Ok(facts) => facts.writes,
            Err(error) => Fact::Known(Err(Failure::from(error).why().to_owned())),
        }
    }
}

impl Ledger for FileLedger {
    fn baselines(&self, ids: &[CounterId]) -> Result<Vec<Baseline>, Error> {
        self.reads.baselines(ids)
    }

    fn try_baselines(&self, ids: &[CounterId]) -> Result<Vec<Baseline>, Error> {
        self.reads.try_baselines(ids)
    }

    fn rows_of(&self, owner: &Owner) -> Result<Vec<(CounterKey, Baseline)>, Error> {
        self.reads.rows_of(owner)
    }

    fn top(
        &self,
        owner_type: &OwnerType,
        key: &CounterKey,
        buckets: Option<&[BucketRange]>,
        limit: usize,
    ) -> Result<Vec<OwnerId>, Error> {
        self.reads.top(owner_type, key, buckets, limit)
    }

    fn newest_bucket(
        &self,
        total: &CounterId,
        grain: Grain,
        until: NaiveDateTime,
    ) -> Result<Option<NaiveDateTime>, Error> {
        self.reads.newest_bucket(total, grain, until)
    }

    fn rows_after(
        &self,
        owner_type: &OwnerType,
        after: Option<&RowPlace>,
        limit: NonZeroUsize,
    ) -> Result<RowPage, Error> {
        self.reads.rows_after(owner_type, after, limit)
    }

    fn buckets_after(
        &self,
        owner_type: &OwnerType,
        after: Option<&RowPlace>,
        limit: NonZeroUsize,
    ) -> Result<RowPage, Error> {
        self.reads.buckets_after(owner_type, after, limit)
    }

    fn bucket_type_after(&self, after: Option<&OwnerType>) -> Result<Option<OwnerType>, Error> {
        self.reads.bucket_type_after(after)
    }

    fn owners_after(
        &self,
        owner_type: &OwnerType,
        after: Option<&OwnerId>,
        limit: NonZeroUsize,
    ) -> Result<Vec<OwnerWithRows>, Error> {
        self.reads.owners_after(owner_type, after, limit)
    }

    fn kept(&self, of: Option<(&OwnerType, &CounterKey)>) -> Result<Option<Vec<Kept>>, Error> {
        self.reads.kept(of)
    }

    fn counted_before(
        &self,
        owner_type: &OwnerType,
        key: &CounterKey,
    ) -> Result<Option<NaiveDateTime>, Error> {
        self.reads.counted_before(owner_type, key)
    }

    fn now(&self) -> Result<Option<NaiveDateTime>, Error> {
        self.reads.now()
    }

    fn write_kept(&self, kept: &Kept, change: KeptChange) -> Result<(), Error> {
        self.reads.write_kept(kept, change)
    }

    fn present_owners(
        &self,
        table: &TableName,
        column: &str,
        ids: &[OwnerId],
    ) -> Result<Vec<OwnerId>, Error> {
        self.reads.present_owners(table, column, ids)
    }

    fn begin(&self, wait: LockWait) -> Result<Box<dyn LedgerTransaction + '_>, Error> {
        self.reads.begin(wait)
    }

    fn ask_writes(&self) -> Result<(), Error> {
        self.reads.ask_writes()
    }

    fn state(&self, prefix: &Prefix) -> Result<LedgerState, Error> {
        self.reads.state(prefix)
    }

    fn prefixes(&self) -> Result<Vec<SyncedPrefix>, Error> {
        self.reads.prefixes()
    }

    fn record(&self, prefix: &Prefix, generation: &Generation) -> Result<(), Error> {
        self.reads.record(prefix, generation)
    }

    fn adopt(
        &self,
        prefix: &Prefix,
        store_id: &str,
        noted: &[NotedRow],
    ) -> Result<Vec<NotedRow>, Error> {
        self.reads.adopt(prefix, store_id, noted)
    }

    fn pending_migrations(&self) -> Result<Vec<&'static str>, Error> {
        self.reads.pending_migrations()
    }

    fn run_pending_migrations(&self) -> Result<Vec<&'static str>, Error> {
        self.reads.run_pending_migrations()
    }

    fn schema(&self) -> Option<String> {
        self.reads.schema()
    }

    fn inspect(&self) -> Result<LedgerFacts, Error> {
        let mut facts = self.reads.inspect()?;
        // Not queried where the tables cannot be read.
        if facts.writes.known().is_some() {
            facts.writes = self.inspect_writes();
        }
        Ok(facts)
    }
}

/// The busy time-out of `sqlite_pool`, without its journal mode.
#[derive(Debug)]
struct Patience;

impl CustomizeConnection<SqliteConnection, diesel::r2d2::Error> for Patience {
    fn on_acquire(&self, conn: &mut SqliteConnection) -> Result<(), diesel::r2d2::Error> {
        conn.batch_execute("PRAGMA busy_timeout = 5000").map_err(diesel::r2d2::Error::QueryError)
    }
}
