//! What store and database know of each other, compared.

use std::time::Duration;

use counter_core::{ClaimSeq, DeltaStore, Generation, Recall, StoreGeneration};

use crate::error::Error;
use crate::ledger::ledger::{LedgerState, SyncRecord};

/// No row is locked meanwhile.
const RECALL_WITHIN: Duration = Duration::from_secs(2);

/// What a comparison of a store's generation with what the database has recorded came to.
pub(crate) struct Comparison {
    /// Whether the store is synced into another database too.
    pub(crate) shared_prefix: bool,
    /// What was recorded of the store that was synced last, if it is another one.
    pub(crate) replaced: Option<SyncRecord>,
    pub(crate) age: Age,
}

/// Whether a store knows what it is known to have given out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Age {
    /// It does.
    Present,
    /// It has the same data, but older, and has forgotten these sequences, of which there is at
    /// least one.
    WentBack(Vec<ClaimSeq>),
    /// Its high water is gone, and its other data is not. It is to be raised above these.
    HighWaterLost(Vec<ClaimSeq>),
}

/// Compares the two. The state must have been read before the generation, because what is recorded
/// only rises.
pub(crate) fn compare(
    store: &dyn StoreGeneration,
    generation: &Generation,
    state: LedgerState,
) -> Result<Comparison, Error> {
    let age = age(store, generation, &state)?;
    let LedgerState { database, recorded, .. } = state;
    Ok(Comparison {
        shared_prefix: generation.database != database,
        age,
        replaced: recorded.filter(|recorded| recorded.store_id != generation.store_id),
    })
}

/// Asks the store whether it remembers what its database and this process know of it.
///
/// To compare the newest sequences would not do: once another process has claimed something, an
/// old copy has a newer one too.
pub(crate) fn age(
    store: &dyn StoreGeneration,
    present: &Generation,
    state: &LedgerState,
) -> Result<Age, Error> {
    let seen = Some(present.newest_seen).filter(|seq| *seq > ClaimSeq::ZERO);
    let known = state.sequences_of(&present.store_id).chain(seen).collect::<Vec<_>>();
    let recall = store.recall(&known, RECALL_WITHIN)?;
    if recall.store_id.as_ref() != Some(&present.store_id) {
        return Err(counter_core::Error::StoreChanged.into());
    }
    Ok(age_of(recall))
}

/// Returns what a store's answer says about it.
pub(crate) fn age_of(recall: Recall) -> Age {
    let Recall { high_water, accepted, mut forgotten, .. } = recall;
    // Without a high water everything is forgotten, also what was accepted.
    if high_water > ClaimSeq::ZERO {
        forgotten.retain(|seq| *seq > accepted);
    }
    if forgotten.is_empty() {
        Age::Present
    } else if high_water == ClaimSeq::ZERO {
        Age::HighWaterLost(forgotten)
    } else {
        Age::WentBack(forgotten)
    }
}

/// Why a claim is not in the store any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Absence {
    /// It was acknowledged, deleted or lost: the store gave it out, as far as it remembers, or has
    /// lost its data since.
    Removed,
    /// The store came back from an older copy since, and what that held was decided about.
    Decided,
}

/// Asks why a claim is gone that was made when the store had this id. What it claimed is pending
/// again if the store does not remember giving it out.
///
/// # Errors
///
/// [`StoreWentBack`](counter_core::Error::StoreWentBack) if that is not decided yet.
pub(crate) fn absence_of(
    store: &dyn DeltaStore,
    store_id: Option<&str>,
    seq: ClaimSeq,
) -> Result<Absence, Error> {
    let (Some(generation), Some(store_id)) = (store.generation(), store_id) else {
        return Ok(Absence::Removed);
    };
    let recall = generation.recall(&[seq], RECALL_WITHIN)?;
    let is_same = recall.store_id.as_deref() == Some(store_id);
    let found = recall.high_water;
    // A store that has lost its high water cannot know.
    if !is_same || found == ClaimSeq::ZERO || recall.forgotten.is_empty() {
        return Ok(Absence::Removed);
    }
    if seq <= recall.accepted {
        return Ok(Absence::Decided);
    }
    Err(counter_core::Error::StoreWentBack { found, recorded: seq }.into())
}

/// Returns the greatest sequence, or 0 if there is none.
pub(crate) fn newest(sequences: &[ClaimSeq]) -> ClaimSeq {
    sequences.iter().copied().max().unwrap_or_default()
}

/// Returns the generation of the store's data, if the store has generations and this one already.
pub(crate) fn present_generation(store: &dyn DeltaStore) -> Result<Option<Generation>, Error> {
    match store.generation() {
        Some(store) => Ok(store.present_generation()?),
        None => Ok(None),
    }
}
