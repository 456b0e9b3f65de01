use std::num::NonZeroUsize;

use chrono::NaiveDateTime;
use counter_diesel::check::LedgerFacts;
use counter_diesel::ledger::{
    BucketRange, Kept, KeptChange, Ledger, LedgerState, LedgerTransaction, LockWait, OwnerWithRows,
    RowPage, RowPlace, SyncedPrefix, TableName,
};
use counter_diesel::query::{Grain, OwnerType};
use counter_diesel::store::{Baseline, Generation, NotedRow, Prefix};
use counter_diesel::{CounterId, CounterKey, Error, Owner, OwnerId};

/// A database that is not there: no pool could be opened, or the command needs none.
#[derive(Debug)]
pub(super) struct Away {
    /// The reason, with passwords redacted.
    why: String,
}

impl Away {
    pub(super) fn new(why: impl Into<String>) -> Self {
        Self { why: why.into() }
    }

    fn refuse<T>(&self) -> Result<T, Error> {
        Err(Error::Unreachable { source: self.why.clone().into() })
    }
}

impl Ledger for Away {
    fn baselines(&self, _ids: &[CounterId]) -> Result<Vec<Baseline>, Error> {
        self.refuse()
    }

    fn rows_of(&self, _owner: &Owner) -> Result<Vec<(CounterKey, Baseline)>, Error> {
        self.refuse()
    }

    fn top(
        &self,
        _owner_type: &OwnerType,
        _key: &CounterKey,
        _buckets: Option<&[BucketRange]>,
        _limit: usize,
    ) -> Result<Vec<OwnerId>, Error> {
        self.refuse()
    }

    fn newest_bucket(
        &self,
        _total: &CounterId,
        _grain: Grain,
        _until: NaiveDateTime,
    ) -> Result<Option<NaiveDateTime>, Error> {
        self.refuse()
    }

    fn rows_after(
        &self,
        _owner_type: &OwnerType,
        _after: Option<&RowPlace>,
        _limit: NonZeroUsize,
    ) -> Result<RowPage, Error> {
        self.refuse()
    }

    fn buckets_after(
        &self,
        _owner_type: &OwnerType,
        _after: Option<&RowPlace>,
        _limit: NonZeroUsize,
    ) -> Result<RowPage, Error> {
        self.refuse()
    }

    fn bucket_type_after(&self, _after: Option<&OwnerType>) -> Result<Option<OwnerType>, Error> {
        self.refuse()
    }

    fn owners_after(
        &self,
        _owner_type: &OwnerType,
        _after: Option<&OwnerId>,
        _limit: NonZeroUsize,
    ) -> Result<Vec<OwnerWithRows>, Error> {
        self.refuse()
    }

    fn kept(&self, _of: Option<(&OwnerType, &CounterKey)>) -> Result<Option<Vec<Kept>>, Error> {
        self.refuse()
    }

    fn write_kept(&self, _kept: &Kept, _change: KeptChange) -> Result<(), Error> {
        self.refuse()
    }

    fn present_owners(
        &self,
        _table: &TableName,
        _column: &str,
        _ids: &[OwnerId],
    ) -> Result<Vec<OwnerId>, Error> {
        self.refuse()
    }

    fn begin(&self, _wait: LockWait) -> Result<Box<dyn LedgerTransaction + '_>, Error> {
        self.refuse()
    }

    fn ask_writes(&self) -> Result<(), Error> {
        self.refuse()
    }

    fn state(&self, _prefix: &Prefix) -> Result<LedgerState, Error> {
        self.refuse()
    }

    fn prefixes(&self) -> Result<Vec<SyncedPrefix>, Error> {
        self.refuse()
    }

    fn record(&self, _prefix: &Prefix, _generation: &Generation) -> Result<(), Error> {
        self.refuse()
    }

    fn adopt(
        &self,
        _prefix: &Prefix,
        _store_id: &str,
        _noted: &[NotedRow],
    ) -> Result<Vec<NotedRow>, Error> {
        self.refuse()
    }

    fn pending_migrations(&self) -> Result<Vec<&'static str>, Error> {
        self.refuse()
    }

    fn run_pending_migrations(&self) -> Result<Vec<&'static str>, Error> {
        self.refuse()
    }

    fn inspect(&self) -> Result<LedgerFacts, Error> {
        self.refuse()
    }
}
