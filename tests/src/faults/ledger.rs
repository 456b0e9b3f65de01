use std::num::NonZeroUsize;
use std::sync::Arc;

use chrono::NaiveDateTime;
use counter_core::{
    Baseline, Claim, ClaimSeq, CounterId, CounterKey, Generation, Grain, HeldNumber, NotedRow,
    NumberRow, Owner, OwnerId, OwnerType, PartSeq, Prefix, StoreNumber,
};
use counter_diesel::Error;
use counter_diesel::check::LedgerFacts;
use counter_diesel::error::LedgerStep;
use counter_diesel::ledger::{
    BucketMove, BucketRange, Kept, KeptChange, Ledger, LedgerState, LedgerTransaction, LockWait,
    LockedRecord, OwnerWithRows, RowPage, RowPlace, SharedRecord, SyncedPrefix, TableName,
    Unapplied, UpdateOutcome,
};
use diesel::result::{DatabaseErrorKind, Error as DieselError};

use super::plan::{Fault, Faults};

/// A ledger behind faults.
pub struct FaultyLedger {
    /// What it wraps.
    pub inner: Arc<dyn Ledger>,
    /// When it fails.
    pub faults: Arc<Faults>,
}

fn failure(step: LedgerStep, fault: Fault) -> Error {
    let text = format!("planned: {fault:?}");
    match fault {
        Fault::Refused | Fault::RefusedAfter => {
            let source =
                DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure, Box::new(text));
            Error::Database { step, source }
        }
        _ => Error::Unreachable { source: text.into() },
    }
}

impl FaultyLedger {
    fn step<T>(
        &self,
        name: &str,
        step: LedgerStep,
        run: impl FnOnce() -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.faults.step(name, run, |fault| failure(step, fault))
    }
}

impl Ledger for FaultyLedger {
    fn baselines(&self, ids: &[CounterId]) -> Result<Vec<Baseline>, Error> {
        self.step("baselines", LedgerStep::Read, || self.inner.baselines(ids))
    }

    fn try_baselines(&self, ids: &[CounterId]) -> Result<Vec<Baseline>, Error> {
        self.step("baselines", LedgerStep::Read, || self.inner.try_baselines(ids))
    }

    fn rows_of(&self, owner: &Owner) -> Result<Vec<(CounterKey, Baseline)>, Error> {
        self.step("rows_of", LedgerStep::Read, || self.inner.rows_of(owner))
    }

    fn top(
        &self,
        owner_type: &OwnerType,
        key: &CounterKey,
        buckets: Option<&[BucketRange]>,
        limit: usize,
    ) -> Result<Vec<OwnerId>, Error> {
        self.step("top", LedgerStep::Read, || self.inner.top(owner_type, key, buckets, limit))
    }

    fn newest_bucket(
        &self,
        total: &CounterId,
        grain: Grain,
        until: NaiveDateTime,
    ) -> Result<Option<NaiveDateTime>, Error> {
        let newest = || self.inner.newest_bucket(total, grain, until);
        self.step("newest_bucket", LedgerStep::Read, newest)
    }

    fn rows_after(
        &self,
        owner_type: &OwnerType,
        after: Option<&RowPlace>,
        limit: NonZeroUsize,
    ) -> Result<RowPage, Error> {
        let rows_after = || self.inner.rows_after(owner_type, after, limit);
        self.step("rows_after", LedgerStep::Read, rows_after)
    }

    fn buckets_after(
        &self,
        owner_type: &OwnerType,
        after: Option<&RowPlace>,
        limit: NonZeroUsize,
    ) -> Result<RowPage, Error> {
        let buckets_after = || self.inner.buckets_after(owner_type, after, limit);
        self.step("buckets_after", LedgerStep::Read, buckets_after)
    }

    fn bucket_type_after(&self, after: Option<&OwnerType>) -> Result<Option<OwnerType>, Error> {
        let bucket_type_after = || self.inner.bucket_type_after(after);
        self.step("bucket_type_after", LedgerStep::Read, bucket_type_after)
    }

