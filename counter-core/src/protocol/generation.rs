use super::claim::ClaimSeq;

/// The identity of a store's present life.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Generation {
    /// The random id that the store's data got when it was first synced.
    pub store_id: String,
    /// The database that it was first synced into.
    pub database: String,
    /// The newest sequence given out so far, as it says.
    pub high_water: ClaimSeq,
    /// The newest sequence that this process has seen it give out. If that is above
    /// [`high_water`](Self::high_water), it came back from an old copy.
    pub newest_seen: ClaimSeq,
}

impl Generation {
    /// A life of which nothing newer was seen than it says.
    pub const fn new(store_id: String, database: String, high_water: ClaimSeq) -> Self {
        Self { store_id, database, high_water, newest_seen: high_water }
    }
}
