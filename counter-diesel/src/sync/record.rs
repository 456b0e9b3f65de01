//! Readings of gauges: sets of a bucket and, if they are the newest, of the total.

use std::time::Instant;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use counter_core::{CounterId, Error as CoreError, Operation, Period};

use super::set::{SILENCE, apply_sets, ask};
use crate::engine::calendar::Counted;
use crate::engine::engine::Engine;
use crate::engine::gauges::reading;
use crate::error::Error;

/// Records a reading. The store decides; the table is tried once, as for a set.
pub(crate) fn record(
    engine: &Engine,
    counted: &Counted,
    at: DateTime<Utc>,
    value: i64,
) -> Result<(), Error> {
    let Some(store) = engine.store().gauges() else {
        return Err(refused(&counted.id, "the store cannot record readings"));
    };
    let mut reading = reading(counted, at, value)?;
    let asked_at = Instant::now();
    let asked = match ask(engine)? {
        Err(Error::Core(error)) if asked_at.elapsed() >= SILENCE => {
            return Err(refused(&counted.id, error));
        }
        asked => asked,
    };
    // Read before the claims are made, as for a set.
    let store_id = engine.store_id();
    let mut recorded = store.record(&reading);
    if matches!(recorded, Ok(None)) {
        let newest = newest_row(engine, counted).map_err(|error| refused(&counted.id, error))?;
        reading.newest_row = Some(newest.map_or(i64::MIN, |at| at.timestamp_micros()));
        recorded = store.record(&reading);
    }
    let claims = recorded.inspect_err(|error| {
        if !matches!(error, CoreError::NotCounted { .. }) {
            engine.unanswered().note(reading.ids().cloned());
        }
    })?;
    let mut claims = claims.unwrap_or_default();
    claims.sort_by(|a, b| a.id.cmp(&b.id));
    apply_sets(engine, claims, store_id, asked);
    Ok(())
}

fn refused(
    counter: &CounterId,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> Error {
    let (operation, counter) = (Operation::Set, counter.clone());
    CoreError::NotCounted { operation, counter, source: source.into() }.into()
}

/// Returns when the newest period begins of which there is a row.
fn newest_row(engine: &Engine, counted: &Counted) -> Result<Option<DateTime<Utc>>, Error> {
    let mut newest = None;
    for grain in counted.grains {
        let start = engine.ledger().newest_bucket(&counted.id, *grain, end_of_time())?;
        let start = start.map(|start| Period::containing(*grain, start).instants(counted.zone));
        newest = newest.max(start.map(|instants| instants.start));
    }
    Ok(newest)
}

/// No period that has a row starts later.
fn end_of_time() -> NaiveDateTime {
    let day = NaiveDate::from_ymd_opt(9999, 12, 31).unwrap_or(NaiveDate::MAX);
    day.and_time(NaiveTime::from_hms_opt(23, 59, 59).unwrap_or_default())
}
