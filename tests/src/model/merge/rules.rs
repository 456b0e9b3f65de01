//! How a merge is made.

use counter_core::Seen;

/// What a merge does. The default is what the library does; every other value is a mistake.
#[derive(Debug, Clone, Copy)]
pub struct MergeRules {
    /// How counts get from one counter to the other.
    pub by: By,
    /// Whether it reads again after it has moved something.
    pub repeats: bool,
    /// What must be unchanged since the read for a move to be made.
    pub compares: Compares,
    /// How the row of the first counter is removed, once the counter is 0.
    pub removes: Removes,
    /// Whether the row waits until no look is under way that may have seen its claim.
    pub waits: bool,
    /// Which row it makes if the second counter has none, before it moves anything.
    pub makes_row: MakesRow,
}

/// What a move compares with what the read saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compares {
    /// What the library compares.
    Both,
    /// Only the high water.
    HighWater,
    /// Only what is pending.
    Pending,
    /// Nothing.
    Nothing,
}

impl Compares {
    /// Whether the move is made.
    pub fn allows(self, seen: Seen, now: Seen, by: i64) -> bool {
        match self {
            Self::Both => seen.allows(now, by),
            Self::HighWater => seen.high_water == now.high_water,
            Self::Pending => seen.allows(Seen { high_water: seen.high_water, ..now }, by),
            Self::Nothing => true,
        }
    }
}

/// How counts get from one counter to the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// By one step of the store.
    OneStep,
    /// By a step for each of the two.
    TwoSteps,
    /// By a transaction over both rows, while the store has no claim of the first.
    Transaction,
}

/// Which row is made for a counter that has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MakesRow {
    /// None.
    Nothing,
    /// One that has seen all that the store has given out, when it has no claim of the counter.
    OfHighWater,
    /// The same, whether or not there is a claim.
    WhateverIsClaimed,
    /// The same as the first, but the store is looked at before the row is locked.
    LooksFirst,
    /// One that has seen nothing, when the store has no claim of the counter.
    Unseen,
}

/// How a row is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removes {
    /// It stays.
    Nothing,
    /// It is read, then the store is looked at for a claim, and then it is removed if it is 0 still
    /// and has seen no other claim.
    Guarded,
    /// The same, but it only has to be 0 still.
    WhateverItHasSeen,
    /// The same, but it need not be 0.
    WhateverItHolds,
    /// The store is not looked at.
    Blind,
    /// The store is looked at first.
    LooksFirst,
    /// As a delete does it.
    Outright,
}

impl Default for MergeRules {
    fn default() -> Self {
        Self {
            by: By::OneStep,
            repeats: true,
            compares: Compares::Both,
            removes: Removes::Guarded,
            waits: true,
            makes_row: MakesRow::OfHighWater,
        }
    }
}