    fn owners_after(
        &self,
        owner_type: &OwnerType,
        after: Option<&OwnerId>,
        limit: NonZeroUsize,
    ) -> Result<Vec<OwnerWithRows>, Error> {
        let owners_after = || self.inner.owners_after(owner_type, after, limit);
        self.step("owners_after", LedgerStep::Read, owners_after)
    }

    fn kept(&self, of: Option<(&OwnerType, &CounterKey)>) -> Result<Option<Vec<Kept>>, Error> {
        self.step("kept", LedgerStep::Read, || self.inner.kept(of))
    }

    fn counted_before(
        &self,
        owner_type: &OwnerType,
        key: &CounterKey,
    ) -> Result<Option<NaiveDateTime>, Error> {
        let counted_before = || self.inner.counted_before(owner_type, key);
        self.step("counted_before", LedgerStep::Read, counted_before)
    }

    fn now(&self) -> Result<Option<NaiveDateTime>, Error> {
        let now = self.step("now", LedgerStep::Read, || self.inner.now())?;
        Ok(now.map(|now| now - self.faults.database_behind()))
    }

    fn write_kept(&self, kept: &Kept, change: KeptChange) -> Result<(), Error> {
        self.step("write_kept", LedgerStep::State, || self.inner.write_kept(kept, change))
    }

    fn present_owners(
        &self,
        table: &TableName,
        column: &str,
        ids: &[OwnerId],
    ) -> Result<Vec<OwnerId>, Error> {
        let present_owners = || self.inner.present_owners(table, column, ids);
        self.step("present_owners", LedgerStep::Owners, present_owners)
    }

    fn begin(&self, wait: LockWait) -> Result<Box<dyn LedgerTransaction + '_>, Error> {
        let inner = self.step("begin", LedgerStep::Begin, || self.inner.begin(wait))?;
        Ok(Box::new(FaultyTransaction { inner, faults: &self.faults }))
    }

    fn ask_writes(&self) -> Result<(), Error> {
        self.step("ask_writes", LedgerStep::Upsert, || self.inner.ask_writes())
    }

    fn state(&self, prefix: &Prefix) -> Result<LedgerState, Error> {
        self.step("state", LedgerStep::State, || self.inner.state(prefix))
    }

    fn state_to_write(&self, prefix: &Prefix) -> Result<LedgerState, Error> {
        self.step("state", LedgerStep::State, || self.inner.state_to_write(prefix))
    }

    fn record(&self, prefix: &Prefix, generation: &Generation) -> Result<(), Error> {
        self.step("record", LedgerStep::State, || self.inner.record(prefix, generation))
    }

    fn prefixes(&self) -> Result<Vec<SyncedPrefix>, Error> {
        self.step("prefixes", LedgerStep::State, || self.inner.prefixes())
    }

    fn parts(&self, prefix: &Prefix, store_id: &str) -> Result<Vec<PartSeq>, Error> {
        self.step("parts", LedgerStep::State, || self.inner.parts(prefix, store_id))
    }

    fn adopt(
        &self,
        prefix: &Prefix,
        store_id: &str,
        noted: &[NotedRow],
    ) -> Result<Vec<NotedRow>, Error> {
        self.step("adopt_rows", LedgerStep::State, || self.inner.adopt(prefix, store_id, noted))
    }

    fn pending_migrations(&self) -> Result<Vec<&'static str>, Error> {
        self.inner.pending_migrations()
    }

    fn run_pending_migrations(&self) -> Result<Vec<&'static str>, Error> {
        self.inner.run_pending_migrations()
    }

    fn inspect(&self) -> Result<LedgerFacts, Error> {
        self.step("inspect_ledger", LedgerStep::Read, || self.inner.inspect())
    }
}

struct FaultyTransaction<'a> {
    inner: Box<dyn LedgerTransaction + 'a>,
    faults: &'a Faults,
}

