use counter_core::{Baseline, CounterId};

/// A bucket that is set to 0 in the table, and the longer one to which its count is added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketMove {
    /// The bucket.
    pub from: CounterId,
    /// Its row.
    pub row: Baseline,
    /// The longer one. `None` if the count is dropped.
    pub into: Option<CounterId>,
}
