//! Periods of the calendar: they leave no gap, they do not overlap, and each has one text.
#![allow(clippy::unwrap_used)]

use chrono::{NaiveDate, NaiveDateTime, TimeDelta};
use counter_core::{CounterId, Grain, Invalid, Period};
use proptest::prelude::*;

const GRAINS: [Grain; 6] =
    [Grain::Hour, Grain::Day, Grain::Week, Grain::Month, Grain::Quarter, Grain::Year];

fn date(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap()
}

fn any_grain() -> impl Strategy<Value = Grain> {
    prop::sample::select(GRAINS.to_vec())
}

/// Any instant of the years 1001 to 9998.
fn any_instant() -> impl Strategy<Value = NaiveDateTime> {
    let first = date(1001, 1, 1).and_hms_opt(0, 0, 0).unwrap();
    let seconds = date(9999, 1, 1).and_hms_opt(0, 0, 0).unwrap() - first;
    (0..seconds.num_seconds()).prop_map(move |second| first + TimeDelta::seconds(second))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) })]

    #[test]
    fn any_instant_of_a_period_names_it(grain in any_grain(), at in any_instant()) {
        let period = Period::containing(grain, at);
        prop_assert_eq!(period.grain(), grain);
        prop_assert!(period.start() <= at && at < period.end());
        let last = period.end() - TimeDelta::nanoseconds(1);
        for instant in [period.start(), at, last] {
            prop_assert_eq!(Period::containing(grain, instant), period);
        }
    }

    #[test]
    fn periods_leave_no_gap_and_do_not_overlap(grain in any_grain(), at in any_instant()) {
        let period = Period::containing(grain, at);
        prop_assert_eq!(period.next(), Period::containing(grain, period.end()));
        prop_assert_eq!(period.next().previous(), period);
        prop_assert_eq!(period.previous().next(), period);
        prop_assert_eq!(period.previous().end(), period.start());
        prop_assert!(period.previous() < period && period < period.next());
    }

    #[test]
    fn any_period_survives_its_text(grain in any_grain(), at in any_instant()) {
        let period = Period::containing(grain, at);
        prop_assert_eq!(period.to_string().parse(), Ok(period));
    }

    #[test]
    fn a_day_is_written_as_its_date(days in -1_000_000..4_000_000_i64) {
        let date = date(1, 1, 1) + TimeDelta::days(days);
        prop_assert_eq!(Period::day(date).to_string(), format!("day:{date}"));
    }

    #[test]
    fn only_the_start_of_a_period_names_it_by_its_start(grain in any_grain(), at in any_instant()) {
        let period = Period::containing(grain, at);
        prop_assert_eq!(Period::starting(grain, period.start()), Ok(period));
        prop_assert_eq!(Period::starting(grain, at).is_ok(), period.start() == at);
        prop_assert!(Period::starting(grain, period.start() + TimeDelta::microseconds(1)).is_err());
    }

    #[test]
    fn two_periods_share_no_text(
        (first, second) in (any_grain(), any_grain()), a in any_instant(), hours in -50..50_i64
    ) {
        let (a, b) = (Period::containing(first, a), Period::containing(second, a + TimeDelta::hours(hours)));
        prop_assert_eq!(a == b, a.to_string() == b.to_string());
    }

    #[test]
    fn any_text_is_a_period_that_is_written_the_same_or_refused(
        text in "(hour|day|week|month|quarter|year|x):[0-9]{0,5}-?[WQ]?[0-9]{0,2}-?[0-9]{0,2}(T[0-9]{0,3})?|.{0,20}"
    ) {
        if let Ok(period) = text.parse::<Period>() {
            prop_assert_eq!(period.to_string(), text);
        }
    }
}

#[test]
fn each_grain_has_a_label_of_its_own() {
    let at = date(2026, 11, 28).and_hms_opt(14, 59, 59).unwrap();
    let texts = GRAINS.map(|grain| Period::containing(grain, at).to_string());
    assert_eq!(
        texts,
        [
            "hour:2026-11-28T14",
            "day:2026-11-28",
            "week:2026-W48",
            "month:2026-11",
            "quarter:2026-Q4",
            "year:2026",
        ]
    );
}