impl LedgerTransaction for FaultyTransaction<'_> {
    fn lock_rows(&mut self, claims: &[Claim]) -> Result<Vec<usize>, Error> {
        self.faults.step(
            "lock_rows",
            || self.inner.lock_rows(claims),
            |fault| failure(LedgerStep::Upsert, fault),
        )
    }

    fn upsert(&mut self, claims: &[Claim]) -> Result<Vec<Unapplied>, Error> {
        self.faults.step(
            "upsert",
            || self.inner.upsert(claims),
            |fault| failure(LedgerStep::Upsert, fault),
        )
    }

    fn update(&mut self, claim: &Claim) -> Result<UpdateOutcome, Error> {
        self.faults.step(
            "update",
            || self.inner.update(claim),
            |fault| failure(LedgerStep::Upsert, fault),
        )
    }

    fn delete_zeros(&mut self, rows: &[(CounterId, ClaimSeq)]) -> Result<u64, Error> {
        self.faults.step(
            "delete_zeros",
            || self.inner.delete_zeros(rows),
            |fault| failure(LedgerStep::Upsert, fault),
        )
    }

    fn lock_buckets(&mut self, ids: &[CounterId]) -> Result<Vec<Option<Baseline>>, Error> {
        self.faults.step(
            "lock_buckets",
            || self.inner.lock_buckets(ids),
            |fault| failure(LedgerStep::Upsert, fault),
        )
    }

    fn move_counts(&mut self, moves: &[BucketMove]) -> Result<(), Error> {
        self.faults.step(
            "move_counts",
            || self.inner.move_counts(moves),
            |fault| failure(LedgerStep::Upsert, fault),
        )
    }

    fn lock_record(&mut self, prefix: &Prefix, store_id: &str) -> Result<LockedRecord, Error> {
        self.faults.step(
            "lock_record",
            || self.inner.lock_record(prefix, store_id),
            |fault| failure(LedgerStep::State, fault),
        )
    }

    fn record(&mut self, prefix: &Prefix, store_id: &str, row: &NotedRow) -> Result<(), Error> {
        self.faults.step(
            "record_batch",
            || self.inner.record(prefix, store_id, row),
            |fault| failure(LedgerStep::State, fault),
        )
    }

    fn recorded_parts(
        &mut self,
        prefix: &Prefix,
        store_id: &str,
        parts: &[u16],
    ) -> Result<Vec<PartSeq>, Error> {
        self.faults.step(
            "recorded_parts",
            || self.inner.recorded_parts(prefix, store_id, parts),
            |fault| failure(LedgerStep::State, fault),
        )
    }

    fn record_parts(
        &mut self,
        prefix: &Prefix,
        store_id: &str,
        writer: i64,
        parts: &[PartSeq],
    ) -> Result<(), Error> {
        self.faults.step(
            "record_parts",
            || self.inner.record_parts(prefix, store_id, writer, parts),
            |fault| failure(LedgerStep::State, fault),
        )
    }

    fn take_number(&mut self, holder: i64) -> Result<HeldNumber, Error> {
        self.faults.step(
            "take_number",
            || self.inner.take_number(holder),
            |fault| failure(LedgerStep::State, fault),
        )
    }

    fn lock_number(&mut self, number: StoreNumber) -> Result<Option<NumberRow>, Error> {
        self.faults.step(
            "lock_number",
            || self.inner.lock_number(number),
            |fault| failure(LedgerStep::State, fault),
        )
    }

    fn write_number(
        &mut self,
        number: StoreNumber,
        locked: NumberRow,
        row: NumberRow,
    ) -> Result<SharedRecord, Error> {
        self.faults.step(
            "write_number",
            || self.inner.write_number(number, locked, row),
            |fault| failure(LedgerStep::State, fault),
        )
    }

    fn commit(self: Box<Self>) -> Result<(), Error> {
        let Self { inner, faults } = *self;
        faults.step("commit", || inner.commit(), |fault| failure(LedgerStep::Commit, fault))
    }
}
