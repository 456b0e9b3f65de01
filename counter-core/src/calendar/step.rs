use std::fmt;
use std::ops::Range;

use chrono::{DateTime, Datelike, Months, NaiveDateTime, TimeDelta, Timelike, Utc};

use super::zone::Zone;
use crate::id::{Grain, Period};

/// One step of a [`Span`](super::Span): a period, or a week, a month or a year that begins on
/// another day.
///
/// It is displayed as its [`label`](Self::label), such as `week:2026-W48`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Step {
    label: Period,
    shift: Shift,
}

/// How much later than the period of its label a step begins and ends: first the months, then the
/// days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(super) struct Shift {
    /// Below 12 for a year, else 0.
    pub(super) months: u8,
    pub(super) days: i8,
}

impl Step {
    /// Returns the step that is this period.
    pub(super) fn of(period: Period) -> Self {
        Self { label: period, shift: Shift::default() }
    }

    /// Returns the step of this grain that contains a civil time.
    pub(super) fn containing(grain: Grain, shift: Shift, at: NaiveDateTime) -> Self {
        // If the month is too short for the day, this is its last day, which is in the same year.
        let shifted = at
            .checked_sub_signed(TimeDelta::days(shift.days.into()))
            .and_then(|at| at.checked_sub_months(Months::new(shift.months.into())));
        Self { label: Period::containing(grain, shifted.unwrap_or(at)), shift }
    }

    pub(super) const fn shift(self) -> Shift {
        self.shift
    }

    /// Returns the period by which the step is shown.
    ///
    /// A month that begins on the 15th is named after the month in which it begins, and a year that
    /// begins in April after the year in which it begins. A week that does not begin on Monday is
    /// named after the ISO week that has most of its days.
    pub const fn label(self) -> Period {
        self.label
    }

    /// Returns the period that this step is, if it is one: the bucket of [`label`](Self::label) is
    /// the whole step.
    pub fn period(self) -> Option<Period> {
        (self.shift == Shift::default()).then_some(self.label)
    }

    /// Returns the first civil time of the step, in UTC for an hour. It differs from that of its
    /// [`label`](Self::label) if the step begins on another day.
    pub fn start(self) -> NaiveDateTime {
        self.shifted(self.label.start())
    }

    /// Returns the first civil time after the step.
    pub fn end(self) -> NaiveDateTime {
        self.shifted(self.label.end())
    }

    /// Returns the instants of the step in a zone, without the end: as [`Period::instants`].
    pub fn instants(self, zone: Zone) -> Range<DateTime<Utc>> {
        let zone = if self.label.grain() == Grain::Hour { Zone::UTC } else { zone };
        zone.between(self.start()..self.end())
    }

    /// Returns the periods of a grain that add up to this step in a zone, oldest first; `None`
    /// where they cannot.
    ///
    /// A step that is a period is that period. Days make up every step that is longer, months make
    /// up quarters and years unless these begin within a month, quarters make up years unless these
    /// begin within a quarter. Hours make up every step whose first and last
    /// instant in the zone is at a full hour of UTC. Weeks make up nothing else.
    ///
    /// ```
    /// # use chrono::DateTime;
    /// # use counter_core::{Grain, Invalid, Period, Span, Zone};
    /// let span = Span::from(Period::quarter(2026, 4)?);
    /// let steps = span.steps(DateTime::UNIX_EPOCH, Zone::UTC)?;
    /// let months = steps[0].made_of(Grain::Month, Zone::UTC).unwrap();
    /// assert_eq!(months, [10, 11, 12].map(|month| Period::month(2026, month).unwrap()));
    /// assert_eq!(steps[0].made_of(Grain::Week, Zone::UTC), None);
    /// # Ok::<(), Invalid>(())
    /// ```
    pub fn made_of(self, grain: Grain, zone: Zone) -> Option<Vec<Period>> {
        match self.period() {
            Some(period) if period.grain() == grain => Some(vec![period]),
            _ => self.covered(grain, zone).map(|within| periods_within(grain, within)),
        }
    }

    /// Returns how many periods [`made_of`](Self::made_of) returns, without making them.
    pub fn count_of(self, grain: Grain, zone: Zone) -> Option<u64> {
        if self.period().is_some_and(|period| period.grain() == grain) {
            return Some(1);
        }
        let Range { start, end } = self.covered(grain, zone)?;
        let months = |at: NaiveDateTime| i64::from(at.year()) * 12 + i64::from(at.month0());
        let count = match grain {
            Grain::Hour => (end - start).num_hours(),
            Grain::Day => (end - start).num_days(),
            Grain::Month => months(end) - months(start),
            Grain::Quarter => (months(end) - months(start)) / 3,
            // Weeks make up nothing longer.
            Grain::Week | Grain::Year => return None,
        };
        u64::try_from(count).ok()
    }

    /// Returns the civil times between which the shorter periods lie that add up to the step.
    fn covered(self, grain: Grain, zone: Zone) -> Option<Range<NaiveDateTime>> {
        if grain != Grain::Hour {
            return self.is_divided_by(grain).then(|| self.start()..self.end());
        }
        let Range { start, end } = self.instants(zone);
        let is_full_hour = |at: DateTime<Utc>| at.minute() == 0 && at.second() == 0;
        let fits = is_full_hour(start) && is_full_hour(end);
        fits.then(|| start.naive_utc()..end.naive_utc())
    }

    fn is_divided_by(self, grain: Grain) -> bool {
        let Shift { months, days } = self.shift;
        let is_longer = self.label.grain() > grain;
        match grain {
            Grain::Day => is_longer,
            Grain::Month => is_longer && days == 0,
            Grain::Quarter => is_longer && days == 0 && months % 3 == 0,
            Grain::Hour | Grain::Week | Grain::Year => false,
        }
    }

    pub(super) fn next(self) -> Self {
        Self { label: self.label.next(), ..self }
    }

    pub(super) fn previous(self) -> Self {
        Self { label: self.label.previous(), ..self }
    }

    fn shifted(self, at: NaiveDateTime) -> NaiveDateTime {
        if self.shift == Shift::default() {
            return at;
        }
        at.checked_add_months(Months::new(self.shift.months.into()))
            .and_then(|at| at.checked_add_signed(TimeDelta::days(self.shift.days.into())))
            .unwrap_or(at)
    }
}

/// Writes the [`label`](Step::label).
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.label.fmt(f)
    }
}

/// Returns the periods from one start to another, which is not one of them.
fn periods_within(grain: Grain, within: Range<NaiveDateTime>) -> Vec<Period> {
    let mut periods = Vec::new();
    let mut period = Period::containing(grain, within.start);
    while period.start() < within.end {
        periods.push(period);
        let next = period.next();
        if next == period {
            break;
        }
        period = next;
    }
    periods
}
