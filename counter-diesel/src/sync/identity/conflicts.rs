use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use std::time::Duration;

use counter_core::{
    Baseline, Claim, ClaimSeq, CounterId, ForgottenPart, Holding, PartSeq, Pattern,
    StoreGeneration, Verdict,
};

use crate::engine::age::{Age, RECALL_WITHIN, age, newest};
use crate::engine::engine::Engine;
use crate::error::Error;
use crate::ledger::state::SyncRecord;
use crate::sync::report::capped::Capped;
use crate::sync::reported::Reported;
use crate::sync::sweep::Sweep;

/// May be longer than in a sync, because no lock is held meanwhile.
const VERIFY_WITHIN: Duration = Duration::from_secs(2);

/// Claims and counts that the store holds and the table may have counted already.
///
/// None of it is synced until an operator decides, with [`SyncOptions::on_conflict`], or sets the
/// counters to their right values.
///
/// [`SyncOptions::on_conflict`]: crate::SyncOptions::on_conflict
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Conflicts {
    /// Whether the store came back from an old copy. Then everything that it holds is in
    /// [`conflicts`](Self::conflicts), and no sync claims anything.
    pub went_back: Option<WentBack>,
    /// The parts of the store that came back from an old copy, such as slots of a cluster.
    /// Everything that they hold is in [`conflicts`](Self::conflicts), and no sync claims anything
    /// of them.
    pub parts_went_back: Capped<ForgottenPart>,
    /// The counters in question. A store with more than ten thousand of them may name one twice.
    pub conflicts: Capped<Conflict>,
}

impl Conflicts {
    /// Whether there is nothing to decide.
    pub fn is_empty(&self) -> bool {
        let is_whole = self.went_back.is_none() && self.parts_went_back.is_empty();
        is_whole && self.conflicts.is_empty()
    }
}

/// A store that knows less than was recorded about it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WentBack {
    /// The newest sequence that it knows: microseconds of its clock, so about when the copy was
    /// made, if nothing was claimed since.
    pub found: ClaimSeq,
    /// The newest sequence that it is known to have given out and does not remember. What was
    /// counted between the two is gone from the store, and in the table if it was synced; what was
    /// synced between the two may be in the store again.
    pub newest: ClaimSeq,
    /// The record of the last good sync.
    pub recorded: Option<SyncRecord>,
}

/// A counter, and what the store and the table hold of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Conflict {
    /// The counter.
    pub id: CounterId,
    /// What the store holds of it.
    pub held: Holding,
    /// Its row.
    pub row: Baseline,
}

/// Looks for what contradicts, and changes nothing.
pub(crate) fn find(engine: &Engine) -> Result<Conflicts, Error> {
    let mut found = Conflicts { went_back: went_back(engine)?, ..Conflicts::default() };
    let parts = parts_went_back(engine)?;
    let numbers = parts.iter().map(|part| part.part).collect::<HashSet<_>>();
    parts.into_iter().for_each(|part| found.parts_went_back.push(part));
    let store_parts = engine.store().generation().and_then(StoreGeneration::parts);
    let is_gone_back =
        |id: &CounterId| store_parts.is_some_and(|parts| numbers.contains(&parts.part_of(id)));
    let mut reported = Reported::default();
    let batch_size = engine.config().sync_batch_size;
    let mut sweep = Sweep::new(engine.store(), Pattern::all(), batch_size);
    while !sweep.is_over() {
        let batch = sweep.next_batch(|_| ControlFlow::Continue(()))?;
        let conflicts = match found.went_back {
            Some(_) => all_that_is_held(engine, batch)?,
            None => {
                let (gone_back, others) =
                    batch.into_iter().partition::<Vec<_>, _>(|id| is_gone_back(id));
                let mut conflicts = all_that_is_held(engine, gone_back)?;
                conflicts.extend(claims_below_their_rows(engine, others)?);
                conflicts
            }
        };
        for conflict in conflicts.into_iter().filter(|conflict| reported.insert(&conflict.id)) {
            found.conflicts.push(conflict);
        }
    }
    Ok(found)
}

