//! Moves the counts of owners to others, through the store.
//!
//! A value is read, and one step of the store subtracts it from the one counter and adds it to the
//! other, if the counter is still as the read saw it: that is repeated until the value is 0. The
//! two are plain increments, so reads, sets and syncs go on, and the sum of both counters is at no
//! instant another one. A step whose answer was lost is not repeated: the value is read again.
//!
//! Gauges do not add up. A merge leaves them as they are, and a rename gives them their new name.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use counter_core::{CounterId, Holding, Owner, OwnerId, OwnerType};

use super::find::{self, Whose};
use super::gauges::{DeclaredAs, Gauges};
use super::merged::Merged;
use super::moving::Moving;
use super::renaming::Renamed;
use super::zeros;
use crate::engine::engine::Engine;
use crate::engine::kept;
use crate::error::Error;
use crate::ledger::ledger::CounterRow;
use crate::sync::options::SyncOptions;
use crate::sync::passes::pass;
use crate::sync::report::observer::Observer;
use crate::sync::report::report::SyncReport;

/// Is called after each batch, and says whether to go on.
pub(crate) type MergeObserver<'a> = &'a mut dyn FnMut(&Merged) -> ControlFlow<()>;

/// Moves all counters of an owner to another.
pub(crate) fn merge(
    engine: &Engine,
    from: &Owner,
    into: &Owner,
    declared: DeclaredAs<'_>,
) -> Result<Merged, Error> {
    let target = |id: &CounterId| counter_of(into.owner_type(), into.id(), id);
    let types = [from.owner_type(), into.owner_type()];
    let gauges = Gauges::of(engine, types, declared)?;
    run(engine, Whose::Owner(from), types, target, gauges, &mut |_| ControlFlow::Continue(()))
}

/// Moves the counters of all owners of a type to the owners with the same ids of another type.
pub(crate) fn rename(
    engine: &Engine,
    from: &OwnerType,
    into: &OwnerType,
    declared: DeclaredAs<'_>,
    observer: MergeObserver<'_>,
) -> Result<Merged, Error> {
    let target = |id: &CounterId| counter_of(into, id.owner_id(), id);
    let gauges = Gauges::of(engine, [from, into], declared)?;
    run(engine, Whose::Type(from), [from, into], target, gauges, observer)
}

/// Returns the counter of the same key of another owner, or its bucket of the same period.
fn counter_of(
    owner_type: &OwnerType,
    owner_id: &OwnerId,
    id: &CounterId,
) -> Result<CounterId, Error> {
    let total = CounterId::new(owner_type.as_str(), owner_id, id.key())?;
    Ok(match id.period() {
        None => total,
        Some(period) => total.within(period)?,
    })
}

/// Moves and syncs batch by batch, and removes the rows that have been 0 for long.
fn run(
    engine: &Engine,
    whose: Whose<'_>,
    [from, into]: [&OwnerType; 2],
    target: impl Fn(&CounterId) -> Result<CounterId, Error>,
    gauges: Gauges<'_>,
    observer: MergeObserver<'_>,
) -> Result<Merged, Error> {
    let (moving, store_id) = (Moving::new(engine, target)?, present_store(engine)?);
    let are_renamed = matches!(whose, Whose::Type(_));
    let mut merging = Merging { engine, moving, gauges, are_renamed, observer, store_id };
    find::require_rows(engine, whose)?;
    kept::copy(engine, [from, into], true)?;
    find::in_store(engine, whose, |ids| {
        merging.move_all(ids.clone())?;
        // Also what a call has moved that did not come to its end.
        merging.sync(ids)
    })?;
    if !merging.moving.merged.interrupted {
        find::in_table(engine, whose, |rows| {
            let ids = rows.into_iter().map(|row| row.counter).collect();
            let moved = merging.move_all(ids)?;
            merging.sync(moved)
        })?;
    }
    if !merging.moving.merged.interrupted {
        find::in_table(engine, whose, |rows| merging.remove(rows))?;
    }
    kept::copy(engine, [from, into], false)?;
    Ok(merging.moving.merged)
}

struct Merging<'a, 'o, Target> {
    engine: &'a Engine,
    moving: Moving<'a, Target>,
    gauges: Gauges<'a>,
    /// Whether gauges get their new name. Otherwise they stay.
    are_renamed: bool,
    observer: MergeObserver<'o>,
    /// The store in which the first move was made, once it has an id.
    store_id: Option<String>,
}

