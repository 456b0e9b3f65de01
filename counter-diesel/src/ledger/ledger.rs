use std::num::NonZeroUsize;
use std::time::Duration;

use chrono::NaiveDateTime;
use counter_core::{
    Baseline, Claim, ClaimSeq, CounterId, CounterKey, Generation, Grain, HeldNumber, Marks,
    NotedRow, NumberRow, Owner, OwnerId, OwnerType, PartSeq, Prefix, StoreNumber, TableName,
};

use crate::error::Error;
use crate::ledger::bucket_move::BucketMove;
use crate::ledger::dialect::lock_wait::LockWait;
use crate::ledger::dialect::numbers::SharedRecord;
pub(crate) use crate::ledger::dialect::period::BucketRange;
use crate::ledger::facts::LedgerFacts;
use crate::ledger::kept::{Kept, KeptChange};
use crate::ledger::prepared_read::PreparedRead;
use crate::ledger::state::{LedgerState, SyncedPrefix};

/// The database side: reads baselines, and applies claims under the guard.
///
/// Object-safe, and can be wrapped. Every method either does what it says or fails without a trace,
/// but for [`LedgerTransaction::commit`].
///
/// # Errors
///
/// Every method fails with [`Error::Unreachable`] where there is no working connection,
/// [`Error::NotMigrated`] where a table is missing, [`Error::Locked`] where another transaction
/// held a lock for too long, [`Error::TimedOut`] where a step of a transaction took too long, and
/// [`Error::Database`] where a statement is refused.
pub trait Ledger: Send + Sync + 'static {
    /// The rows of these counters, in the order asked, [`Baseline::NONE`] where there is none. They
    /// are the latest committed ones: no snapshot older than the call.
    fn baselines(&self, ids: &[CounterId]) -> Result<Vec<Baseline>, Error>;

    /// Like [`baselines`](Self::baselines), but fails soon if another session has locked the table.
    /// The default waits as long as `baselines`.
    fn try_baselines(&self, ids: &[CounterId]) -> Result<Vec<Baseline>, Error> {
        self.baselines(ids)
    }

    /// Prepares a read: gets a connection while the caller does something else. The default
    /// prepares nothing.
    fn prepare_read(&self) -> Option<Box<dyn PreparedRead + '_>> {
        None
    }

    /// All rows of an owner's totals, by key.
    fn rows_of(&self, owner: &Owner) -> Result<Vec<(CounterKey, Baseline)>, Error>;

    /// The owners of this type whose counts of this key are the highest in the table, at most
    /// `limit` of them: the highest first, and the smaller id first where counts are the same. With
    /// `buckets`, of which there is at least one range, the owners whose buckets in these ranges
    /// add up to the most; owners without such buckets are left out.
    fn top(
        &self,
        owner_type: &OwnerType,
        key: &CounterKey,
        buckets: Option<&[BucketRange]>,
        limit: usize,
    ) -> Result<Vec<OwnerId>, Error>;

    /// The start of the newest row of a counter's buckets of this grain that does not start later
    /// than this.
    fn newest_bucket(
        &self,
        total: &CounterId,
        grain: Grain,
        until: NaiveDateTime,
    ) -> Result<Option<NaiveDateTime>, Error>;

    /// The rows of the owners of this type, in an order of owner and key that stays the same, at
    /// most `limit` of them: those after this place, or the first.
    fn rows_after(
        &self,
        owner_type: &OwnerType,
        after: Option<&RowPlace>,
        limit: NonZeroUsize,
    ) -> Result<RowPage, Error>;

    /// The rows of buckets of the owners of this type, in an order of owner, key and period that
    /// stays the same, at most `limit` of them: those after this place, or the first. There are
    /// none where only the table of buckets is missing, because its migration was not run.
    fn buckets_after(
        &self,
        owner_type: &OwnerType,
        after: Option<&RowPlace>,
        limit: NonZeroUsize,
    ) -> Result<RowPage, Error>;

    /// The first type of owners that has rows of buckets, in the order of its bytes: after this
    /// one, or of all. A text that is no type is passed over. There is none where only the table of
    /// buckets is missing.
    fn bucket_type_after(&self, after: Option<&OwnerType>) -> Result<Option<OwnerType>, Error>;

    /// The owners of this type that have rows of totals or of buckets, in an order that stays the
    /// same, at most `limit` of them: those after this one, or the first.
    fn owners_after(
        &self,
        owner_type: &OwnerType,
        after: Option<&OwnerId>,
        limit: NonZeroUsize,
    ) -> Result<Vec<OwnerWithRows>, Error>;

    /// Returns the rows of the table that says since when buckets are kept: those of this type and
    /// key, or all. `None` if the table does not exist, because its migration was not run. Default:
    /// `None`.
    fn kept(&self, of: Option<(&OwnerType, &CounterKey)>) -> Result<Option<Vec<Kept>>, Error> {
        let _ = of;
        Ok(None)
    }

    /// Returns the database's time if a total of this key is older than an hour, else `None`.
    /// Default: `None`.
    fn counted_before(
        &self,
        owner_type: &OwnerType,
        key: &CounterKey,
    ) -> Result<Option<NaiveDateTime>, Error> {
        let _ = (owner_type, key);
        Ok(None)
    }

    /// Returns the database's time, UTC. Default: `None`, which is not known.
    fn now(&self) -> Result<Option<NaiveDateTime>, Error> {
        Ok(None)
    }

    /// Writes since when buckets are kept, or how far others are rolled up into them. The default
    /// does nothing.
    fn write_kept(&self, kept: &Kept, change: KeptChange) -> Result<(), Error> {
        let _ = (kept, change);
        Ok(())
    }

    /// Those of these ids that are in this column of a table of the application's, in the order
    /// given.
    fn present_owners(
        &self,
        table: &TableName,
        column: &str,
        ids: &[OwnerId],
    ) -> Result<Vec<OwnerId>, Error>;

    /// Opens a transaction that waits for locks as `wait` says and asks for a durable commit.
    fn begin(&self, wait: LockWait) -> Result<Box<dyn LedgerTransaction + '_>, Error>;

    /// Asks whether the counters' table takes writes, by a statement that touches no row. An error
    /// is therefore about the connection, the whole table or the user's rights, and about no claim.
    fn ask_writes(&self) -> Result<(), Error>;

    /// Returns what is known of the store behind a prefix. Waits for locks for a few seconds at
    /// most.
    fn state(&self, prefix: &Prefix) -> Result<LedgerState, Error>;

    /// Like [`state`](Self::state), but reads on a connection that takes writes, because a server
    /// that was demoted may lag behind what the store has noted. The default calls `state`.
    ///
    /// # Errors
    ///
    /// [`Error::Database`] if no connection takes writes.
    fn state_to_write(&self, prefix: &Prefix) -> Result<LedgerState, Error> {
        self.state(prefix)
    }

    /// Returns each prefix that was synced into the database, in order.
    fn prefixes(&self) -> Result<Vec<SyncedPrefix>, Error>;

    /// Remembers a store's generation as that of the last good pass, now. What other transactions
    /// record of the same store meanwhile is not waited for.
    fn record(&self, prefix: &Prefix, generation: &Generation) -> Result<(), Error>;

    /// Returns what is recorded of the parts of the store with this id, where it has parts: of each
    /// part several sequences. The default is that nothing is.
    fn parts(&self, prefix: &Prefix, store_id: &str) -> Result<Vec<PartSeq>, Error> {
        let _ = (prefix, store_id);
        Ok(Vec::new())
    }

    /// Gives new marks, which no copy of the database has, to what is recorded of the store with
    /// this id and to the rows that the store has noted, and keeps the database's identity for that
    /// store. What is recorded of other stores, and behind other prefixes, stays as it is. Returns
    /// the rows that the store must note.
    fn adopt(
        &self,
        prefix: &Prefix,
        store_id: &str,
        noted: &[NotedRow],
    ) -> Result<Vec<NotedRow>, Error>;

    /// The names of the migrations that were not run yet. Changes nothing.
    fn pending_migrations(&self) -> Result<Vec<&'static str>, Error>;

    /// Brings the tables up to date and returns the names of the migrations that were run. Safe for
    /// any number of processes at once. With nothing to do it only reads.
    fn run_pending_migrations(&self) -> Result<Vec<&'static str>, Error>;

    /// Returns the schema that the ledger has found its table in and keeps to, if the table's name
    /// says none. The default is `None`.
    fn schema(&self) -> Option<String> {
        None
    }

    /// Returns facts about the database. Changes nothing. What this user may not see is a
    /// [`Fact::Unknown`](counter_core::Fact::Unknown) and no error. A missing table is no error
    /// either. The default knows nothing.
    fn inspect(&self) -> Result<LedgerFacts, Error> {
        Ok(LedgerFacts::default())
    }
}

