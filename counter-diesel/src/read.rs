//! Exact reads. The order matters: the store first, then the table. The other way round a read misses what
//! is applied and acknowledged in between.

use std::collections::{BTreeMap, BTreeSet};

use counter_core::{Baseline, CounterId, CounterKey, DeltaStore, Owner, value};

use crate::error::Error;

/// How often a read looks into the store until it knows which life of the store a row is from.
const LOOKS: u32 = 4;

/// The values of these counters, each as it was at one instant during the call.
pub(crate) fn values(
    store: &dyn DeltaStore,
    ids: &[CounterId],
    mut baselines: impl FnMut(&[CounterId]) -> Result<Vec<Baseline>, Error>,
) -> Result<Vec<i64>, Error> {
    values_in(LOOKS, store, ids, &mut baselines)
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
    let values = values(store, &ids, |ids| {
        let rows = rows_of(owner)?.into_iter();
        let rows = rows.map(|(key, row)| (CounterId::of(owner, &key), row));
        let rows = rows.collect::<BTreeMap<_, _>>();
        Ok(ids.iter().map(|id| rows.get(id).copied().unwrap_or_default()).collect())
    })?;
    Ok(keys.iter().map(ToString::to_string).zip(values).collect())
}

fn values_in(
    looks: u32,
    store: &dyn DeltaStore,
    ids: &[CounterId],
    baselines: &mut impl FnMut(&[CounterId]) -> Result<Vec<Baseline>, Error>,
) -> Result<Vec<i64>, Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let look = store.look(ids)?;
    let rows = baselines(ids)?;
    let at_look = look.high_water;
    // Rarely, a sync has moved something since the look, or the row was written under an earlier life of
    // the store. Only then is the store asked once more, to tell the two apart.
    let later =
        if rows.iter().any(|row| row.seq > at_look) { store.high_water()? } else { at_look };
    let mut values = Vec::with_capacity(ids.len());
    let mut unclear = Vec::new();
    for ((id, held), row) in ids.iter().zip(look.held).zip(rows) {
        if looks > 1 && row.seq > at_look && row.seq <= later {
            unclear.push(id.clone());
            values.push(None);
        } else {
            let held = held.map_err(counter_core::Error::from)?;
            values.push(Some(value(id, &held, at_look, later, row)?));
        }
    }
    // The store has given out such a sequence since the look, but a new life of it may have passed the one
    // of an old row just now. After another look it can be told, unless the counter is synced again.
    let mut cleared = values_in(looks - 1, store, &unclear, baselines)?.into_iter();
    Ok(values.into_iter().filter_map(|value| value.or_else(|| cleared.next())).collect())
}
