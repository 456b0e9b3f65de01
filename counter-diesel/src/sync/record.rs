//! Readings of gauges: sets of a bucket and, if they are the newest, of the total.

use std::time::Instant;

use chrono::{DateTime, Utc};
use counter_core::{Claim, Error as CoreError, Reading, RecordGauges};

use super::set::{SILENCE, apply_sets, ask};
use crate::engine::calendar::{Counted, Recent};
use crate::engine::engine::Engine;
use crate::engine::gauges::{newest_instant, not_recorded, reading};
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
    let refused = |why: &'static str| Err(not_recorded(&counted.id, why).into());
    let Some(store) = engine.store().gauges() else {
        return refused("the store cannot record readings");
    };
    let mut reading = reading(counted, at, value, recent)?;
    let asked_at = Instant::now();
    let asked = match ask(engine)? {
        Err(Error::Core(error)) if asked_at.elapsed() >= SILENCE => {
            return Err(not_recorded(&counted.id, error).into());
        }
        asked => asked,
    };
    // Read before the claims are made, as for a set.
    let store_id = engine.store_id();
    let mut claims = record_in_store(engine, store, &reading)?;
    if claims.is_none() {
        let newest = newest_instant(engine, counted, recent);
        let newest = newest.map_err(|error| not_recorded(&counted.id, error))?;
        reading.known_newest = Some(newest.unwrap_or(i64::MIN));
        claims = record_in_store(engine, store, &reading)?;
    }
    let Some(mut claims) = claims else {
        return refused("the store did not compare it with the newest reading that it was given");
    };
    claims.sort_by(|a, b| a.id.cmp(&b.id));
    // Noted before a pass finds these buckets, because a pass does not know that they are of a
    // gauge.
    if asked.is_ok() {
        kept::note_gauge(engine, reading.ids());
    }
    apply_sets(engine, claims, store_id, asked).ok();
    Ok(())
}

fn record_in_store(
    engine: &Engine,
    store: &dyn RecordGauges,
    reading: &Reading,
) -> Result<Option<Vec<Claim>>, Error> {
    let recorded = store.record(reading).inspect_err(|error| {
        if !matches!(error, CoreError::NotCounted { .. }) {
            engine.unanswered().note(reading.ids().cloned());
        }
    });
    Ok(recorded?)
}
