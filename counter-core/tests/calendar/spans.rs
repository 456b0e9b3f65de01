//! Which steps a span has.

use chrono::{DateTime, NaiveDate, Utc, Weekday};
use counter_core::{Grain, Invalid, Period, Span, Zone};

use super::{date, instant, zone};

fn noon(year: i32, month: u32, day: u32) -> DateTime<Utc> {
    date(year, month, day).and_hms_opt(12, 0, 0).unwrap().and_utc()
}

fn labels(span: Span, now: DateTime<Utc>) -> Vec<String> {
    let steps = span.steps(now, Zone::UTC).unwrap();
    steps.iter().map(|step| step.label().to_string()).collect()
}

/// The first and the last civil date of each step.
fn dates(span: Span, now: DateTime<Utc>) -> Vec<(NaiveDate, NaiveDate)> {
    let steps = span.steps(now, Zone::UTC).unwrap();
    steps.iter().map(|step| (step.start().date(), step.end().date().pred_opt().unwrap())).collect()
}

#[test]
fn twelve_months_back_are_twelve_months_on_any_day() {
    for (today, first, last) in [
        (noon(2026, 5, 31), "month:2025-06", "month:2026-05"),
        (noon(2026, 3, 31), "month:2025-04", "month:2026-03"),
        (noon(2026, 1, 31), "month:2025-02", "month:2026-01"),
        (noon(2024, 2, 29), "month:2023-03", "month:2024-02"),
    ] {
        let months = labels(Span::last(12, Grain::Month), today);
        assert_eq!((months.len(), months[0].as_str(), months[11].as_str()), (12, first, last));
        assert!(months.windows(2).all(|pair| pair[0] < pair[1]), "{months:?}");
    }
}

#[test]
fn four_quarters_back_from_31_august_are_four_quarters() {
    let quarters = labels(Span::last(4, Grain::Quarter), noon(2026, 8, 31));
    assert_eq!(
        quarters,
        ["quarter:2025-Q4", "quarter:2026-Q1", "quarter:2026-Q2", "quarter:2026-Q3"]
    );
}

#[test]
fn days_weeks_and_years_go_back_across_a_new_year() {
    let now = noon(2026, 1, 1);
    assert_eq!(labels(Span::last(2, Grain::Day), now), ["day:2025-12-31", "day:2026-01-01"]);
    assert_eq!(labels(Span::last(2, Grain::Week), now), ["week:2025-W52", "week:2026-W01"]);
    assert_eq!(labels(Span::last(2, Grain::Year), now), ["year:2025", "year:2026"]);
    assert_eq!(labels(Span::last(1, Grain::Hour), now), ["hour:2026-01-01T12"]);
}

#[test]
fn a_complete_span_ends_before_the_running_step_and_has_as_many() {
    let now = noon(2026, 11, 28);
    let days = labels(Span::last(2, Grain::Day).complete(), now);
    assert_eq!(days, ["day:2026-11-26", "day:2026-11-27"]);
    let between = Span::between(Grain::Day, date(2026, 11, 26), date(2026, 12, 5));
    assert_eq!(labels(between, now).len(), 9);
    assert_eq!(labels(between.complete(), now), ["day:2026-11-26", "day:2026-11-27"]);
    let yesterday = Span::from(Period::day(date(2026, 11, 27)));
    assert_eq!(labels(yesterday.complete(), now).len(), 1);
    // Weeks that begin on Friday say nothing of a week from Monday, which is running.
    let week = Span::from(Period::week(2026, 48).unwrap()).weeks_from(Weekday::Fri);
    assert!(labels(week.complete(), now).is_empty());
    for running in [Period::day(date(2026, 11, 28)), Period::year(2026).unwrap()] {
        assert_eq!(labels(Span::from(running), now), [running.to_string()]);
        assert!(labels(Span::from(running).complete(), now).is_empty());
    }
}