/// A transaction that applies claims. Dropped, it is rolled back.
///
/// # Errors
///
/// As those of [`Ledger`]. After an error the transaction is over and nothing of it is kept.
pub trait LedgerTransaction {
    /// Applies each claim to its row, unless the row has seen it or a newer one, and makes sure
    /// that it did: returns, in the order given, the claims whose row shows another sequence. The
    /// rows stay locked until the end of the transaction.
    ///
    /// The claims are of different counters and in the order of [`CounterId`].
    fn upsert(&mut self, claims: &[Claim]) -> Result<Vec<Unapplied>, Error>;

    /// Locks the rows of these claims that no other transaction has locked, without waiting, and
    /// returns the places of the claims whose rows others have locked. A database that locks the
    /// whole file has none of these.
    fn lock_rows(&mut self, claims: &[Claim]) -> Result<Vec<usize>, Error>;

    /// Applies a claim to its row only if there is one, under the same guard, and makes sure that
    /// it did.
    ///
    /// # Errors
    ///
    /// [`Error::KeptOut`] if the row does not show the claim's sequence afterwards.
    fn update(&mut self, claim: &Claim) -> Result<UpdateOutcome, Error>;

    /// Deletes those of these rows whose count is 0 and whose sequence is still the one given, less
    /// those that other transactions have locked, for which it does not wait where the database
    /// can. Returns how many it deleted. The rows are of different counters and in the order of
    /// [`CounterId`].
    fn delete_zeros(&mut self, rows: &[(CounterId, ClaimSeq)]) -> Result<u64, Error>;

