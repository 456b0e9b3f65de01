//! Zones in which the clocks change.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::{TZ_VARIANTS, Tz};
use counter_core::{Grain, Period, Step, Zone};

use super::{GRAINS, date, instant, zone};

/// Returns by how many seconds a clock of a zone is ahead of UTC.
fn offset(zone: Zone, at: DateTime<Utc>) -> i64 {
    (zone.to_civil(at) - at.naive_utc()).num_seconds()
}

/// Returns the first instants after the clocks changed, from 1990 to 2037.
fn changes(zone: Zone) -> Vec<DateTime<Utc>> {
    let (mut at, end) = (instant("1990-01-01T00:00:00Z"), instant("2038-01-01T00:00:00Z"));
    let mut changes = Vec::new();
    while at < end {
        let (mut before, mut after) = (at, at + TimeDelta::days(4));
        at = after;
        if offset(zone, before) == offset(zone, after) {
            continue;
        }
        while after - before > TimeDelta::seconds(1) {
            let middle = before + (after - before) / 2;
            if offset(zone, middle) == offset(zone, before) {
                before = middle;
            } else {
                after = middle;
            }
        }
        changes.push(after);
    }
    changes
}

/// Returns whether the clocks show an earlier day after a change than before it. In the time
/// between, an instant is on the day that the clock shows, which ended by then: see below.
fn is_back_across_midnight(zone: Zone, change: DateTime<Utc>) -> bool {
    zone.to_civil(change).date() < zone.to_civil(change - TimeDelta::seconds(1)).date()
}

#[test]
fn an_instant_around_a_change_of_clocks_is_in_the_period_that_it_names_and_in_no_other() {
    let (mut found, mut excepted) = (0, BTreeSet::new());
    for name in TZ_VARIANTS {
        let zone = Zone::from(name);
        for change in changes(zone) {
            if is_back_across_midnight(zone, change) {
                excepted.insert(name.name());
                continue;
            }
            found += 1;
            let days = [-1, 0, 1].map(|days| change + TimeDelta::days(days));
            let days = days.map(|at| Period::at(Grain::Day, at, zone).instants(zone));
            let midnights = days.iter().flat_map(|day| [day.start, day.end]);
            for at in midnights.chain([change]) {
                for at in [-1, 0, 1].map(|seconds| at + TimeDelta::seconds(seconds)) {
                    for grain in GRAINS {
                        let period = Period::at(grain, at, zone);
                        let around = period.instants(zone);
                        assert!(around.contains(&at), "{zone} {at} {period} {around:?}");
                    }
                }
            }
        }
    }
    assert!(found > 10_000, "{found} changes");
    let expected = ["America/Goose_Bay", "America/Moncton", "America/St_Johns"];
    assert!(expected.iter().all(|name| excepted.contains(name)), "{excepted:?}");
    assert!(excepted.len() < 10, "{excepted:?}");
}

/// Checks how many hours a day has, when it begins, and that its instants alone are on it.
fn assert_day(name: &str, day: NaiveDate, hours: i64, begins: &str) {
    let (zone, day) = (zone(name), Period::day(day));
    let instants = day.instants(zone);
    assert_eq!(instants.start, instant(begins), "{name} {day}");
    assert_eq!(instants.end - instants.start, TimeDelta::hours(hours), "{name} {day}");
    let mut at = instants.start - TimeDelta::hours(3);
    while at < instants.end + TimeDelta::hours(3) {
        let is_in_it = instants.contains(&at);
        assert_eq!(Period::at(Grain::Day, at, zone) == day, is_in_it, "{name} {at}");
        at += TimeDelta::minutes(15);
    }
}

#[test]
fn a_day_has_23_or_25_hours_where_the_clocks_change_in_the_night() {
    assert_day("Europe/Berlin", date(2026, 3, 29), 23, "2026-03-28T23:00:00Z");
    assert_day("Europe/Berlin", date(2026, 3, 30), 24, "2026-03-29T22:00:00Z");
    assert_day("Europe/Berlin", date(2026, 10, 25), 25, "2026-10-24T22:00:00Z");
    assert_day("Europe/Berlin", date(2026, 10, 26), 24, "2026-10-25T23:00:00Z");
}

/// In Beirut the clocks go from 0:00 to 1:00, and from 0:00 back to 23:00.
#[test]
fn a_midnight_that_does_not_exist_is_the_first_instant_after_it_in_beirut() {
    assert_day("Asia/Beirut", date(2026, 3, 28), 24, "2026-03-27T22:00:00Z");
    assert_day("Asia/Beirut", date(2026, 3, 29), 23, "2026-03-28T22:00:00Z");
    assert_day("Asia/Beirut", date(2026, 10, 24), 25, "2026-10-23T21:00:00Z");
    assert_day("Asia/Beirut", date(2026, 10, 25), 24, "2026-10-24T22:00:00Z");
}

