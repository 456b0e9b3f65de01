use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use chrono::{DateTime, FixedOffset, NaiveDateTime, Utc};
#[cfg(feature = "chrono-tz")]
use chrono::{MappedLocalTime, Offset, TimeZone};
#[cfg(feature = "chrono-tz")]
use chrono_tz::{GapInfo, Tz};

use crate::id::{Grain, Period};
use crate::invalid::{InputKind, Invalid};

/// The time zone whose calendar decides on which day, and so in which week, month, quarter and
/// year, an instant is. Default: UTC.
///
/// As text it is `UTC`, an offset such as `+05:30`, or, with the feature `chrono-tz`, a name of the
/// IANA time zone database such as `Europe/Berlin`. The database is compiled in, so that all
/// processes of one build agree; what a country changes later comes with an update of the crate
/// `chrono-tz`.
///
/// ```
/// # use chrono::NaiveDate;
/// # use counter_core::{Invalid, Zone};
/// let kolkata = "+05:30".parse::<Zone>()?;
/// let at = NaiveDate::from_ymd_opt(2026, 11, 28).unwrap().and_hms_opt(20, 0, 0).unwrap();
/// assert_eq!(kolkata.to_civil(at.and_utc()).to_string(), "2026-11-29 01:30:00");
/// # Ok::<(), Invalid>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Zone(Rule);

/// A zone that is always at the offset 0 is `Utc`, however it was written, so that equal texts are
/// equal zones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
enum Rule {
    #[default]
    Utc,
    Fixed(FixedOffset),
    #[cfg(feature = "chrono-tz")]
    Named(Tz),
}

impl Zone {
    /// UTC.
    pub const UTC: Self = Self(Rule::Utc);

    /// Returns what a calendar and a clock of this zone show at an instant.
    ///
    /// When the clocks are set back an hour comes twice, and two instants have the same civil time.
    pub fn to_civil(self, at: DateTime<Utc>) -> NaiveDateTime {
        let utc = at.naive_utc();
        let civil = match self.0 {
            Rule::Utc => Some(utc),
            Rule::Fixed(offset) => utc.checked_add_offset(offset),
            #[cfg(feature = "chrono-tz")]
            Rule::Named(zone) => utc.checked_add_offset(zone.offset_from_utc_datetime(&utc).fix()),
        };
        // Only within a day of the first and the last instant that chrono knows.
        civil.unwrap_or(utc)
    }

    /// Returns the first instant at which the civil time is this one. If the clocks skip it,
    /// returns the first instant after what they skip.
    pub(super) fn first_instant(self, civil: NaiveDateTime) -> DateTime<Utc> {
        match self.0 {
            Rule::Utc => civil.and_utc(),
            Rule::Fixed(offset) => civil.checked_sub_offset(offset).unwrap_or(civil).and_utc(),
            #[cfg(feature = "chrono-tz")]
            Rule::Named(zone) => first_instant_of(zone, civil),
        }
    }

    /// Returns the instants from one civil time to another.
    pub(super) fn between(self, civil: Range<NaiveDateTime>) -> Range<DateTime<Utc>> {
        self.first_instant(civil.start)..self.first_instant(civil.end)
    }
}

#[cfg(feature = "chrono-tz")]
fn first_instant_of(zone: Tz, civil: NaiveDateTime) -> DateTime<Utc> {
    match zone.from_local_datetime(&civil) {
        MappedLocalTime::Single(at) | MappedLocalTime::Ambiguous(at, _) => at.to_utc(),
        MappedLocalTime::None => {
            let after = GapInfo::new(&civil, &zone).and_then(|gap| gap.end);
            // Every gap has an end, except at the first and the last day that chrono knows.
            after.map_or_else(|| civil.and_utc(), |at| at.to_utc())
        }
    }
}

