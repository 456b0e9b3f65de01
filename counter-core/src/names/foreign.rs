use crate::printable::Printable;

/// Something under the prefix that is not a counter of ours, or not a value of one. It is never
/// written and never deleted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{:?} in the store is not a counter's: {}", Printable(.name), Printable(.why))]
pub struct Foreign {
    /// Its name in the store, lossily as text.
    pub name: String,
    /// Why it is not ours.
    pub why: String,
}
