use super::foreign::Foreign;
use crate::protocol::{ClaimSeq, Held};

/// What a store held at one instant.
#[derive(Debug)]
#[non_exhaustive]
pub struct Look {
    /// The newest sequence given out at that instant, or before.
    pub high_water: ClaimSeq,
    /// One for each counter, in the order asked.
    pub held: Vec<Result<Held, Foreign>>,
}

impl Look {
    /// The newest sequence, and what is held of each counter that was asked for.
    pub const fn new(high_water: ClaimSeq, held: Vec<Result<Held, Foreign>>) -> Self {
        Self { high_water, held }
    }
}
