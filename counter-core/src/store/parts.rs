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

    /// Does what [`StoreGeneration::ensure_generation`] does, where something is recorded of an
    /// earlier generation, the `last` one. If another one begins, a part that does not remember
    /// what it gave out is not raised for it: it came back from an old copy, and is known to have
    /// done so in the new generation too. Without `last` none begins.
    ///
    /// # Errors
    ///
    /// Those of [`StoreGeneration::ensure_generation`], and [`Error::StoreChanged`] if another one
    /// would have to begin and `last` is not given, or is no longer the last one: read again what
    /// is recorded.
    ///
    /// [`StoreGeneration::ensure_generation`]: crate::StoreGeneration::ensure_generation
    fn ensure_generation_after(
        &self,
        last: Option<&LastGeneration<'_>>,
        database: &str,
        above: ClaimSeq,
    ) -> Result<Generation, Error>;

    /// Returns the newest sequence of the part that has the id of the generation. Each generation
    /// raises that when it begins.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] if there is no answer.
    fn newest_beside_id(&self) -> Result<ClaimSeq, Error>;

    /// Asks whether each part gave out these sequences of it in the generation with this id.
    /// Answers `within` this time, also where some parts do not. A part that has forgotten one
    /// answers so from then on, whatever it gives out or is asked for, until it is raised.
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

    /// Does so where a part has lost its high water, and leaves the others as they are: one that
    /// has a high water by now may have come back from an old copy.
    ///
    /// # Errors
    ///
    /// Those of [`raise_parts`](Self::raise_parts).
    fn raise_emptied_parts(&self, above: &[PartSeq]) -> Result<(), Error>;
}

/// The last generation of a store that anything is recorded of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastGeneration<'a> {
    /// The id of the store's data.
    pub store_id: &'a str,
    /// The sequences that the parts are known to have given out.
    pub given_out: &'a [PartSeq],
    /// The answer of [`newest_beside_id`](StoreParts::newest_beside_id) before all of this was
    /// read.
    pub beside_id: ClaimSeq,
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
    /// Of each part that has a high water the newest sequence that an operator has decided about,
    /// or 0: see [`Recall::accepted`](crate::Recall::accepted). What it gave out up to there and
    /// does not hold any more was counted or dropped with the decision.
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
