use crate::error::Error;
use crate::id::CounterId;
use crate::protocol::{Claim, Seen};

use super::replacement::Replacement;

/// Records readings of gauges, and gives them other names.
pub trait RecordGauges: Send + Sync {
    /// Sets the buckets of a reading to its value, and the total too if no newer reading was
    /// recorded. All are set at one instant, as [`replace`](crate::DeltaStore::replace) sets one. A
    /// bucket is unchanged if a newer reading of its own period is known. Remembers the reading's
    /// instant if it is the newest.
    ///
    /// An instant further ahead of the store's clock than [`Reading::ahead`] is not remembered, and
    /// no instant that is remembered counts as further ahead. So if the clock of one process is
    /// wrong, the readings of the others are not older than its own for long.
    ///
    /// Returns the claims that it made, at most one for each counter. Returns `None`, and changes
    /// nothing, if neither the store nor [`Reading::known_newest`] knows when the newest reading
    /// was made.
    ///
    /// # Errors
    ///
    /// As [`DeltaStore::replace`](crate::DeltaStore::replace). The error names the total, or the
    /// counter in whose place something else is.
    fn record(&self, reading: &Reading) -> Result<Option<Vec<Claim>>, Error>;

    /// Returns the instant of the newest reading of each of these gauges, in microseconds since
    /// 1970. `None` where the store knows none.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] if there is no answer, or something else is in the place of an instant.
    fn newest_readings(&self, totals: &[CounterId]) -> Result<Vec<Option<i64>>, Error>;

    /// Replaces each of these counters as [`replace`](crate::DeltaStore::replace) does, if nothing
    /// was claimed, set or counted since it was seen so. The counters must differ. Returns an
    /// outcome for each: `None` if the counter is unchanged, because something may have happened.
    fn replace_unchanged(
        &self,
        replacements: &[SeenReplacement],
    ) -> Vec<Result<Option<Claim>, Error>>;
}

/// A replacement of a counter that is made only if nothing happened since the counter was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenReplacement {
    /// The counter.
    pub counter: CounterId,
    /// What it is replaced with.
    pub to: Replacement,
    /// The state of the counter that a look has seen.
    pub seen: Seen,
}

/// A reading of a gauge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The gauge.
    pub total: CounterId,
    /// The buckets of the periods that it was made in, each with the end of its period, in
    /// microseconds since 1970.
    pub buckets: Vec<(CounterId, i64)>,
    /// What was read.
    pub value: i64,
    /// When, in microseconds since 1970.
    pub at: i64,
    /// How far ahead of the store's clock the instant of a reading may be, in microseconds.
    pub ahead: i64,
    /// Used if the store does not know the instant of the newest reading: the instant to take for
    /// it, in microseconds since 1970.
    pub known_newest: Option<i64>,
}

impl Reading {
    /// Returns the total and the buckets.
    pub fn ids(&self) -> impl Iterator<Item = &CounterId> + Clone {
        std::iter::once(&self.total).chain(self.buckets.iter().map(|(id, _)| id))
    }
}
