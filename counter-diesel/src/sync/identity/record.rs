//! What a transaction records of the store, and whether the store remembers it.

use std::time::Duration;

use counter_core::{Claim, ClaimSeq, StoreGeneration};

use crate::engine::age::{Age, age_of, went_back};
use crate::engine::engine::Engine;
use crate::error::Error;
use crate::ledger::ledger::LedgerTransaction;
use crate::sync::report::times::SyncTimes;

/// Rows are locked meanwhile, for which others wait 5 seconds: for this, a second at most to
/// verify, and the database's own steps.
const RECALL_WITHIN: Duration = Duration::from_secs(1);

/// Whether what is recorded of a store may be committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Remembrance {
    /// The store with this id remembers giving out all of it.
    Whole,
    /// Another store is there, or this one has lost its high water.
    Changed,
}

/// Records the newest of these claims, whose rows are locked, and asks the store whether it
/// remembers all that is recorded. An old copy of it would not: what it holds may be in the rows
/// already.
///
/// # Errors
///
/// [`StoreWentBack`](counter_core::Error::StoreWentBack) if it has this id and does not remember.
pub(crate) fn record(
    engine: &Engine,
    transaction: &mut dyn LedgerTransaction,
    store_id: &str,
    claims: &[Claim],
    times: &mut SyncTimes,
) -> Result<Remembrance, Error> {
    let newest = claims.iter().map(|claim| claim.seq).max();
    let (Some(store), Some(newest)) = (engine.store().generation(), newest) else {
        return Ok(Remembrance::Whole);
    };
    let record = || transaction.record(engine.prefix(), store_id, newest);
    let recorded = times.add_database(record)?;
    times.add_verify(|| remembrance_of(store, store_id, &recorded))
}

fn remembrance_of(
    store: &dyn StoreGeneration,
    store_id: &str,
    recorded: &[ClaimSeq],
) -> Result<Remembrance, Error> {
    let recall = store.recall(store_id, recorded, RECALL_WITHIN)?;
    if recall.store_id.as_deref() != Some(store_id) {
        return Ok(Remembrance::Changed);
    }
    let found = recall.high_water;
    match age_of(recall) {
        Age::Present => Ok(Remembrance::Whole),
        Age::HighWaterLost(_) => Ok(Remembrance::Changed),
        Age::WentBack(forgotten) => Err(went_back(found, &forgotten)),
    }
}
