//! Moves the counts of owners to others, through the store.
//!
//! A value is read, and one step of the store subtracts it from the one counter and adds it to the
//! other: that is repeated until the value is 0. The two are plain increments, so reads, sets and
//! syncs go on, and the sum of both counters is at no instant another one. A step whose answer was
//! lost is not repeated: the value is read again.

use std::collections::HashSet;
use std::ops::ControlFlow;

use counter_core::{
    CountMove, CounterId, Error as CoreError, MoveCounts, Operation, Overflow, Owner, OwnerId,
    OwnerType,
};

use super::find::{self, Whose};
use super::merged::{FailedMerge, Merged};
use super::zeros;
use crate::engine::distinct::Distinct;
use crate::engine::engine::Engine;
use crate::error::{BuildProblem, Error};
use crate::sync::options::SyncOptions;
use crate::sync::passes::pass;
use crate::sync::report::observer::Observer;
use crate::sync::set::ask;

/// How often a counter is moved that is not 0 afterwards. What is counted all the time is left to
/// the next call.
const ROUNDS: u32 = 5;

/// Is called after each batch, and says whether to go on.
pub(crate) type MergeObserver<'a> = &'a mut dyn FnMut(&Merged) -> ControlFlow<()>;

/// Moves all counters of an owner to another.
pub(crate) fn merge(engine: &Engine, from: &Owner, into: &Owner) -> Result<Merged, Error> {
    let target = |id: &CounterId| counter_of(into.owner_type(), into.id(), id);
    run(engine, Whose::Owner(from), target, &mut |_| ControlFlow::Continue(()))
}

/// Moves the counters of all owners of a type to the owners with the same ids of another.
pub(crate) fn rename(
    engine: &Engine,
    from: &OwnerType,
    into: &OwnerType,
    observer: MergeObserver<'_>,
) -> Result<Merged, Error> {
    let target = |id: &CounterId| counter_of(into, id.owner_id(), id);
    run(engine, Whose::Type(from), target, observer)
}

/// Returns the counter of the same key of another owner.
fn counter_of(
    owner_type: &OwnerType,
    owner_id: &OwnerId,
    id: &CounterId,
) -> Result<CounterId, Error> {
    Ok(CounterId::new(owner_type.as_str(), owner_id, id.key())?)
}

/// Moves batch by batch, syncs what was moved, and removes the rows that are 0 then.
fn run(
    engine: &Engine,
    whose: Whose<'_>,
    target: impl Fn(&CounterId) -> Result<CounterId, Error>,
    observer: MergeObserver<'_>,
) -> Result<Merged, Error> {
    let mut merging = Merging::new(engine, target)?;
    let mut batch = |ids| -> Result<ControlFlow<()>, Error> {
        merging.move_all(ids)?;
        let flow = observer(&merging.merged);
        merging.merged.interrupted = flow.is_break();
        Ok(flow)
    };
    find::in_store(engine, whose, &mut batch)?;
    find::in_table(engine, whose, |rows| batch(rows.into_iter().map(|(id, _)| id).collect()))?;
    let mut merged = merging.merged;
    if merged.interrupted {
        return Ok(merged);
    }
    sync(engine, whose)?;
    find::in_table(engine, whose, |rows| {
        let found = rows.len() as u64;
        let removed = zeros::remove(engine, rows)?;
        merged.rows_removed += removed;
        merged.rows_left += found - removed;
        let flow = observer(&merged);
        merged.interrupted = flow.is_break();
        Ok(flow)
    })?;
    Ok(merged)
}

/// Moves what is pending of these owners into the table.
fn sync(engine: &Engine, whose: Whose<'_>) -> Result<(), Error> {
    let options = SyncOptions::default().pattern(whose.pattern()).report_held(true);
    let report = pass::sync(engine, &options, Observer::none())?;
    report.stopped.map_or(Ok(()), Err)
}

/// Counters that are moved.
struct Merging<'a, Into> {
    engine: &'a Engine,
    store: &'a dyn MoveCounts,
    /// Returns to which counter one is moved.
    into: Into,
    merged: Merged,
    /// Counters that are among those which are left or failed, because they were found twice.
    reported: Distinct,
}

/// A counter, to which it is moved, and what there is to move.
struct Pair {
    from: CounterId,
    into: CounterId,
    value: i64,
}

