//! Moves the values of counters to others, until each was read to be 0.

use std::collections::{HashMap, HashSet};

use counter_core::{
    CountMove, CounterId, Error as CoreError, MoveCounts, MoveOutcome, Operation, Overflow,
};

use super::find::BATCH;
use super::merged::{FailedMerge, Merged};
use super::rows;
use crate::engine::distinct::Distinct;
use crate::engine::engine::Engine;
use crate::engine::read::ReadValue;
use crate::error::{BuildProblem, Error};
use crate::sync::set::ask;

/// How often a counter is moved that is not 0 afterwards. What is counted all the time is left to
/// the next call.
const MOVES: u32 = 5;

/// How often counters are read. A move is not made if any counter was claimed since the read, as
/// syncs do all the time, so more reads than moves are needed.
pub(super) const READS: u32 = 25;

/// Returns how many counters are read together, after so many reads: the fewer at once, the sooner
/// after its read each is moved.
pub(super) fn at_once(reads: u32) -> usize {
    (BATCH.get() >> (2 * reads).min(8)).max(1)
}

/// Counters that are moved.
pub(crate) struct Moving<'a, Target> {
    pub(super) engine: &'a Engine,
    store: &'a dyn MoveCounts,
    /// Returns to which counter one is moved.
    target: Target,
    pub(crate) merged: Merged,
    /// Counters that are among those which are left or failed, because they were found twice.
    reported: Distinct,
    /// Counters to which some of a batch are moved, and whether they have rows. The database
    /// refuses the others one.
    rows: HashMap<CounterId, bool>,
}

/// A counter, to which it is moved, and what there is to move.
struct Pair {
    from: CounterId,
    into: CounterId,
    read: ReadValue,
}

