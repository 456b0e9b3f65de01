//! Removes buckets of periods that ended long ago.
//!
//! Each is set to 0 as an application sets a counter, so a sync, an increment and a read that are
//! under way stay exact, whatever dies. The row goes an hour later, by a later call: see
//! [`zeros`](super::owners::zeros) for why that is safe then and not before.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use counter_core::{CounterId, CounterKey, Grain, OwnerType, Period, Replacement};

use crate::causes::one_line;
use crate::engine::engine::Engine;
use crate::error::Error;
use crate::ledger::kept::{Kept, KeptChange};
use crate::ledger::ledger::CounterRow;
use crate::sync::identity::adoption;
use crate::sync::owners::delete_all::FAILURES_IN_A_ROW;
use crate::sync::owners::find::BATCH;
use crate::sync::owners::zeros;
use crate::sync::report::capped::Capped;
use crate::sync::set::{self, InTable};

/// Which buckets [`Counters::prune`](crate::Counters::prune) removes.
#[derive(Debug, Clone)]
#[must_use = "it only says what to remove"]
pub struct PruneOptions {
    grain: Grain,
    older_than: Duration,
    is_dry_run: bool,
    is_even_if_late: bool,
}

impl PruneOptions {
    /// The buckets of this grain whose period ended longer ago than this. What is still running is
    /// never among them, whenever it began.
    ///
    /// The time may not be shorter than [`oldest_event`](crate::CountersBuilder::oldest_event),
    /// unless [`even_if_late`](Self::even_if_late) says so.
    pub fn new(grain: Grain, older_than: Duration) -> Self {
        Self { grain, older_than, is_dry_run: false, is_even_if_late: false }
    }

    /// Removes also what events that are still accepted are counted in: what they count in such a
    /// bucket is lost with the next call, and is in the total alone. Default: `false`.
    pub fn even_if_late(mut self, even_if_late: bool) -> Self {
        self.is_even_if_late = even_if_late;
        self
    }

    /// Counts what would be done, and changes nothing. Default: `false`.
    pub fn dry_run(mut self, dry_run: bool) -> Self {
        self.is_dry_run = dry_run;
        self
    }

    /// Refuses a time that removes what may still be counted.
    fn check(&self, oldest_event: Duration) -> Result<(), Error> {
        let older_than = self.older_than;
        let is_late = !self.is_even_if_late && older_than < oldest_event;
        if older_than.is_zero() || is_late {
            return Err(Error::TooYoung { older_than, oldest_event });
        }
        Ok(())
    }

    /// Returns whether a period ended long enough before `now`. In which zone a day was is not
    /// known, so all but hours are taken to have ended a day later than in UTC, which is later than
    /// in any zone.
    fn include(&self, period: Period, now: NaiveDateTime) -> bool {
        period.grain() == self.grain && self.first_kept(now).is_some_and(|first| period < first)
    }

    /// Returns the first period that stays. `None` if there is none so long ago.
    fn first_kept(&self, now: NaiveDateTime) -> Option<Period> {
        let latest = TimeDelta::days(i64::from(self.grain != Grain::Hour));
        let older_than = TimeDelta::from_std(self.older_than).ok()?;
        let bound = now.checked_sub_signed(older_than)?.checked_sub_signed(latest)?;
        // What ends at the bound goes, and what contains it ends later.
        Some(Period::containing(self.grain, bound))
    }
}

/// The result of [`Counters::prune`](crate::Counters::prune); in a dry run, what it would have
/// done.
#[derive(Debug, Default)]
#[non_exhaustive]
#[must_use = "it says what could not be removed"]
pub struct Pruned {
    /// Rows of the grain whose period ended long enough ago.
    pub rows: u64,
    /// Those of them that are 0 in the table because of this call. A call that comes an hour later
    /// removes them.
    pub cleared: u64,
    /// Those that were removed, because they had been 0 for an hour. In a dry run these may be more
    /// than a call removes, because it does not ask whether anything is pending.
    pub removed: u64,
    /// Those that could not be set to 0 or removed. What is not 0 in the table yet may be so in the
    /// store: the next sync or the next call finishes it. After 16 of them in a row the call ends.
    pub failed: Capped<FailedPrune>,
}

/// A bucket that could not be set to 0 in the table, or not be removed.
#[derive(Debug)]
#[non_exhaustive]
pub struct FailedPrune {
    /// The bucket.
    pub counter: CounterId,
    /// Why.
    pub why: String,
}

