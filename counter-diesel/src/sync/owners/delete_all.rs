//! Deletes all counters of an owner.

use std::ops::ControlFlow;

use counter_core::{Baseline, CounterId, CounterKey, Holding, Owner, Replacement};

use super::find::{self, Whose};
use crate::engine::distinct::Distinct;
use crate::engine::engine::Engine;
use crate::error::Error;
use crate::sync::set::set;

/// How many deletes in a row may fail before the others are not tried any more.
const FAILURES_IN_A_ROW: usize = 16;

/// Deletes each counter of the owner that the store or the table has, and returns how many there
/// were. What cannot be deleted does not keep the others from it.
pub(crate) fn delete_all(
    engine: &Engine,
    owner: &Owner,
    declared: &[CounterKey],
) -> Result<u64, Error> {
    let mut deleting = Deleting::none(engine);
    find::require_rows(engine, Whose::Owner(owner))?;
    find::in_store(engine, Whose::Owner(owner), |ids| Ok(deleting.delete(ids)))?;
    deleting.delete_the_rest(owner, declared)?;
    deleting.failed.map_or(Ok(deleting.deleted), Err)
}

/// Like [`delete_all`], for an owner of which it was looked up already what the store holds.
/// Returns how many counters were deleted beside the first error.
pub(crate) fn delete_found(
    engine: &Engine,
    owner: &Owner,
    declared: &[CounterKey],
    held: Vec<CounterId>,
) -> (u64, Result<(), Error>) {
    let mut deleting = Deleting::none(engine);
    let _ = deleting.delete(held);
    let rest = deleting.delete_the_rest(owner, declared);
    (deleting.deleted, deleting.failed.map_or(rest, Err))
}

struct Deleting<'a> {
    engine: &'a Engine,
    /// A scan finds some counters more than once, and some have rows too.
    done: Distinct,
    deleted: u64,
    failures_in_a_row: usize,
    /// The first error.
    failed: Option<Error>,
}

impl<'a> Deleting<'a> {
    fn none(engine: &'a Engine) -> Self {
        let (done, failed) = (Distinct::default(), None);
        Self { engine, done, deleted: 0, failures_in_a_row: 0, failed }
    }

    /// Deletes the counters that have rows, and those declared that are there.
    fn delete_the_rest(&mut self, owner: &Owner, declared: &[CounterKey]) -> Result<(), Error> {
        find::in_table(self.engine, Whose::Owner(owner), |rows| {
            Ok(self.delete(rows.into_iter().map(|row| row.counter)))
        })?;
        let declared = declared.iter().map(|key| CounterId::of(owner, key)).collect::<Vec<_>>();
        self.delete_those_there(declared)
    }

    /// Deletes those of the counters that are there. The store is looked at first, as by a read.
    fn delete_those_there(&mut self, ids: Vec<CounterId>) -> Result<(), Error> {
        if ids.is_empty() {
            return Ok(());
        }
        let held = self.engine.store().look(&ids)?.held;
        let rows = self.engine.ledger().baselines(&ids)?;
        let is_there = |(_, (held, row)): &(_, (Result<Holding, _>, Baseline))| {
            // What is held and is no count is not passed over: the delete's error names it.
            held.as_ref() != Ok(&Holding::default()) || *row != Baseline::NONE
        };
        let there = ids.into_iter().zip(held.into_iter().zip(rows)).filter(is_there);
        let _ = self.delete(there.map(|(id, _)| id).collect::<Vec<_>>());
        Ok(())
    }

    /// Deletes counters, and says whether to go on.
    fn delete(&mut self, ids: impl IntoIterator<Item = CounterId>) -> ControlFlow<()> {
        for id in ids {
            if self.failures_in_a_row >= FAILURES_IN_A_ROW {
                return ControlFlow::Break(());
            }
            if !self.done.insert(id.as_str()) {
                continue;
            }
            match set(self.engine, &id, Replacement::Delete) {
                Ok(()) => {
                    self.deleted += 1;
                    self.failures_in_a_row = 0;
                }
                Err(error) => {
                    self.failures_in_a_row += 1;
                    self.failed.get_or_insert(error);
                }
            }
        }
        ControlFlow::Continue(())
    }
}
