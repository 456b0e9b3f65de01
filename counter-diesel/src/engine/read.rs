//! Exact reads. The order matters: the store first, then the table. The other way round a read
//! misses what is applied and acknowledged in between.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use counter_core::{
    Baseline, Claim, ClaimOp, ClaimSeq, CommitOutcome, CounterId, CounterKey, DeltaStore, Holding,
    Owner, Seen, Snapshot, ValueError, Verdict, value,
};

use crate::error::{CoreError, Error};

/// Maximum number of times a read looks again because rows have changed since its last look.
const ROUNDS: usize = 3;

/// How long a read waits to hear that a claim is still held, by a store in its own process.
const VERIFY_WITHIN: Duration = Duration::from_secs(1);

/// The outcome of a read.
pub(crate) struct Values<T> {
    pub(crate) values: T,
    /// The counters whose rows have seen newer claims than the store has made. The store may be an
    /// old copy then.
    pub(crate) beyond_store: Vec<CounterId>,
}

/// A counter's value, and what the look into the store saw of the counter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReadValue {
    pub(crate) value: i64,
    pub(crate) seen: Seen,
    /// Whether the store or the table has anything of the counter. A counter that is about to be
    /// deleted does not exist.
    pub(crate) is_there: bool,
    /// The newest claim of the counter, in the store or in the table.
    pub(crate) seq: ClaimSeq,
    /// Whether the store has a claim of it.
    pub(crate) is_claimed: bool,
}

/// The values of these counters, each as it was at one instant during the call.
pub(crate) fn values(
    store: &dyn DeltaStore,
    ids: &[CounterId],
    baselines: impl FnMut(&[CounterId]) -> Result<Vec<Baseline>, Error>,
) -> Result<Values<Vec<i64>>, Error> {
    let Values { values, beyond_store } = each_value(store, ids, baselines)?;
    let values = values.into_iter().map(|read| read.map(|read| read.value));
    Ok(Values { values: values.collect::<Result<_, _>>()?, beyond_store })
}

/// Like [`values`], but an error that concerns one counter does not affect the others.
pub(crate) fn each_value(
    store: &dyn DeltaStore,
    ids: &[CounterId],
    mut baselines: impl FnMut(&[CounterId]) -> Result<Vec<Baseline>, Error>,
) -> Result<Values<Vec<Result<ReadValue, Error>>>, Error> {
    if ids.is_empty() {
        return Ok(Values { values: Vec::new(), beyond_store: Vec::new() });
    }
    let mut reading = Reading { look: store.look(ids)?, rows: baselines(ids)?, before: Vec::new() };
    for _ in 0..ROUNDS {
        if reading.is_settled() && reading.is_confirmed(ids, store)? {
            let read = reading.values(ids, store);
            // The commit of the claim is on its way, or the claim was acknowledged since.
            let is_passing = store.private().is_some() && read.values.iter().any(is_conflict);
            if !is_passing {
                return Ok(read);
            }
        }
        let before = reading.rows.iter().map(|row| row.seq).collect();
        reading = Reading { look: store.look(ids)?, rows: baselines(ids)?, before };
    }
    Ok(reading.values(ids, store))
}

fn is_conflict(read: &Result<ReadValue, Error>) -> bool {
    matches!(read, Err(Error::Core(CoreError::Conflict { .. })))
}

/// A look into the store, and the rows as they were read after it.
struct Reading {
    look: Snapshot,
    rows: Vec<Baseline>,
    /// The sequences of the rows as they were read before the look; empty if they were not.
    before: Vec<ClaimSeq>,
}

impl Reading {
    fn is_settled(&self) -> bool {
        (0..).zip(&self.rows).all(|(index, row)| self.was_row_at_look(index, *row))
    }

    /// Whether the row that was read is the row of the instant of the look. It is if it has no
    /// claim that can have been made in between, or if it was the same before the look.
    ///
    /// A row may have a sequence that this store has not given out yet: from an earlier generation
    /// of the store, or from another process's.
    fn was_row_at_look(&self, index: usize, row: Baseline) -> bool {
        let high_water = self.look.high_water_of(index);
        row.seq <= high_water || self.before.get(index) == Some(&row.seq)
    }

    /// Whether every claim of a counter without a row is still there. A row is removed only when
    /// its claim is gone, and no claim comes back. So if the claim is still there, no row was
    /// removed before the read looked for one. Otherwise a claim that was applied long ago, and
    /// acknowledged just now, would be counted twice.
    fn is_confirmed(&self, ids: &[CounterId], store: &dyn DeltaStore) -> Result<bool, Error> {
        let claim_of = |held: &Result<Holding, _>| held.as_ref().ok()?.claim.clone();
        let seen = ids.iter().zip(&self.look.held).zip(&self.rows);
        let seen = seen.filter(|(_, row)| **row == Baseline::NONE);
        let seen = seen.filter_map(|((id, held), _)| Some((id.clone(), claim_of(held)?)));
        let (ids, seen) = seen.unzip::<_, _, Vec<_>, Vec<_>>();
        if ids.is_empty() {
            return Ok(true);
        }
        let held = store.look(&ids)?.held;
        Ok(held.iter().zip(seen).all(|(held, seen)| claim_of(held) == Some(seen)))
    }

