//! Capabilities that only some stores have, besides counting and syncing. Each trait is a
//! capability that a store has or has not; [`DeltaStore`](super::delta_store::DeltaStore) has an
//! accessor for each.

use std::num::NonZeroUsize;
use std::time::Duration;

use super::answers::{Cursor, IndexEntry, IndexPage, MoveOutcome, NotedRow, Recall, ScanPage};
use super::facts::{StoreFacts, StoreNotices};
use super::numbered::Numbered;
use super::parts::StoreParts;
use crate::error::Error;
use crate::id::{CounterId, CounterKey, Owner};
use crate::names::{Foreign, Prefix};
use crate::protocol::{Claim, ClaimSeq, Generation, NoteOutcome, Seen};

/// Distinguishes one generation of a store's data from the next.
///
/// A store that is gone with its process does not have this capability: nothing needs to be known
/// of it later.
pub trait StoreGeneration: Send + Sync {
    /// Returns the generation of the store's data. A store that has none yet gets one that names
    /// `database`, and its high water is raised to `above`, or above that where it has several
    /// [parts](StoreParts).
    ///
    /// # Errors
    ///
    /// [`Error::Store`] if there is no answer; a generation may have been made.
    fn ensure_generation(&self, database: &str, above: ClaimSeq) -> Result<Generation, Error>;

    /// Returns the generation of the store's data, or `None` if it has none yet. Changes nothing.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] if there is no answer.
    fn present_generation(&self) -> Result<Option<Generation>, Error>;

    /// Asks whether these sequences were given out in the generation with this id, and answers
    /// `within` this time, or fails. Changes nothing. Of another generation than the present one
    /// nothing is known, so none of its sequences is forgotten.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] if there is no answer in time.
    fn recall(
        &self,
        store_id: &str,
        sequences: &[ClaimSeq],
        within: Duration,
    ) -> Result<Recall, Error>;

    /// Lets the store note what a committed transaction has left in one row of the record, by the
    /// rule of [`Marks::note_outcome`](crate::Marks::note_outcome). Where the transaction did not
    /// know the last [decision](NotedRow::decision), the outcome is [`NoteOutcome::Unproven`];
    /// where it knew a newer one, the store takes that decision. If that proves that the store is
    /// synced into the transaction's database, removes each of these claims that is still exactly
    /// the given one, as [`ack`](crate::DeltaStore::ack) does. Takes both steps at one instant for
    /// each claim, and can be repeated.
    ///
    /// If the store's data has another id than `store_id`, nothing is noted, and the claims are
    /// removed.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] if there is no answer; the store may have noted the row, and some of the
    /// claims may have been removed.
    fn note(
        &self,
        store_id: &str,
        noted: &NotedRow,
        claims: &[Claim],
    ) -> Result<NoteOutcome, Error>;

    /// Returns what the store has noted of each row of the record, as [`recall`](Self::recall)
    /// does, but leaves out what cannot be read: a decision replaces that, too. By default it fails
    /// there.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] if there is no answer.
    fn readable_notes(&self, store_id: &str, within: Duration) -> Result<Vec<NotedRow>, Error> {
        Ok(self.recall(store_id, &[], within)?.noted)
    }

    /// Lets the store note that from now on it is synced into this database, whatever it noted
    /// before. Returns whether the store's data has this id; if not, nothing is changed.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] if there is no answer; the store may have noted it.
    fn adopt(&self, store_id: &str, database: &str, noted: &[NotedRow]) -> Result<bool, Error>;

    /// Returns the capability to tell which parts of the store have which counters, if it has parts
    /// that can come back from an old copy each by itself. Then a sequence belongs to a part,
    /// [`recall`](Self::recall) knows of none, and a [`Generation`] has the high water of one part.
    /// Default: `None`, for a store that comes back as a whole.
    fn parts(&self) -> Option<&dyn StoreParts> {
        None
    }
}

