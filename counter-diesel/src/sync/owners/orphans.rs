//! Finds owners that have rows and are gone, and deletes their counters.

use std::collections::{HashMap, HashSet};
use std::mem;
use std::ops::ControlFlow;
use std::time::Duration;

use counter_core::{CounterId, CounterKey, Owner, OwnerId, OwnerType};

use super::delete_all::delete_found;
use super::find::{self, BATCH, Whose};
use super::orphaned::{FailedOrphan, Orphaned};
use crate::engine::engine::Engine;
use crate::error::Error;
use crate::ledger::ledger::OwnerWithRows;

/// For how many orphans together the names in the store are gone through once.
const GATHERED: usize = 10_000;

/// How many orphans are deleted, at most, after the question whether they are still gone, and
/// before the observer is asked whether to go on.
const DELETED_AT_ONCE: usize = 10;

/// How many orphans in a row may fail to be deleted before the others are not tried any more.
const FAILURES_IN_A_ROW: usize = 16;

/// Which owners are looked for, and what is done about those that are gone.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Search<'a> {
    pub(crate) owner_type: &'a OwnerType,
    pub(crate) declared: &'a [CounterKey],
    pub(crate) older_than: Duration,
    pub(crate) deletes: bool,
    /// Whether counters are deleted even if none of the owners is there.
    pub(crate) all_may_be_gone: bool,
}

/// Returns those of these owners that are there.
pub(crate) type Present<'a> = &'a mut dyn FnMut(&[OwnerId]) -> Result<Vec<OwnerId>, Error>;

/// Is called after each batch, and says whether to go on.
pub(crate) type OrphanObserver<'a> = &'a mut dyn FnMut(&Orphaned) -> ControlFlow<()>;

/// Looks through all owners that have rows, in order. The rows are read before it is asked which
/// owners are there, so an owner is found that is made in between.
pub(crate) fn orphans(
    engine: &Engine,
    search: Search<'_>,
    present: Present<'_>,
    observer: OrphanObserver<'_>,
) -> Result<Orphaned, Error> {
    if search.deletes && !search.all_may_be_gone {
        require_one(engine, search, present)?;
    }
    let found = Orphaned::default();
    let mut searching =
        Searching { engine, search, present, observer, found, gathered: Vec::new(), failures: 0 };
    let mut after = None;
    loop {
        let page = engine.ledger().owners_after(search.owner_type, after.as_ref(), BATCH)?;
        let is_last = page.len() < BATCH.get();
        after = page.last().map(|owner| owner.owner.clone());
        searching.look_through(page)?;
        let is_full = searching.gathered.len() >= GATHERED || is_last;
        let flow = if is_full { searching.delete_gathered()? } else { ControlFlow::Continue(()) };
        let is_ended = flow.is_break() || ((searching.observer)(&searching.found).is_break());
        if is_last || is_ended {
            searching.found.interrupted = flow.is_break() || (is_ended && !is_last);
            return Ok(searching.found);
        }
    }
}

struct Searching<'a> {
    engine: &'a Engine,
    search: Search<'a>,
    present: Present<'a>,
    observer: OrphanObserver<'a>,
    found: Orphaned,
    /// Owners that are gone and not deleted yet.
    gathered: Vec<OwnerWithRows>,
    /// How many orphans in a row could not be deleted.
    failures: usize,
}

