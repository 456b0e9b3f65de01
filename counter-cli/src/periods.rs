//! Periods and spans as they are written at a terminal, and what a counter counted in them.

use chrono::Weekday;
use clap::Args;
use counter_diesel::query::{Grain, OwnerType, Period, Span, Zone};
use counter_diesel::{CounterKey, Counters, During, Error, Owner};

use crate::failure::Failure;
use crate::key::KeyArgument;
use crate::output::shown;

/// The period that a command is about, instead of all that was ever counted.
#[derive(Args)]
pub(crate) struct PeriodArguments {
    /// Only what was counted in this period, such as 2026-11-28, 2026-11-28T14 (in UTC), 2026-W48,
    /// 2026-11, 2026-Q4 or 2026
    #[arg(long, value_name = "PERIOD", value_parser = period)]
    pub(crate) during: Option<Period>,

    /// Grain by which the application counts: hour, day, week, month, quarter or year. Default:
    /// those by which anything was counted
    #[arg(long, value_name = "GRAIN", requires = "during")]
    stored: Option<Grain>,
}

impl PeriodArguments {
    /// Returns the period, as it is printed.
    pub(crate) fn text(&self) -> Option<String> {
        self.during.map(|period| period.to_string())
    }

    /// Returns what to print behind the name of an owner.
    pub(crate) fn suffix(&self) -> String {
        self.during.map_or_else(String::new, |period| format!(" in {}", label(period)))
    }

    /// Returns the read of the period of all owners of a type, if there is one.
    pub(crate) fn of_type<'a>(
        &self,
        counters: &'a Counters,
        owner_type: &OwnerType,
        key: &CounterKey,
    ) -> Result<Option<During<'a>>, Failure> {
        let Some(period) = self.during else { return Ok(None) };
        let by = |grain| counters.during(period).stored_by([grain]);
        if let Some(grain) = self.stored {
            return Ok(Some(by(grain)));
        }
        let mut found = Vec::new();
        for grain in Grain::ALL.iter().copied() {
            match by(grain).top_of(owner_type, key, 1) {
                Ok(owners) if owners.is_empty() => {}
                Ok(_) => found.push(grain),
                Err(Error::NotKept { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        match found[..] {
            [] => Ok(Some(by(period.grain()))),
            [grain] => Ok(Some(by(grain))),
            _ => {
                let grains = found.iter().map(|grain| grain.as_str()).collect::<Vec<_>>();
                let key = shown(key.as_str());
                let what = format!("{key} was counted by {}", grains.join(" and by "));
                Err(Failure::failed(what).hint("name the one that counts: --stored day"))
            }
        }
    }

    /// Returns each of these counters with the bucket that is meant, if all of them have one.
    pub(crate) fn to_change<'a>(
        &self,
        counters: &'a Counters,
        owner: &'a Owner,
        keys: Vec<KeyArgument>,
    ) -> Result<Vec<Asked<'a>>, Failure> {
        let asked = self.counters(counters, owner, keys)?;
        if let Some(wrong) = asked.iter().find(|asked| !asked.has_bucket) {
            let key = shown(&wrong.argument.text);
            let what = format!("{key}{} is a sum of other periods", self.suffix());
            return Err(Failure::failed(what).hint("change these, such as one of its days"));
        }
        Ok(asked)
    }

    /// Returns each of these counters with the buckets that are meant.
    pub(crate) fn counters<'a>(
        &self,
        counters: &'a Counters,
        owner: &'a Owner,
        keys: Vec<KeyArgument>,
    ) -> Result<Vec<Asked<'a>>, Failure> {
        let asked = |argument: KeyArgument| {
            let (during, has_bucket) = match (self.during, argument.period) {
                (None, None) => (None, true),
                (None, Some(period)) => {
                    (Some(counters.during(period).stored_by([period.grain()])), true)
                }
                (Some(period), None) => {
                    let stored = stored(counters, owner, &argument, self.stored)?;
                    let has_bucket = stored.contains(&period.grain());
                    (Some(counters.during(period).stored_by(stored)), has_bucket)
                }
                (Some(_), Some(_)) => {
                    let key = shown(&argument.text);
                    return Err(Failure::usage(format!("{key} has a period beside --during")));
                }
            };
            Ok(Asked { counters, owner, argument, during, has_bucket })
        };
        keys.into_iter().map(asked).collect()
    }
}

/// Where the weeks, months and years of a series begin, and in which zone.
#[derive(Args)]
pub(crate) struct SpanArguments {
    /// Day on which weeks begin, such as sunday. Default: monday
    #[arg(long, value_name = "DAY")]
    weeks_from: Option<Weekday>,

    /// Day of the month on which months, quarters and years begin, from 1 to 28. Default: 1
    #[arg(long, value_name = "DAY", value_parser = clap::value_parser!(u32).range(1..=28))]
    months_from: Option<u32>,

    /// Month in which years begin, from 1 to 12. Default: 1
    #[arg(long, value_name = "MONTH", value_parser = clap::value_parser!(u32).range(1..=12))]
    years_from: Option<u32>,

    /// Zone of the owner's days, such as +05:30. Default: COUNTER_ZONE, or UTC. Zones that a model
    /// gives its owners are not known to the command
    #[arg(long, allow_hyphen_values = true)]
    zone: Option<Zone>,
}

