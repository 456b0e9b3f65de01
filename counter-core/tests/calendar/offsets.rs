//! Zones without names, and what they are as text.

use chrono::{DateTime, FixedOffset, NaiveDateTime, TimeDelta, Utc};
use counter_core::{Grain, Period, ToZone, Zone};
use proptest::prelude::*;

use super::{GRAINS, date, instant, zone};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) })]

    #[test]
    fn any_offset_survives_its_text(seconds in -86_399..=86_399_i32) {
        let zone = Zone::from(FixedOffset::east_opt(seconds).unwrap());
        prop_assert_eq!(zone.to_string().parse(), Ok(zone));
    }

    #[test]
    fn an_instant_is_in_the_period_that_it_names_and_in_no_other(
        seconds in -86_399..=86_399_i32, at in -10_000_000_000..100_000_000_000_i64,
        grain in prop::sample::select(GRAINS.to_vec()),
    ) {
        let zone = Zone::from(FixedOffset::east_opt(seconds).unwrap());
        let at = DateTime::from_timestamp(at, 0).unwrap();
        let period = Period::at(grain, at, zone);
        prop_assert!(period.instants(zone).contains(&at));
        let around = period.instants(zone);
        for other in [around.start - TimeDelta::seconds(1), around.end] {
            prop_assert_ne!(Period::at(grain, other, zone), period);
        }
        prop_assert_eq!(Period::at(grain, around.start, zone), period);
        if grain == Grain::Hour {
            prop_assert_eq!(period.instants(zone), period.instants(Zone::UTC));
        }
    }

    #[test]
    fn any_text_is_a_zone_that_is_written_the_same_or_refused(
        text in "[+-][0-2][0-9]:[0-5][0-9](:[0-5][0-9])?|[+-][0-9:]{0,9}|[A-Z][a-zA-Z/_+-]{0,12}|.{0,12}"
    ) {
        if let Ok(zone) = text.parse::<Zone>() {
            let is_same = zone.to_string() == text;
            prop_assert!(is_same || zone == Zone::UTC || text.ends_with(":00"), "{} {:?}", text, zone);
        }
    }
}

#[test]
fn utc_is_the_default_and_has_one_form() {
    assert_eq!(Zone::default(), Zone::UTC);
    assert_eq!(Zone::UTC.to_string(), "UTC");
    for same in ["UTC", "+00:00", "-00:00", "+00:00:00"] {
        assert_eq!(zone(same), Zone::UTC, "{same}");
    }
    assert_eq!(Zone::from(Utc), Zone::UTC);
    let now = instant("2026-11-28T14:00:00Z");
    assert_eq!(Zone::UTC.to_civil(now), now.naive_utc());
}

#[test]
fn an_offset_moves_midnight_by_half_and_quarter_hours_too() {
    for (offset, civil) in [
        ("+05:30", "2026-11-29 01:30:00"),
        ("+05:45", "2026-11-29 01:45:00"),
        ("-09:30", "2026-11-28 10:30:00"),
        ("+14:00", "2026-11-29 10:00:00"),
        ("+00:19:32", "2026-11-28 20:19:32"),
    ] {
        assert_eq!(zone(offset).to_string(), offset);
        assert_eq!(zone(offset).to_civil(instant("2026-11-28T20:00:00Z")).to_string(), civil);
    }
    let at = instant("2026-11-28T20:00:00Z");
    assert_eq!(Period::at(Grain::Day, at, zone("+05:30")).to_string(), "day:2026-11-29");
    assert_eq!(Period::at(Grain::Hour, at, zone("+05:30")).to_string(), "hour:2026-11-28T20");
    let day = Period::day(date(2026, 11, 28)).instants(zone("-09:30"));
    assert_eq!(day, instant("2026-11-28T09:30:00Z")..instant("2026-11-29T09:30:00Z"));
}

#[test]
fn what_is_no_zone_is_refused_and_says_why() {
    for text in [
        "",
        "utc",
        "Z",
        "+5",
        "+5:30",
        "+05",
        "+0530",
        "+05:60",
        "+24:00",
        "+05:30:",
        "+05:30:00:00",
        "05:30",
        "+05:3x",
        "+ 5:30",
        "++5:30",
        "+05:30:60",
        "Europe/Bern lin",
        "Mars/Olympus",
        " UTC",
    ] {
        assert!(text.parse::<Zone>().is_err(), "{text}");
        assert!(text.to_zone().is_err(), "{text}");
    }
    let refused = "+05".parse::<Zone>().unwrap_err().to_string();
    assert_eq!(refused, "\"+05\" is not a time zone: expected an offset such as +05:30");
    let refused = "Berlin".parse::<Zone>().unwrap_err().to_string();
    assert!(refused.contains("such as Europe/Berlin"), "{refused}");
    #[cfg(not(feature = "chrono-tz"))]
    {
        let refused = "Europe/Berlin".parse::<Zone>().unwrap_err().to_string();
        assert!(refused.contains("feature chrono-tz"), "{refused}");
    }
}

#[test]
fn fields_of_several_types_name_a_zone_and_an_empty_one_names_none() {
    let expected = Ok(Some(zone("+05:30")));
    assert_eq!("+05:30".to_zone(), expected);
    assert_eq!("+05:30".to_owned().to_zone(), expected);
    assert_eq!(Some("+05:30".to_owned()).to_zone(), expected);
    assert_eq!(FixedOffset::east_opt(19_800).unwrap().to_zone(), expected);
    assert_eq!(zone("+05:30").to_zone(), expected);
    assert_eq!(Utc.to_zone(), Ok(Some(Zone::UTC)));
    assert_eq!(None::<String>.to_zone(), Ok(None));
    assert!(Some("").to_zone().is_err());
    #[cfg(feature = "chrono-tz")]
    assert_eq!(chrono_tz::Tz::UTC.to_zone(), Ok(Some(Zone::UTC)));
}

#[test]
fn at_the_ends_of_the_calendar_nothing_panics() {
    let zones = ["UTC", "+14:00", "-12:00"].map(zone);
    #[cfg(feature = "chrono-tz")]
    let zones = [&zones[..], &["Europe/Berlin", "America/Santiago"].map(zone)].concat();
    for zone in zones {
        for edge in [NaiveDateTime::MIN, NaiveDateTime::MAX] {
            for hours in -40..=40 {
                let Some(at) = edge.checked_add_signed(TimeDelta::hours(hours)) else { continue };
                zone.to_civil(at.and_utc());
                for grain in GRAINS {
                    let period = Period::at(grain, at.and_utc(), zone);
                    period.instants(zone);
                    period.next().instants(zone);
                }
            }
        }
    }
}
