use std::fmt;

use chrono::{DateTime, NaiveDateTime, Utc};
use counter_core::ClaimSeq;

/// A time in UTC, which operators are shown to the second: `2026-01-01T00:00:00Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(DateTime<Utc>);

impl Timestamp {
    /// Returns the present time by this machine's clock.
    pub fn now() -> Self {
        Self(Utc::now())
    }

    /// Returns when the store gave out a sequence, which is the time of the store's clock in
    /// microseconds.
    ///
    /// `None` for [`ClaimSeq::ZERO`], because nothing was claimed then.
    pub fn of(seq: ClaimSeq) -> Option<Self> {
        if seq == ClaimSeq::ZERO {
            return None;
        }
        DateTime::from_timestamp_micros(seq.get()).map(Self)
    }

    /// Returns the time with all its digits.
    pub const fn utc(self) -> DateTime<Utc> {
        self.0
    }
}

/// Takes a time that is known to be UTC, such as one that a database recorded.
impl From<NaiveDateTime> for Timestamp {
    fn from(time: NaiveDateTime) -> Self {
        Self(time.and_utc())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.format("%Y-%m-%dT%H:%M:%SZ").fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sequence_is_a_time_unless_nothing_was_claimed() {
        let shown = |seq| Timestamp::of(ClaimSeq::new(seq)).map(|time| time.to_string());
        assert_eq!(shown(1_700_000_000_999_999), Some("2023-11-14T22:13:20Z".to_owned()));
        assert_eq!(shown(0), None);
        assert_eq!(shown(i64::MAX), None);
    }
}
