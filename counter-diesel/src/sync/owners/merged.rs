use counter_core::CounterId;

use crate::error::Error;
use crate::sync::report::capped::Capped;

/// The result of a merge of owners: see [`Counters::merge`](crate::Counters::merge).
#[derive(Debug, Default)]
#[non_exhaustive]
#[must_use = "it says whether anything is left"]
pub struct Merged {
    /// How many counters had anything to move.
    pub moved: u64,
    /// Counters that were not 0 yet when they were looked at last, because they are still counted,
    /// or because syncs claimed something between each read and its move.
    pub left: Capped<CounterId>,
    /// Counters that were not moved, and why. Nothing of the failed move was changed.
    pub failed: Capped<FailedMerge>,
    /// How many moves were sent without an answer. They were made, or are made later, or not at
    /// all; the sums of both counters are right in each case.
    pub unanswered: u64,
    /// Counters of either side that could not be brought into the table: the database refused
    /// them, or another sync has them in hand. They stay in the store, and the next sync says why.
    pub unsynced: Capped<CounterId>,
    /// Counters of either side whose claimed counts the store has lost, whether or not they could
    /// still be written to the table.
    pub lost: Capped<CounterId>,
    /// Whether the store was emptied or replaced, or had lost its newest sequence, during the call
    /// or since the sync before it. What was moved then and not synced yet is in the table where it
    /// was before, and the same call moves it. What was counted and not synced yet is lost.
    pub store_lost: bool,
    /// How many rows, which had been 0 for an hour, were removed.
    pub rows_removed: u64,
    /// How many rows are still there, because they were 0 for less than an hour, because something
    /// is pending again, or because another sync works on them. The same call removes them later.
    pub rows_left: u64,
    /// Whether the observer ended it before everything was looked at.
    pub interrupted: bool,
}

/// A counter that was not moved.
#[derive(Debug)]
#[non_exhaustive]
pub struct FailedMerge {
    /// The counter.
    pub counter: CounterId,
    /// Why it was not moved.
    pub error: Error,
}

impl Merged {
    /// Returns whether everything was moved and is in the table, and the store has lost nothing.
    /// Otherwise the same call goes on. Only gauges that cannot be merged stay among those that
    /// [failed](Self::failed) until they are deleted.
    pub const fn is_complete(&self) -> bool {
        let is_moved = self.left.is_empty() && self.failed.is_empty() && self.unanswered == 0;
        let is_kept = self.lost.is_empty() && !self.store_lost;
        is_moved && is_kept && self.unsynced.is_empty() && !self.interrupted
    }
}
