//! Finds the readings of a gauge.

use chrono::{DateTime, Utc};
use counter_core::{BoxError, ClaimOp, CounterId, Error as CoreError, Operation, Period, Reading};

use super::buckets::AT_ONCE;
use super::calendar::{Counted, Recent};
use super::engine::Engine;
use crate::error::Error;

/// Returns the error of a reading that was not recorded.
pub(crate) fn not_recorded(counter: &CounterId, source: impl Into<BoxError>) -> CoreError {
    let (operation, counter) = (Operation::Set, counter.clone());
    CoreError::NotCounted { operation, counter, source: source.into() }
}

/// Returns the reading to record for a value read at an instant.
pub(crate) fn reading(
    counted: &Counted,
    at: DateTime<Utc>,
    value: i64,
    recent: Recent,
) -> Result<Reading, CoreError> {
    let bucket = |grain| {
        let period = Period::at(grain, at, counted.zone);
        let id = counted.id.within(period).map_err(|outside| not_recorded(&counted.id, outside))?;
        Ok((id, period.instants(counted.zone).end.timestamp_micros()))
    };
    let buckets = counted.grains.iter().copied().map(bucket).collect::<Result<_, CoreError>>()?;
    let (total, at) = (counted.id.clone(), at.timestamp_micros());
    Ok(Reading { total, buckets, value, at, ahead: ahead(recent), known_newest: None })
}

/// Returns how far one clock may be ahead of another, in microseconds.
fn ahead(recent: Recent) -> i64 {
    (recent.until - recent.now).num_microseconds().unwrap_or(i64::MAX)
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

/// A reading, and its period.
type Found = Option<(Period, i64)>;

/// Returns the newest reading of a gauge up to a period, with the period of the reading. The store
/// is asked about the last of these periods, because their readings may have no row yet.
pub(crate) fn newest(
    engine: &Engine,
    total: &CounterId,
    mut until: Period,
    recent: Recent,
) -> Result<Found, Error> {
    loop {
        let (found, row) = newest_and_row(engine, total, until, recent)?;
        match row {
            // A reading that was deleted has a row until the next sync.
            Some(row) if found.is_none() => until = row.previous(),
            _ => return Ok(found),
        }
    }
}

/// Returns the newest reading up to a period, unless it is older than the newest row, and the
/// period of that row.
fn newest_and_row(
    engine: &Engine,
    total: &CounterId,
    until: Period,
    recent: Recent,
) -> Result<(Found, Option<Period>), Error> {
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
    let found = readings.filter_map(|(period, reading)| Some((*period, reading?))).next();
    Ok((found, row))
}

/// Returns an instant, in microseconds since 1970, for that of the newest known reading of a gauge,
/// which is no older: the start of the newest period with a reading, by any grain. If the gauge is
/// kept by no grain, it is when a reading was recorded last, because that reading was not made
/// later. `None` if there is no reading.
pub(crate) fn newest_instant(
    engine: &Engine,
    counted: &Counted,
    recent: Recent,
) -> Result<Option<i64>, Error> {
    if counted.grains.is_empty() {
        let recorded = last_recorded(engine, &counted.id)?;
        // The store's clock may differ from this one, and its sequences may be ahead of it.
        let now = recent.now.timestamp_micros();
        return Ok(recorded.map(|at| at.saturating_sub(ahead(recent)).min(now)));
    }
    let mut newest_of_all = None;
    for grain in counted.grains {
        let until = Period::at(*grain, recent.until, counted.zone);
        let found = newest(engine, &counted.id, until, recent)?;
        let begun = found.map(|(period, _)| period.instants(counted.zone).start);
        newest_of_all = newest_of_all.max(begun.map(|begun| begun.timestamp_micros()));
    }
    Ok(newest_of_all)
}

/// Returns when a counter was set last, by the clock of the store.
fn last_recorded(engine: &Engine, total: &CounterId) -> Result<Option<i64>, Error> {
    let total = std::slice::from_ref(total);
    let held = engine.held(total)?.into_iter().next().transpose().map_err(CoreError::from)?;
    let rows = engine.ledger().baselines(total)?;
    let of_row = rows.first().map(|row| row.seq.get()).filter(|seq| *seq > 0);
    Ok(match held.and_then(|held| held.claim) {
        Some(claim) if claim.op == ClaimOp::Delete => None,
        Some(claim) => Some(claim.seq.get()),
        None => of_row,
    })
}
