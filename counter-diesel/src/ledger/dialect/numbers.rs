//! The numbers of stores that belong to one process each.

use std::time::Duration;

use chrono::NaiveDateTime;
use counter_core::{ClaimSeq, StoreNumber};

/// The records of the stores that processes share, such as Redis, of every prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SharedRecord {
    /// The greatest sequence.
    pub newest: ClaimSeq,
    /// How long ago the last good pass over such a store ended, by the database's clock.
    pub synced_ago: Option<Duration>,
}

/// When a number was used last, and the time that it is now, by the database's clock.
#[derive(Debug, Clone, Copy)]
pub struct NumberUse {
    pub(crate) number: StoreNumber,
    pub(crate) used_at: NaiveDateTime,
    pub(crate) now: NaiveDateTime,
}
