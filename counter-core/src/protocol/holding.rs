use super::claim::Claim;

/// The claim and the pending delta that a store holds of one counter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Holding {
    /// The delta that no sync has claimed.
    pub pending: i64,
    /// The claim that no sync has acknowledged.
    pub claim: Option<Claim>,
}
