use std::num::NonZeroUsize;
use std::time::Duration;

use chrono::NaiveDateTime;
use counter_core::{
    Baseline, Claim, ClaimSeq, CounterId, CounterKey, Generation, HeldNumber, Marks, NumberRow,
    Owner, OwnerId, OwnerType, Prefix, StoreNumber, TableName, Told,
};

use crate::error::Error;
use crate::ledger::dialect::dialect::StateRow;
use crate::ledger::dialect::lock_wait::LockWait;
use crate::ledger::dialect::numbers::SharedRecord;
use crate::ledger::facts::LedgerFacts;

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

    /// The same for who would rather have no answer than wait for whoever has locked the table. The
    /// default waits as long as [`baselines`](Self::baselines).
    fn try_baselines(&self, ids: &[CounterId]) -> Result<Vec<Baseline>, Error> {
        self.baselines(ids)
    }

    /// All rows of an owner, by key.
    fn rows_of(&self, owner: &Owner) -> Result<Vec<(CounterKey, Baseline)>, Error>;

    /// The owners of this type whose counts of this key are the highest in the table, at most
    /// `limit` of them: the highest first, and the smaller id first where counts are the same.
    fn top(
        &self,
        owner_type: &OwnerType,
        key: &CounterKey,
        limit: usize,
    ) -> Result<Vec<OwnerId>, Error>;

    /// The rows of the owners of this type, in an order of owner and key that stays the same, at
    /// most `limit` of them: those after this place, or the first.
    fn rows_after(
        &self,
        owner_type: &OwnerType,
        after: Option<&RowPlace>,
        limit: NonZeroUsize,
    ) -> Result<RowPage, Error>;

    /// The owners of this type that have rows, in an order that stays the same, at most `limit` of
    /// them: those after this one, or the first.
    fn owners_after(
        &self,
        owner_type: &OwnerType,
        after: Option<&OwnerId>,
        limit: NonZeroUsize,
    ) -> Result<Vec<OwnerWithRows>, Error>;

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

    /// What is known of the store behind a prefix. Waits only shortly for locks.
    fn state(&self, prefix: &Prefix) -> Result<LedgerState, Error>;

    /// Returns the same as [`state`](Self::state), as it is where writes are taken: a server that
    /// was demoted may lag behind what the store was told. The default reads it as `state` does.
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

    /// Makes the marks of what is recorded of the store with this id, and of those rows that the
    /// store was told about, ones that no copy of the database has, and keeps the database's
    /// identity for that store. What is recorded of other stores, and behind other prefixes, stays
    /// as it is. Returns the rows, for the store to be told.
    fn adopt(&self, prefix: &Prefix, store_id: &str, told: &[Told]) -> Result<Vec<Told>, Error>;

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

    /// What can be found out about the database. Changes nothing. What it does not tell this user
    /// is a [`Fact::Unknown`](counter_core::Fact::Unknown), no error, and so is a missing table.
    /// The default is to have nothing to tell.
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

    /// Deletes those of these rows whose count is 0 and whose sequence is still the one given.
    /// Returns the places of those that it deleted. The rows are of different counters and in the
    /// order of [`CounterId`].
    fn delete_zeros(&mut self, rows: &[(CounterId, ClaimSeq)]) -> Result<Vec<usize>, Error>;

    /// Locks a row of the record of the store with this id, and returns it with all that is
    /// recorded of that store. To be called when the rows of the claims are locked: then what other
    /// transactions have recorded with these rows is among it.
    ///
    /// Transactions at the same time lock different rows of the record and do not wait for each
    /// other.
    fn lock_record(&mut self, prefix: &Prefix, store_id: &str) -> Result<LockedRecord, Error>;

    /// Writes the row that [`lock_record`](Self::lock_record) has locked, but never lowers its
    /// sequence.
    fn record(&mut self, prefix: &Prefix, store_id: &str, row: &Told) -> Result<(), Error>;

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
    /// Unlike elsewhere, after an error the transaction may have been committed all the same.
    fn commit(self: Box<Self>) -> Result<(), Error>;
}

/// A place among the rows of a type of owners.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowPlace {
    /// The owner.
    pub owner: OwnerId,
    /// The key of the row after which the place is. Empty for the place before the owner's rows.
    pub key: String,
}

/// Rows of a type of owners.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RowPage {
    /// The rows, each with its counter. A row that cannot be a counter's is left out.
    pub rows: Vec<(CounterId, Baseline)>,
    /// The place after the last of them, if there may be more.
    pub next: Option<RowPlace>,
}

/// An owner that has rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerWithRows {
    /// The owner's id.
    pub owner: OwnerId,
    /// How many rows it has.
    pub rows: u64,
    /// How long ago the last of them was changed, by the database's clock.
    pub idle: Duration,
}

/// A row of the record that is locked, and what is recorded beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedRecord {
    /// The row. That it was never written shows in its sequence, which is 0.
    pub row: Told,
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

/// What kept a claim out of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnappliedCause {
    /// The guard: the row has seen this newer claim.
    Newer(ClaimSeq),
    /// Something in the database, such as a trigger: the row is missing or shows an older claim,
    /// although no statement failed. A trigger that changes the count alone is not found by this.
    KeptOut,
}

/// What became of a claim that may not make a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpdateOutcome {
    /// It was applied.
    Applied,
    /// The row has seen it, or a newer one.
    AlreadyApplied,
    /// There is no row.
    NoRow,
}

