use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;

use crate::invalid::{InputKind, Invalid};

/// How many counters a sync moves in one transaction: 1 to [`BatchSize::MAX`]. Default: 1,000.
///
/// More than the maximum counts as the maximum, wherever the number comes from.
///
/// ```
/// # use counter_core::BatchSize;
/// assert_eq!("20000".parse(), Ok(BatchSize::MAX));
/// assert!("0".parse::<BatchSize>().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BatchSize(NonZeroUsize);

impl BatchSize {
    /// The largest batch: 10,000 counters. Rows are locked while the store verifies a batch, for
    /// which it has a fixed time. A batch that takes longer than that would never be applied,
    /// however often it is tried.
    pub const MAX: Self = Self(NonZeroUsize::MIN.saturating_add(9_999));

    /// Returns this many counters, or the maximum if they are more.
    pub fn new(counters: NonZeroUsize) -> Self {
        Self(counters.min(Self::MAX.0))
    }

    /// Returns the number of counters.
    pub const fn get(self) -> NonZeroUsize {
        self.0
    }
}

impl Default for BatchSize {
    fn default() -> Self {
        Self(NonZeroUsize::MIN.saturating_add(999))
    }
}

impl From<NonZeroUsize> for BatchSize {
    fn from(counters: NonZeroUsize) -> Self {
        Self::new(counters)
    }
}

impl fmt::Display for BatchSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for BatchSize {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        text.parse().map(Self::new).map_err(|_| {
            let why = "expected a positive number such as 1000";
            Invalid::malformed(InputKind::BatchSize, text, why)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_the_maximum_counts_as_the_maximum() {
        assert_eq!(BatchSize::default().get().get(), 1000);
        assert_eq!(BatchSize::MAX.get().get(), 10_000);
        for (counters, size) in [(1, 1), (9_999, 9_999), (10_000, 10_000), (10_001, 10_000)] {
            let counters = NonZeroUsize::new(counters).unwrap();
            assert_eq!(BatchSize::from(counters).get().get(), size);
        }
        assert_eq!(BatchSize::new(NonZeroUsize::MAX), BatchSize::MAX);
    }
}
