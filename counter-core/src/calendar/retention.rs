use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta};

use crate::id::{Grain, Period};
use crate::interval::Interval;
use crate::invalid::{InputKind, Invalid};

/// How long the buckets of each grain are kept after the end of their period, and into which longer
/// buckets they are then added up. Buckets of other grains are kept for ever.
///
/// Written as text it is a list: `hour=7d,day=90d:month` keeps hours for 7 days and days for 90
/// days. Then the days are rolled up into months.
///
/// ```
/// # use counter_core::{Grain, Invalid, Retention};
/// let retention = Retention::default()
///     .keep(Grain::Hour, 7)
///     .keep(Grain::Day, 90)
///     .roll_up(Grain::Day, Grain::Month);
/// assert_eq!(retention.to_string(), "hour=7d,day=90d:month");
/// assert_eq!(retention, "hour=7d,day=90d:month".parse()?);
/// # Ok::<(), Invalid>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[must_use = "it only says what to keep"]
pub struct Retention {
    kept: BTreeMap<Grain, Duration>,
    rolled_up: BTreeMap<Grain, Grain>,
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Retention {
    /// Keeps the buckets of a grain for so many days after the end of their period.
    pub fn keep(self, grain: Grain, days: u32) -> Self {
        self.keep_for(grain, DAY * days)
    }

    /// Keeps the buckets of a grain for this time after the end of their period.
    pub fn keep_for(mut self, grain: Grain, time: Duration) -> Self {
        self.kept.insert(grain, time);
        self
    }

    /// Adds the old buckets of a grain to those of a longer one instead of dropping them: days to
    /// weeks, months, quarters or years, months to quarters or years, quarters to years.
    pub fn roll_up(mut self, from: Grain, into: Grain) -> Self {
        self.rolled_up.insert(from, into);
        self
    }

    /// Returns whether everything is kept for ever.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Returns the grains that are not kept for ever, the shortest first, and for how long each is.
    pub fn kept(&self) -> impl Iterator<Item = (Grain, Duration)> + '_ {
        self.kept.iter().map(|(grain, time)| (*grain, *time))
    }

    /// Returns the grain into which another one is rolled up, if it is.
    pub fn rolled_up(&self, from: Grain) -> Option<Grain> {
        self.rolled_up.get(&from).copied()
    }

    /// Returns the first period of a grain that is kept at a civil time. `None` if all are.
    pub fn first_kept(&self, grain: Grain, now: NaiveDateTime) -> Option<Period> {
        let kept = TimeDelta::from_std(*self.kept.get(&grain)?).ok()?;
        // A period that ends at the bound is old enough. One that contains the bound ends later.
        Some(Period::containing(grain, now.checked_sub_signed(kept)?))
    }

    /// Returns a grain with an invalid roll-up: it does not add up to the other grain, or is kept
    /// for ever.
    pub fn impossible(&self) -> Option<(Grain, Grain)> {
        let is_impossible = |(from, into): &(&Grain, &Grain)| {
            let adds_up = match from {
                Grain::Day => **into > Grain::Day,
                Grain::Month | Grain::Quarter => into > from,
                Grain::Hour | Grain::Week | Grain::Year => false,
            };
            !adds_up || !self.kept.contains_key(from)
        };
        self.rolled_up.iter().find(is_impossible).map(|(from, into)| (*from, *into))
    }
}

impl fmt::Display for Retention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (grain, time)) in self.kept.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            let (millis, seconds) = (time.as_millis(), time.as_secs());
            write!(f, "{comma}{grain}=")?;
            match (millis % 1000, seconds % DAY.as_secs()) {
                (0, 0) => write!(f, "{}d", seconds / DAY.as_secs()),
                (0, _) => write!(f, "{seconds}s"),
                _ => write!(f, "{millis}ms"),
            }?;
            if let Some(into) = self.rolled_up(*grain) {
                write!(f, ":{into}")?;
            }
        }
        Ok(())
    }
}

impl FromStr for Retention {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let refused = |why| Invalid::malformed(InputKind::Retention, text, why);
        let mut retention = Self::default();
        for rule in text.split(',').map(str::trim).filter(|rule| !rule.is_empty()) {
            let (grain, rest) = rule
                .split_once('=')
                .ok_or_else(|| refused("expected such as hour=7d,day=90d:month"))?;
            let (time, into) = rest.split_once(':').map_or((rest, None), |(a, b)| (a, Some(b)));
            let grain = grain.trim().parse::<Grain>()?;
            if retention.kept.contains_key(&grain) {
                return Err(refused("a grain is named twice"));
            }
            retention = retention.keep_for(grain, time.trim().parse::<Interval>()?.0);
            if let Some(into) = into {
                retention = retention.roll_up(grain, into.trim().parse()?);
            }
        }
        match retention.impossible() {
            Some(_) => Err(refused(
                "only days, months and quarters are rolled up, into longer ones that they make up",
            )),
            None => Ok(retention),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for text in ["", "day=90d", "hour=90s,month=500ms:year", "quarter=0d:year", "day=1d:week"] {
            assert_eq!(text.parse::<Retention>().map(|read| read.to_string()), Ok(text.to_owned()));
        }
        let spaced = " day = 90d : month , hour=7d".parse::<Retention>().unwrap();
        assert_eq!(spaced.to_string(), "hour=7d,day=90d:month");
    }

    #[test]
    fn what_adds_up_to_nothing_is_refused() {
        for text in [
            "day",
            "day=90",
            "day=90d:hour",
            "day=90d:day",
            "hour=7d:day",
            "week=7d:month",
            "month=7d:week",
            "minute=1d",
            "day=1d,day=2d",
            "day=90d:",
            "year=1d:year",
        ] {
            assert!(text.parse::<Retention>().is_err(), "{text}");
        }
        let forever = Retention::default().roll_up(Grain::Day, Grain::Month);
        assert_eq!(forever.impossible(), Some((Grain::Day, Grain::Month)));
    }

    #[test]
    fn a_period_is_kept_from_its_end_on() {
        let retention = Retention::default().keep(Grain::Day, 90).keep(Grain::Quarter, 30);
        let first = |grain, now: &str| {
            let first = retention.first_kept(grain, now.parse().unwrap());
            first.map(|period| period.to_string()).unwrap_or_default()
        };
        assert_eq!(first(Grain::Day, "2026-12-31T00:00:00"), "day:2026-10-02");
        assert_eq!(first(Grain::Day, "2026-12-30T23:59:59"), "day:2026-10-01");
        assert_eq!(first(Grain::Quarter, "2026-01-30T23:59:59"), "quarter:2025-Q4");
        assert_eq!(first(Grain::Quarter, "2026-01-31T00:00:00"), "quarter:2026-Q1");
        assert_eq!(first(Grain::Hour, "2026-01-31T00:00:00"), "");
    }
}
