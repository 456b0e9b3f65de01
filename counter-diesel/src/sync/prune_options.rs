use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta};
use counter_core::{CounterId, Grain, Period, Retention};

use crate::error::Error;
use crate::sync::report::capped::Capped;

/// Which buckets [`Counters::prune`](crate::Counters::prune) removes. Default: those that
/// [`Config::retention`](crate::Config::retention) does not keep.
#[derive(Debug, Clone, Default)]
#[must_use = "it only says what to remove"]
pub struct PruneOptions {
    /// The retention to use instead of the configured one.
    retention: Option<Retention>,
    is_dry_run: bool,
    is_even_if_late: bool,
}

impl PruneOptions {
    /// Removes the buckets of this grain whose period ended longer ago than this, whatever is
    /// configured. A running period always stays, however long ago it began.
    ///
    /// The time may not be shorter than [`oldest_event`](crate::CountersBuilder::oldest_event),
    /// unless [`even_if_late`](Self::even_if_late) says so.
    pub fn new(grain: Grain, older_than: Duration) -> Self {
        Self::of(Retention::default().keep_for(grain, older_than))
    }

    /// Removes the buckets that this retention does not keep, whatever is configured.
    pub fn of(retention: Retention) -> Self {
        Self { retention: Some(retention), ..Self::default() }
    }

    /// Also removes buckets in which late events can still be counted. A later call removes what
    /// such events count there, unless it rolls the bucket up; the total keeps it. Default:
    /// `false`.
    pub fn even_if_late(mut self, even_if_late: bool) -> Self {
        self.is_even_if_late = even_if_late;
        self
    }

    /// Counts what would be done, and changes nothing. Default: `false`.
    pub fn dry_run(mut self, dry_run: bool) -> Self {
        self.is_dry_run = dry_run;
        self
    }

    pub(crate) fn is_dry_run(&self) -> bool {
        self.is_dry_run
    }

    /// Returns what to remove, grain by grain, the longest first, so that one call does not roll a
    /// count up twice.
    pub(crate) fn rules(
        &self,
        configured: &Retention,
        oldest_event: Duration,
    ) -> Result<Vec<Rule>, Error> {
        let retention = self.retention.as_ref().unwrap_or(configured);
        if let Some((from, into)) = retention.impossible() {
            return Err(Error::RollUp { from, into });
        }
        let mut rules = Vec::new();
        for (grain, older_than) in retention.kept() {
            let is_late = !self.is_even_if_late && older_than < oldest_event;
            if older_than.is_zero() || is_late {
                return Err(Error::TooYoung { older_than, oldest_event });
            }
            rules.push(Rule { grain, older_than, into: retention.rolled_up(grain) });
        }
        rules.reverse();
        Ok(rules)
    }
}

/// Which buckets of a grain go, and where their counts do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rule {
    pub(crate) grain: Grain,
    older_than: Duration,
    /// The grain into which they are rolled up.
    pub(crate) into: Option<Grain>,
}

impl Rule {
    /// Returns the first period that stays. `None` if the calendar does not go back that far.
    ///
    /// The zone of a day is not known. So all grains but hours are taken to end a day later than in
    /// UTC, which is later than in any zone.
    pub(crate) fn first_kept(&self, now: NaiveDateTime) -> Option<Period> {
        let latest = TimeDelta::days(i64::from(self.grain != Grain::Hour));
        let now = now.checked_sub_signed(latest)?;
        Retention::default().keep_for(self.grain, self.older_than).first_kept(self.grain, now)
    }
}

/// The result of [`Counters::prune`](crate::Counters::prune); in a dry run, what it would have
/// done.
#[derive(Debug, Default)]
#[non_exhaustive]
#[must_use = "it says what could not be removed"]
pub struct Pruned {
    /// Rows whose period ended long enough ago.
    pub rows: u64,
    /// Rows that this call has set to 0 in the table. A call an hour later removes them.
    pub cleared: u64,
    /// The rows of `cleared` whose counts were added to longer buckets.
    pub rolled_up: u64,
    /// Rows that are not 0 and stay for now, for one of these reasons: the store holds something of
    /// them that a sync must move first, another transaction has locked them, it was noted only in
    /// the last ten minutes that they are rolled up, late events may still be counted in the longer
    /// period, or the longer bucket lacks them, because its grain was declared later, or may lack
    /// them, as far as a process knows that does not know the model.
    pub held: u64,
    /// Rows that were removed, because they had been 0 for an hour and the store held nothing of
    /// them.
    pub removed: u64,
    /// Buckets that could not be set to 0 or removed. After 16 failures in a row the call ends. A
    /// key that is counted by the grain into which it was to be rolled up, although the builder does
    /// not know that the model counts by it, or nothing was noted of that, is named here once.
    pub failed: Capped<FailedPrune>,
}

/// A bucket that could not be set to 0, or not be removed.
#[derive(Debug)]
#[non_exhaustive]
pub struct FailedPrune {
    /// The bucket.
    pub counter: CounterId,
    /// Why.
    pub why: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    fn included(text: &str, older_than: Duration, now: &str) -> bool {
        let period = text.parse::<Period>().unwrap();
        let rule = Rule { grain: period.grain(), older_than, into: None };
        rule.first_kept(now.parse().unwrap()).is_some_and(|first| period < first)
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
}
