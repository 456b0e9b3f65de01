//! By which grains a counter is counted, where no model of the process says so.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use counter_core::{CounterId, Grain, Holding, OwnerType, Period};

use super::engine::Engine;
use crate::error::Error;
use crate::ledger::ledger::RowPlace;

/// Returns the grains of which the counter has buckets: rows, or anything that the store holds of
/// the running period, or of the one before or after it, which runs in other zones.
pub(crate) fn in_use(
    engine: &Engine,
    id: &CounterId,
    now: DateTime<Utc>,
) -> Result<BTreeSet<Grain>, Error> {
    let mut grains = in_table(engine, id)?;
    let mut running = Vec::new();
    for grain in Grain::ALL.iter().filter(|grain| !grains.contains(grain)) {
        let period = Period::containing(*grain, now.naive_utc());
        for period in [period.previous(), period, period.next()] {
            running.push(id.within(period)?);
        }
    }
    let held = engine.store().look(&running)?.held;
    let held = running.iter().zip(held).filter(|(_, held)| *held != Ok(Holding::default()));
    grains.extend(held.filter_map(|(id, _)| id.period()).map(Period::grain));
    Ok(grains)
}

/// Reads one row of each grain, because a row of the next one comes after all of this.
fn in_table(engine: &Engine, id: &CounterId) -> Result<BTreeSet<Grain>, Error> {
    let owner_type = OwnerType::new(id.owner_type().into_owned())?;
    let mut grains = BTreeSet::new();
    let mut after = String::new();
    loop {
        let place = RowPlace {
            owner: id.owner_id().clone(),
            key: id.key().into_owned(),
            period: Some((after, end_of_time())),
        };
        let page = engine.ledger().buckets_after(&owner_type, Some(&place), NonZeroUsize::MIN)?;
        let found = page.next.filter(|next| next.owner == place.owner && next.key == place.key);
        let Some((grain, _)) = found.and_then(|next| next.period) else { return Ok(grains) };
        // A text that is not a grain names nothing that is counted.
        grains.extend(grain.parse::<Grain>());
        after = grain;
    }
}

/// No period that has a row starts later.
fn end_of_time() -> NaiveDateTime {
    let day = NaiveDate::from_ymd_opt(9999, 12, 31).unwrap_or(NaiveDate::MAX);
    day.and_time(NaiveTime::from_hms_opt(23, 59, 59).unwrap_or_default())
}
