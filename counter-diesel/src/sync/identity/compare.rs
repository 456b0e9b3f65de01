//! Compares what store and database know of each other.

use counter_core::{Generation, NotedRow, Recall, StoreGeneration};

use crate::engine::age::{Age, age_of, recall};
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
