use std::ops::Range;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Timelike, Utc};

use super::zone::Zone;
use crate::id::{Grain, Period};

/// One step of a [`Span`](super::Span): a period, or a week or a month that begins on another day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Step {
    label: Period,
    /// How many days after the period it begins, and ends.
    shift: i8,
}

impl Step {
    pub(super) fn new(label: Period, shift: i8) -> Self {
        Self { label, shift }
    }

    /// Returns the step of this grain that contains a civil time.
    pub(super) fn containing(grain: Grain, shift: i8, at: NaiveDateTime) -> Self {
        let shifted = at.checked_sub_signed(TimeDelta::days(shift.into()));
        Self { label: Period::containing(grain, shifted.unwrap_or(at)), shift }
    }

    /// Returns the period by which the step is shown.
    ///
    /// A month that begins on the 15th has the name of the month in which it begins. A week that
    /// begins on another day than Monday has the name of the ISO week in which most of it is.
    pub const fn label(self) -> Period {
        self.label
    }

    /// Returns the period that this step is, if it is one: the bucket of [`label`](Self::label) is
    /// the whole step.
    pub fn period(self) -> Option<Period> {
        (self.shift == 0).then_some(self.label)
    }

    /// Returns the first civil time of the step. That of an hour is in UTC.
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
    /// up quarters and years, quarters make up years. Hours make up every step whose first and last
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
        if self.period().is_some_and(|period| period.grain() == grain) {
            return Some(vec![self.label]);
        }
        let parts = match grain {
            Grain::Hour => {
                let Range { start, end } = self.instants(zone);
                let is_full_hour = |at: DateTime<Utc>| at.minute() == 0 && at.second() == 0;
                let fits = is_full_hour(start) && is_full_hour(end);
                fits.then(|| start.naive_utc()..end.naive_utc())
            }
            _ => self.is_divided_by(grain).then(|| self.start()..self.end()),
        };
        parts.map(|parts| periods_within(grain, parts))
    }

    fn is_divided_by(self, grain: Grain) -> bool {
        let is_period = self.shift == 0;
        match grain {
            Grain::Day => self.label.grain() > Grain::Day,
            Grain::Month => is_period && self.label.grain() > Grain::Month,
            Grain::Quarter => is_period && self.label.grain() > Grain::Quarter,
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
        at.checked_add_signed(TimeDelta::days(self.shift.into())).unwrap_or(at)
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
