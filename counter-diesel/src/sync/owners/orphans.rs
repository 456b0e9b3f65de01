//! Finds owners that have rows and are gone, and deletes their counters.

use std::ops::ControlFlow;
use std::time::Duration;

use counter_core::{CounterKey, Owner, OwnerId, OwnerType};

use super::delete_all::delete_all;
use super::find::BATCH;
use super::orphaned::Orphaned;
use crate::engine::engine::Engine;
use crate::error::Error;

/// Whose owners are looked for, and what is done about those that are gone.
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
    let mut found = Orphaned::default();
    let mut after = None;
    loop {
        let page = engine.ledger().owners_after(search.owner_type, after.as_ref(), BATCH)?;
        let is_over = page.len() < BATCH.get();
        after = page.last().map(|owner| owner.owner.clone());
        found.owners += page.len() as u64;
        let ids = page.iter().map(|owner| owner.owner.clone()).collect::<Vec<_>>();
        let mut there = if ids.is_empty() { Vec::new() } else { present(&ids)? };
        there.sort();
        for gone in page.into_iter().filter(|owner| there.binary_search(&owner.owner).is_err()) {
            if gone.idle < search.older_than {
                found.young += 1;
                continue;
            }
            found.rows += gone.rows;
            let owner = Owner::of(search.owner_type.clone(), gone.owner);
            if search.deletes {
                found.deleted += delete_all(engine, &owner, search.declared)?;
            }
            found.orphans.push(owner);
        }
        found.interrupted = observer(&found).is_break() && !is_over;
        if is_over || found.interrupted {
            return Ok(found);
        }
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
