use std::ops::ControlFlow;

use counter_core::{Baseline, ClaimSeq, CounterId, Held, Pattern};

use crate::counters::Shared;
use crate::error::Error;
use crate::ledger::Recorded;
use crate::report::Findings;
use crate::sweep::{Seen, Sweep};

/// What the store holds and the table may have counted already.
///
/// Nothing of it is synced before somebody decides, with [`SyncOptions::on_conflict`], or sets the counters
/// to their right values.
///
/// [`SyncOptions::on_conflict`]: crate::SyncOptions::on_conflict
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Conflicts {
    /// Whether the store came back from an old copy. Then everything that it holds is in
    /// [`counters`](Self::counters), and no sync claims anything.
    pub went_back: Option<WentBack>,
    /// The counters in question. A store with more than ten thousand of them may name one twice.
    pub counters: Findings<Contradiction>,
}

impl Conflicts {
    /// Whether there is nothing to decide.
    pub fn is_empty(&self) -> bool {
        self.went_back.is_none() && self.counters.is_empty()
    }
}

/// A store that knows less than was recorded about it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WentBack {
    /// The newest sequence that it knows: microseconds of its clock, so about when the copy was made.
    pub found: ClaimSeq,
    /// The newest sequence that it is known to have given out. What was counted between the two is gone from
    /// the store, and in the table if it was synced; what was synced between the two may be in the store again.
    pub newest: ClaimSeq,
    /// What the last good sync recorded.
    pub recorded: Option<Recorded>,
}

/// What both sides hold of one counter.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Contradiction {
    /// The counter.
    pub id: CounterId,
    /// What the store holds.
    pub held: Held,
    /// Its row.
    pub row: Baseline,
}

/// Looks for what contradicts, and changes nothing.
pub(crate) fn find(shared: &Shared) -> Result<Conflicts, Error> {
    let mut conflicts = Conflicts { went_back: went_back(shared)?, ..Conflicts::default() };
    let mut seen = Seen::<CounterId>::default();
    let batch_size = shared.config.sync_batch_size;
    let mut sweep = Sweep::new(&*shared.store, Pattern::all(), batch_size);
    while !sweep.is_over() {
        let batch = sweep.next_batch(|_| ControlFlow::Continue(()))?;
        for contradiction in both_sides(shared, batch)? {
            let counts = match conflicts.went_back {
                Some(_) => contradiction.held != Held::default(),
                None => contradiction.is_conflict(),
            };
            if counts && seen.insert(contradiction.id.clone()) {
                conflicts.counters.push(contradiction);
            }
        }
    }
    Ok(conflicts)
}

fn went_back(shared: &Shared) -> Result<Option<WentBack>, Error> {
    let present = shared.store.present_generation()?;
    let recorded = shared.ledger.state(&shared.config.prefix)?.recorded;
    let Some(present) = present else {
        return Ok(None);
    };
    let same_life = recorded.as_ref().filter(|known| known.store_id == present.store_id);
    let newest = same_life.map_or(ClaimSeq::ZERO, |known| known.seq).max(present.newest_seen);
    let found = present.high_water;
    Ok((found < newest).then_some(WentBack { found, newest, recorded }))
}

/// The store first: what is applied and acknowledged in between then looks like a row that has seen the claim,
/// and not like a claim that it has not.
fn both_sides(shared: &Shared, ids: Vec<CounterId>) -> Result<Vec<Contradiction>, Error> {
    let held = shared.store.look(&ids)?.held;
    let rows = shared.ledger.baselines(&ids)?;
    let sides = ids.into_iter().zip(held).zip(rows);
    let ours = sides.filter_map(|((id, held), row)| {
        // What is not ours is no conflict.
        held.ok().map(|held| Contradiction { id, held, row })
    });
    Ok(ours.collect())
}

impl Contradiction {
    fn is_conflict(&self) -> bool {
        self.held.claim.as_ref().is_some_and(|claim| self.row.seq > claim.seq)
    }
}
