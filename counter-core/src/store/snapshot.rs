use crate::names::Foreign;
use crate::protocol::{ClaimSeq, Holding};

/// The state of a store at one instant; in a store whose parts are on several servers, of each
/// counter at an instant of its own.
#[derive(Debug)]
#[non_exhaustive]
pub struct Snapshot {
    /// The newest sequence given out at that instant, or before.
    pub high_water: ClaimSeq,
    /// One for each counter, in the order asked.
    pub held: Vec<Result<Holding, Foreign>>,
    /// The newest sequence of the part of each counter, where not all have the same.
    of_each: Vec<ClaimSeq>,
}

impl Snapshot {
    /// Returns the snapshot of this newest sequence and these holdings, one for each counter that
    /// was asked for.
    pub const fn new(high_water: ClaimSeq, held: Vec<Result<Holding, Foreign>>) -> Self {
        Self { high_water, held, of_each: Vec::new() }
    }

    /// Returns the snapshot of these holdings, with the newest sequence of the part of each.
    pub fn of_each(high_waters: Vec<ClaimSeq>, held: Vec<Result<Holding, Foreign>>) -> Self {
        let newest = high_waters.iter().copied().max().unwrap_or_default();
        let is_one = high_waters.iter().all(|one| *one == newest);
        let of_each = if is_one { Vec::new() } else { high_waters };
        Self { high_water: newest, held, of_each }
    }

    /// Returns the newest sequence given out in the part of one of the counters, by its place.
    pub fn high_water_of(&self, index: usize) -> ClaimSeq {
        self.of_each.get(index).copied().unwrap_or(self.high_water)
    }
}
