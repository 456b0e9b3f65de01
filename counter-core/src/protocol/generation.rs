use super::claim::ClaimSeq;

/// Which data a store holds, and how far it got: a new generation begins when the data is emptied.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Generation {
    /// The random id that the store's data got when it was first synced.
    pub store_id: String,
    /// The database that it was first synced into.
    pub database: String,
    /// The newest sequence given out so far, as the store says.
    pub high_water: ClaimSeq,
    /// The newest sequence that this process has seen the store give out. If that is above
    /// [`high_water`](Self::high_water), the store came back from an old copy.
    pub newest_seen: ClaimSeq,
}

impl Generation {
    /// Returns a generation of which this process has seen nothing newer than the store says.
    pub const fn new(store_id: String, database: String, high_water: ClaimSeq) -> Self {
        Self { store_id, database, high_water, newest_seen: high_water }
    }
}
