use super::claim::Claim;

/// What a store holds of one counter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Held {
    /// The delta that nobody has claimed.
    pub pending: i64,
    /// The claim that nobody has acknowledged.
    pub claim: Option<Claim>,
}
