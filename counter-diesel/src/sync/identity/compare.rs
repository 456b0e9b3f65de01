//! Compares what store and database know of each other.

use counter_core::{
    Claim, ClaimSeq, DeltaStore, ForgottenPart, Generation, NotedRow, PartSeq, PartsRecall, Recall,
    StoreGeneration, StoreParts,
};

use crate::engine::age::{Age, RECALL_WITHIN, age_of, recall, went_back};
use crate::engine::engine::Engine;
use crate::engine::kinship::{is_of_other, mismatch};
use crate::error::{DatabaseMismatch, Error};
use crate::ledger::state::{LedgerState, StoreRecord, SyncRecord};

/// The outcome of comparing a store's generation with the database's record.
pub(crate) struct Comparison {
    /// Whether the store is synced into another database too, where nothing is refused for that.
    pub(crate) shared_prefix: bool,
    /// The record of the store that was synced last, if it is another one.
    pub(crate) replaced: Option<SyncRecord>,
    pub(crate) age: Age,
    /// How the database differs from the one that the store was synced into last, if it does.
    pub(crate) mismatch: Option<DatabaseMismatch>,
    /// The rows of the record of which the store has lost its note.
    pub(crate) marks_lost: Vec<NotedRow>,
}

/// Compares the two. The state must have been read before the generation, because what is recorded
/// only rises.
pub(crate) fn compare(
    engine: &Engine,
    store: &dyn StoreGeneration,
    generation: &Generation,
    state: LedgerState,
) -> Result<Comparison, Error> {
    let recall = recall(store, generation, &state)?;
    let read_again = || engine.ledger().state_to_write(engine.prefix());
    let mismatch = mismatch(generation, &state, &recall.noted, read_again)?;
    let marks_lost = lost_rows(generation, &state, &recall);
    let age = age_of(recall);
    let shared_prefix = mismatch.is_none() && is_of_other(generation, &state);
    Ok(Comparison {
        shared_prefix,
        age,
        mismatch,
        marks_lost,
        replaced: state.replaced_by(&generation.store_id),
    })
}

/// Returns the rows of which the store has lost its note. It must note them again, because a row
/// that no transaction takes would be lost for ever.
fn lost_rows(generation: &Generation, state: &LedgerState, recall: &Recall) -> Vec<NotedRow> {
    let rows = || state.stores.iter().filter(|row| row.store_id == generation.store_id);
    let decision = rows().find(|row| row.writer == NotedRow::DECISIONS);
    let decision = decision.and_then(|row| row.marks.newest());
    let is_lost = |row: &&StoreRecord| {
        let noted = recall.noted_of(row.writer).and_then(|noted| noted.marks.newest());
        row.marks.is_lost(noted)
    };
    let as_noted = |row: &StoreRecord| {
        let StoreRecord { writer, seq, ref marks, .. } = *row;
        NotedRow { writer, seq, marks: marks.clone(), decision }
    };
    rows().filter(is_lost).map(as_noted).collect()
}

/// Why a claim is not in the store any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Absence {
    /// It was acknowledged, deleted or lost: the store gave it out, as far as it remembers, or has
    /// lost its data since.
    Removed,
    /// The store came back from an older copy since, and what that held was decided about.
    Decided,
    /// The part of the store that it was in came back from an older copy since.
    PartWentBack(ForgottenPart),
    /// The part of the store that it was in does not answer, for this reason.
    Unknown(String),
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
    claim: &Claim,
) -> Result<Absence, Error> {
    let seq = claim.seq;
    let (Some(generation), Some(store_id)) = (store.generation(), store_id) else {
        return Ok(Absence::Removed);
    };
    if let Some(parts) = generation.parts() {
        return absence_in_part(generation, parts, store_id, claim);
    }
    let recall = generation.recall(store_id, &[seq], RECALL_WITHIN)?;
    let is_same = recall.store_id.as_deref() == Some(store_id);
    let found = recall.high_water;
    // A store that has lost its high water cannot know.
    if !is_same || found == ClaimSeq::ZERO || recall.forgotten.is_empty() {
        return Ok(Absence::Removed);
    }
    if seq <= recall.accepted {
        return Ok(Absence::Decided);
    }
    Err(went_back(found, &[seq]))
}

/// Asks why a claim is gone from its part of a store.
fn absence_in_part(
    generation: &dyn StoreGeneration,
    parts: &dyn StoreParts,
    store_id: &str,
    claim: &Claim,
) -> Result<Absence, Error> {
    let asked = PartSeq { part: parts.part_of(&claim.id), seq: claim.seq };
    let PartsRecall { forgotten, accepted, unanswered } =
        parts.recall_parts(store_id, &[asked], RECALL_WITHIN)?;
    if let Some((_, why)) = unanswered.into_iter().next() {
        return Ok(Absence::Unknown(why));
    }
    // A part that has lost its high water cannot know.
    let gone_back = forgotten.into_iter().find(|part| part.found > ClaimSeq::ZERO);
    let is_same = || -> Result<bool, Error> {
        Ok(generation.present_generation()?.is_some_and(|present| present.store_id == store_id))
    };
    Ok(match gone_back {
        Some(part) if is_same()? => Absence::PartWentBack(part),
        None if accepted.contains(&asked) && is_same()? => Absence::Decided,
        _ => Absence::Removed,
    })
}
