//! Makes rows of 0 for counters that have none, before anything is moved to them.
//!
//! A claim that the store has lost is written to its row by those who had it in hand, but only if
//! there is a row: without one, the counter may have been deleted. So of a store that is lost in
//! the middle, what one counter loses would be in the table, and what the other gains would not.
//!
//! Such a row has seen every claim that the store had given out. Otherwise one of a counter that
//! was deleted meanwhile could be written to it. And it is made only while the store has no claim
//! of the counter, which it would refuse: the sync that holds it makes a row. The store is looked
//! at when the row is locked, or the claim could be made, and found gone, before the row is there.

use counter_core::{Claim, ClaimOp, ClaimSeq, CounterId, Error as CoreError, Holding, NoteOutcome};

use crate::engine::engine::Engine;
use crate::engine::kinship;
use crate::error::{DatabaseMismatch, Error};
use crate::ledger::dialect::lock_wait::LockWait;
use crate::ledger::ledger::{LedgerTransaction, UnappliedCause};
use crate::ledger::retry;
use crate::sync::identity::record::{Remembrance, record};
use crate::sync::report::times::SyncTimes;

/// How often it is begun anew because of what the store says.
const ROUNDS: u32 = 4;

/// Makes the rows that are missing. Returns the counters that the database refuses one. What is in
/// the memory of this process is not lost without it, and needs none.
pub(crate) fn make(
    engine: &Engine,
    mut counters: Vec<CounterId>,
) -> Result<Vec<(CounterId, Error)>, Error> {
    if engine.store().private().is_some() {
        return Ok(Vec::new());
    }
    counters.sort();
    counters.dedup();
    let rows = engine.ledger().baselines(&counters)?;
    let missing = rows.into_iter().zip(counters).filter(|(row, _)| row.seq == ClaimSeq::ZERO);
    let missing = missing.map(|(_, id)| id).collect::<Vec<_>>();
    match retry::with_backoff(|| insert(engine, missing.clone(), LockWait::Usual)) {
        Err(error) if is_of_rows(&error) => {}
        done => return done.map(|()| Vec::new()),
    }
    let mut refused = Vec::new();
    for id in missing {
        match retry::once_more(|| insert(engine, vec![id.clone()], LockWait::Short)) {
            Ok(()) => {}
            Err(error) if is_of_rows(&error) => refused.push((id, error)),
            Err(error) => return Err(error),
        }
    }
    Ok(refused)
}

fn insert(engine: &Engine, mut ids: Vec<CounterId>, wait: LockWait) -> Result<(), Error> {
    for _ in 0..ROUNDS {
        match insert_once(engine, &mut ids, wait) {
            Ok(()) if ids.is_empty() => return Ok(()),
            Ok(()) => {}
            Err(Error::Core(CoreError::StoreChanged)) => kinship::ask(engine)?,
            Err(error) => return Err(error),
        }
    }
    // They are claimed again and again, so they get rows.
    Ok(())
}

/// Makes rows for these counters, and removes from them those that have one or need none. If the
/// store has a claim of any, it makes none.
fn insert_once(engine: &Engine, ids: &mut Vec<CounterId>, wait: LockWait) -> Result<(), Error> {
    if ids.is_empty() {
        return Ok(());
    }
    let mut transaction = engine.ledger().begin(wait)?;
    // This locks them.
    let there = upsert(engine, &mut *transaction, &nothing(ids, ClaimSeq::ZERO))?;
    let mut places = (0..).map(|place| !there.contains(&place));
    ids.retain(|_| places.next().unwrap_or(false));
    let (locked, look) = (ids.len(), engine.store().look(ids)?);
    let mut held = look.held.into_iter();
    ids.retain(|_| matches!(held.next(), Some(Ok(Holding { claim: None, .. }))));
    if ids.len() < locked || ids.is_empty() {
        return Ok(());
    }
    let claims = nothing(ids, look.high_water);
    upsert(engine, &mut *transaction, &claims)?;
    let store_id = engine.store_id();
    let mut noted = None;
    if let Some(id) = &store_id {
        match record(engine, &mut *transaction, id, &claims, &mut SyncTimes::default())? {
            Remembrance::Whole(row) => noted = row,
            Remembrance::Changed => return Err(CoreError::StoreChanged.into()),
            Remembrance::PartsLeft(parts) => return Err(parts.into_error()),
        }
    }
    transaction.commit()?;
    ids.clear();
    if let (Some(store), Some(id), Some(noted)) = (engine.store().generation(), store_id, noted)
        && store.note(&id, &noted, &[])? == NoteOutcome::Other
    {
        return Err(Error::OtherDatabase(DatabaseMismatch::Copied));
    }
    Ok(())
}

/// Upserts these, and returns the places of those whose rows have seen more.
fn upsert(
    engine: &Engine,
    transaction: &mut dyn LedgerTransaction,
    claims: &[Claim],
) -> Result<Vec<usize>, Error> {
    let unapplied = transaction.upsert(claims)?;
    let kept_out = unapplied.iter().find(|unapplied| unapplied.cause == UnappliedCause::KeptOut);
    if let Some(claim) = kept_out.and_then(|unapplied| claims.get(unapplied.index)) {
        return Err(Error::KeptOut { table: engine.tables().of(Some(&claim.id)).to_string() });
    }
    Ok(unapplied.into_iter().map(|unapplied| unapplied.index).collect())
}

/// Returns claims that add nothing.
fn nothing(ids: &[CounterId], seq: ClaimSeq) -> Vec<Claim> {
    ids.iter().map(|id| Claim { id: id.clone(), seq, op: ClaimOp::Add(0) }).collect()
}

/// Returns whether an error may be about one of the rows alone.
const fn is_of_rows(error: &Error) -> bool {
    matches!(
        error,
        Error::Database { .. }
            | Error::KeptOut { .. }
            | Error::Locked { .. }
            | Error::TimedOut { .. }
    )
}