impl<Target> Merging<'_, '_, Target>
where
    Target: Fn(&CounterId) -> Result<CounterId, Error>,
{
    /// Moves counters, and gives gauges their new name. Returns those with which that was done, or
    /// may have been.
    fn move_all(&mut self, ids: Vec<CounterId>) -> Result<Vec<CounterId>, Error> {
        let of_gauges = self.gauges.among(ids.iter(), |id| self.moving.target_of(id))?;
        let is_gauge = |id: &CounterId| of_gauges.contains(id);
        let (gauges, counted) = ids.into_iter().partition::<Vec<_>, _>(is_gauge);
        let mut moved = self.moving.move_all(counted)?;
        if self.are_renamed {
            moved.extend(self.rename(gauges)?);
        } else {
            self.moving.refuse(gauges);
        }
        Ok(moved)
    }

    fn rename(&mut self, gauges: Vec<CounterId>) -> Result<BTreeSet<CounterId>, Error> {
        let Renamed { mut touched, open } = self.moving.rename_all(gauges)?;
        if !open.is_empty() {
            // What another process has left in the store comes into the table.
            self.sync_both(open.clone())?;
            let again = self.moving.rename_all(open)?;
            touched.extend(again.touched);
            again.open.into_iter().for_each(|gauge| self.moving.leave(gauge));
        }
        self.moving.merged.moved += touched.len() as u64;
        Ok(touched)
    }

    /// Calls [`sync_both`](Self::sync_both), then the observer.
    fn sync(&mut self, moved: Vec<CounterId>) -> Result<ControlFlow<()>, Error> {
        if !moved.is_empty() {
            self.sync_both(moved)?;
        }
        Ok(self.observe())
    }

    /// Syncs these counters and those that they are moved to.
    ///
    /// So no more than a batch of counts is in the store alone, and the next batch finds it in the
    /// table. A pair is written by one transaction: if one side were in the table and the other was
    /// lost with the store, the history would be lost, or there twice.
    fn sync_both(&mut self, moved: Vec<CounterId>) -> Result<(), Error> {
        let mut counters = Vec::with_capacity(2 * moved.len());
        for from in moved {
            counters.push(self.moving.target_of(&from)?);
            counters.push(from);
        }
        let options = SyncOptions::default().only(counters).report_held(true);
        let mut report = pass::sync(self.engine, &options, Observer::none())?;
        if let Some(error) = report.stopped.take() {
            return Err(error);
        }
        self.note_losses(&report)?;
        let counters = options.only.unwrap_or_default();
        let left = match is_all_named(&report) {
            true => left_by(&report).filter(|left| counters.contains(left)).cloned().collect(),
            false => self.claimed(&counters)?,
        };
        left.into_iter().for_each(|left| self.moving.merged.unsynced.push(left));
        Ok(())
    }

    /// Returns those of the counters of which the store has a claim.
    fn claimed(&self, counters: &[CounterId]) -> Result<Vec<CounterId>, Error> {
        let held = self.engine.held(counters)?;
        let claimed = counters.iter().zip(held).filter(|(_, held)| match held {
            Ok(Holding { claim, .. }) => claim.is_some(),
            Err(_) => true,
        });
        Ok(claimed.map(|(counter, _)| counter.clone()).collect())
    }

    /// Notes what the store has lost. What was moved in a store that is gone by now is not in the
    /// table, and the sync has found nothing of it. Another one may have met the new store first.
    fn note_losses(&mut self, report: &SyncReport) -> Result<(), Error> {
        let present = present_store(self.engine)?;
        let known = self.store_id.get_or_insert_with(|| present.clone().unwrap_or_default());
        let is_other = *known != present.unwrap_or_default();
        let merged = &mut self.moving.merged;
        merged.store_lost |= is_other || report.store_replaced.is_some() || report.high_water_lost;
        for lost in &report.lost {
            merged.lost.push(lost.claim.id.clone());
        }
        Ok(())
    }

    /// Removes rows that have been 0 for long. A reading of 0 stays.
    fn remove(&mut self, mut rows: Vec<CounterRow>) -> Result<ControlFlow<()>, Error> {
        let rows_of = rows.iter().map(|row| &row.counter);
        let gauges = self.gauges.among(rows_of, |id| self.moving.target_of(id))?;
        rows.retain(|row| !gauges.contains(&row.counter));
        let found = rows.len() as u64;
        let removed = zeros::remove(self.engine, rows)?.rows;
        self.moving.merged.rows_removed += removed;
        self.moving.merged.rows_left += found - removed;
        Ok(self.observe())
    }

    fn observe(&mut self) -> ControlFlow<()> {
        let flow = (self.observer)(&self.moving.merged);
        self.moving.merged.interrupted = flow.is_break();
        flow
    }
}

/// Returns the id of the store, if it has one.
fn present_store(engine: &Engine) -> Result<Option<String>, Error> {
    let Some(store) = engine.store().generation() else { return Ok(None) };
    Ok(store.present_generation()?.map(|generation| generation.store_id))
}

/// Returns whether a report names all that the sync has left, and not only the first of them: what
/// earlier syncs of this process have left is among it, too.
const fn is_all_named(report: &SyncReport) -> bool {
    !(report.failed.is_cut()
        || report.postponed.is_cut()
        || report.conflicts.is_cut()
        || report.held.is_cut())
}

/// Returns the counters that a sync has left to a later one, as far as its report names them.
fn left_by(report: &SyncReport) -> impl Iterator<Item = &CounterId> {
    let failed = report.failed.iter().map(|failed| &failed.claim.id);
    let postponed = report.postponed.iter().map(|postponed| &postponed.claim.id);
    let conflicts = report.conflicts.iter().map(|conflict| &conflict.claim.id);
    let held = report.held.iter().map(|held| &held.counter);
    failed.chain(postponed).chain(conflicts).chain(held)
}