impl Period {
    /// Returns the instants of this period in a zone, without the end. An hour is the same in every
    /// zone, because its label is in UTC.
    ///
    /// A day on which the clocks change has 23 or 25 hours. If the clocks skip the start, the
    /// period begins with the first instant after what they skip; if they show it twice, with the
    /// first time. A period ends where the next one begins, so no instant is in two or in none. A
    /// day that a zone skipped, such as 30 December 2011 in Samoa, has no instants.
    ///
    /// ```
    /// # use chrono::{NaiveDate, TimeDelta};
    /// # use counter_core::{Invalid, Period, Zone};
    /// let day = Period::day(NaiveDate::from_ymd_opt(2026, 11, 28).unwrap());
    /// let instants = day.instants("+02:00".parse::<Zone>()?);
    /// assert_eq!(instants.start.to_string(), "2026-11-27 22:00:00 UTC");
    /// assert_eq!(instants.end - instants.start, TimeDelta::hours(24));
    /// # Ok::<(), Invalid>(())
    /// ```
    pub fn instants(self, zone: Zone) -> Range<DateTime<Utc>> {
        let zone = if self.grain() == Grain::Hour { Zone::UTC } else { zone };
        zone.between(self.start()..self.end())
    }

    /// Returns the period in which an instant is, by the calendar of a zone. An hour is that of
    /// UTC.
    pub fn at(grain: Grain, at: DateTime<Utc>, zone: Zone) -> Self {
        let zone = if grain == Grain::Hour { Zone::UTC } else { zone };
        Self::containing(grain, zone.to_civil(at))
    }
}

impl From<Utc> for Zone {
    fn from(_: Utc) -> Self {
        Self::UTC
    }
}

impl From<FixedOffset> for Zone {
    fn from(offset: FixedOffset) -> Self {
        if offset.local_minus_utc() == 0 { Self::UTC } else { Self(Rule::Fixed(offset)) }
    }
}

#[cfg(feature = "chrono-tz")]
impl From<Tz> for Zone {
    fn from(zone: Tz) -> Self {
        if zone == Tz::UTC { Self::UTC } else { Self(Rule::Named(zone)) }
    }
}

/// Writes what is read: `UTC`, an offset, or a name.
impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Rule::Utc => f.write_str("UTC"),
            Rule::Fixed(offset) => write!(f, "{offset}"),
            #[cfg(feature = "chrono-tz")]
            Rule::Named(zone) => f.write_str(zone.name()),
        }
    }
}

/// Reads `UTC`, an offset such as `+05:30`, or, with the feature `chrono-tz`, a name such as
/// `Europe/Berlin`.
impl FromStr for Zone {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text.is_empty() {
            return Err(Invalid::Empty { kind: InputKind::Zone });
        }
        if text == "UTC" {
            return Ok(Self::UTC);
        }
        if text.starts_with(['+', '-']) {
            let offset = offset(text).map(Self::from);
            return offset.ok_or_else(|| refused(text, "expected an offset such as +05:30"));
        }
        named(text)
    }
}

#[cfg(feature = "chrono-tz")]
fn named(text: &str) -> Result<Zone, Invalid> {
    let why = "expected UTC, an offset such as +05:30, or a name of the IANA time zone database \
               such as Europe/Berlin";
    text.parse::<Tz>().map(Zone::from).map_err(|_| refused(text, why))
}

#[cfg(not(feature = "chrono-tz"))]
fn named(text: &str) -> Result<Zone, Invalid> {
    let why = "expected UTC or an offset such as +05:30; names such as Europe/Berlin need the \
               feature chrono-tz";
    Err(refused(text, why))
}

fn refused(text: &str, why: &'static str) -> Invalid {
    Invalid::malformed(InputKind::Zone, text, why)
}

/// Reads a sign, hours, minutes, and perhaps seconds, of two digits each.
fn offset(text: &str) -> Option<FixedOffset> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+')?),
    };
    let mut parts = rest.split(':').map(two_digits);
    let (hours, minutes) = (parts.next()??, parts.next()??);
    let seconds = parts.next().unwrap_or(Some(0))?;
    if parts.next().is_some() || minutes > 59 || seconds > 59 {
        return None;
    }
    FixedOffset::east_opt(sign * (hours * 3600 + minutes * 60 + seconds))
}

fn two_digits(text: &str) -> Option<i32> {
    let is_one = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    is_one.then(|| text.parse().ok()).flatten()
}