/// A prefix that was synced into a database.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SyncedPrefix {
    /// The prefix.
    pub prefix: String,
    /// When the last good pass ended, UTC. `None` if there was none, but a set or a pass that was
    /// interrupted.
    pub synced_at: Option<NaiveDateTime>,
}

/// What a database knows of the store behind a prefix.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct LedgerState {
    /// The random id that this database got with its tables.
    pub database: String,
    /// When it got them, UTC, if that is known.
    pub migrated_at: Option<NaiveDateTime>,
    /// What is recorded of the store that was behind the prefix last, if anything is.
    pub recorded: Option<SyncRecord>,
    /// What is recorded of each store that was ever behind the prefix: several sequences for one
    /// store, because transactions at the same time record in different rows.
    pub stores: Vec<StoreRecord>,
    /// The greatest sequence recorded of any store, behind any prefix.
    pub newest: ClaimSeq,
    /// What a copy of the database does not share with it, where the server has such a thing and
    /// tells it.
    pub identity: Option<String>,
}

impl LedgerState {
    /// Puts together what rows say, each beside the greatest sequence of the table.
    pub(crate) fn of_rows(rows: Vec<(StateRow, ClaimSeq)>) -> Self {
        let mut state = Self::default();
        for (StateRow { prefix, store_id, writer, seq, synced_at, marks }, newest) in rows {
            state.newest = newest;
            if prefix.is_empty() {
                (state.database, state.migrated_at) = (store_id, synced_at);
                continue;
            }
            // Of stores without a good pass, the one with the newest sequence was the last.
            let is_of_passes = writer == StateRow::PASSES;
            let identity = Some(&marks).filter(|marks| is_of_passes && !marks.is_empty()).cloned();
            // What nothing here has written is known to no store.
            let marks = marks.parse().ok().filter(|_| !is_of_passes).unwrap_or_default();
            state.stores.push(StoreRecord { store_id, writer, seq, synced_at, marks, identity });
        }
        state.recorded = state.last_of(|_| true);
        state
    }

    /// Returns what is recorded of the store that the one with this id has replaced: the last one
    /// that had a good pass, or else the last other one that anything is recorded of.
    pub(crate) fn replaced_by(&self, store_id: &str) -> Option<SyncRecord> {
        let synced = self.stores.iter().find(|row| row.synced_at.is_some());
        if synced.is_some_and(|row| row.store_id == store_id) {
            return None;
        }
        self.last_of(|row| row.store_id != store_id && row.seq > ClaimSeq::ZERO)
    }

    /// Of stores without a good pass, the one with the newest sequence was the last.
    fn last_of(&self, is_meant: impl Fn(&StoreRecord) -> bool) -> Option<SyncRecord> {
        let rows = self.stores.iter().filter(|row| is_meant(row));
        let StoreRecord { store_id, synced_at, .. } =
            rows.max_by_key(|row| (row.synced_at, row.seq))?;
        let seq = self.sequences_of(store_id).max().unwrap_or_default();
        Some(SyncRecord { store_id: store_id.clone(), seq, synced_at: *synced_at })
    }

    /// Returns the sequences that the store with this id is recorded to have given out.
    pub fn sequences_of(&self, store_id: &str) -> impl Iterator<Item = ClaimSeq> {
        let of_store = self.stores.iter().filter(move |record| record.store_id == store_id);
        of_store.map(|record| record.seq).filter(|seq| *seq > ClaimSeq::ZERO)
    }

    /// Returns the identity that the database had when the store with this id was synced into it
    /// first, or when an operator decided that it is the right one for that store.
    pub fn identity_for(&self, store_id: &str) -> Option<&str> {
        let mut of_store = self.stores.iter().filter(|record| record.store_id == store_id);
        of_store.find_map(|record| record.identity.as_deref())
    }
}

/// A sequence that a store has given out.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreRecord {
    /// The id of the store's data.
    pub store_id: String,
    /// The row of the record: 0 for the one in which passes are recorded,
    /// [`DECISIONS`](Told::DECISIONS) for that of decisions.
    pub writer: i64,
    /// The sequence.
    pub seq: ClaimSeq,
    /// When the last good pass behind the prefix ended, UTC, in the row of the store that it was
    /// over.
    pub synced_at: Option<NaiveDateTime>,
    /// The marks of the row. That of passes has none.
    pub marks: Marks,
    /// The identity that the database had when the store was synced into it first, in the row of
    /// passes, where its server tells one.
    pub identity: Option<String>,
}

impl StoreRecord {
    /// The store's id, and a sequence that it has given out, in the row of passes.
    pub fn new(store_id: String, seq: ClaimSeq) -> Self {
        let (synced_at, identity) = (None, None);
        Self { store_id, writer: 0, seq, synced_at, marks: Marks::default(), identity }
    }
}

/// What is recorded of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SyncRecord {
    /// The id of the store's data.
    pub store_id: String,
    /// The newest sequence that the store is known to have given out.
    pub seq: ClaimSeq,
    /// When the last good pass over it ended, UTC. `None` if there was none.
    pub synced_at: Option<NaiveDateTime>,
}

impl SyncRecord {
    /// The store's id, its newest sequence, and when the last good pass over it ended, UTC.
    pub const fn new(store_id: String, seq: ClaimSeq, synced_at: Option<NaiveDateTime>) -> Self {
        Self { store_id, seq, synced_at }
    }
}