#[test]
fn dates_are_widened_to_whole_steps_and_the_last_is_not_part() {
    let now = noon(2026, 11, 28);
    let between = |step, from, until| labels(Span::between(step, from, until), now);
    assert_eq!(
        between(Grain::Month, date(2026, 10, 10), date(2026, 11, 1)),
        ["month:2026-10"],
        "1 November is not part of it"
    );
    assert_eq!(
        between(Grain::Month, date(2026, 10, 31), date(2026, 11, 2)),
        ["month:2026-10", "month:2026-11"]
    );
    assert_eq!(
        between(Grain::Week, date(2026, 11, 22), date(2026, 11, 24)),
        ["week:2026-W47", "week:2026-W48"]
    );
    assert_eq!(between(Grain::Year, date(2026, 5, 1), date(2026, 5, 2)), ["year:2026"]);
    assert!(between(Grain::Year, date(2026, 5, 1), date(2026, 5, 1)).is_empty());
    assert!(labels(Span::last(0, Grain::Day), now).is_empty());
}

#[test]
fn weeks_may_begin_on_sunday_and_are_the_same_days_for_every_reader() {
    let saturday = noon(2026, 11, 28);
    let weeks = Span::last(2, Grain::Week).weeks_from(Weekday::Sun);
    let nights =
        [(date(2026, 11, 15), date(2026, 11, 21)), (date(2026, 11, 22), date(2026, 11, 28))];
    assert_eq!(dates(weeks, saturday), nights);
    assert_eq!(labels(weeks, saturday), ["week:2026-W47", "week:2026-W48"]);
    let sunday = noon(2026, 11, 29);
    assert_eq!(dates(weeks, sunday)[0], nights[1]);
    assert_eq!(labels(Span::last(1, Grain::Week), sunday), ["week:2026-W48"], "its last day");
    // Other steps, and periods, are not regrouped.
    assert_eq!(labels(weeks, sunday)[1], "week:2026-W49");
    let day = Span::last(1, Grain::Day).weeks_from(Weekday::Sun).months_from(15);
    assert_eq!(labels(day, sunday), ["day:2026-11-29"]);
    let week = Span::from(Period::week(2026, 48).unwrap()).weeks_from(Weekday::Sun);
    assert_eq!(dates(week, sunday), [(date(2026, 11, 23), date(2026, 11, 29))]);
}

#[test]
fn billing_months_go_from_the_15th_to_the_15th() {
    let months = Span::last(3, Grain::Month).months_from(15);
    let expected = [
        (date(2026, 1, 15), date(2026, 2, 14)),
        (date(2026, 2, 15), date(2026, 3, 14)),
        (date(2026, 3, 15), date(2026, 4, 14)),
    ];
    for today in [noon(2026, 3, 15), noon(2026, 3, 31), noon(2026, 4, 14)] {
        assert_eq!(dates(months, today), expected, "{today}");
    }
    assert_eq!(
        labels(months, noon(2026, 3, 15)),
        ["month:2026-01", "month:2026-02", "month:2026-03"]
    );
    let [.., running] = dates(months, noon(2026, 4, 15))[..] else { panic!() };
    assert_eq!(running, (date(2026, 4, 15), date(2026, 5, 14)));
    let from_28 = dates(Span::last(2, Grain::Month).months_from(28), noon(2026, 3, 27));
    assert_eq!(
        from_28,
        [(date(2026, 1, 28), date(2026, 2, 27)), (date(2026, 2, 28), date(2026, 3, 27)),]
    );
}