impl SpanArguments {
    /// Returns whether steps of this grain are periods of the calendar.
    pub(crate) fn are_calendars(&self, step: Grain) -> bool {
        match step {
            Grain::Week => matches!(self.weeks_from, None | Some(Weekday::Mon)),
            Grain::Month | Grain::Quarter => matches!(self.months_from, None | Some(1)),
            Grain::Year => {
                matches!((self.months_from, self.years_from), (None | Some(1), None | Some(1)))
            }
            _ => true,
        }
    }

    /// Returns a span with these beginnings, in this zone.
    pub(crate) fn grouped(&self, span: Span) -> Span {
        let Self { weeks_from, months_from, years_from, zone } = *self;
        let span = weeks_from.map_or(span, |day| span.weeks_from(day));
        let span = months_from.map_or(span, |day| span.months_from(day));
        let span = years_from.map_or(span, |month| span.years_from(month));
        zone.map_or(span, |zone| span.zone(zone))
    }
}

/// A counter, or what it counted in a period.
pub(crate) struct Asked<'a> {
    counters: &'a Counters,
    owner: &'a Owner,
    pub(crate) argument: KeyArgument,
    during: Option<During<'a>>,
    /// Whether it is no sum of buckets.
    has_bucket: bool,
}

impl Asked<'_> {
    pub(crate) fn get(&self) -> Result<i64, Failure> {
        let (owner, key) = (self.owner, &self.argument.key);
        Ok(match &self.during {
            None => self.counters.get(owner, key)?,
            Some(during) => during.get(owner, key)?,
        })
    }

    pub(crate) fn set(&self, value: i64) -> Result<(), Failure> {
        let (owner, key) = (self.owner, &self.argument.key);
        match &self.during {
            None => self.counters.set(owner, key, value)?,
            Some(during) => during.set(owner, key, value)?,
        }
        Ok(())
    }

    pub(crate) fn delete(&self) -> Result<(), Failure> {
        let (owner, key) = (self.owner, &self.argument.key);
        match &self.during {
            None => self.counters.delete(owner, key)?,
            Some(during) => during.delete(owner, key)?,
        }
        Ok(())
    }
}

/// Returns the grains by which a counter is counted: the one that was given, or those of which it
/// has buckets.
pub(crate) fn stored(
    counters: &Counters,
    owner: &Owner,
    argument: &KeyArgument,
    given: Option<Grain>,
) -> Result<Vec<Grain>, Failure> {
    if let Some(grain) = given {
        return Ok(vec![grain]);
    }
    let stored = counters.grains_in_use(owner, &argument.key)?;
    if stored.is_empty() {
        let (key, owner) = (shown(&argument.text), shown(&owner.to_string()));
        let what = format!("{key} of {owner} was not counted by any period");
        return Err(
            Failure::failed(what).hint("if nothing was counted yet, name the grain: --stored day")
        );
    }
    Ok(stored)
}

/// Reads a label, with or without its grain.
pub(crate) fn period(text: &str) -> Result<Period, String> {
    if text.contains(':') {
        return text.parse::<Period>().map_err(|error| error.to_string());
    }
    let with_grain = |grain: &Grain| format!("{grain}:{text}").parse::<Period>().ok();
    let period = Grain::ALL.iter().find_map(with_grain);
    period.ok_or_else(|| {
        "expected a day such as 2026-11-28, 2026-11-28T14, 2026-W48, 2026-11, 2026-Q4 or 2026"
            .to_owned()
    })
}

/// Reads how many of the last periods are meant, such as `30d`. There is no `m`, because that is a
/// minute elsewhere.
pub(crate) fn last(text: &str) -> Result<Span, String> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let grain = match unit.trim_start() {
        "h" | "hour" | "hours" => Some(Grain::Hour),
        "d" | "day" | "days" => Some(Grain::Day),
        "w" | "week" | "weeks" => Some(Grain::Week),
        "mo" | "month" | "months" => Some(Grain::Month),
        "q" | "quarter" | "quarters" => Some(Grain::Quarter),
        "y" | "year" | "years" => Some(Grain::Year),
        _ => None,
    };
    let number = number.parse::<usize>().ok().filter(|number| *number > 0);
    let (Some(number), Some(grain)) = (number, grain) else {
        return Err("expected a number of periods such as 24h, 30d, 8w, 12mo, 4q or 5y".to_owned());
    };
    Ok(Span::last(number, grain))
}

/// Returns the label of a period, such as `2026-11-28`.
pub(crate) fn label(period: Period) -> String {
    let text = period.to_string();
    text.split_once(':').map_or_else(String::new, |(_, label)| label.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_known_by_its_label() {
        for text in ["hour:2026-11-28T14", "day:2026-11-28", "week:2026-W48", "month:2026-11"] {
            let read = period(text).unwrap();
            assert_eq!((period(&label(read)), read.to_string()), (Ok(read), text.to_owned()));
        }
        assert_eq!(period("2026").map(|year| year.to_string()), Ok("year:2026".to_owned()));
        assert_eq!(period("2026-Q4").map(Period::grain), Ok(Grain::Quarter));
        for wrong in ["", "26", "2026-02-31", "day:2026-11", "2026-W54", "today"] {
            assert!(period(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_last_periods_are_a_number_and_a_unit() {
        assert_eq!(last("30d"), Ok(Span::last(30, Grain::Day)));
        assert_eq!(last("12 months"), Ok(Span::last(12, Grain::Month)));
        for wrong in ["", "30", "0d", "d", "-1d", "30m", "1 fortnight", "99999999999999999999d"] {
            assert!(last(wrong).is_err(), "{wrong}");
        }
    }
}
