//! Exact reads. The order matters: the store first, then the table. The other way round a read misses what
//! is applied and acknowledged in between.

use std::collections::{BTreeMap, BTreeSet};

use counter_core::{Baseline, CounterId, CounterKey, DeltaStore, Look, Owner, value};

use crate::error::Error;

/// The values of these counters, each as it was at one instant during the call.
pub(crate) fn values(
    store: &dyn DeltaStore,
    ids: &[CounterId],
    baselines: impl FnOnce(&[CounterId]) -> Result<Vec<Baseline>, Error>,
) -> Result<Vec<i64>, Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let look = store.look(ids)?;
    let rows = baselines(ids)?;
    evaluate(store, ids, look, &rows)
}

/// The values of all counters of an owner.
pub(crate) fn all(
    store: &dyn DeltaStore,
    owner: &Owner,
    declared: &[CounterKey],
    mut rows_of: impl FnMut(&Owner) -> Result<Vec<(CounterKey, Baseline)>, Error>,
) -> Result<BTreeMap<String, i64>, Error> {
    // Which keys there are, before the look; their rows are read again after it.
    let mut keys = declared.iter().cloned().collect::<BTreeSet<_>>();
    keys.extend(store.keys_of(owner)?);
    keys.extend(rows_of(owner)?.into_iter().map(|(key, _)| key));
    let ids = keys.iter().map(|key| CounterId::of(owner, key)).collect::<Vec<_>>();
    let look = store.look(&ids)?;
    let rows = rows_of(owner)?.into_iter().collect::<BTreeMap<_, _>>();
    let baselines = keys.iter().map(|key| rows.get(key).copied().unwrap_or_default());
    let values = evaluate(store, &ids, look, &baselines.collect::<Vec<_>>())?;
    Ok(keys.iter().map(ToString::to_string).zip(values).collect())
}

fn evaluate(
    store: &dyn DeltaStore,
    ids: &[CounterId],
    look: Look,
    rows: &[Baseline],
) -> Result<Vec<i64>, Error> {
    let at_look = look.high_water;
    // Rarely, a sync has moved something since the look, or the row was written under an earlier life of
    // the store. Only then is the store asked once more, to tell the two apart.
    let later =
        if rows.iter().any(|row| row.seq > at_look) { store.high_water()? } else { at_look };
    let mut values = Vec::with_capacity(ids.len());
    for ((id, held), row) in ids.iter().zip(look.held).zip(rows) {
        let held = held.map_err(counter_core::Error::from)?;
        values.push(value(id, &held, at_look, later, *row)?);
    }
    Ok(values)
}
