//! An operator's decision which of several databases the store is synced into.

use counter_core::{Error as CoreError, StoreGeneration};

use crate::engine::age::RECALL_WITHIN;
use crate::engine::engine::Engine;
use crate::engine::kinship;
use crate::error::{DatabaseMismatch, Error};

/// What was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Adoption {
    /// How the database differed from the one that the store was synced into, if it did.
    pub was: Option<DatabaseMismatch>,
}

/// Looks how the database differs from the one that the store was synced into.
pub(crate) fn mismatch(engine: &Engine) -> Result<Option<DatabaseMismatch>, Error> {
    match kinship::ask(engine) {
        Ok(()) => Ok(None),
        Err(Error::OtherDatabase(mismatch)) => Ok(Some(mismatch)),
        Err(error) => Err(error),
    }
}

/// Makes the store follow this database: whatever else was synced into it does not know what the
/// two know of each other from now on.
pub(crate) fn adopt(engine: &Engine) -> Result<Adoption, Error> {
    let was = mismatch(engine)?;
    let Some(store) = engine.store().generation() else { return Ok(Adoption { was }) };
    let state = engine.ledger().state(engine.prefix())?;
    let generation = store.ensure_generation(&state.database, state.newest)?;
    adopt_in(engine, store, &generation.store_id, &state.database)?;
    engine.note_store(generation.store_id.into());
    engine.note_database(true);
    Ok(Adoption { was })
}

/// The database comes first: if this ends halfway, it still knows what the store was told last.
fn adopt_in(
    engine: &Engine,
    store: &dyn StoreGeneration,
    store_id: &str,
    database: &str,
) -> Result<(), Error> {
    let told = store.recall(store_id, &[], RECALL_WITHIN)?.told;
    let told = engine.ledger().adopt(engine.prefix(), store_id, &told)?;
    if store.adopt(store_id, database, &told)? {
        return Ok(());
    }
    Err(CoreError::StoreChanged.into())
}