/// Carries out what an operator decided about a store that came back from an old copy.
///
/// A sync uses this only on an operator's word, because each method may count something twice or
/// drop it.
pub trait Repair: Send + Sync {
    /// Gives a claim a new sequence above `above`, and raises the high water to it. Returns the
    /// claim with its new sequence, or `None` if the counter does not have exactly this claim.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] if there is no answer; the claim may have a new sequence.
    fn renumber(&self, claim: &Claim, above: ClaimSeq) -> Result<Option<Claim>, Error>;

    /// Raises the high water to the present time and to `above`, unless it is higher, and accepts
    /// that sequences up to there were given out and forgotten. From then on, a sync accepts what
    /// the store holds.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] if there is no answer; the high water may have been raised.
    fn raise(&self, above: ClaimSeq) -> Result<(), Error>;

    /// Drops what is pending and claimed of each counter. Returns the number of counters that had
    /// anything.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] if there is no answer; some may have been dropped.
    fn discard(&self, ids: &[CounterId]) -> Result<u64, Error>;
}

/// Belongs to one process, beside others of its kind over the same table.
///
/// Such stores give out sequences without knowing of each other. So that no sequence is given out
/// twice, each takes a number from the database, and a sync commits their claims only while the
/// store holds it: see [`Numbered`].
pub trait PrivateStore: Send + Sync {
    /// Returns what the store knows of its number. The store gives out only sequences that
    /// [`Numbered::first_from`] returns.
    fn numbered(&self) -> &Numbered;

    /// Gives claims of different counters new sequences above `above`, and raises the high water to
    /// them. Returns `None` in the place of a claim that its counter does not have exactly so.
    ///
    /// Claims of one call may get the same sequence, because their counters differ. The store gives
    /// out as few as it can: a store with a number leaves out most sequences, so one for each claim
    /// would run ahead of the clock.
    ///
    /// The caller must know that the claims are not in the table, and must hold the lock of the
    /// number's row, so that no other sync of this process commits them meanwhile.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] if there is no answer; the claims may have new sequences.
    fn renumber_unapplied(
        &self,
        claims: &[Claim],
        above: ClaimSeq,
    ) -> Result<Vec<Option<Claim>>, Error>;
}

/// Moves what is pending from one counter to another, so that their sum is at every instant what it
/// was.
pub trait MoveCounts: Send + Sync {
    /// Subtracts from what is pending of one counter and adds as much to another, for each move at
    /// one instant, if the first counter may still lose as much by the rule of [`Seen::allows`].
    /// Returns an outcome for each move. A move to the same counter changes nothing.
    ///
    /// # Errors
    ///
    /// [`Error::NotCounted`] if certainly neither counter was changed, as when a sum does not fit
    /// into 64 bits or something else is in the place of a counter. [`Error::OutcomeUnknown`] if
    /// both may have been changed, or may be later; never one of them alone. Both name the counter
    /// that was to be moved from. No move is retried in here.
    fn move_counts(&self, moves: &[CountMove]) -> Vec<Result<MoveOutcome, Error>>;
}

/// How much to move from one counter to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountMove {
    /// The counter from which it is subtracted.
    pub from: CounterId,
    /// The counter to which it is added.
    pub into: CounterId,
    /// The amount: the value that was read of the first counter. May be negative.
    pub by: i64,
    /// The state of the first counter that the look of that read saw.
    pub seen: Seen,
}

/// Adds to a counter and to buckets of it at one instant.
pub trait CountTogether: Send + Sync {
    /// Adds the same to what is pending of a total and of some of its buckets, for each increment
    /// at one instant. Returns an outcome for each increment.
    ///
    /// # Errors
    ///
    /// [`Error::NotCounted`] if certainly none of the counters was changed, as when a sum does not
    /// fit into 64 bits or something else is in the place of a counter, which it names. It is also
    /// the error of every increment by `i64::MIN`, which could not be taken back.
    /// [`Error::OutcomeUnknown`] if all of them may have been changed, or may be later; never some
    /// of them alone. It names the total. No increment is tried again in here.
    fn count_together(&self, increments: &[JointIncrement]) -> Vec<Result<(), Error>>;
}

