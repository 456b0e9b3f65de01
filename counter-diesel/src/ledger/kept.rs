use chrono::NaiveDateTime;
use counter_core::{CounterKey, Grain, OwnerType};

/// Since when the buckets of a key are kept by a grain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The type of the owners.
    pub owner_type: OwnerType,
    /// The counter's key.
    pub key: CounterKey,
    /// The grain of the buckets.
    pub grain: Grain,
    /// The start of the first period that is kept, by the calendar. `None` if all are.
    pub since: Option<NaiveDateTime>,
    /// The grain whose old buckets are added up into these. `None` if these are counted directly.
    pub rolled_from: Option<Grain>,
    /// Whether the key is that of a gauge, whose readings do not add up. Once a row has this mark
    /// it stays, even if the row is written again without it.
    pub is_gauge: bool,
}

/// When to write a row that says since when buckets are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeptChange {
    /// If there is no row.
    IfAbsent,
    /// If there is no row, or one that says an earlier time.
    Forward,
    /// In any case.
    Always,
}