    /// Locks the rows of these buckets without waiting and returns them in the order given. A row
    /// is `None` if it does not exist or another transaction has locked it. The buckets must be in
    /// the order of [`CounterId`].
    fn lock_buckets(&mut self, ids: &[CounterId]) -> Result<Vec<Option<Baseline>>, Error>;

    /// Sets the counts of these buckets to 0 and adds each to its longer bucket. The rows must be
    /// locked. No sequence changes.
    fn move_counts(&mut self, moves: &[BucketMove]) -> Result<(), Error>;

    /// Locks a row of the record of the store with this id, and returns it with all that is
    /// recorded of that store. To be called when the rows of the claims are locked: then what other
    /// transactions have recorded with these rows is among it.
    ///
    /// Transactions at the same time lock different rows of the record and do not wait for each
    /// other.
    fn lock_record(&mut self, prefix: &Prefix, store_id: &str) -> Result<LockedRecord, Error>;

    /// Writes the row that [`lock_record`](Self::lock_record) has locked, but never lowers its
    /// sequence.
    fn record(&mut self, prefix: &Prefix, store_id: &str, row: &NotedRow) -> Result<(), Error>;

    /// Returns what is recorded of these parts of a store. To be called when a row of the record is
    /// locked.
    fn recorded_parts(
        &mut self,
        prefix: &Prefix,
        store_id: &str,
        parts: &[u16],
    ) -> Result<Vec<PartSeq>, Error>;

