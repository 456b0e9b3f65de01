//! Removes rows that have been 0 for long and of which the store holds nothing.
//!
//! A counter without a row is 0 too, so that changes no value, whatever is counted meanwhile. What
//! the row does besides is to refuse claims that it has seen. So it may go only when none of those
//! can be applied again. Therefore the row is read first, and the store is looked at afterwards: if
//! it has no claim then, it has none of those that the row has seen, nor will it have one again.
//! And the row goes only if it has still seen no others. A sync that works on an old claim makes
//! the row anew, but finds the claim gone before it commits.
//!
//! A read that has seen the claim, and finds no row that has seen it, would count the claim again.
//! So the row waits until no such read is under way: until it has not changed for an hour, which is
//! longer than any read takes.

use std::time::Duration;

use counter_core::{Baseline, ClaimSeq, CounterId, Holding};

use super::delete_all::FAILURES_IN_A_ROW;
use crate::engine::engine::Engine;
use crate::error::Error;
use crate::ledger::dialect::lock_wait::LockWait;
use crate::ledger::ledger::CounterRow;
use crate::ledger::retry;

/// How long a row has been 0 when it goes.
const AN_HOUR: Duration = Duration::from_secs(3600);

/// How many rows of totals are locked at a time.
const TOTALS_AT_ONCE: usize = 500;

/// How many rows of buckets are locked at a time. Each is removed by a statement of its own, and
/// all of a transaction have one time limit.
const BUCKETS_AT_ONCE: usize = 50;

/// The outcome of removing rows.
#[derive(Default)]
pub(crate) struct Removed {
    /// How many are gone.
    pub(crate) rows: u64,
    /// Rows that stay for now, because they are locked or the database refused.
    pub(crate) refused: Vec<(CounterId, Error)>,
    failures_in_a_row: usize,
}

/// Removes those of these rows that have been 0 for an hour and of which the store holds nothing.
/// What others have locked stays, and so does what the database refuses to remove for a reason that
/// may pass: the next call removes it. After some such rows in a row the others stay too.
pub(crate) fn remove(engine: &Engine, rows: Vec<CounterRow>) -> Result<Removed, Error> {
    let zeros = rows.into_iter().filter(is_due);
    let mut zeros = zeros.map(|row| (row.counter, row.row.seq)).collect::<Vec<_>>();
    // In the order in which every sync locks rows.
    zeros.sort();
    let is_total = |(id, _): &(CounterId, ClaimSeq)| id.period().is_none();
    let (totals, buckets) = zeros.into_iter().partition::<Vec<_>, _>(is_total);
    let mut removed = Removed::default();
    for (zeros, at_once) in [(totals, TOTALS_AT_ONCE), (buckets, BUCKETS_AT_ONCE)] {
        for zeros in zeros.chunks(at_once) {
            if removed.failures_in_a_row >= FAILURES_IN_A_ROW {
                return Ok(removed);
            }
            removed.remove(engine, zeros)?;
        }
    }
    Ok(removed)
}

impl Removed {
    /// Removes these rows together, and each by itself if that fails: one may be locked, or all
    /// together may take too long.
    fn remove(&mut self, engine: &Engine, zeros: &[(CounterId, ClaimSeq)]) -> Result<(), Error> {
        match retry::with_backoff(|| remove_idle(engine, zeros)) {
            Ok(rows) => {
                self.rows += rows;
                self.failures_in_a_row = 0;
                return Ok(());
            }
            Err(error) if stays(&error) => {}
            Err(error) => return Err(error),
        }
        for zero in zeros {
            if self.failures_in_a_row >= FAILURES_IN_A_ROW {
                break;
            }
            match remove_idle(engine, std::slice::from_ref(zero)) {
                Ok(rows) => {
                    self.rows += rows;
                    self.failures_in_a_row = 0;
                }
                Err(error) if stays(&error) => {
                    self.failures_in_a_row += 1;
                    self.refused.push((zero.0.clone(), error));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Returns whether a row that could not be removed is left to the next call: as after a deadlock,
/// on a database that locks rows which it only looks at.
fn stays(error: &Error) -> bool {
    retry::may_pass(error) || matches!(error, Error::TimedOut { .. })
}

/// Returns whether a row has been 0 for an hour.
fn is_due(row: &CounterRow) -> bool {
    row.row.count == 0 && row.idle >= AN_HOUR
}

/// Returns how many of these rows a call would remove now.
pub(crate) fn count_due(engine: &Engine, rows: &[CounterRow]) -> Result<u64, Error> {
    let due = rows.iter().filter(|row| is_due(row));
    let due = due.map(|row| (row.counter.clone(), row.row.seq)).collect::<Vec<_>>();
    if due.is_empty() { Ok(0) } else { Ok(idle(engine, &due)?.len() as u64) }
}

/// Returns those of which the store holds nothing.
fn idle(
    engine: &Engine,
    zeros: &[(CounterId, ClaimSeq)],
) -> Result<Vec<(CounterId, ClaimSeq)>, Error> {
    let ids = zeros.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>();
    let held = engine.held(&ids)?;
    let idle = zeros.iter().zip(held).filter(|(_, held)| *held == Ok(Holding::default()));
    Ok(idle.map(|(zero, _)| zero.clone()).collect())
}

/// Removes those of these rows that have seen no other claim since, and of which the store holds
/// nothing while they are locked. Totals are locked only by their deletion: for them it is enough
/// that the rows were read before the look into the store.
fn remove_idle(engine: &Engine, zeros: &[(CounterId, ClaimSeq)]) -> Result<u64, Error> {
    let are_totals = zeros.first().is_none_or(|(id, _)| id.period().is_none());
    if are_totals {
        let idle = idle(engine, zeros)?;
        if idle.is_empty() {
            return Ok(0);
        }
        let mut transaction = engine.ledger().begin(LockWait::Short)?;
        let deleted = transaction.delete_zeros(&idle)?;
        transaction.commit()?;
        return Ok(deleted);
    }
    let ids = zeros.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>();
    let mut transaction = engine.ledger().begin(LockWait::Short)?;
    let locked = transaction.lock_buckets(&ids)?;
    let is_zero = |((_, seq), row): &(&(CounterId, ClaimSeq), Option<Baseline>)| {
        row.is_some_and(|row| row.count == 0 && row.seq == *seq)
    };
    let zeros = zeros.iter().zip(locked).filter(is_zero).map(|(zero, _)| zero.clone());
    let zeros = zeros.collect::<Vec<_>>();
    if zeros.is_empty() {
        return Ok(0);
    }
    let idle = idle(engine, &zeros)?;
    if idle.is_empty() {
        return Ok(0);
    }
    let deleted = transaction.delete_zeros(&idle)?;
    transaction.commit()?;
    Ok(deleted)
}
