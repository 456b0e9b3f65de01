//! Finds the readings of a gauge.

use chrono::{DateTime, Utc};
use counter_core::{CounterId, Error as CoreError, Period, Reading};

use super::buckets::AT_ONCE;
use super::calendar::{Counted, Recent, not_counted};
use super::engine::Engine;
use crate::error::Error;

/// Returns the reading to record for a value read at an instant.
pub(crate) fn reading(
    counted: &Counted,
    at: DateTime<Utc>,
    value: i64,
) -> Result<Reading, CoreError> {
    let bucket = |grain| {
        let period = Period::at(grain, at, counted.zone);
        let id = counted.id.within(period).map_err(|outside| not_counted(&counted.id, outside))?;
        Ok((id, period.instants(counted.zone).end.timestamp_micros()))
    };
    let buckets = counted.grains.iter().copied().map(bucket).collect::<Result<_, CoreError>>()?;
    let (total, at) = (counted.id.clone(), at.timestamp_micros());
    Ok(Reading { total, buckets, value, at, newest_row: None })
}

/// Returns the readings of these buckets, `None` where there is none.
pub(crate) fn readings(engine: &Engine, ids: &[CounterId]) -> Result<Vec<Option<i64>>, Error> {
    let mut readings = Vec::with_capacity(ids.len());
    for ids in ids.chunks(AT_ONCE) {
        for read in engine.read_each(ids)? {
            let read = read?;
            readings.push(read.is_there.then_some(read.value));
        }
    }
    Ok(readings)
}

/// Returns the newest reading of a gauge up to a period, with the period of the reading. The store
/// is asked about the last of these periods, because their readings may have no row yet.
pub(crate) fn newest(
    engine: &Engine,
    total: &CounterId,
    until: Period,
    recent: Recent,
) -> Result<Option<(Period, i64)>, Error> {
    let grain = until.grain();
    let row = engine.ledger().newest_bucket(total, grain, until.start())?;
    let row = row.map(|start| Period::containing(grain, start));
    let periods = std::iter::successors(Some(until), |period| Some(period.previous()));
    let mut periods = periods.take(recent.periods(grain).min(AT_ONCE)).collect::<Vec<_>>();
    match row {
        Some(row) if periods.contains(&row) => periods.retain(|period| *period >= row),
        Some(row) => periods.push(row),
        None => {}
    }
    let ids = periods.iter().map(|period| total.within(*period)).collect::<Result<Vec<_>, _>>()?;
    let readings = periods.iter().zip(readings(engine, &ids)?);
    Ok(readings.filter_map(|(period, reading)| Some((*period, reading?))).next())
}
