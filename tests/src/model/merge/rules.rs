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
    /// No row.
    Nothing,
    /// A row that has seen everything that the store has given out, if the store has no claim of
    /// the counter.
    OfHighWater,
    /// Like [`OfHighWater`](Self::OfHighWater), even if there is a claim.
    WhateverIsClaimed,
    /// Like [`OfHighWater`](Self::OfHighWater), but looks into the store before the row is locked.
    LooksFirst,
    /// A row that has seen nothing, if the store has no claim of the counter.
    Unseen,
}

/// How a row is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removes {
    /// It stays.
    Nothing,
    /// Reads the row, looks for a claim in the store, and removes the row if it is still 0 and has
    /// seen no other claim.
    Guarded,
    /// Like [`Guarded`](Self::Guarded), but the row only has to be still 0.
    WhateverItHasSeen,
    /// Like [`Guarded`](Self::Guarded), but the row need not be 0.
    WhateverItHolds,
    /// Does not look into the store.
    Blind,
    /// Looks into the store first.
    LooksFirst,
    /// Removes the row as a delete does.
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