impl Searching<'_> {
    fn look_through(&mut self, page: Vec<OwnerWithRows>) -> Result<(), Error> {
        self.found.owners += page.len() as u64;
        let there = self.those_there(&page)?;
        for gone in page.into_iter().filter(|owner| !there.contains(&owner.owner)) {
            if gone.idle < self.search.older_than {
                self.found.young += 1;
            } else if self.search.deletes {
                self.gathered.push(gone);
            } else {
                self.note(&gone);
            }
        }
        Ok(())
    }

    fn those_there(&mut self, owners: &[OwnerWithRows]) -> Result<HashSet<OwnerId>, Error> {
        if owners.is_empty() {
            return Ok(HashSet::new());
        }
        let ids = owners.iter().map(|owner| owner.owner.clone()).collect::<Vec<_>>();
        Ok((self.present)(&ids)?.into_iter().collect())
    }

    fn note(&mut self, gone: &OwnerWithRows) -> Owner {
        self.found.rows += gone.rows;
        let owner = Owner::of(self.search.owner_type.clone(), gone.owner.clone());
        self.found.orphans.push(owner.clone());
        owner
    }

    /// Deletes what was gathered, except owners that are there by now.
    fn delete_gathered(&mut self) -> Result<ControlFlow<()>, Error> {
        let gathered = mem::take(&mut self.gathered);
        let mut held = self.held_of(&gathered)?;
        for owners in gathered.chunks(DELETED_AT_ONCE) {
            let there = self.those_there(owners)?;
            for gone in owners.iter().filter(|owner| !there.contains(&owner.owner)) {
                if self.is_young(gone)? {
                    self.found.young += 1;
                    continue;
                }
                let held = held.remove(&gone.owner).unwrap_or_default();
                self.delete(gone, held)?;
            }
            if (self.observer)(&self.found).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Returns whether a row of an owner has changed by now. Its own row may not be committed yet.
    fn is_young(&self, gone: &OwnerWithRows) -> Result<bool, Error> {
        let owner = Owner::of(self.search.owner_type.clone(), gone.owner.clone());
        let mut is_young = false;
        find::in_table(self.engine, Whose::Owner(&owner), |rows| {
            is_young = rows.iter().any(|row| row.idle < self.search.older_than);
            Ok(if is_young { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        Ok(is_young)
    }

    /// Returns the counters of these owners of which the store holds anything.
    fn held_of(&self, owners: &[OwnerWithRows]) -> Result<HashMap<OwnerId, Vec<CounterId>>, Error> {
        let mut held = HashMap::<_, Vec<_>>::new();
        if owners.is_empty() {
            return Ok(held);
        }
        let owners = owners.iter().map(|owner| &owner.owner).collect::<HashSet<_>>();
        find::in_store(self.engine, Whose::Type(self.search.owner_type), |ids| {
            for id in ids.into_iter().filter(|id| owners.contains(id.owner_id())) {
                held.entry(id.owner_id().clone()).or_default().push(id);
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(held)
    }

    /// Deletes an orphan's counters. What keeps them from it is reported, and ends the search only
    /// if that happens again and again.
    fn delete(&mut self, gone: &OwnerWithRows, held: Vec<CounterId>) -> Result<(), Error> {
        let owner = self.note(gone);
        let (deleted, result) = delete_found(self.engine, &owner, self.search.declared, held);
        self.found.deleted += deleted;
        match result {
            Ok(()) => self.failures = 0,
            Err(error) if self.failures + 1 >= FAILURES_IN_A_ROW => return Err(error),
            Err(error) => {
                self.failures += 1;
                self.found.failed.push(FailedOrphan { owner, error });
            }
        }
        Ok(())
    }
}

/// Checks that one of the owners is there, if there are any: with a wrong table all look gone.
fn require_one(engine: &Engine, search: Search<'_>, present: Present<'_>) -> Result<(), Error> {
    let (mut owners, mut after) = (0, None);
    loop {
        let page = engine.ledger().owners_after(search.owner_type, after.as_ref(), BATCH)?;
        let ids = page.into_iter().map(|owner| owner.owner).collect::<Vec<_>>();
        let there = if ids.is_empty() { Vec::new() } else { present(&ids)? };
        if there.iter().any(|id| ids.contains(id)) {
            return Ok(());
        }
        owners += ids.len() as u64;
        if ids.len() < BATCH.get() {
            break;
        }
        after = ids.into_iter().last();
    }
    match owners {
        0 => Ok(()),
        owners => Err(Error::AllGone { owner_type: search.owner_type.clone(), owners }),
    }
}
