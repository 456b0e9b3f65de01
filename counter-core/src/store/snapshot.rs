use super::foreign::Foreign;
use crate::protocol::{ClaimSeq, Holding};

/// What a store held at one instant.
#[derive(Debug)]
#[non_exhaustive]
pub struct Snapshot {
    /// The newest sequence given out at that instant, or before.
    pub high_water: ClaimSeq,
    /// One for each counter, in the order asked.
    pub held: Vec<Result<Holding, Foreign>>,
}

impl Snapshot {
    /// Returns the snapshot of this newest sequence and these holdings, one for each counter that
    /// was asked for.
    pub const fn new(high_water: ClaimSeq, held: Vec<Result<Holding, Foreign>>) -> Self {
        Self { high_water, held }
    }
}