impl<'a, Target> Moving<'a, Target>
where
    Target: Fn(&CounterId) -> Result<CounterId, Error>,
{
    /// Begins, if the store can move counts and the database is the one that it is synced into.
    pub(crate) fn new(engine: &'a Engine, target: Target) -> Result<Self, Error> {
        ask(engine)??;
        let store = engine.store().moves();
        let store = store.ok_or(Error::Build(BuildProblem::StoreMovesNothing))?;
        let (merged, reported, rows) = Default::default();
        Ok(Self { engine, store, target, merged, reported, rows })
    }

    /// Moves these counters until each was read to be 0, or was moved or read so often. Returns
    /// those that were moved, or may have been.
    pub(crate) fn move_all(&mut self, mut ids: Vec<CounterId>) -> Result<Vec<CounterId>, Error> {
        let mut moves = HashMap::new();
        self.rows.clear();
        for reads in 0..READS {
            let mut again = Vec::new();
            for ids in ids.chunks(at_once(reads)) {
                let pairs = self.pairs_with_rows(ids)?;
                let (pairs, left) = pairs.into_iter().partition::<Vec<_>, _>(|pair| {
                    moves.get(&pair.from).is_none_or(|n| *n < MOVES)
                });
                left.into_iter().for_each(|pair| self.leave(pair.from));
                again.extend(self.move_pairs(pairs, &mut moves));
            }
            ids = again;
            if ids.is_empty() {
                break;
            }
        }
        for pair in self.pairs(&ids)? {
            self.leave(pair.from);
        }
        self.merged.moved += moves.len() as u64;
        let mut moved = moves.into_keys().collect::<Vec<_>>();
        moved.sort();
        Ok(moved)
    }

    /// Returns the counter that this one is moved to.
    pub(crate) fn target_of(&self, from: &CounterId) -> Result<CounterId, Error> {
        (self.target)(from)
    }

    /// Returns the pairs that have anything to move to a counter that has a row.
    fn pairs_with_rows(&mut self, ids: &[CounterId]) -> Result<Vec<Pair>, Error> {
        loop {
            let mut pairs = self.pairs(ids)?;
            let unknown = pairs.iter().filter(|pair| !self.rows.contains_key(&pair.into));
            let unknown = unknown.map(|pair| pair.into.clone()).collect::<HashSet<_>>();
            if unknown.is_empty() {
                pairs.retain(|pair| self.rows.get(&pair.into) == Some(&true));
                return Ok(pairs);
            }
            let mut refused = rows::make(self.engine, unknown.iter().cloned().collect())?;
            self.rows.extend(unknown.into_iter().map(|into| (into, true)));
            for (into, error) in refused.drain(..) {
                let pair = pairs.iter().find(|pair| pair.into == into);
                if let Some(from) = pair.map(|pair| pair.from.clone()) {
                    self.fail(from, error);
                }
                self.rows.insert(into, false);
            }
            // Making rows takes time, and what was read is moved soon or not at all.
        }
    }

    /// Reads the counters and those that they are moved to, and returns the pairs that have
    /// anything to move.
    fn pairs(&mut self, ids: &[CounterId]) -> Result<Vec<Pair>, Error> {
        let mut named = Vec::with_capacity(2 * ids.len());
        for from in ids {
            named.push((self.target)(from)?);
            named.push(from.clone());
        }
        let mut values = self.engine.read_each(&named)?.into_iter();
        let mut named = named.into_iter();
        let mut pairs = Vec::new();
        while let (Some(into), Some(from), Some(of_into), Some(read)) =
            (named.next(), named.next(), values.next(), values.next())
        {
            match read.and_then(|read| fitting(&from, read, of_into)) {
                Ok(ReadValue { value: 0, .. }) => {}
                Ok(read) => pairs.push(Pair { from, into, read }),
                Err(error) => self.fail(from, error),
            }
        }
        Ok(pairs)
    }

    pub(super) fn leave(&mut self, counter: CounterId) {
        if self.reported.insert(counter.as_str()) {
            self.merged.left.push(counter);
        }
    }

    /// Returns whether a counter is among those that are reported.
    pub(super) fn has_failed(&self, counter: &CounterId) -> bool {
        self.reported.contains(counter.as_str())
    }

    pub(super) fn fail(&mut self, counter: CounterId, error: Error) {
        if self.reported.insert(counter.as_str()) {
            self.merged.failed.push(FailedMerge { counter, error });
        }
    }

    /// Makes the moves, counts those that were made, and returns the counters to read again.
    fn move_pairs(
        &mut self,
        pairs: Vec<Pair>,
        moves: &mut HashMap<CounterId, u32>,
    ) -> Vec<CounterId> {
        // The least number has no opposite; the rest of it is moved the next time.
        let amount = |value: i64| value.max(-i64::MAX);
        let all = pairs.into_iter().map(|Pair { from, into, read }| CountMove {
            from,
            into,
            by: amount(read.value),
            seen: read.seen,
        });
        let all = all.collect::<Vec<_>>();
        let outcomes = self.store.move_counts(&all);
        let is_unknown = |outcome: &Result<_, CoreError>| {
            outcome.as_ref().is_err_and(CoreError::is_outcome_unknown)
        };
        let lacks_reply = outcomes.iter().any(is_unknown);
        let mut again = Vec::with_capacity(all.len());
        for (one, outcome) in all.into_iter().zip(outcomes) {
            match outcome {
                Ok(MoveOutcome::Outdated) => again.push(one.from),
                Ok(MoveOutcome::Moved) => {
                    *moves.entry(one.from.clone()).or_default() += 1;
                    again.push(one.from);
                }
                Err(CoreError::OutcomeUnknown { .. }) => {
                    self.merged.unanswered += 1;
                    *moves.entry(one.from.clone()).or_default() += 1;
                    again.push(one.from);
                }
                // The store sends no moves after one whose reply is missing.
                Err(CoreError::NotCounted { .. }) if lacks_reply => again.push(one.from),
                Err(error) => self.fail(one.from, error.into()),
            }
        }
        again
    }
}

/// Returns what was read, if it can be added to the counter that it is moved to.
fn fitting(
    from: &CounterId,
    read: ReadValue,
    of_into: Result<ReadValue, Error>,
) -> Result<ReadValue, Error> {
    if read.value == 0 || of_into?.value.checked_add(read.value).is_some() {
        return Ok(read);
    }
    let (operation, counter) = (Operation::Move, from.clone());
    Err(CoreError::NotCounted { operation, counter, source: Overflow.into() }.into())
}
