use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc, Weekday};

use super::step::{Shift, Step};
use super::zone::Zone;
use crate::id::{Grain, Period};
use crate::invalid::{InputKind, Invalid};

/// Which periods a read asks for: a number of steps of one grain, one after the other.
///
/// A [`Period`] is a span of one step, and so is a [`Step`] of another span. What is wrong with a
/// span, such as too many steps, is an error of the read.
///
/// ```
/// # use chrono::{NaiveDate, Weekday};
/// # use counter_core::{Grain, Span};
/// let date = |month, day| NaiveDate::from_ymd_opt(2026, month, day).unwrap();
/// let last_week_of_days = Span::last(7, Grain::Day).complete();
/// let november = Span::between(Grain::Day, date(11, 1), date(12, 1));
/// let weeks_from_sunday = Span::last(8, Grain::Week).weeks_from(Weekday::Sun);
/// let billing_periods = Span::last(12, Grain::Month).months_from(15).complete();
/// let fiscal_years = Span::last(3, Grain::Year).years_from(4);
/// # let _ = (last_week_of_days, november, weeks_from_sunday, billing_periods, fiscal_years);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[must_use = "it only says what to read"]
pub struct Span {
    reach: Reach,
    step: Grain,
    is_complete: bool,
    is_kept_only: bool,
    first_weekday: Weekday,
    first_day_of_month: u32,
    first_month_of_year: u32,
    zone: Option<Zone>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Reach {
    Last(usize),
    Between(NaiveDate, NaiveDate),
    One(Step),
}

impl Span {
    /// The greatest number of steps: more than a year of hours has, and 27 years of days.
    pub const MAX_STEPS: usize = 10_000;

    /// Maximum number of periods that are added up for one counter: 11 years of hours, or 270 years
    /// of days.
    pub const MAX_PERIODS: u64 = 100_000;

    /// Returns the span of the last `n` steps, of which the newest is the running one.
    pub fn last(n: usize, step: Grain) -> Self {
        Self::new(Reach::Last(n), step)
    }

    /// Returns the span from a date until another, which is not part of it. It is widened to whole
    /// steps: `between` 10 and 20 November by months is all of November.
    ///
    /// Both are dates of the span's zone, also where the steps are hours.
    pub fn between(step: Grain, from: NaiveDate, until: NaiveDate) -> Self {
        Self::new(Reach::Between(from, until), step)
    }

    fn new(reach: Reach, step: Grain) -> Self {
        let (is_complete, is_kept_only, zone) = (false, false, None);
        let (first_weekday, first_day_of_month, first_month_of_year) = (Weekday::Mon, 1, 1);
        Self {
            reach,
            step,
            is_complete,
            is_kept_only,
            first_weekday,
            first_day_of_month,
            first_month_of_year,
            zone,
        }
    }

    /// Leaves out the running step, and what is in the future. The last `n` are then the last `n`
    /// that have ended.
    pub fn complete(self) -> Self {
        Self { is_complete: true, ..self }
    }

    /// Leaves out the steps that are not kept completely, because they were removed or never
    /// counted by periods. Otherwise a read of them is an error. The result may have no steps.
    pub fn kept(self) -> Self {
        Self { is_kept_only: true, ..self }
    }

    /// Lets weeks begin on this day. Default: Monday, as ISO weeks do. Other weeks are added up
    /// from days.
    ///
    /// It regroups only the steps that are weeks, and not a [`Period`].
    pub fn weeks_from(self, day: Weekday) -> Self {
        Self { first_weekday: day, ..self }
    }

    /// Lets months, quarters and years begin on this day of the month, from 1 to 28, such as the
    /// months of a bill. Default: 1. Others are added up from days.
    ///
    /// It regroups only steps of these grains, and not a [`Period`]. Another day is an error of the
    /// read.
    pub fn months_from(self, day: u32) -> Self {
        Self { first_day_of_month: day, ..self }
    }

    /// Lets years begin in this month, from 1 to 12, such as fiscal years in April. Default: 1.
    /// Such years are added up from days or months, or from quarters if they begin with one.
    ///
    /// It regroups only the steps that are years, and not a [`Period`]. With
    /// [`months_from`](Self::months_from) they begin on that day of the month. Another month is an
    /// error of the read.
    pub fn years_from(self, month: u32) -> Self {
        Self { first_month_of_year: month, ..self }
    }

    /// Takes the present from the calendar of this zone. Default: that of the owner, else the
    /// configured one.
    pub fn zone(self, zone: Zone) -> Self {
        Self { zone: Some(zone), ..self }
    }

    /// Returns whether only what is [kept](Self::kept) is asked for.
    pub const fn is_kept_only(&self) -> bool {
        self.is_kept_only
    }

    /// Returns the grain of the steps.
    pub const fn step(&self) -> Grain {
        self.step
    }

    /// Returns the zone that the span was given.
    pub const fn own_zone(&self) -> Option<Zone> {
        self.zone
    }

    /// Returns whether the steps depend on the zone. Steps that end with the running one do, and so
    /// do hours between dates. Hours up to now do not; neither do given periods and dates, unless
    /// the span leaves out the running one.
    pub fn depends_on_zone(&self) -> bool {
        match (self.reach, self.step) {
            (Reach::Between(..), Grain::Hour) => true,
            (_, Grain::Hour) => false,
            (Reach::Last(_), _) => true,
            (Reach::Between(..) | Reach::One(_), _) => self.is_complete,
        }
    }

