//! Removes buckets of periods that ended long ago.
//!
//! Each is set to 0 as an application sets a counter, so a sync, an increment and a read that are
//! under way stay exact, whatever dies. The row goes an hour later, by a later call: see
//! [`zeros`](super::owners::zeros) for why that is safe then and not before.

use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use counter_core::{Grain, Period, Replacement};

use crate::engine::engine::Engine;
use crate::error::Error;
use crate::ledger::ledger::CounterRow;
use crate::sync::owners::find::BATCH;
use crate::sync::owners::zeros;
use crate::sync::set::set;

/// Which buckets [`Counters::prune`](crate::Counters::prune) removes.
#[derive(Debug, Clone)]
#[must_use = "it only says what to remove"]
pub struct PruneOptions {
    grain: Grain,
    older_than: Duration,
    is_dry_run: bool,
}

impl PruneOptions {
    /// The buckets of this grain whose period ended longer ago than this. What is still running is
    /// never among them, whenever it began.
    pub fn new(grain: Grain, older_than: Duration) -> Self {
        Self { grain, older_than, is_dry_run: false }
    }

    /// Counts what would be done, and changes nothing. Default: `false`.
    pub fn dry_run(mut self, dry_run: bool) -> Self {
        self.is_dry_run = dry_run;
        self
    }

    /// Returns whether a period ended long enough before `now`. In which zone a day was is not
    /// known, so all but hours are taken to have ended a day later than in UTC, which is later than
    /// in any zone.
    fn include(&self, period: Period, now: NaiveDateTime) -> bool {
        let latest = TimeDelta::days(i64::from(self.grain != Grain::Hour));
        let older_than = TimeDelta::from_std(self.older_than).ok();
        let ended_before =
            older_than.and_then(|by| now.checked_sub_signed(by)?.checked_sub_signed(latest));
        period.grain() == self.grain && ended_before.is_some_and(|before| period.end() <= before)
    }
}

/// What [`Counters::prune`](crate::Counters::prune) did; in a dry run, what it would have done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Pruned {
    /// Rows of the grain whose period ended long enough ago.
    pub rows: u64,
    /// Those of them that were set to 0. A call that comes an hour later removes them.
    pub cleared: u64,
    /// Those that were removed, because they had been 0 for an hour. In a dry run these may be more
    /// than a call removes, because it does not ask whether anything is pending.
    pub removed: u64,
}

/// Sets the counts of old buckets to 0, and removes the rows of those that have been 0 for an hour.
pub(crate) fn prune(
    engine: &Engine,
    now: DateTime<Utc>,
    options: &PruneOptions,
) -> Result<Pruned, Error> {
    let (ledger, now) = (engine.ledger(), now.naive_utc());
    let mut pruned = Pruned::default();
    let mut owner_type = ledger.bucket_type_after(None)?;
    while let Some(of) = owner_type {
        let mut place = None;
        loop {
            let page = ledger.buckets_after(&of, place.as_ref(), BATCH)?;
            let is_old = |row: &CounterRow| {
                row.counter.period().is_some_and(|period| options.include(period, now))
            };
            let old = page.rows.into_iter().filter(is_old).collect();
            pruned.prune(engine, old, options.is_dry_run)?;
            let Some(next) = page.next else { break };
            place = Some(next);
        }
        owner_type = ledger.bucket_type_after(Some(&of))?;
    }
    Ok(pruned)
}

impl Pruned {
    fn prune(&mut self, engine: &Engine, old: Vec<CounterRow>, dry: bool) -> Result<(), Error> {
        self.rows += old.len() as u64;
        let is_zero = |row: &CounterRow| row.row.count == 0;
        let (zeros, counted) = old.into_iter().partition::<Vec<_>, _>(is_zero);
        if dry {
            self.cleared += counted.len() as u64;
            self.removed += zeros.iter().filter(|row| zeros::is_due(row)).count() as u64;
            return Ok(());
        }
        for row in counted {
            set(engine, &row.counter, Replacement::Set(0))?;
            self.cleared += 1;
        }
        self.removed += zeros::remove(engine, zeros)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    fn included(text: &str, older_than: Duration, now: &str) -> bool {
        let period = text.parse::<Period>().unwrap();
        let now = now.parse::<NaiveDateTime>().unwrap();
        PruneOptions::new(period.grain(), older_than).include(period, now)
    }

    #[test]
    fn what_counts_is_the_end_of_a_period() {
        for (period, now) in [
            ("quarter:2026-Q4", "2027-02-01T00:00:00"),
            ("year:2026", "2027-02-01T00:00:00"),
            ("month:2026-12", "2027-02-01T00:00:00"),
            ("week:2026-W53", "2027-02-04T00:00:00"),
            ("day:2026-12-31", "2027-02-01T00:00:00"),
            ("hour:2026-12-31T23", "2027-01-31T00:00:00"),
        ] {
            assert!(included(period, 30 * DAY, now), "{period}");
            assert!(!included(period, 30 * DAY + Duration::from_nanos(1), now), "{period}");
        }
    }

    #[test]
    fn what_is_running_is_never_old() {
        for now in ["2026-11-01T12:00:00", "2026-12-31T23:59:59", "2027-01-01T12:00:00"] {
            assert!(!included("quarter:2026-Q4", Duration::ZERO, now), "{now}");
            assert!(
                !included("day:2026-12-31", Duration::ZERO, now),
                "it may be a day in the west"
            );
        }
        assert!(!included("hour:2026-12-31T23", Duration::ZERO, "2026-12-31T23:59:59"));
        assert!(!included("year:1000", Duration::MAX, "2026-12-31T23:59:59"));
    }

    #[test]
    fn other_grains_are_not_meant() {
        let now = "2026-12-31T00:00:00".parse().unwrap();
        let hours = PruneOptions::new(Grain::Hour, Duration::ZERO);
        assert!(!hours.include(Period::year(2000).unwrap(), now));
    }
}
