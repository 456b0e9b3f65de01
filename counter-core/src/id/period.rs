use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, Days, Months, NaiveDate, NaiveDateTime, NaiveTime, Timelike, Weekday};

use crate::invalid::{InputKind, Invalid};

/// How long a period is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Grain {
    /// An hour. Its label is in UTC.
    Hour,
    /// A civil day.
    Day,
    /// An ISO week, from Monday to Sunday.
    Week,
    /// A civil month.
    Month,
    /// Three civil months, from January, April, July or October.
    Quarter,
    /// A civil year.
    Year,
}

impl Grain {
    /// Every grain, the shortest first.
    pub const ALL: &'static [Self] =
        &[Self::Hour, Self::Day, Self::Week, Self::Month, Self::Quarter, Self::Year];

    /// Returns the grain as a word, such as `day`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Quarter => "quarter",
            Self::Year => "year",
        }
    }
}

/// Reads what [`Grain::as_str`] returns.
impl FromStr for Grain {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let why = "expected hour, day, week, month, quarter or year";
        let refused = || Invalid::malformed(InputKind::Grain, text, why);
        Self::ALL.iter().copied().find(|grain| grain.as_str() == text).ok_or_else(refused)
    }
}

impl fmt::Display for Grain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One hour, day, week, month, quarter or year of the calendar, without a zone.
///
/// As text it is a grain and a label: `hour:2026-11-28T14`, `day:2026-11-28`, `week:2026-W48`,
/// `month:2026-11`, `quarter:2026-Q4`, `year:2026`. A period of a year outside of 1000 to 9999 can
/// be computed with, but its text is refused.
///
/// ```
/// # use counter_core::{Invalid, Period};
/// let november = Period::month(2026, 11)?;
/// assert_eq!(november.to_string(), "month:2026-11");
/// assert_eq!(november.next().to_string(), "month:2026-12");
/// # Ok::<(), Invalid>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period {
    grain: Grain,
    date: NaiveDate,
    /// Below 24, and 0 unless this is an hour.
    hour: u8,
}

impl Period {
    /// Returns the period that contains an instant of the calendar: any instant of a period names
    /// it.
    pub fn containing(grain: Grain, at: NaiveDateTime) -> Self {
        let date = at.date();
        let month = match grain {
            Grain::Quarter => date.month0() / 3 * 3 + 1,
            Grain::Year => 1,
            Grain::Hour | Grain::Day | Grain::Week | Grain::Month => date.month(),
        };
        let start = match grain {
            Grain::Hour | Grain::Day => Some(date),
            Grain::Week => {
                date.checked_sub_days(Days::new(u64::from(date.weekday().num_days_from_monday())))
            }
            Grain::Month | Grain::Quarter | Grain::Year => {
                NaiveDate::from_ymd_opt(date.year(), month, 1)
            }
        };
        let hour = if grain == Grain::Hour { at.hour() as u8 } else { 0 };
        // Only the first days that chrono knows are in a week or a year that began before them.
        Self { grain, date: start.unwrap_or(NaiveDate::MIN), hour }
    }

    /// Returns the period that begins at this instant of the calendar.
    ///
    /// ```
    /// # use chrono::NaiveDate;
    /// # use counter_core::{Grain, Invalid, Period};
    /// let at = |day| NaiveDate::from_ymd_opt(2026, 11, day).unwrap().into();
    /// assert_eq!(Period::starting(Grain::Month, at(1))?, Period::month(2026, 11)?);
    /// assert!(Period::starting(Grain::Month, at(28)).is_err());
    /// # Ok::<(), Invalid>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Invalid`] if none of this grain does, or if it is not within the years 1000 to 9999.
    pub fn starting(grain: Grain, at: NaiveDateTime) -> Result<Self, Invalid> {
        let period = Self::containing(grain, at);
        period.check()?;
        if period.start() == at {
            return Ok(period);
        }
        let why = "no period of this grain begins then";
        Err(Invalid::malformed(InputKind::Period, &format!("{grain} from {at}"), why))
    }

    /// Returns the day of this date.
    pub fn day(date: NaiveDate) -> Self {
        Self { grain: Grain::Day, date, hour: 0 }
    }

    /// Returns an hour of a day, 0 to 23, in UTC.
    ///
    /// # Errors
    ///
    /// [`Invalid`] if the day has no such hour.
    pub fn hour(date: NaiveDate, hour: u32) -> Result<Self, Invalid> {
        let known = u8::try_from(hour).ok().filter(|hour| *hour < 24);
        let refused = || Self::refused(&format!("hour:{date}T{hour:02}"));
        Ok(Self { grain: Grain::Hour, date, hour: known.ok_or_else(refused)? })
    }