#[test]
fn years_may_begin_in_april_and_are_named_by_the_year_in_which_they_do() {
    let years = Span::last(2, Grain::Year).years_from(4);
    let expected = [(date(2025, 4, 1), date(2026, 3, 31)), (date(2026, 4, 1), date(2027, 3, 31))];
    for today in [noon(2026, 4, 1), noon(2026, 12, 31), noon(2027, 3, 31)] {
        assert_eq!(dates(years, today), expected, "{today}");
        assert_eq!(labels(years, today), ["year:2025", "year:2026"]);
    }
    assert_eq!(dates(years, noon(2026, 3, 31))[1], expected[0]);
    let from_december = dates(Span::last(1, Grain::Year).years_from(12), noon(2026, 11, 30));
    assert_eq!(from_december, [(date(2025, 12, 1), date(2026, 11, 30))]);
    // From 31 March, a month before is in February, and the same year.
    let from_second = Span::last(1, Grain::Year).years_from(2).months_from(15);
    assert_eq!(dates(from_second, noon(2026, 3, 31)), [(date(2026, 2, 15), date(2027, 2, 14))]);
    assert_eq!(dates(from_second, noon(2026, 2, 14)), [(date(2025, 2, 15), date(2026, 2, 14))]);
    let all = Span::between(Grain::Year, date(2025, 4, 1), date(2027, 4, 1)).years_from(4);
    assert_eq!(dates(all, noon(2026, 1, 1)), expected);
    // Other steps, and periods, are not regrouped.
    let months = Span::last(1, Grain::Month).years_from(4);
    assert_eq!(labels(months, noon(2026, 1, 31)), ["month:2026-01"]);
    let year = Span::from(Period::year(2026).unwrap()).years_from(4);
    assert_eq!(dates(year, noon(2026, 1, 1)), [(date(2026, 1, 1), date(2026, 12, 31))]);
}

#[test]
fn a_step_is_a_span_of_exactly_its_days() {
    let now = noon(2026, 11, 28);
    for span in [
        Span::last(2, Grain::Week).weeks_from(Weekday::Sun),
        Span::last(2, Grain::Month).months_from(15),
        Span::last(2, Grain::Year).years_from(4),
        Span::last(2, Grain::Hour),
    ] {
        let steps = span.steps(now, Zone::UTC).unwrap();
        for step in &steps {
            assert_eq!(Span::from(*step).steps(now, Zone::UTC).unwrap(), [*step], "{span:?}");
        }
        // The last one is running, and the other is not.
        let complete = steps.iter().map(|step| Span::from(*step).complete());
        let left = complete.map(|span| span.steps(now, Zone::UTC).unwrap().len());
        assert_eq!(left.collect::<Vec<_>>(), [1, 0], "{span:?}");
    }
}

#[test]
fn it_is_known_which_spans_have_other_steps_in_other_zones() {
    let day = Span::from(Period::day(date(2026, 11, 28)));
    let hours = Span::between(Grain::Hour, date(2026, 11, 28), date(2026, 11, 29));
    let days = Span::between(Grain::Day, date(2026, 11, 28), date(2026, 11, 29));
    for depends in [Span::last(1, Grain::Month), hours, day.complete(), days.complete()] {
        assert!(depends.depends_on_zone(), "{depends:?}");
    }
    let last = Span::last(2, Grain::Hour);
    for same in [day, days, last, last.complete()] {
        assert!(!same.depends_on_zone(), "{same:?}");
    }
}

#[test]
fn the_zone_of_the_span_comes_before_the_other_and_decides_what_is_running() {
    let now = instant("2026-11-30T20:00:00Z");
    let [utc, kolkata] = [Zone::UTC, zone("+05:30")];
    let month = Span::last(1, Grain::Month);
    let label = |span: Span, default| span.steps(now, default).unwrap()[0].label().to_string();
    assert_eq!(label(month, utc), "month:2026-11");
    assert_eq!(label(month, kolkata), "month:2026-12");
    assert_eq!(label(month.zone(kolkata), utc), "month:2026-12");
    assert_eq!(label(month.zone(utc), kolkata), "month:2026-11");
    assert_eq!(label(month.zone(kolkata).complete(), utc), "month:2026-11");
    assert_eq!(label(Span::last(1, Grain::Hour), kolkata), "hour:2026-11-30T20");
}