    /// Returns the steps, oldest first, at an instant. `zone` is that of the span unless it was
    /// given another.
    ///
    /// ```
    /// # use chrono::NaiveDate;
    /// # use counter_core::{Grain, Invalid, Span, Zone};
    /// let now = NaiveDate::from_ymd_opt(2026, 11, 28).unwrap().and_hms_opt(14, 0, 0).unwrap();
    /// let steps = Span::last(3, Grain::Month).steps(now.and_utc(), Zone::UTC)?;
    /// let labels = steps.iter().map(|step| step.label().to_string()).collect::<Vec<_>>();
    /// assert_eq!(labels, ["month:2026-09", "month:2026-10", "month:2026-11"]);
    /// # Ok::<(), Invalid>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Invalid`] if the span ends before it begins, has more than [`MAX_STEPS`](Self::MAX_STEPS)
    /// steps, reaches beyond the years 1000 to 9999, has months from a day that is not 1 to 28, or
    /// years from a month that is not 1 to 12.
    pub fn steps(&self, now: DateTime<Utc>, zone: Zone) -> Result<Vec<Step>, Invalid> {
        let zone = self.zone.unwrap_or(zone);
        let shift = self.shift()?;
        let running = Step::containing(self.step, shift, self.civil(now, zone));
        let mut steps = match self.reach {
            Reach::Last(n) => self.last_steps(n, running)?,
            Reach::Between(from, until) => self.steps_between(from, until, shift, zone)?,
            Reach::One(step) => vec![step],
        };
        if self.is_complete {
            steps.retain(|step| *step < running);
        }
        for step in steps.first().into_iter().chain(steps.last()) {
            step.label().check()?;
        }
        Ok(steps)
    }

    fn last_steps(&self, n: usize, running: Step) -> Result<Vec<Step>, Invalid> {
        if n > Self::MAX_STEPS {
            return Err(self.refused(TOO_MANY));
        }
        let newest = if self.is_complete { running.previous() } else { running };
        let mut steps = std::iter::successors(Some(newest), |step| Some(step.previous()))
            .take(n)
            .collect::<Vec<_>>();
        steps.reverse();
        Ok(steps)
    }

    fn steps_between(
        &self,
        from: NaiveDate,
        until: NaiveDate,
        shift: Shift,
        zone: Zone,
    ) -> Result<Vec<Step>, Invalid> {
        if until < from {
            return Err(self.refused("it ends before it begins"));
        }
        let (start, end) = (self.midnight(from, zone), self.midnight(until, zone));
        let first = Step::containing(self.step, shift, start);
        let steps = std::iter::successors(Some(first), |step| Some(step.next()))
            .take_while(|step| from < until && step.start() < end)
            .take(Self::MAX_STEPS + 1)
            .collect::<Vec<_>>();
        if steps.len() > Self::MAX_STEPS { Err(self.refused(TOO_MANY)) } else { Ok(steps) }
    }

    /// Returns how long after a period of the calendar each step begins.
    fn shift(&self) -> Result<Shift, Invalid> {
        if !(1..=28).contains(&self.first_day_of_month) {
            return Err(self.refused("months begin on a day from 1 to 28"));
        }
        if !(1..=12).contains(&self.first_month_of_year) {
            return Err(self.refused("years begin in a month from 1 to 12"));
        }
        if let Reach::One(step) = self.reach {
            return Ok(step.shift());
        }
        let months = if self.step == Grain::Year { self.first_month_of_year as u8 - 1 } else { 0 };
        let days = match self.step {
            Grain::Hour | Grain::Day => 0,
            // From -3 to 3, so that most of the week is in the ISO week that it is named by.
            Grain::Week => (self.first_weekday.num_days_from_monday() as i8 + 3) % 7 - 3,
            Grain::Month | Grain::Quarter | Grain::Year => self.first_day_of_month as i8 - 1,
        };
        Ok(Shift { months, days })
    }

    /// Returns what the labels of this span's steps are made of at an instant: hours are in UTC.
    fn civil(&self, at: DateTime<Utc>, zone: Zone) -> NaiveDateTime {
        if self.step == Grain::Hour { at.naive_utc() } else { zone.to_civil(at) }
    }

    /// Returns where a date begins.
    fn midnight(&self, date: NaiveDate, zone: Zone) -> NaiveDateTime {
        let midnight = date.and_time(NaiveTime::MIN);
        if self.step == Grain::Hour { zone.first_instant(midnight).naive_utc() } else { midnight }
    }

    fn refused(&self, why: &'static str) -> Invalid {
        let step = self.step;
        let text = match self.reach {
            Reach::Last(n) => format!("last {n} by {step}"),
            Reach::Between(from, until) => format!("{from} to {until} by {step}"),
            Reach::One(step) => step.to_string(),
        };
        Invalid::malformed(InputKind::Span, &text, why)
    }
}

const TOO_MANY: &str = "it has more than 10000 steps";

/// Exactly this period.
impl From<Period> for Span {
    fn from(period: Period) -> Self {
        Step::of(period).into()
    }
}

/// Exactly the days of this step, even if it begins on another day than a period of the calendar.
impl From<Step> for Span {
    fn from(step: Step) -> Self {
        Self::new(Reach::One(step), step.label().grain())
    }
}
