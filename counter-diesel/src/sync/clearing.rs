//! Takes the counts out of old buckets, and adds them to longer ones.
//!
//! This is the first of two phases. It locks the row of a bucket and sets its count to 0 without a
//! claim. The sequence stays, so the row still refuses the claims that it has seen. The count is
//! added to the longer bucket in the same transaction. A read takes both rows by one statement, so
//! it sees the count in exactly one of them. The row of 0 is removed an hour later: see
//! [`zeros`](super::owners::zeros).
//!
//! The store is checked while the rows are locked. If it holds anything of a bucket, that bucket
//! stays until the next call, because a claimed set would be written over the sum. The check is not
//! needed to avoid counting twice.

use counter_core::{CounterId, Grain, Holding, Period};

use crate::engine::engine::Engine;
use crate::error::Error;
use crate::ledger::bucket_move::BucketMove;
use crate::ledger::dialect::lock_wait::LockWait;
use crate::ledger::ledger::CounterRow;

/// Sets these buckets of one counter to 0, except those of which the store holds something. Returns
/// how many were set.
pub(crate) fn clear(
    engine: &Engine,
    rows: &[CounterRow],
    into: Option<Grain>,
) -> Result<u64, Error> {
    let mut ids = rows.iter().map(|row| row.counter.clone()).collect::<Vec<_>>();
    // In the order in which every sync locks rows.
    ids.sort();
    let mut transaction = engine.ledger().begin(LockWait::Short)?;
    let locked = transaction.lock_buckets(&ids)?;
    let mut moves = Vec::new();
    for (from, row) in ids.into_iter().zip(locked) {
        if let Some(row) = row.filter(|row| row.count != 0) {
            let into = longer(&from, into)?;
            moves.push(BucketMove { from, row, into });
        }
    }
    let idle = idle(engine, &moves)?;
    let mut are_idle = idle.into_iter();
    moves.retain(|_| are_idle.next().unwrap_or(false));
    if moves.is_empty() {
        return Ok(0);
    }
    transaction.move_counts(&moves)?;
    transaction.commit()?;
    Ok(moves.len() as u64)
}

/// Returns how many of these buckets a call would set to 0 now.
pub(crate) fn would_clear(
    engine: &Engine,
    rows: &[CounterRow],
    into: Option<Grain>,
) -> Result<u64, Error> {
    let moves = rows.iter().map(|CounterRow { counter, row, .. }| {
        Ok(BucketMove { from: counter.clone(), row: *row, into: longer(counter, into)? })
    });
    let idle = idle(engine, &moves.collect::<Result<Vec<_>, Error>>()?)?;
    Ok(idle.into_iter().filter(|is_idle| *is_idle).count() as u64)
}

/// Returns the bucket of this grain that contains a shorter one.
fn longer(from: &CounterId, grain: Option<Grain>) -> Result<Option<CounterId>, Error> {
    let Some((grain, period)) = grain.zip(from.period()) else { return Ok(None) };
    let period = Period::containing(grain, period.start());
    Ok(Some(from.total().within(period)?))
}

/// Returns for each of these whether the store holds nothing of both buckets.
fn idle(engine: &Engine, moves: &[BucketMove]) -> Result<Vec<bool>, Error> {
    let mut ids = moves.iter().map(|one| one.from.clone()).collect::<Vec<_>>();
    for into in moves.iter().filter_map(|one| one.into.as_ref()) {
        if ids.last() != Some(into) {
            ids.push(into.clone());
        }
    }
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let held = engine.store().look(&ids)?.held;
    let is_idle = |id: &CounterId| {
        let place = ids.iter().position(|other| other == id);
        let held = place.and_then(|place| held.get(place));
        held.is_some_and(|held| *held == Ok(Holding::default()))
    };
    Ok(moves
        .iter()
        .map(|one| is_idle(&one.from) && one.into.as_ref().is_none_or(is_idle))
        .collect())
}
