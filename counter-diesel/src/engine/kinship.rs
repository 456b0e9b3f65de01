//! Whether the database is the one that the store was synced into last.

use counter_core::{Generation, Kinship, Marks, NotedRow};

use super::age::{OfLedger, RECALL_WITHIN, ensure_generation};
use super::engine::{Engine, KnownDatabase};
use crate::error::{DatabaseMismatch, Error};
use crate::ledger::state::LedgerState;

/// Compares the database's identity with the one that it keeps for this store.
fn moved(generation: &Generation, state: &LedgerState) -> Option<DatabaseMismatch> {
    let (kept, found) = (state.identity_for(&generation.store_id)?, state.identity.as_ref()?);
    let (kept, found) = (kept.to_owned(), found.clone());
    (kept != found).then_some(DatabaseMismatch::Moved { kept, found })
}

/// Returns whether the store was first synced into another database, as far as both say which.
pub(crate) fn is_of_other(generation: &Generation, state: &LedgerState) -> bool {
    let (first, found) = (&generation.database, &state.database);
    !first.is_empty() && !found.is_empty() && first != found
}

/// Compares what the store has noted with what the database has recorded.
///
/// `state` was read before the store was asked, so it may lack what another process has recorded
/// since and the store has noted. And it may come from a server that was demoted and lags behind.
/// So a difference counts only if `read_again` finds it too, on a connection that takes writes.
pub(crate) fn mismatch(
    generation: &Generation,
    state: &LedgerState,
    noted: &[NotedRow],
    read_again: impl FnOnce() -> Result<LedgerState, Error>,
) -> Result<Option<DatabaseMismatch>, Error> {
    if moved(generation, state).is_none() && are_kin(generation, state, noted) {
        return Ok(None);
    }
    let state = read_again()?;
    if let Some(moved) = moved(generation, &state) {
        return Ok(Some(moved));
    }
    if are_kin(generation, &state, noted) {
        return Ok(None);
    }
    let is_behind = |noted: &NotedRow| {
        let kinship = kinship(generation, &state, noted);
        noted.writer != NotedRow::DECISIONS && kinship == Kinship::DatabaseBehind
    };
    Ok(Some(if is_of_other(generation, &state) {
        DatabaseMismatch::Other
    } else if noted.iter().any(is_behind) {
        DatabaseMismatch::WentBack {
            recorded: state.sequences_of(&generation.store_id).max().unwrap_or_default(),
            noted: noted.iter().map(|noted| noted.seq).max().unwrap_or_default(),
        }
    } else {
        DatabaseMismatch::Copied
    }))
}

/// Asks both sides whether this is the right database, and notes that it is. A store without
/// generations knows of no database.
///
/// # Errors
///
/// [`Error::OtherDatabase`] if it is not.
pub(crate) fn ask(engine: &Engine) -> Result<(), Error> {
    let Some(store) = engine.store().generation() else { return Ok(()) };
    let before = engine.ledger().state(engine.prefix())?;
    let generation = ensure_generation(&of_ledger(engine), store, &before)?;
    let recall = store.recall(&generation.store_id, &[], RECALL_WITHIN)?;
    let read_again = || engine.ledger().state_to_write(engine.prefix());
    if let Some(mismatch) = mismatch(&generation, &before, &recall.noted, read_again)? {
        return Err(Error::OtherDatabase(mismatch));
    }
    engine.note_store(generation.store_id.into());
    engine.note_database(KnownDatabase::right());
    Ok(())
}

/// Returns what the engine's database has recorded.
pub(crate) fn of_ledger(engine: &Engine) -> OfLedger<'_> {
    OfLedger { ledger: engine.ledger(), prefix: engine.prefix() }
}

fn are_kin(generation: &Generation, state: &LedgerState, noted: &[NotedRow]) -> bool {
    noted.iter().all(|noted| kinship(generation, state, noted).is_kin())
}

fn kinship(generation: &Generation, state: &LedgerState, noted: &NotedRow) -> Kinship {
    let mut rows = state.stores.iter();
    let row = rows.find(|row| row.store_id == generation.store_id && row.writer == noted.writer);
    let none = Marks::default();
    row.map_or(&none, |row| &row.marks).kinship(noted.marks.newest())
}
