//! What store and database know of each other, compared.

use counter_core::{ClaimSeq, DeltaStore, Generation};

use crate::error::Error;
use crate::ledger::ledger::{LedgerState, SyncRecord};

/// What a comparison of a store's generation with what the database has recorded came to.
pub(crate) struct Comparison {
    /// Whether the store is synced into another database too.
    pub(crate) shared_prefix: bool,
    /// What was recorded of the store that was synced last, if it is another one.
    pub(crate) replaced: Option<SyncRecord>,
    /// The newest sequence that the store is known to have given out, if it has the same data, but
    /// older.
    pub(crate) went_back_from: Option<ClaimSeq>,
}

/// Compares the two. The state must have been read before the generation, because what is recorded
/// only rises.
pub(crate) fn compare(generation: &Generation, state: LedgerState) -> Comparison {
    let LedgerState { database, recorded, .. } = state;
    let newest = newest_known(generation, recorded.as_ref());
    Comparison {
        shared_prefix: generation.database != database,
        replaced: recorded.filter(|recorded| recorded.store_id != generation.store_id),
        went_back_from: (generation.high_water < newest).then_some(newest),
    }
}

/// Returns the newest sequence that a store is known to have given out, by its database or by this
/// process.
pub(crate) fn newest_known(present: &Generation, recorded: Option<&SyncRecord>) -> ClaimSeq {
    let same_life = recorded.filter(|recorded| recorded.store_id == present.store_id);
    same_life.map_or(ClaimSeq::ZERO, |recorded| recorded.seq).max(present.newest_seen)
}

/// Returns the generation of the store's data, if the store has generations and this one already.
pub(crate) fn present_generation(store: &dyn DeltaStore) -> Result<Option<Generation>, Error> {
    match store.generation() {
        Some(store) => Ok(store.present_generation()?),
        None => Ok(None),
    }
}