    fn values(
        &self,
        ids: &[CounterId],
        store: &dyn DeltaStore,
    ) -> Values<Vec<Result<ReadValue, Error>>> {
        // A store that knows no newest sequence is no old copy: it was emptied, or has lost that.
        let is_beyond_store = |(index, row): &(usize, &Baseline)| {
            let high_water = self.look.high_water_of(*index);
            high_water > ClaimSeq::ZERO
                && row.seq > high_water
                && self.was_row_at_look(*index, **row)
        };
        let beyond_store = (0..).zip(&self.rows).filter(is_beyond_store);
        let beyond_store = beyond_store.filter_map(|(index, _)| ids.get(index).cloned()).collect();
        let values = (0..).zip(ids.iter().zip(&self.look.held).zip(&self.rows));
        let values = values.map(|(index, ((id, held), row))| {
            let high_water = self.look.high_water_of(index);
            let held = held.as_ref().map_err(|foreign| CoreError::from(foreign.clone()))?;
            let seen = Seen { high_water, pending: held.pending };
            // A claim made after the look was applied. At its instant nothing was pending and
            // nothing else in flight, so the row alone was the counter's value.
            let (value, is_there) = if self.was_row_at_look(index, *row) {
                let value = value_over(store, held, *row);
                (value.map_err(|error| CoreError::of_value(id, error))?, is_there(held, *row))
            } else {
                (row.count, *row != Baseline::NONE)
            };
            let claimed = held.claim.as_ref().map(|claim| claim.seq);
            let (seq, is_claimed) = (row.seq.max(claimed.unwrap_or_default()), claimed.is_some());
            Ok(ReadValue { value, seen, is_there, seq, is_claimed })
        });
        Values { values: values.collect(), beyond_store }
    }
}

fn is_there(held: &Holding, row: Baseline) -> bool {
    let has_value = match &held.claim {
        Some(claim) if claim.seq > row.seq => claim.op != ClaimOp::Delete,
        _ => row != Baseline::NONE,
    };
    has_value || held.pending != 0
}

/// The value of a counter. A claim that is not in the table comes over a row that has seen a newer
/// one, or one with its very sequence, of another process: it is about to get a greater one.
fn value_over(store: &dyn DeltaStore, held: &Holding, row: Baseline) -> Result<i64, ValueError> {
    match &held.claim {
        Some(claim) if row.seq >= claim.seq && is_uncommitted(store, claim) => {
            value(held, Baseline { seq: ClaimSeq::ZERO, ..row })
        }
        _ => value(held, row),
    }
}

/// Returns whether a claim that was seen in a store of this process alone is certainly not in the
/// table. The store must still hold it after its commits were looked for, because those are
/// forgotten once it is acknowledged.
fn is_uncommitted(store: &dyn DeltaStore, claim: &Claim) -> bool {
    let Some(private) = store.private() else { return false };
    private.numbered().outcome(claim) == CommitOutcome::NotCommitted
        && store
            .verify(std::slice::from_ref(claim), VERIFY_WITHIN)
            .is_ok_and(|verdicts| verdicts == [Verdict::Current])
}

/// The values of all counters of an owner.
pub(crate) fn all(
    store: &dyn DeltaStore,
    owner: &Owner,
    declared: &[CounterKey],
    mut rows_of: impl FnMut(&Owner) -> Result<Vec<(CounterKey, Baseline)>, Error>,
) -> Result<Values<BTreeMap<String, i64>>, Error> {
    // Which keys there are, before the look; their rows are read again after it.
    let mut keys = declared.iter().cloned().collect::<BTreeSet<_>>();
    if let Some(index) = store.key_index() {
        keys.extend(index.keys_of(owner)?);
    }
    keys.extend(rows_of(owner)?.into_iter().map(|(key, _)| key));
    let ids = keys.iter().map(|key| CounterId::of(owner, key)).collect::<Vec<_>>();
    let Values { values, beyond_store } = values(store, &ids, |_| {
        let rows = rows_of(owner)?.into_iter().collect::<BTreeMap<_, _>>();
        Ok(keys.iter().map(|key| rows.get(key).copied().unwrap_or_default()).collect())
    })?;
    let values = keys.iter().map(ToString::to_string).zip(values).collect();
    Ok(Values { values, beyond_store })
}