fn went_back(engine: &Engine) -> Result<Option<WentBack>, Error> {
    let state = engine.ledger().state(engine.prefix())?;
    let Some(store) = engine.store().generation() else { return Ok(None) };
    let Some(present) = store.present_generation()? else { return Ok(None) };
    Ok(match age(store, &present, &state)? {
        Age::WentBack(forgotten) => {
            let recorded = state.recorded;
            Some(WentBack { found: present.high_water, newest: newest(&forgotten), recorded })
        }
        Age::Present | Age::HighWaterLost(_) => None,
    })
}

fn parts_went_back(engine: &Engine) -> Result<Vec<ForgottenPart>, Error> {
    let Some(store) = engine.store().generation() else { return Ok(Vec::new()) };
    let Some(parts) = store.parts() else { return Ok(Vec::new()) };
    let Some(present) = store.present_generation()? else { return Ok(Vec::new()) };
    let mut given_out = engine.ledger().parts(engine.prefix(), &present.store_id)?;
    given_out.extend(parts.seen_parts(&present.store_id));
    // One that went back before the present id is recorded nowhere.
    let of_nothing = |part| PartSeq { part, seq: ClaimSeq::ZERO };
    given_out.extend((0..parts.number_of_parts()).map(of_nothing));
    let recall = parts.recall_parts(&present.store_id, &given_out, RECALL_WITHIN * 5)?;
    let mut forgotten = recall.complete()?;
    forgotten.retain(|part| part.found > ClaimSeq::ZERO);
    Ok(forgotten)
}

fn all_that_is_held(engine: &Engine, ids: Vec<CounterId>) -> Result<Vec<Conflict>, Error> {
    let rows = engine.ledger().try_baselines(&ids)?;
    let looked = ids.iter().zip(engine.held(&ids)?).zip(rows);
    // A value that is not ours is no conflict.
    let held = looked
        .filter_map(|((id, held), row)| Some(Conflict { id: id.clone(), held: held.ok()?, row }));
    Ok(held.filter(|both| both.held != Holding::default()).collect())
}

fn claims_below_their_rows(engine: &Engine, ids: Vec<CounterId>) -> Result<Vec<Conflict>, Error> {
    let looked = engine.held(&ids)?;
    let held = ids.into_iter().zip(looked).filter_map(|(id, held)| Some((id, held.ok()?)));
    let mut held = held.collect::<HashMap<_, _>>();
    let claims = held.values().filter_map(|held| held.claim.clone()).collect();
    let conflicts = conflicts_among(engine, claims)?.into_iter().map(|(claim, row)| {
        let held = held.remove(&claim.id).unwrap_or_default();
        Conflict { id: claim.id, held, row }
    });
    Ok(conflicts.collect())
}

/// Those claims, of different counters, whose rows have seen newer ones while the store still held
/// them.
pub(crate) fn conflicts_among(
    engine: &Engine,
    claims: Vec<Claim>,
) -> Result<Vec<(Claim, Baseline)>, Error> {
    let ids = claims.iter().map(|claim| claim.id.clone()).collect::<Vec<_>>();
    let rows = engine.ledger().try_baselines(&ids)?;
    let suspects = claims.into_iter().zip(rows).filter(|(claim, row)| row.seq > claim.seq);
    let (suspects, rows) = suspects.unzip::<_, _, Vec<_>, Vec<_>>();
    if suspects.is_empty() {
        return Ok(Vec::new());
    }
    // One that was acknowledged since it was seen may well have been followed by a newer one.
    let verdicts = engine.store().verify(&suspects, VERIFY_WITHIN)?;
    let conflicts = suspects.into_iter().zip(rows).zip(verdicts);
    let held = conflicts.filter(|(_, verdict)| *verdict == Verdict::Current);
    Ok(held.map(|(conflict, _)| conflict).collect())
}