/// Sets the counts of old buckets to 0, and removes the rows of those that have been 0 for an hour.
pub(crate) fn prune(
    engine: &Engine,
    now: DateTime<Utc>,
    oldest_event: Duration,
    options: &PruneOptions,
) -> Result<Pruned, Error> {
    options.check(oldest_event)?;
    ask(engine, options.is_dry_run)?;
    let (ledger, now) = (engine.ledger(), now.naive_utc());
    let mut pruning = Pruning {
        engine,
        grain: options.grain,
        since: options.first_kept(now).map(Period::start),
        noted: HashSet::new(),
        pruned: Pruned::default(),
        failures_in_a_row: 0,
    };
    let mut owner_type = ledger.bucket_type_after(None)?;
    while let Some(of) = owner_type {
        let mut place = None;
        loop {
            let page = ledger.buckets_after(&of, place.as_ref(), BATCH)?;
            let is_old = |row: &CounterRow| {
                row.counter.period().is_some_and(|period| options.include(period, now))
            };
            let old = page.rows.into_iter().filter(is_old).collect::<Vec<_>>();
            if options.is_dry_run {
                pruning.pruned.look_at(&old);
            } else if pruning.prune(old)?.is_break() {
                return Ok(pruning.pruned);
            }
            let Some(next) = page.next else { break };
            place = Some(next);
        }
        owner_type = ledger.bucket_type_after(Some(&of))?;
    }
    Ok(pruning.pruned)
}

/// Asks whether the database is the right one, and whether it takes writes: else the store would be
/// filled with sets that no sync can apply.
fn ask(engine: &Engine, is_dry_run: bool) -> Result<(), Error> {
    if is_dry_run {
        let other = adoption::look(engine)?.mismatch;
        return other.map_or(Ok(()), |mismatch| Err(Error::OtherDatabase(mismatch)));
    }
    set::ask(engine)??;
    engine.ledger().ask_writes()
}

impl Pruned {
    fn look_at(&mut self, old: &[CounterRow]) {
        self.rows += old.len() as u64;
        self.cleared += old.iter().filter(|row| row.row.count != 0).count() as u64;
        self.removed += old.iter().filter(|row| zeros::is_due(row)).count() as u64;
    }
}

struct Pruning<'a> {
    engine: &'a Engine,
    grain: Grain,
    /// The start of the first period that is kept.
    since: Option<NaiveDateTime>,
    /// The keys of which that is noted.
    noted: HashSet<(OwnerType, CounterKey)>,
    pruned: Pruned,
    failures_in_a_row: usize,
}

impl Pruning<'_> {
    /// Sets buckets to 0 or removes their rows, and says whether to go on.
    fn prune(&mut self, old: Vec<CounterRow>) -> Result<ControlFlow<()>, Error> {
        self.pruned.rows += old.len() as u64;
        let is_zero = |row: &CounterRow| row.row.count == 0;
        let (zeros, counted) = old.into_iter().partition::<Vec<_>, _>(is_zero);
        for CounterRow { counter, .. } in &counted {
            self.note_not_kept(counter)?;
        }
        for CounterRow { counter, .. } in counted {
            match set::set_in_table(self.engine, &counter, Replacement::Set(0)) {
                Ok(InTable::Applied) => {
                    self.pruned.cleared += 1;
                    self.failures_in_a_row = 0;
                }
                Ok(InTable::Superseded) => {}
                Ok(InTable::Left(why)) => self.fail(counter, why),
                Err(error @ Error::OtherDatabase(_)) => return Err(error),
                Err(error) => self.fail(counter, one_line(&error)),
            }
            if self.failures_in_a_row >= FAILURES_IN_A_ROW {
                return Ok(ControlFlow::Break(()));
            }
        }
        let removed = zeros::remove(self.engine, zeros)?;
        if removed.rows > 0 {
            self.pruned.removed += removed.rows;
            self.failures_in_a_row = 0;
        }
        for (counter, error) in removed.refused {
            // What others work on just now is no failure.
            if !matches!(error, Error::Locked { .. }) {
                self.fail(counter, one_line(&error));
            }
        }
        let has_failed = self.failures_in_a_row >= FAILURES_IN_A_ROW;
        Ok(if has_failed { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    /// Notes that the buckets of a key are kept only from the first period on that this call keeps,
    /// before any of them is 0. Before the migration of the table nothing is noted.
    fn note_not_kept(&mut self, bucket: &CounterId) -> Result<(), Error> {
        let (of_type, of_key) = (bucket.owner_type(), bucket.key());
        let (owner_type, key) =
            (OwnerType::new(of_type.into_owned())?, CounterKey::new(of_key.into_owned())?);
        let of = (owner_type, key);
        if self.noted.contains(&of) {
            return Ok(());
        }
        let (owner_type, key) = of.clone();
        let (grain, since) = (self.grain, self.since);
        let kept = Kept { owner_type, key, grain, since, rolled_from: None };
        match self.engine.ledger().write_kept(&kept, KeptChange::Forward) {
            Ok(()) | Err(Error::NotMigrated { .. }) => {}
            Err(error) => return Err(error),
        }
        self.engine.known_kept().forget();
        self.noted.insert(of);
        Ok(())
    }

    fn fail(&mut self, counter: CounterId, why: String) {
        self.failures_in_a_row += 1;
        self.pruned.failed.push(FailedPrune { counter, why });
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
