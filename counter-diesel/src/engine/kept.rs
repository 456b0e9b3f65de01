//! Since when buckets are kept.
//!
//! A row of the table says so for each type, key and grain, and only a pass makes one, before the
//! first transaction with such buckets: all are kept if the key was not counted long before, else
//! those from the next period on, because the running one was not counted whole.

use chrono::{NaiveDateTime, TimeDelta};
use counter_core::{CounterId, CounterKey, Grain, OwnerType, Period};

use super::engine::Engine;
use super::floor::Floor;
use crate::causes::one_line;
use crate::error::Error;
use crate::ledger::kept::{Kept, KeptChange};

/// No zone is further ahead of UTC.
const FURTHEST_AHEAD: TimeDelta = TimeDelta::hours(14);

/// Returns from when on the buckets of a grain of a key are all that it counted.
pub(crate) fn floor(
    engine: &Engine,
    owner_type: &OwnerType,
    key: &CounterKey,
    grain: Grain,
) -> Result<Floor, Error> {
    let of = (owner_type.clone(), key.clone(), grain);
    let known = engine.known_kept();
    if let Some(floor) = known.read(&of) {
        return Ok(floor);
    }
    let floor = read_floor(engine, &of)?;
    known.remember(of, floor.clone());
    Ok(floor)
}

/// Before the migration of the table all is kept.
fn read_floor(
    engine: &Engine,
    (owner_type, key, grain): &(OwnerType, CounterKey, Grain),
) -> Result<Floor, Error> {
    let ledger = engine.ledger();
    let Some(rows) = ledger.kept(Some((owner_type, key)))? else { return Ok(Floor::default()) };
    let since = match rows.iter().find(|row| row.grain == *grain) {
        Some(row) => row.since,
        None => ledger.counted_before(owner_type, key)?.map(|now| next_start(*grain, now)),
    };
    let counted = rows.iter().filter(|row| row.rolled_from.is_none()).map(|row| row.grain);
    let mut floor = Floor { since, rolled: Vec::new(), counted: counted.collect() };
    // Days are in months, and months may be in years by now.
    let mut from = vec![*grain];
    while let Some(grain) = from.pop() {
        let rolled = rows.iter().filter(|row| row.rolled_from == Some(grain) && row.grain > grain);
        for Kept { grain, since, .. } in rolled {
            floor.rolled.push((*grain, *since));
            from.push(*grain);
        }
    }
    Ok(floor)
}

/// Returns the grains into which buckets of a counter's key are rolled up.
pub(crate) fn rolled_grains(engine: &Engine, id: &CounterId) -> Result<Vec<Grain>, Error> {
    let owner_type = OwnerType::new(id.owner_type().into_owned())?;
    let key = CounterKey::new(id.key().into_owned())?;
    let rows = engine.ledger().kept(Some((&owner_type, &key)))?.unwrap_or_default();
    let rolled = rows.into_iter().filter(|row| row.rolled_from.is_some());
    Ok(rolled.map(|row| row.grain).collect())
}

/// Records of a type what is recorded of another one whose counts it gets: since when they are
/// kept, and what is rolled up.
pub(crate) fn copy(engine: &Engine, from: &OwnerType, into: &OwnerType) -> Result<(), Error> {
    let ledger = engine.ledger();
    if from == into {
        return Ok(());
    }
    let rows = ledger.kept(None)?.unwrap_or_default();
    for row in rows.into_iter().filter(|row| row.owner_type == *from) {
        let row = Kept { owner_type: into.clone(), ..row };
        ledger.write_kept(&row, KeptChange::IfAbsent)?;
        if row.since.is_some() {
            ledger.write_kept(&row, KeptChange::Forward)?;
        }
    }
    engine.known_kept().forget();
    Ok(())
}

/// Makes the rows of the grains of these buckets that have none, as far as this process knows. What
/// fails is tried again a minute later, and no bucket waits for it.
pub(crate) fn note<'a>(engine: &Engine, ids: impl Iterator<Item = &'a CounterId>) {
    note_all(engine, ids, false);
}

/// As [`note`], and that these are the buckets of a gauge.
pub(crate) fn note_gauge<'a>(engine: &Engine, ids: impl Iterator<Item = &'a CounterId>) {
    note_all(engine, ids, true);
}

fn note_all<'a>(engine: &Engine, ids: impl Iterator<Item = &'a CounterId>, is_gauge: bool) {
    let known = engine.known_kept();
    for (owner_type, key, grain) in known.not_noted(ids) {
        match note_one(engine, &owner_type, &key, grain, is_gauge) {
            Ok(true) => known.note(&owner_type, &key, grain),
            Ok(false) => return known.pause(),
            Err(error) => {
                let error = one_line(&error);
                tracing::debug!(error, "it could not be noted since when buckets are kept");
                return known.pause();
            }
        }
    }
}

/// Returns `false` where there is no table.
fn note_one(
    engine: &Engine,
    owner_type: &OwnerType,
    key: &CounterKey,
    grain: Grain,
    is_gauge: bool,
) -> Result<bool, Error> {
    let ledger = engine.ledger();
    let Some(rows) = ledger.kept(Some((owner_type, key)))? else { return Ok(false) };
    if rows.iter().any(|row| row.grain == grain && (row.is_gauge || !is_gauge)) {
        return Ok(true);
    }
    let counted_before = ledger.counted_before(owner_type, key)?;
    let since = counted_before.map(|now| next_start(grain, now));
    let (owner_type, key) = (owner_type.clone(), key.clone());
    let kept = Kept { owner_type, key, grain, since, rolled_from: None, is_gauge };
    ledger.write_kept(&kept, KeptChange::IfAbsent)?;
    Ok(true)
}

/// Returns the start of the first period that no zone has begun yet.
fn next_start(grain: Grain, now: NaiveDateTime) -> NaiveDateTime {
    let ahead = if grain == Grain::Hour { TimeDelta::zero() } else { FURTHEST_AHEAD };
    Period::containing(grain, now + ahead).next().start()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_next_begins_next_in_every_zone() {
        let start = |grain, now: &str| next_start(grain, now.parse().unwrap()).to_string();
        assert_eq!(start(Grain::Day, "2026-11-28T09:59:59"), "2026-11-29 00:00:00");
        assert_eq!(start(Grain::Day, "2026-11-28T10:00:00"), "2026-11-30 00:00:00");
        assert_eq!(start(Grain::Hour, "2026-11-28T10:00:00"), "2026-11-28 11:00:00");
        assert_eq!(start(Grain::Month, "2026-11-30T10:00:00"), "2027-01-01 00:00:00");
    }
}
