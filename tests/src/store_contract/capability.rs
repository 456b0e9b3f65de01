use counter_core::DeltaStore;

/// What a store may be able to do besides counting and syncing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capability {
    /// Distinguishes one generation of its data from the next.
    Generation,
    /// Carries out what an operator decided.
    Repair,
    /// Knows which claims only this process can have applied.
    Private,
    /// Finds counters without a scan.
    KeyIndex,
    /// Moves counts from one counter to another.
    Moves,
    /// Adds to a counter and to its buckets at one instant.
    Together,
    /// Records readings of gauges.
    Gauges,
    /// Names the counters that may hold something.
    PendingIndex,
    /// Answers questions about itself.
    Inspection,
}

impl Capability {
    /// Returns the capabilities that a store says that it has.
    pub fn all_of(store: &dyn DeltaStore) -> Vec<Self> {
        [
            (Self::Generation, store.generation().is_some()),
            (Self::Repair, store.repair().is_some()),
            (Self::Private, store.private().is_some()),
            (Self::KeyIndex, store.key_index().is_some()),
            (Self::Moves, store.moves().is_some()),
            (Self::Together, store.together().is_some()),
            (Self::Gauges, store.gauges().is_some()),
            (Self::PendingIndex, store.pending_index().is_some()),
            (Self::Inspection, store.inspection().is_some()),
        ]
        .into_iter()
        .filter_map(|(capability, is_there)| is_there.then_some(capability))
        .collect()
    }
}
