use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use counter_core::{CounterKey, Grain, OwnerType};

/// Since when the buckets of a key are kept by a grain, or how far another grain is rolled up into
/// it. A grain can have a row of both kinds.
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
    /// The grain whose old buckets are added up into these. `None` in the row that says since when
    /// these are counted directly.
    pub rolled_from: Option<Grain>,
    /// Buckets of `rolled_from` that start before this are added up, or may be at any time. `None`
    /// if none are. In the row of buckets that are counted directly: since when they are counted,
    /// even if `since` has moved on; the year 1000 if always.
    pub rolled_until: Option<NaiveDateTime>,
    /// Later buckets of `rolled_from` stay if they start before this, because these lack them: they
    /// are counted directly only from a later time on. `None` if none do.
    pub kept_until: Option<NaiveDateTime>,
    /// When `rolled_until` was last moved: by the database's clock, UTC.
    pub noted_at: Option<NaiveDateTime>,
    /// Whether the key is that of a gauge, whose readings do not add up. Once a row has this mark
    /// it stays, even if the row is written again without it.
    pub is_gauge: bool,
}

impl Kept {
    /// The row of buckets that are counted directly.
    pub fn counted(
        owner_type: OwnerType,
        key: CounterKey,
        grain: Grain,
        since: Option<NaiveDateTime>,
    ) -> Self {
        Self {
            owner_type,
            key,
            grain,
            since,
            rolled_from: None,
            rolled_until: since.or_else(beginning),
            kept_until: None,
            noted_at: None,
            is_gauge: false,
        }
    }

    /// The row of buckets into which those of another grain are rolled up.
    pub(crate) fn rolled(
        owner_type: OwnerType,
        key: CounterKey,
        (from, grain): (Grain, Grain),
        since: Option<NaiveDateTime>,
    ) -> Self {
        let row = Self::counted(owner_type, key, grain, since);
        Self { rolled_from: Some(from), rolled_until: None, ..row }
    }
}

/// When to write a row that says since when buckets are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeptChange {
    /// If there is no row.
    IfAbsent,
    /// If there is no row, or one that says an earlier time.
    Forward,
    /// In any case. If other buckets are rolled up into these, and these are not counted directly,
    /// the rows of the roll-ups are changed.
    Always,
    /// If there is no row, or one with an earlier [`rolled_until`](Kept::rolled_until). Writes when
    /// this was, by the database's clock.
    RollUp,
    /// If there is no row, or one with an earlier [`kept_until`](Kept::kept_until). Changes nothing
    /// else of an existing row.
    Hold,
}

/// Returns the start of the first period that has a row.
pub(crate) fn beginning() -> Option<NaiveDateTime> {
    NaiveDate::from_ymd_opt(1000, 1, 1).map(|first| first.and_time(NaiveTime::MIN))
}
