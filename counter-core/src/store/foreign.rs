/// Something under the prefix that is not a counter of ours, or not a value of one. It is never
/// written and never deleted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} in the store is not a counter's: {why}")]
pub struct Foreign {
    /// Its name in the store, lossily as text.
    pub name: String,
    /// Why it is not ours.
    pub why: String,
}
