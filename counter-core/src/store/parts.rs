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

    /// Like [`StoreGeneration::ensure_generation`], for a database that has records of an earlier
    /// generation, `last`. If a new generation begins, a part that does not remember what it gave
    /// out is not raised for it: that part came back from an old copy, and so it is found in the
    /// new generation too. Without `last` no generation begins.
    ///
    /// # Errors
    ///
    /// Those of [`StoreGeneration::ensure_generation`], and [`Error::StoreChanged`] if a new
    /// generation would have to begin and `last` is missing or outdated: read the records again.
    ///
    /// [`StoreGeneration::ensure_generation`]: crate::StoreGeneration::ensure_generation
    fn ensure_generation_after(
        &self,
        last: Option<&LastGeneration<'_>>,
        database: &str,
        above: ClaimSeq,
    ) -> Result<Generation, Error>;

    /// Returns a sequence that every part gave out before the generation with this id began, or 0
    /// if the id says none. That of a later generation is greater.
    fn begun_above(&self, store_id: &str) -> ClaimSeq;

    /// Returns the newest sequence of the part that has the id of the generation. It rises whenever
    /// a generation begins.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] if there is no answer.
    fn newest_beside_id(&self) -> Result<ClaimSeq, Error>;

    /// Asks each part whether it gave out these sequences in the generation with this id. Returns
    /// `within` this time, even if some parts do not answer. A part that has forgotten one gives
    /// that answer until it is raised, whatever it gives out or is asked for meanwhile.
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

    /// Begins an operator's decision about each of these parts that still gives the answer that it
    /// has forgotten this sequence. Returns those parts, each with a later sequence, which it says
    /// it has forgotten from now on. A copy that comes back after that says another one.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] if there is no answer; the decision may have begun about some.
    fn begin_decision(&self, found: &[PartSeq]) -> Result<Vec<PartSeq>, Error>;

    /// Raises the high water of each of these parts, as [`Repair::raise`](crate::Repair::raise)
    /// does, if the part still gives the answer that it has forgotten this sequence. Returns the
    /// numbers of the others, which stay as they are. Such a part may have come back from another
    /// copy since, which no operator has decided about, or it was raised by another process.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] if there is no answer; some may have been raised.
    fn raise_parts(&self, found: &[PartSeq]) -> Result<Vec<u16>, Error>;

    /// Raises the high water of those of these parts that have lost it. Leaves the others as they
    /// are, because a part that has a high water by now may have come back from an old copy.
    ///
    /// # Errors
    ///
    /// Those of [`raise_parts`](Self::raise_parts).
    fn raise_emptied_parts(&self, above: &[PartSeq]) -> Result<(), Error>;
}

/// The last generation of a store of which the database has records.
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
    /// The parts that have forgotten a sequence. They came back from an old copy, or have lost
    /// their high water. The store makes no claims in them.
    pub forgotten: Vec<ForgottenPart>,
    /// For each part with a high water, the newest sequence that an operator has decided about, or
    /// 0: see [`Recall::accepted`](crate::Recall::accepted). Claims up to there that the part no
    /// longer holds were counted or dropped with the decision.
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
    /// The newest forgotten sequence, of those that were asked for and are not accepted.
    pub forgotten: ClaimSeq,
}
