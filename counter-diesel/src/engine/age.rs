//! Whether the store has the data that it is known to have had.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use counter_core::{
    ClaimSeq, CounterId, DeltaStore, Generation, LastGeneration, PartSeq, Prefix, Recall,
    StoreGeneration, StoreParts,
};

use crate::error::{CoreError, Error};
use crate::ledger::ledger::Ledger;
use crate::ledger::state::{LedgerState, StoreRecord};

/// How long the store may take to answer. No row is locked meanwhile.
pub(crate) const RECALL_WITHIN: Duration = Duration::from_secs(2);

/// Returns the generation of the store's data, and begins one if there is none, as one that follows
/// what the database has recorded last.
pub(crate) fn ensure_generation(
    recorded: &OfLedger<'_>,
    store: &dyn StoreGeneration,
    state: &LedgerState,
) -> Result<Generation, Error> {
    if let Some(parts) = store.parts() {
        for _ in 0..BEGINNINGS {
            match ensure_in_parts(recorded, store, parts, state) {
                Err(Error::Core(CoreError::StoreChanged)) => {}
                generation => return generation,
            }
        }
        return Err(CoreError::StoreChanged.into());
    }
    Ok(store.ensure_generation(&state.database, state.newest)?)
}

/// Maximum number of tries to begin a generation while other processes begin one too.
const BEGINNINGS: u32 = 5;

/// Returns or begins the generation of a store of parts.
fn ensure_in_parts(
    recorded: &OfLedger<'_>,
    store: &dyn StoreGeneration,
    parts: &dyn StoreParts,
    state: &LedgerState,
) -> Result<Generation, Error> {
    if store.present_generation()?.is_some() {
        return Ok(parts.ensure_generation_after(None, &state.database, state.newest)?);
    }
    // Read this before the records. Then either the records have every generation so far, or this
    // one does not begin.
    let beside_id = parts.newest_beside_id()?;
    let state = recorded.ledger.state(recorded.prefix)?;
    let (database, above) = (&state.database, state.newest);
    // The last generation may have had no good pass. What is recorded of an earlier one may be
    // newer: a process may have made a claim under the earlier id after the last one had begun. So
    // the parts must remember what is recorded of any. Each generation begins above all of that,
    // and no part remembers less than what it gave out since.
    let begun = |row: &&StoreRecord| (parts.begun_above(&row.store_id), row.seq);
    let last = state.stores.iter().max_by_key(begun).map(|row| row.store_id.as_str());
    let store_id = last.unwrap_or_default();
    let mut given_out = Vec::new();
    for store_id in state.stores.iter().map(|row| &row.store_id).collect::<BTreeSet<_>>() {
        given_out.extend(recorded.ledger.parts(recorded.prefix, store_id)?);
    }
    if last.is_some() {
        given_out.extend(parts.seen_parts(store_id));
    }
    let last = LastGeneration { store_id, given_out: &given_out, beside_id };
    Ok(parts.ensure_generation_after(Some(&last), database, above)?)
}

/// Whether a store remembers what it is known to have given out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Age {
    /// It does.
    Present,
    /// It has the same data, but older, and has forgotten these sequences, of which there is at
    /// least one.
    WentBack(Vec<ClaimSeq>),
    /// Its high water is gone, but its other data is not. Raise it above these sequences.
    HighWaterLost(Vec<ClaimSeq>),
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
    recall(store, present, state).map(age_of)
}

/// Asks the store what it remembers of what its database and this process know of it.
pub(crate) fn recall(
    store: &dyn StoreGeneration,
    present: &Generation,
    state: &LedgerState,
) -> Result<Recall, Error> {
    let seen = Some(present.newest_seen).filter(|seq| *seq > ClaimSeq::ZERO);
    let known = state.sequences_of(&present.store_id).chain(seen).collect::<Vec<_>>();
    let recall = store.recall(&present.store_id, &known, RECALL_WITHIN)?;
    if recall.store_id.as_ref() != Some(&present.store_id) {
        return Err(CoreError::StoreChanged.into());
    }
    Ok(recall)
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

/// Reads what a database has recorded of the store behind a prefix.
pub(crate) trait Recorded {
    fn state(&mut self) -> Result<LedgerState, Error>;

    /// Returns what is recorded of the parts of the store with this id.
    fn parts(&mut self, store_id: &str) -> Result<Vec<PartSeq>, Error>;
}

/// Reads it through a ledger.
pub(crate) struct OfLedger<'a> {
    pub(crate) ledger: &'a dyn Ledger,
    pub(crate) prefix: &'a Prefix,
}

impl Recorded for OfLedger<'_> {
    fn state(&mut self) -> Result<LedgerState, Error> {
        self.ledger.state(self.prefix)
    }

    fn parts(&mut self, store_id: &str) -> Result<Vec<PartSeq>, Error> {
        self.ledger.parts(self.prefix, store_id)
    }
}

/// Makes sure that a store which has given out less than a row shows is not an old copy. It may
/// also be a different store from the row's; then the row is right as it is.
///
/// # Errors
///
/// [`StoreWentBack`](CoreError::StoreWentBack) if the store, or the part of it that one of these
/// counters is in, has the id of one that is known to have given out more.
pub(crate) fn refuse_old_copy(
    store: &dyn DeltaStore,
    ids: &[CounterId],
    mut recorded: impl Recorded,
) -> Result<(), Error> {
    let Some(generation) = store.generation() else { return Ok(()) };
    if let Some(parts) = generation.parts() {
        let Some(present) = generation.present_generation()? else { return Ok(()) };
        let of_ids = ids.iter().map(|id| parts.part_of(id)).collect::<HashSet<_>>();
        let mut given_out = recorded.parts(&present.store_id)?;
        given_out.extend(parts.seen_parts(&present.store_id));
        given_out.retain(|it| of_ids.contains(&it.part));
        // A part may have gone back even if nothing is known of it.
        given_out.extend(of_ids.iter().map(|part| PartSeq { part: *part, seq: ClaimSeq::ZERO }));
        let recall = parts.recall_parts(&present.store_id, &given_out, RECALL_WITHIN)?;
        let forgotten = recall.complete()?;
        let gone_back = forgotten.iter().find(|part| part.found > ClaimSeq::ZERO);
        return gone_back.map_or(Ok(()), |part| Err(went_back(part.found, &[part.forgotten])));
    }
    // What is recorded must be read before the store is asked.
    let state = recorded.state()?;
    let Some(present) = generation.present_generation()? else { return Ok(()) };
    match age(generation, &present, &state) {
        Ok(Age::WentBack(forgotten)) => Err(went_back(present.high_water, &forgotten)),
        Ok(Age::Present | Age::HighWaterLost(_)) | Err(Error::Core(CoreError::StoreChanged)) => {
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// Returns the error that a store is an old copy, by its high water and what it has forgotten.
pub(crate) fn went_back(found: ClaimSeq, forgotten: &[ClaimSeq]) -> Error {
    CoreError::StoreWentBack { found, recorded: newest(forgotten) }.into()
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
