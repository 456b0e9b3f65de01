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

use counter_core::{ClaimSeq, CounterId, Holding};

use crate::engine::engine::Engine;
use crate::error::Error;
use crate::ledger::dialect::lock_wait::LockWait;
use crate::ledger::ledger::CounterRow;
use crate::ledger::retry;

/// How long a row has been 0 when it goes.
const AN_HOUR: Duration = Duration::from_secs(3600);

/// How many rows are locked at a time.
const AT_ONCE: usize = 500;

/// Removes those of these rows that have been 0 for an hour and of which the store holds nothing.
/// Returns how many. What others have locked stays, and so does what the database refuses to remove
/// for a reason that may pass: the next call removes it.
pub(crate) fn remove(engine: &Engine, rows: Vec<CounterRow>) -> Result<u64, Error> {
    let zeros = rows.into_iter().filter(is_due);
    let mut zeros = zeros.map(|row| (row.counter, row.row.seq)).collect::<Vec<_>>();
    // In the order in which every sync locks rows.
    zeros.sort();
    let mut removed = 0;
    for zeros in zeros.chunks(AT_ONCE) {
        let idle = idle(engine, zeros)?;
        match retry::with_backoff(|| remove_idle(engine, &idle)) {
            Ok(rows) => removed += rows,
            // As a deadlock does, on a database that locks rows which it only looks at.
            Err(error) if retry::may_pass(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(removed)
}

/// Returns whether a row has been 0 for an hour.
pub(crate) fn is_due(row: &CounterRow) -> bool {
    row.row.count == 0 && row.idle >= AN_HOUR
}

/// Returns those of which the store holds nothing.
fn idle(
    engine: &Engine,
    zeros: &[(CounterId, ClaimSeq)],
) -> Result<Vec<(CounterId, ClaimSeq)>, Error> {
    let ids = zeros.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>();
    let held = engine.store().look(&ids)?.held;
    let idle = zeros.iter().zip(held).filter(|(_, held)| *held == Ok(Holding::default()));
    Ok(idle.map(|(zero, _)| zero.clone()).collect())
}

/// Removes those of these rows that have seen no other claim since.
fn remove_idle(engine: &Engine, zeros: &[(CounterId, ClaimSeq)]) -> Result<u64, Error> {
    if zeros.is_empty() {
        return Ok(0);
    }
    let mut transaction = engine.ledger().begin(LockWait::Short)?;
    let deleted = transaction.delete_zeros(zeros)?;
    transaction.commit()?;
    Ok(deleted)
}
