//! An operator's decision which of several databases the store is synced into.

use counter_core::{Error as CoreError, StoreGeneration};

use crate::engine::age::{RECALL_WITHIN, ensure_generation, present_generation};
use crate::engine::engine::{Engine, KnownDatabase};
use crate::engine::kinship;
use crate::error::{DatabaseMismatch, Error};

/// Whether a database is the one that the store is synced into.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Adoption {
    /// How the database differs from the one that the store was synced into, or differed before it
    /// was adopted. `None` if it is the right one.
    pub mismatch: Option<DatabaseMismatch>,
    /// Whether the store follows this database from now on, because an operator decided so.
    pub is_adopted: bool,
}

/// Looks how the database differs from the one that the store was synced into. Changes nothing.
pub(crate) fn look(engine: &Engine) -> Result<Adoption, Error> {
    let before = engine.ledger().state(engine.prefix())?;
    let present = present_generation(engine.store())?;
    let mismatch = match (engine.store().generation(), present) {
        (Some(store), Some(generation)) => {
            let recall = store.recall(&generation.store_id, &[], RECALL_WITHIN)?;
            let read_again = || engine.ledger().state_to_write(engine.prefix());
            kinship::mismatch(&generation, &before, &recall.noted, read_again)?
        }
        // A store without data does not know the database that it was synced into.
        (None, _) | (_, None) => None,
    };
    Ok(Adoption { mismatch, is_adopted: false })
}

/// Makes the store follow this database: whatever else was synced into it, also just now, does not
/// know of the decision, which each transaction compares.
pub(crate) fn adopt(engine: &Engine) -> Result<Adoption, Error> {
    // Marks of the store that cannot be read are replaced, so they do not prevent a decision.
    let mismatch = look(engine).map_or(None, |adoption| adoption.mismatch);
    let Some(store) = engine.store().generation() else {
        return Ok(Adoption { mismatch, is_adopted: false });
    };
    let state = engine.ledger().state_to_write(engine.prefix())?;
    let generation = ensure_generation(&kinship::of_ledger(engine), store, &state)?;
    adopt_in(engine, store, &generation.store_id, &state.database)?;
    engine.note_store(generation.store_id.into());
    engine.note_database(KnownDatabase::right());
    Ok(Adoption { mismatch, is_adopted: true })
}

/// The database comes first: if this ends halfway, it still knows what the store noted last.
fn adopt_in(
    engine: &Engine,
    store: &dyn StoreGeneration,
    store_id: &str,
    database: &str,
) -> Result<(), Error> {
    let noted = store.readable_notes(store_id, RECALL_WITHIN)?;
    let noted = engine.ledger().adopt(engine.prefix(), store_id, &noted)?;
    if store.adopt(store_id, database, &noted)? {
        return Ok(());
    }
    Err(CoreError::StoreChanged.into())
}