    /// Returns a week of an ISO year, counted from 1.
    ///
    /// # Errors
    ///
    /// [`Invalid`] if the year is not within 1000 to 9999 or has no such week.
    pub fn week(year: i32, week: u32) -> Result<Self, Invalid> {
        let monday = NaiveDate::from_isoywd_opt(year, week, Weekday::Mon);
        Self::of(Grain::Week, year, monday, || format!("week:{year}-W{week:02}"))
    }

    /// Returns a month of a year, counted from 1.
    ///
    /// # Errors
    ///
    /// [`Invalid`] if the year is not within 1000 to 9999 or has no such month.
    pub fn month(year: i32, month: u32) -> Result<Self, Invalid> {
        let first = NaiveDate::from_ymd_opt(year, month, 1);
        Self::of(Grain::Month, year, first, || format!("month:{year}-{month:02}"))
    }

    /// Returns a quarter of a year, counted from 1.
    ///
    /// # Errors
    ///
    /// [`Invalid`] if the year is not within 1000 to 9999 or has no such quarter.
    pub fn quarter(year: i32, quarter: u32) -> Result<Self, Invalid> {
        let is_one = (1..=4).contains(&quarter);
        let first = is_one.then(|| NaiveDate::from_ymd_opt(year, quarter * 3 - 2, 1)).flatten();
        Self::of(Grain::Quarter, year, first, || format!("quarter:{year}-Q{quarter}"))
    }

    /// Returns a year.
    ///
    /// # Errors
    ///
    /// [`Invalid`] if the year is not within 1000 to 9999.
    pub fn year(year: i32) -> Result<Self, Invalid> {
        let first = NaiveDate::from_ymd_opt(year, 1, 1);
        Self::of(Grain::Year, year, first, || format!("year:{year}"))
    }

    fn of(
        grain: Grain,
        year: i32,
        start: Option<NaiveDate>,
        text: impl Fn() -> String,
    ) -> Result<Self, Invalid> {
        let period = start.map(|date| Self { grain, date, hour: 0 });
        let period = period.filter(|period| YEARS.contains(&year) && period.has_text());
        period.ok_or_else(|| Self::refused(&text()))
    }

    /// Refuses a period outside of the years 1000 to 9999, whose text nothing reads.
    pub(crate) fn check(self) -> Result<(), Invalid> {
        if self.has_text() { Ok(()) } else { Err(Self::refused(&self.to_string())) }
    }

    /// A week is named by the year in which most of it is, and kept by its first day.
    fn has_text(self) -> bool {
        let named = match self.grain {
            Grain::Week => self.date.iso_week().year(),
            _ => self.date.year(),
        };
        YEARS.contains(&named) && YEARS.contains(&self.date.year())
    }

    fn refused(text: &str) -> Invalid {
        let why = "expected a period of the years 1000 to 9999, such as day:2026-11-28";
        Invalid::malformed(InputKind::Period, text, why)
    }

    /// Returns how long the period is.
    pub const fn grain(self) -> Grain {
        self.grain
    }

    /// Returns the first instant of the period.
    pub fn start(self) -> NaiveDateTime {
        let time = NaiveTime::from_hms_opt(u32::from(self.hour), 0, 0);
        self.date.and_time(time.unwrap_or_default())
    }

    /// Returns the first instant after the period.
    pub fn end(self) -> NaiveDateTime {
        self.next().start()
    }

    /// Returns the period after this one. The last one that can be computed is its own next.
    pub fn next(self) -> Self {
        match self.grain {
            Grain::Hour if self.hour < 23 => Self { hour: self.hour + 1, ..self },
            Grain::Hour => {
                self.on(self.date.succ_opt()).map_or(self, |day| Self { hour: 0, ..day })
            }
            Grain::Day => self.on(self.date.succ_opt()).unwrap_or(self),
            Grain::Week => self.on(self.date.checked_add_days(Days::new(7))).unwrap_or(self),
            Grain::Month | Grain::Quarter | Grain::Year => {
                self.on(self.date.checked_add_months(self.months())).unwrap_or(self)
            }
        }
    }