/// How much to add to a counter and to some of its buckets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JointIncrement {
    /// The counter.
    pub total: CounterId,
    /// Buckets of it, each once. May be empty.
    pub buckets: Vec<CounterId>,
    /// The amount that is added to each. May be negative.
    pub by: i64,
}

impl JointIncrement {
    /// Returns the total and the buckets.
    pub fn ids(&self) -> impl Iterator<Item = &CounterId> + Clone {
        std::iter::once(&self.total).chain(&self.buckets)
    }
}

/// Finds counters without a scan.
pub trait KeyIndex: Send + Sync {
    /// Returns the keys of the owner's counters that hold anything.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] if there is no answer.
    fn keys_of(&self, owner: &Owner) -> Result<Vec<CounterKey>, Error>;
}

/// Names the counters that may hold something, so that the cost of a sync follows what has changed,
/// and not how much else the store holds.
///
/// The index is a hint, and no count depends on it. It may name counters that hold nothing. What it
/// does not name waits until a scan finds it: what another client counted with a plain `INCRBY`, or
/// what was counted by a process that was killed before it could write the index.
///
/// The store writes the index by itself: after an increment that found nothing pending, and after a
/// [`replace`](crate::DeltaStore::replace).
pub trait PendingIndex: Send + Sync {
    /// Returns a page of about `count` entries. Begin with no places and go on with
    /// [`IndexPage::next`] until that is empty. A reading that begins first writes what this
    /// process has not written yet. It starts at a random place, so that two syncs that read the
    /// index at the same time share the work.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] if there is no answer.
    fn page(&self, from: &[Cursor], count: NonZeroUsize) -> Result<IndexPage, Error>;

    /// Removes each entry, unless its counter was written again since it was read.
    ///
    /// Only an entry of a counter that has nothing pending and no claim must be removed, as far as
    /// the caller can know: after the entry was read, [`claim`](crate::DeltaStore::claim) must have
    /// found nothing, or must have made a claim that was applied and acknowledged. That a claim was
    /// recovered and acknowledged is not enough.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] if there is no answer; entries may have been removed.
    fn remove(&self, entries: &[IndexEntry]) -> Result<(), Error>;

    /// Returns whether a scan of everything is due, and notes that the caller makes it: for `every`
    /// from now on, none is due for another caller that asks with the same time.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] if there is no answer; the scan may be noted.
    fn begin_scan(&self, every: Duration) -> Result<bool, Error>;

    /// Notes that the scan which the caller began did not reach its end, so another one is due.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] if there is no answer.
    fn abandon_scan(&self) -> Result<(), Error>;
}

/// Answers questions about the store and its server. Changes nothing.
pub trait InspectStore: Send + Sync {
    /// Returns what can be found out about the store and its server. Makes no generation. What the
    /// server does not answer is a [`Fact::Unknown`](crate::Fact::Unknown), not an error.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] if no question was answered.
    fn inspect(&self) -> Result<StoreFacts, Error>;

    /// Returns the foreign values of these counters that [`look`](crate::DeltaStore::look) cannot
    /// see, such as a list where a number should be.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] if there is no answer.
    fn misplaced(&self, ids: &[CounterId]) -> Result<Vec<Foreign>, Error>;

    /// Returns those of these counters that the store will forget by itself, because a program has
    /// given their names an expiry, and the time until then. A counter may be returned twice.
    /// Default: none, for a store whose names do not expire.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] if there is no answer.
    fn expiring(&self, ids: &[CounterId]) -> Result<Vec<(CounterId, Duration)>, Error> {
        let _ = ids;
        Ok(Vec::new())
    }

    /// Returns a page of the counters that hold anything behind another prefix of the same server.
    /// Other names are skipped. Default: an empty page, for a store without
    /// prefixes.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] if there is no answer.
    fn held_under(
        &self,
        prefix: &Prefix,
        from: Cursor,
        count: NonZeroUsize,
    ) -> Result<ScanPage, Error> {
        let _ = (prefix, from, count);
        Ok(ScanPage::default())
    }

    /// Returns what the store has noticed by itself, without a question to its server. Default:
    /// nothing.
    fn notices(&self) -> StoreNotices {
        StoreNotices::default()
    }
}
