//! Readings of gauges: sets of a bucket and, if they are the newest, of the total.

use std::time::Instant;

use chrono::{DateTime, Utc};
use counter_core::{BoxError, CounterId, Error as CoreError, Operation, Period};

use super::set::{SILENCE, apply_sets, ask};
use crate::engine::calendar::{Counted, Recent};
use crate::engine::engine::Engine;
use crate::engine::gauges::{newest, reading};
use crate::engine::kept;
use crate::error::Error;

/// Records a reading in the store, then tries once to write it to the table, as a set does.
pub(crate) fn record(
    engine: &Engine,
    counted: &Counted,
    at: DateTime<Utc>,
    value: i64,
    recent: Recent,
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
        let begun = newest_period(engine, counted, recent);
        let begun = begun.map_err(|error| refused(&counted.id, error))?;
        reading.newest_row = Some(begun.map_or(i64::MIN, |begun| begun.timestamp_micros()));
        recorded = store.record(&reading);
    }
    let claims = recorded.inspect_err(|error| {
        if !matches!(error, CoreError::NotCounted { .. }) {
            engine.unanswered().note(reading.ids().cloned());
        }
    })?;
    let mut claims = claims.unwrap_or_default();
    claims.sort_by(|a, b| a.id.cmp(&b.id));
    // Noted before a pass finds these buckets, because a pass does not know that they are of a
    // gauge.
    if asked.is_ok() {
        kept::note_gauge(engine, reading.ids());
    }
    apply_sets(engine, claims, store_id, asked);
    Ok(())
}

fn refused(counter: &CounterId, source: impl Into<BoxError>) -> Error {
    let (operation, counter) = (Operation::Set, counter.clone());
    CoreError::NotCounted { operation, counter, source: source.into() }.into()
}

/// Returns the start of the newest period with a reading, in the store or in the table. It is
/// unknown if the gauge is kept by no grain.
fn newest_period(
    engine: &Engine,
    counted: &Counted,
    recent: Recent,
) -> Result<Option<DateTime<Utc>>, Error> {
    let Some(grain) = counted.grains.iter().min().copied() else { return Ok(None) };
    let until = Period::at(grain, recent.until, counted.zone);
    let newest = newest(engine, &counted.id, until, recent)?;
    Ok(newest.map(|(period, _)| period.instants(counted.zone).start))
}