impl<'a, Into> Merging<'a, Into>
where
    Into: Fn(&CounterId) -> Result<CounterId, Error>,
{
    /// Begins, if the store can move counts and the database is the one that it is synced into.
    fn new(engine: &'a Engine, into: Into) -> Result<Self, Error> {
        ask(engine)??;
        let store = engine.store().moves();
        let store = store.ok_or(Error::Build(BuildProblem::StoreMovesNothing))?;
        let (merged, reported) = (Merged::default(), Distinct::default());
        Ok(Self { engine, store, into, merged, reported })
    }

    /// Moves these counters until each was read to be 0, or was moved so often.
    fn move_all(&mut self, mut ids: Vec<CounterId>) -> Result<(), Error> {
        let mut counted = HashSet::new();
        for _ in 0..ROUNDS {
            let pairs = self.pairs(ids)?;
            if pairs.is_empty() {
                self.merged.moved += counted.len() as u64;
                return Ok(());
            }
            counted.extend(pairs.iter().map(|pair| pair.from.clone()));
            ids = self.move_pairs(pairs);
        }
        for pair in self.pairs(ids)? {
            if self.reported.insert(pair.from.as_str()) {
                self.merged.left.push(pair.from);
            }
        }
        self.merged.moved += counted.len() as u64;
        Ok(())
    }

    /// Reads the counters and those that they are moved to, and returns the pairs that have
    /// anything to move.
    fn pairs(&mut self, ids: Vec<CounterId>) -> Result<Vec<Pair>, Error> {
        let mut named = Vec::with_capacity(2 * ids.len());
        for from in ids {
            named.push((self.into)(&from)?);
            named.push(from);
        }
        let values = match self.engine.get_many(&named) {
            Ok(values) => values.into_iter().map(Ok).collect(),
            Err(error) if is_of_one(&error) => self.each(&named)?,
            Err(error) => return Err(error),
        };
        let (mut named, mut values) = (named.into_iter(), values.into_iter());
        let mut pairs = Vec::new();
        while let (Some(into), Some(from), Some(value_of_into), Some(value)) =
            (named.next(), named.next(), values.next(), values.next())
        {
            match value.and_then(|value| fitting(&from, value, value_of_into)) {
                Ok(0) => {}
                Ok(value) => pairs.push(Pair { from, into, value }),
                Err(error) => self.fail(from, error),
            }
        }
        Ok(pairs)
    }

    /// Reads each counter by itself, because one cannot be read.
    fn each(&self, ids: &[CounterId]) -> Result<Vec<Result<i64, Error>>, Error> {
        let values = ids.iter().map(|id| match self.engine.get(id) {
            Err(error) if !is_of_one(&error) => Err(error),
            value => Ok(value),
        });
        values.collect()
    }

    fn fail(&mut self, counter: CounterId, error: Error) {
        if self.reported.insert(counter.as_str()) {
            self.merged.failed.push(FailedMerge { counter, error });
        }
    }

    /// Makes the moves, and returns the counters that are to be read again.
    fn move_pairs(&mut self, pairs: Vec<Pair>) -> Vec<CounterId> {
        // The least number has no opposite; the rest of it is moved the next time.
        let amount = |value: i64| value.max(-i64::MAX);
        let moves = pairs.into_iter().map(|Pair { from, into, value }| CountMove {
            from,
            into,
            by: amount(value),
        });
        let moves = moves.collect::<Vec<_>>();
        let outcomes = self.store.move_counts(&moves);
        let mut again = Vec::with_capacity(moves.len());
        for (one, outcome) in moves.into_iter().zip(outcomes) {
            match outcome {
                Ok(()) => again.push(one.from),
                Err(CoreError::OutcomeUnknown { .. }) => {
                    self.merged.unanswered += 1;
                    again.push(one.from);
                }
                Err(error) => self.fail(one.from, error.into()),
            }
        }
        again
    }
}

/// Returns the value, if it can be added to the counter that it is moved to.
fn fitting(from: &CounterId, value: i64, of_into: Result<i64, Error>) -> Result<i64, Error> {
    if value == 0 || of_into?.checked_add(value).is_some() {
        return Ok(value);
    }
    let (operation, counter) = (Operation::Move, from.clone());
    Err(CoreError::NotCounted { operation, counter, source: Overflow.into() }.into())
}

/// Returns whether a read failed for one of several counters, which does not concern the others.
fn is_of_one(error: &Error) -> bool {
    matches!(
        error,
        Error::Core(
            CoreError::Foreign(_) | CoreError::Conflict { .. } | CoreError::Overflow { .. }
        )
    )
}
