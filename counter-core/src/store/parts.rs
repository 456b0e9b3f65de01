//! Stores whose parts can come back from an old copy each by itself.

use std::time::Duration;

use crate::error::Error;
use crate::id::CounterId;
use crate::protocol::ClaimSeq;

/// A store whose parts are on several servers, as the slots of a cluster are.
///
/// Each part gives out sequences of its own, and only what the same part gave out can be compared.
pub trait StoreParts: Send + Sync {
    /// Returns the number of the part that a counter is in. It stays the same for ever.
    fn part_of(&self, id: &CounterId) -> u16;

    /// Asks whether each part gave out these sequences of it in the generation with this id.
    /// Answers `within` this time, or fails. Returns those parts that have forgotten one: they came
    /// back from an old copy, or have lost their high water, and the store makes no claims in the
    /// former.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] if there is no answer in time.
    fn recall_parts(
        &self,
        store_id: &str,
        given_out: &[PartSeq],
        within: Duration,
    ) -> Result<Vec<ForgottenPart>, Error>;

    /// Returns the newest sequence of each part that this process has seen the store with this id
    /// give out. Asks nothing.
    fn seen_parts(&self, store_id: &str) -> Vec<PartSeq>;

    /// Raises the high water of each part, as [`Repair::raise`](crate::Repair::raise) does.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] if there is no answer; some may have been raised.
    fn raise_parts(&self, above: &[PartSeq]) -> Result<(), Error>;
}

/// A sequence, and the part of a store that gave it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PartSeq {
    /// The number of the part.
    pub part: u16,
    /// The sequence.
    pub seq: ClaimSeq,
}

/// A part of a store that does not remember what it gave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ForgottenPart {
    /// The number of the part.
    pub part: u16,
    /// The newest sequence that it knows, or 0 if it has lost its high water.
    pub found: ClaimSeq,
    /// The newest that it has forgotten, of those asked for and not accepted.
    pub forgotten: ClaimSeq,
}