#[test]
fn a_period_by_its_numbers_is_the_one_that_its_text_names() -> Result<(), Invalid> {
    assert_eq!(Period::day(date(2026, 11, 28)), "day:2026-11-28".parse()?);
    assert_eq!(Period::hour(date(2026, 11, 28), 14)?, "hour:2026-11-28T14".parse()?);
    assert_eq!(Period::week(2026, 48)?, "week:2026-W48".parse()?);
    assert_eq!(Period::month(2026, 11)?, "month:2026-11".parse()?);
    assert_eq!(Period::quarter(2026, 4)?, "quarter:2026-Q4".parse()?);
    assert_eq!(Period::year(2026)?, "year:2026".parse()?);
    Ok(())
}

#[test]
fn a_week_belongs_to_its_iso_year() {
    for (day, week) in [
        (date(2027, 1, 3), "week:2026-W53"),
        (date(2027, 1, 4), "week:2027-W01"),
        (date(2024, 12, 30), "week:2025-W01"),
    ] {
        let at = day.and_hms_opt(12, 0, 0).unwrap();
        assert_eq!(Period::containing(Grain::Week, at).to_string(), week);
    }
}

#[test]
fn what_is_no_period_is_refused() {
    for text in [
        "day:2026-02-31",
        "day:2026-2-01",
        "day:0999-12-31",
        "day:10000-01-01",
        "day:2026-11-28T00",
        "day:+2026-11-28",
        "hour:2026-11-28T24",
        "hour:2026-11-28T4",
        "hour:2026-11-28",
        "week:2026-W54",
        "week:2025-W53",
        "week:2026-48",
        "month:2026-1",
        "month:2026-13",
        "month:2026-00",
        "quarter:2026-Q5",
        "quarter:2026-Q0",
        "year:26",
        "year:02026",
        "Day:2026-11-28",
        "minute:2026-11-28T14:59",
        "2026-11-28",
        "day:",
        "",
    ] {
        assert!(text.parse::<Period>().is_err(), "{text}");
    }
    assert!(Period::hour(date(2026, 11, 28), 24).is_err());
    assert!(Period::week(2025, 53).is_err());
    assert!(Period::month(2026, 13).is_err());
    assert!(Period::quarter(2026, u32::MAX).is_err());
    for year in [999, 10_000, i32::MIN, i32::MAX] {
        assert!(Period::year(year).is_err() && Period::month(year, 1).is_err());
    }
}

/// A bucket has a name and a row only where every database can keep its start, and a name is read
/// only where it would be written.
#[test]
fn an_id_takes_exactly_the_periods_whose_text_is_read() {
    let total = CounterId::new("post", 1, "views").unwrap();
    let midnight = |year, month, day| date(year, month, day).and_hms_opt(0, 0, 0).unwrap();
    let edges = [midnight(1000, 1, 1), midnight(9999, 12, 31), midnight(-5, 2, 3)];
    for edge in edges.into_iter().chain([NaiveDateTime::MIN, NaiveDateTime::MAX]) {
        for hours in (-400..400).filter(|hours| hours % 12 != 5) {
            let Some(at) = edge.checked_add_signed(TimeDelta::hours(hours)) else { continue };
            for grain in GRAINS {
                let period = Period::containing(grain, at);
                let read = period.to_string().parse::<Period>();
                assert_eq!(total.within(period).is_ok(), read == Ok(period), "{period}");
                assert_eq!(Period::starting(grain, period.start()).is_ok(), read.is_ok());
            }
        }
    }
    let first = ["week:1000-W02", "day:1000-01-01", "year:1000", "hour:1000-01-01T00"];
    let last = ["week:9999-W52", "day:9999-12-31", "quarter:9999-Q4", "hour:9999-12-31T23"];
    for text in first.into_iter().chain(last) {
        let period = text.parse::<Period>().unwrap();
        assert_eq!(total.within(period).unwrap().period(), Some(period));
    }
    assert!("week:1000-W01".parse::<Period>().is_err(), "it begins in 999");
}

#[test]
fn a_grain_is_read_by_its_word_alone() {
    for grain in GRAINS {
        assert_eq!(grain.to_string().parse(), Ok(grain));
    }
    for text in ["", "Day", "days", "day ", "minute", "day:2026-11-28"] {
        assert!(text.parse::<Grain>().is_err(), "{text}");
    }
}

#[test]
fn at_the_ends_of_the_calendar_nothing_panics() {
    for at in [NaiveDateTime::MIN, NaiveDateTime::MAX] {
        for grain in GRAINS {
            let period = Period::containing(grain, at);
            assert!(period.previous() <= period && period <= period.next());
            assert!(period.to_string().parse::<Period>().is_err());
        }
    }
}