/// In Santiago the clocks go from 24:00 to 1:00, and from 24:00 back to 23:00.
#[test]
fn a_midnight_that_does_not_exist_is_the_first_instant_after_it_in_santiago() {
    assert_day("America/Santiago", date(2026, 9, 5), 24, "2026-09-05T04:00:00Z");
    assert_day("America/Santiago", date(2026, 9, 6), 23, "2026-09-06T04:00:00Z");
    assert_day("America/Santiago", date(2026, 4, 4), 25, "2026-04-04T03:00:00Z");
    assert_day("America/Santiago", date(2026, 4, 5), 24, "2026-04-05T04:00:00Z");
    let civil = zone("America/Santiago").to_civil(instant("2026-09-06T04:00:00Z"));
    assert_eq!(civil.to_string(), "2026-09-06 01:00:00");
}

/// In Havana the clocks go from 1:00 back to 0:00.
#[test]
fn a_midnight_that_comes_twice_is_the_first_of_the_two() {
    assert_day("America/Havana", date(2026, 11, 1), 25, "2026-11-01T04:00:00Z");
    assert_day("America/Havana", date(2026, 3, 8), 23, "2026-03-08T05:00:00Z");
}

#[test]
fn days_in_zones_of_half_and_quarter_hours_are_those_of_their_clocks() {
    assert_day("Asia/Kolkata", date(2026, 11, 28), 24, "2026-11-27T18:30:00Z");
    assert_day("Asia/Kathmandu", date(2026, 11, 28), 24, "2026-11-27T18:15:00Z");
    // The clocks change by half an hour.
    let day = Period::day(date(2026, 10, 4)).instants(zone("Australia/Lord_Howe"));
    assert_eq!(day.end - day.start, TimeDelta::minutes(23 * 60 + 30));
}

#[test]
fn a_day_that_was_skipped_has_no_instants() {
    let apia = zone("Pacific/Apia");
    let days = [29, 30, 31].map(|day| Period::day(date(2011, 12, day)).instants(apia));
    assert!(days[1].is_empty(), "{days:?}");
    assert_eq!([days[0].end, days[1].end], [days[2].start; 2]);
    assert_eq!(days[2].end - days[2].start, TimeDelta::hours(24));
}

/// In St John's the clocks went from 0:01 back to 23:01 until 2011. The minute before is of the new
/// day, and so is the hour after it, if it is asked which instants the day has.
#[test]
fn a_clock_that_is_turned_back_across_midnight_leaves_no_gap() {
    let zone = zone("America/St_Johns");
    let [sixth, seventh] = [6, 7].map(|day| Period::day(date(2010, 11, day)).instants(zone));
    assert_eq!(sixth.end, seventh.start);
    assert_eq!(seventh.start, instant("2010-11-07T02:30:00Z"));
    assert_eq!(seventh.end - seventh.start, TimeDelta::hours(25));
    let turned = instant("2010-11-07T02:31:00Z");
    assert_eq!(zone.to_civil(turned).to_string(), "2010-11-06 23:01:00");
}

#[test]
fn hours_are_those_of_utc_in_every_zone_and_each_comes_once() {
    let zone = zone("Europe/Berlin");
    let night = instant("2026-10-24T22:00:00Z");
    let hours = (0..25).map(|hour| Period::at(Grain::Hour, night + TimeDelta::hours(hour), zone));
    assert_eq!(hours.collect::<BTreeSet<_>>().len(), 25);
}

#[test]
fn hours_make_up_a_day_of_its_zone_where_it_begins_and_ends_at_full_hours() {
    let hours_of = |name: &str, day| {
        let step = one_step(Period::day(day));
        step.made_of(Grain::Hour, zone(name)).map(|hours| hours.len())
    };
    assert_eq!(hours_of("Europe/Berlin", date(2026, 10, 25)), Some(25));
    assert_eq!(hours_of("Asia/Beirut", date(2026, 3, 29)), Some(23));
    assert_eq!(hours_of("Asia/Kolkata", date(2026, 11, 28)), None);
    // One begins at half an hour, the other ends at one.
    assert_eq!(hours_of("Australia/Lord_Howe", date(2026, 10, 4)), None);
    assert_eq!(hours_of("Australia/Lord_Howe", date(2026, 4, 5)), None);
    assert_eq!(hours_of("Australia/Lord_Howe", date(2026, 2, 1)), Some(24));
    assert_eq!(hours_of("Pacific/Apia", date(2011, 12, 30)), Some(0));
    let hours =
        one_step(Period::day(date(2026, 10, 25))).made_of(Grain::Hour, zone("Europe/Berlin"));
    let labels = hours.unwrap().into_iter().map(|hour| hour.to_string()).collect::<Vec<_>>();
    assert_eq!(labels.first().unwrap(), "hour:2026-10-24T22");
    assert_eq!(labels.last().unwrap(), "hour:2026-10-25T22");
}

fn one_step(period: Period) -> Step {
    let steps = counter_core::Span::from(period).steps(DateTime::UNIX_EPOCH, Zone::UTC).unwrap();
    let [step] = steps.try_into().unwrap();
    step
}

#[test]
fn every_name_of_the_database_is_read_as_it_is_written() {
    for name in TZ_VARIANTS.map(Tz::name) {
        assert_eq!(zone(name).to_string(), name);
    }
    assert!("europe/berlin".parse::<Zone>().is_err());
}
