use counter_core::Owner;

use crate::error::Error;
use crate::sync::report::capped::Capped;

/// The result of a search for owners that are gone: see
/// [`Counters::orphans`](crate::Counters::orphans).
#[derive(Debug, Default)]
#[non_exhaustive]
#[must_use = "it says what was found"]
pub struct Orphaned {
    /// How many owners have rows.
    pub owners: u64,
    /// The owners among them that are gone. This is checked again just before a deletion.
    pub orphans: Capped<Owner>,
    /// How many rows these have.
    pub rows: u64,
    /// How many more owners are not there, of which a row changed too recently to say that they are
    /// gone: they may belong to a transaction that is not committed yet.
    pub young: u64,
    /// How many counters of the orphans were deleted.
    pub deleted: u64,
    /// Orphans of which not every counter could be deleted, and why.
    pub failed: Capped<FailedOrphan>,
    /// Whether the observer ended it before every owner was looked at.
    pub interrupted: bool,
}

/// An orphan of which not every counter could be deleted. The next search finds it again.
#[derive(Debug)]
#[non_exhaustive]
pub struct FailedOrphan {
    /// The owner that is gone.
    pub owner: Owner,
    /// The first error.
    pub error: Error,
}