#[test]
fn hours_between_dates_are_those_of_the_dates_of_the_zone() {
    let day = Span::between(Grain::Hour, date(2026, 11, 28), date(2026, 11, 29));
    let hours = |zone| {
        let steps = day.zone(zone).steps(noon(2026, 11, 30), Zone::UTC).unwrap();
        let ends = [steps.first().unwrap(), steps.last().unwrap()];
        (steps.len(), ends.map(|step| step.label().to_string()))
    };
    let ends = |first: &str, last: &str| [first.to_owned(), last.to_owned()];
    assert_eq!(hours(Zone::UTC), (24, ends("hour:2026-11-28T00", "hour:2026-11-28T23")));
    assert_eq!(hours(zone("+02:00")), (24, ends("hour:2026-11-27T22", "hour:2026-11-28T21")));
    // Half an hour at either end is widened to the whole one.
    assert_eq!(hours(zone("+05:30")), (25, ends("hour:2026-11-27T18", "hour:2026-11-28T18")));
    #[cfg(feature = "chrono-tz")]
    {
        let day = Span::between(Grain::Hour, date(2026, 10, 25), date(2026, 10, 26));
        let steps = day.steps(noon(2026, 11, 30), zone("Europe/Berlin")).unwrap();
        assert_eq!(steps.len(), 25);
    }
}

#[test]
fn a_span_of_too_many_steps_is_refused_before_they_are_made() {
    let now = noon(2026, 11, 28);
    let steps = |span: Span| span.steps(now, Zone::UTC).map(|steps| steps.len());
    let most = Span::MAX_STEPS;
    assert_eq!(steps(Span::last(most, Grain::Hour)), Ok(most));
    assert_eq!(steps(Span::last(most, Grain::Hour).complete()), Ok(most));
    let first = date(2000, 1, 1);
    let after = |days| first.checked_add_days(chrono::Days::new(days)).unwrap();
    assert_eq!(steps(Span::between(Grain::Day, first, after(10_000))), Ok(most));
    for span in [
        Span::last(most + 1, Grain::Hour),
        Span::last(usize::MAX, Grain::Day),
        Span::between(Grain::Day, first, after(10_001)),
        Span::between(Grain::Hour, NaiveDate::MIN, NaiveDate::MAX),
        Span::between(Grain::Day, NaiveDate::MAX.pred_opt().unwrap(), NaiveDate::MAX)
            .months_from(0),
    ] {
        assert!(matches!(steps(span), Err(Invalid::Malformed { .. })), "{span:?}");
    }
    let refused = steps(Span::last(10_001, Grain::Day)).unwrap_err().to_string();
    assert_eq!(
        refused,
        "\"last 10001 by day\" is not a span of periods: it has more than 10000 steps"
    );
}

#[test]
fn a_span_that_cannot_be_is_refused_and_says_why() {
    let now = noon(2026, 11, 28);
    let refused = |span: Span| span.steps(now, Zone::UTC).unwrap_err().to_string();
    let backwards = Span::between(Grain::Day, date(2026, 11, 2), date(2026, 11, 1));
    assert_eq!(
        refused(backwards),
        "\"2026-11-02 to 2026-11-01 by day\" is not a span of periods: it ends before it begins"
    );
    for day in [0, 29, 31, u32::MAX] {
        let months = refused(Span::last(1, Grain::Month).months_from(day));
        assert!(months.contains("a day from 1 to 28"), "{months}");
    }
    for month in [0, 13, u32::MAX] {
        let years = refused(Span::last(1, Grain::Year).years_from(month));
        assert!(years.contains("a month from 1 to 12"), "{years}");
    }
    for outside in [
        Span::last(2000, Grain::Year),
        Span::between(Grain::Day, date(10_000, 1, 1), date(10_000, 1, 2)),
        Span::from(Period::day(date(999, 12, 31))),
    ] {
        assert!(refused(outside).contains("the years 1000 to 9999"), "{outside:?}");
    }
}

#[test]
fn a_span_says_what_it_was_given() {
    let span = Span::last(7, Grain::Day);
    assert_eq!((span.step(), span.own_zone()), (Grain::Day, None));
    let span = span.zone(zone("+05:30"));
    assert_eq!(span.own_zone(), Some(zone("+05:30")));
    assert_eq!(Span::from(Period::week(2026, 48).unwrap()).step(), Grain::Week);
}