    /// Returns the period before this one. The first one that can be computed is its own previous.
    pub fn previous(self) -> Self {
        match self.grain {
            Grain::Hour if self.hour > 0 => Self { hour: self.hour - 1, ..self },
            Grain::Hour => {
                self.on(self.date.pred_opt()).map_or(self, |day| Self { hour: 23, ..day })
            }
            Grain::Day => self.on(self.date.pred_opt()).unwrap_or(self),
            Grain::Week => self.on(self.date.checked_sub_days(Days::new(7))).unwrap_or(self),
            Grain::Month | Grain::Quarter | Grain::Year => {
                self.on(self.date.checked_sub_months(self.months())).unwrap_or(self)
            }
        }
    }

    fn on(self, date: Option<NaiveDate>) -> Option<Self> {
        date.map(|date| Self { date, ..self })
    }

    fn months(self) -> Months {
        Months::new(match self.grain {
            Grain::Quarter => 3,
            Grain::Year => 12,
            Grain::Hour | Grain::Day | Grain::Week | Grain::Month => 1,
        })
    }
}

/// The years of which every database can keep a start.
const YEARS: std::ops::RangeInclusive<i32> = 1000..=9999;

impl Period {
    /// Writes the grain and the label.
    pub(crate) fn write_to(self, out: &mut impl fmt::Write) -> fmt::Result {
        let Self { grain, date, hour } = self;
        let (year, month) = (date.year(), date.month());
        out.write_str(grain.as_str())?;
        out.write_char(':')?;
        match grain {
            Grain::Hour => write!(out, "{date}T{hour:02}"),
            Grain::Day => write_date(out, date),
            Grain::Week => {
                let week = date.iso_week();
                write!(out, "{:04}-W{:02}", week.year(), week.week())
            }
            Grain::Month => write!(out, "{year:04}-{month:02}"),
            Grain::Quarter => write!(out, "{year:04}-Q{}", date.month0() / 3 + 1),
            Grain::Year => write!(out, "{year:04}"),
        }
    }
}

/// Writes the grain and the label: `day:2026-11-28`.
impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_to(f)
    }
}

/// Writes a date as [`NaiveDate`] does, digit by digit, because a series writes one for each day.
fn write_date(out: &mut impl fmt::Write, date: NaiveDate) -> fmt::Result {
    let Some(year) = u32::try_from(date.year()).ok().filter(|year| *year <= 9999) else {
        return write!(out, "{date}");
    };
    let (month, day) = (date.month(), date.day());
    let digit = |number: u32| b'0' + (number % 10) as u8;
    let [thousands, hundreds] = [digit(year / 1000), digit(year / 100)];
    let two = |number: u32| [digit(number / 10), digit(number)];
    let ([y3, y4], [m1, m2], [d1, d2]) = (two(year), two(month), two(day));
    let date = [thousands, hundreds, y3, y4, b'-', m1, m2, b'-', d1, d2];
    out.write_str(str::from_utf8(&date).map_err(|_| fmt::Error)?)
}

/// Reads what `Display` writes of a period of the years 1000 to 9999, and nothing else:
/// `day:2026-02-31`, `week:2026-W54` and `month:2026-1` are refused.
impl FromStr for Period {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let period = text.split_once(':').and_then(|(word, label)| {
            let grain = Grain::ALL.iter().copied().find(|grain| grain.as_str() == word)?;
            read_label(grain, label)
        });
        // A text that parses but is written differently is not the text of a period.
        period.filter(|period| period.to_string() == text).ok_or_else(|| Self::refused(text))
    }
}

fn read_label(grain: Grain, label: &str) -> Option<Period> {
    let (date, hour) = label.split_once('T').unwrap_or((label, "0"));
    let mut parts = date.split('-');
    let year = parts.next()?.parse().ok().filter(|year| YEARS.contains(year))?;
    let mut number = |mark: &str| parts.next()?.strip_prefix(mark)?.parse::<u32>().ok();
    match grain {
        Grain::Hour | Grain::Day => {
            let date = NaiveDate::from_ymd_opt(year, number("")?, number("")?)?;
            let day = Period::day(date);
            if grain == Grain::Day {
                Some(day)
            } else {
                Period::hour(date, hour.parse().ok()?).ok()
            }
        }
        Grain::Week => Period::week(year, number("W")?).ok(),
        Grain::Month => Period::month(year, number("")?).ok(),
        Grain::Quarter => Period::quarter(year, number("Q")?).ok(),
        Grain::Year => Period::year(year).ok(),
    }
}