    /// Writes what parts of a store have given out, beside the row of the record that is locked,
    /// but never lowers any.
    fn record_parts(
        &mut self,
        prefix: &Prefix,
        store_id: &str,
        writer: i64,
        parts: &[PartSeq],
    ) -> Result<(), Error>;

    /// Takes a number for a store that belongs to this process: one that was not used for long, if
    /// there is one. `holder` is the store's random word.
    fn take_number(&mut self, holder: i64) -> Result<HeldNumber, Error>;

    /// Locks the row of a number until the end of the transaction, and returns it as it is then.
    /// `None` if there is no such row. To be called before any other row is locked.
    fn lock_number(&mut self, number: StoreNumber) -> Result<Option<NumberRow>, Error>;

    /// Writes the row of a number, which was `locked` when it was locked. To be called when the
    /// rows are locked: then what other transactions have recorded with these rows is in the
    /// answer, which is what is recorded of stores that processes share.
    ///
    /// # Errors
    ///
    /// One that may pass, if the row has another holder or another batch by now: a transaction that
    /// skips locked rows can lose its locks before it writes.
    fn write_number(
        &mut self,
        number: StoreNumber,
        locked: NumberRow,
        row: NumberRow,
    ) -> Result<SharedRecord, Error>;

    /// Makes it durable.
    ///
    /// # Errors
    ///
    /// Unlike elsewhere, the transaction may have been committed even after an error.
    fn commit(self: Box<Self>) -> Result<(), Error>;
}

/// A place among the rows of a type of owners.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowPlace {
    /// The owner.
    pub owner: OwnerId,
    /// The key of the row after which the place is. Empty for the place before the owner's rows.
    pub key: String,
    /// The grain and the start of the bucket after which the place is, as the row has them. `None`
    /// among totals, and for the place after all buckets of the key.
    pub period: Option<(String, NaiveDateTime)>,
}

/// Rows of a type of owners.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RowPage {
    /// The rows. One that cannot be a counter's or a bucket's is left out.
    pub rows: Vec<CounterRow>,
    /// The place after the last of them, if there may be more.
    pub next: Option<RowPlace>,
}

/// A row, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CounterRow {
    /// The counter.
    pub counter: CounterId,
    /// Its count and its sequence.
    pub row: Baseline,
    /// How long ago it was changed, by the database's clock.
    pub idle: Duration,
}

/// An owner that has rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerWithRows {
    /// The owner's id.
    pub owner: OwnerId,
    /// How many rows it has, each bucket having one.
    pub rows: u64,
    /// How long ago the last of them was changed, by the database's clock.
    pub idle: Duration,
}

/// A row of the record that is locked, and what is recorded beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedRecord {
    /// The row. That it was never written shows in its sequence, which is 0.
    pub row: NotedRow,
    /// The sequences of all rows of the store, this one's too, but for those that are 0.
    pub recorded: Vec<ClaimSeq>,
    /// The marks of decisions which database is the right one for the store.
    pub decision: Marks,
}

/// A claim that is not in the table after its upsert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unapplied {
    /// The place of the claim among those given.
    pub index: usize,
    /// Why it is not.
    pub cause: UnappliedCause,
}

/// The cause that kept a claim out of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnappliedCause {
    /// The guard: the row has seen this newer claim.
    Newer(ClaimSeq),
    /// Something in the database, such as a trigger: the row is missing or shows an older claim,
    /// although no statement failed. A trigger that changes the count alone is not found by this.
    KeptOut,
}

/// The outcome of a claim that may not make a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpdateOutcome {
    /// It was applied.
    Applied,
    /// The row has seen it, or a newer one.
    AlreadyApplied,
    /// There is no row.
    NoRow,
}
