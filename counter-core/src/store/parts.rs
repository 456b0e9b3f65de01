//! Stores whose parts can come back from an old copy each by itself.

use std::time::Duration;

use crate::error::{Error, StoreStep};
use crate::id::CounterId;
use crate::protocol::{ClaimSeq, Generation};

/// A store whose parts are on several servers, as the slots of a cluster are.
///
/// Each part gives out sequences of its own, and only what the same part gave out can be compared.
pub trait StoreParts: Send + Sync {
    /// Returns the number of the part that a counter is in. It stays the same for ever.
    fn part_of(&self, id: &CounterId) -> u16;

    /// Returns how many parts there are. Their numbers begin with 0.
    fn number_of_parts(&self) -> u16;

    /// Does what [`StoreGeneration::ensure_generation`] does, where `given_out` is known of the
    /// generation with the id `last`. If it begins another one, a part that does not remember what
    /// it gave out is not raised for it: it came back from an old copy, and is known to have done
    /// so in the new generation too.
    ///
    /// # Errors
    ///
    /// Those of [`StoreGeneration::ensure_generation`].
    ///
    /// [`StoreGeneration::ensure_generation`]: crate::StoreGeneration::ensure_generation
    fn ensure_generation_after(
        &self,
        last: &str,
        given_out: &[PartSeq],
        database: &str,
        above: ClaimSeq,
    ) -> Result<Generation, Error>;

    /// Asks whether each part gave out these sequences of it in the generation with this id.
    /// Answers `within` this time, also where some parts do not.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] if no part can be asked.
    fn recall_parts(
        &self,
        store_id: &str,
        given_out: &[PartSeq],
        within: Duration,
    ) -> Result<PartsRecall, Error>;

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

/// The sequences that the parts of a store remember giving out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PartsRecall {
    /// Those that have forgotten one: they came back from an old copy, in which the store makes no
    /// claims, or have lost their high water.
    pub forgotten: Vec<ForgottenPart>,
    /// The sequences that parts have forgotten and an operator has decided about: see
    /// [`Recall::accepted`](crate::Recall::accepted).
    pub accepted: Vec<PartSeq>,
    /// Those that gave no answer, each with the reason.
    pub unanswered: Vec<(u16, String)>,
}

impl PartsRecall {
    /// Returns the parts that have forgotten a sequence.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] if any part gave no answer.
    pub fn complete(self) -> Result<Vec<ForgottenPart>, Error> {
        match self.unanswered.into_iter().next() {
            Some((_, why)) => Err(Error::Store { step: StoreStep::Recall, source: why.into() }),
            None => Ok(self.forgotten),
        }
    }
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
