//! Which buckets make up a step.

use chrono::{DateTime, TimeDelta, Weekday};
use counter_core::{Grain, Period, Span, Step, Zone};
use proptest::prelude::*;

use super::{GRAINS, date, instant};

fn step_of(span: Span) -> Step {
    let steps = span.steps(instant("2026-11-28T14:30:00Z"), Zone::UTC).unwrap();
    let [step] = steps.try_into().unwrap();
    step
}

fn any_span() -> impl Strategy<Value = Span> {
    let weekday = prop::sample::select(
        (0..7_u8).map(|day| Weekday::try_from(day).unwrap()).collect::<Vec<_>>(),
    );
    let grain = prop::sample::select(GRAINS.to_vec());
    (grain, weekday, 1..=28_u32, 1..=12_u32).prop_map(|(grain, weekday, day, month)| {
        Span::last(3, grain).weeks_from(weekday).months_from(day).years_from(month)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) })]

    #[test]
    fn steps_leave_no_gap_and_the_last_one_is_running(
        span in any_span(), now in -10_000_000_000..100_000_000_000_i64
    ) {
        let now = DateTime::from_timestamp(now, 0).unwrap();
        let steps = span.steps(now, Zone::UTC).unwrap();
        prop_assert_eq!(steps.len(), 3);
        for (earlier, later) in steps.iter().zip(&steps[1..]) {
            prop_assert_eq!(earlier.end(), later.start());
            prop_assert_eq!(earlier.label().next(), later.label());
        }
        prop_assert!(steps[2].instants(Zone::UTC).contains(&now));
        let complete = span.complete().steps(now, Zone::UTC).unwrap();
        prop_assert_eq!(&complete[1..], &steps[..2]);
    }

    #[test]
    fn what_makes_up_a_step_covers_it_exactly(
        span in any_span(), part in prop::sample::select(GRAINS.to_vec()),
        now in -10_000_000_000..100_000_000_000_i64
    ) {
        let now = DateTime::from_timestamp(now, 0).unwrap();
        for step in span.steps(now, Zone::UTC).unwrap() {
            let parts = step.made_of(part, Zone::UTC);
            let count = parts.as_ref().map(|parts| parts.len() as u64);
            prop_assert_eq!(step.count_of(part, Zone::UTC), count);
            let Some(parts) = parts else { continue };
            prop_assert_eq!(parts[0].start(), step.start());
            prop_assert_eq!(parts[parts.len() - 1].end(), step.end());
            for (earlier, later) in parts.iter().zip(&parts[1..]) {
                prop_assert_eq!(earlier.next(), *later);
            }
        }
    }

    #[test]
    fn the_label_of_a_week_is_the_iso_week_in_which_most_of_it_is(
        from in 0..7_u8, now in -10_000_000_000..100_000_000_000_i64
    ) {
        let now = DateTime::from_timestamp(now, 0).unwrap();
        let from = Weekday::try_from(from).unwrap();
        let span = Span::last(1, Grain::Week).weeks_from(from);
        let [step] = span.steps(now, Zone::UTC).unwrap().try_into().unwrap();
        let middle = step.start() + TimeDelta::days(3);
        prop_assert_eq!(step.label(), Period::containing(Grain::Week, middle));
        prop_assert_eq!(step.end() - step.start(), TimeDelta::days(7));
        prop_assert_eq!(step.period().is_some(), from == Weekday::Mon);
    }
}

/// Which grains make up which, where both are of the calendar.
#[test]
fn days_make_up_what_is_longer_and_months_and_quarters_what_they_divide() {
    let now = instant("2026-11-28T14:30:00Z");
    for whole in GRAINS {
        let step = step_of(Span::from(Period::at(whole, now, Zone::UTC)));
        let made_of = GRAINS.map(|part| step.made_of(part, Zone::UTC).map(|parts| parts.len()));
        let [hour, day, week, month, quarter, year] = made_of;
        let expected = match whole {
            Grain::Hour => [Some(1), None, None, None, None, None],
            Grain::Day => [Some(24), Some(1), None, None, None, None],
            Grain::Week => [Some(168), Some(7), Some(1), None, None, None],
            Grain::Month => [Some(720), Some(30), None, Some(1), None, None],
            Grain::Quarter => [Some(2208), Some(92), None, Some(3), Some(1), None],
            _ => [Some(8760), Some(365), None, Some(12), Some(4), Some(1)],
        };
        assert_eq!([hour, day, week, month, quarter, year], expected, "{whole}");
    }
}

#[test]
fn a_month_that_begins_on_another_day_is_made_of_days_alone() {
    let step = step_of(Span::last(1, Grain::Month).months_from(15));
    assert_eq!(step.label().to_string(), "month:2026-11");
    assert_eq!(step.period(), None);
    assert_eq!((step.start().date(), step.end().date()), (date(2026, 11, 15), date(2026, 12, 15)));
    let days = step.made_of(Grain::Day, Zone::UTC).unwrap();
    assert_eq!(days.len(), 30);
    assert_eq!(days.first(), Some(&Period::day(date(2026, 11, 15))));
    assert_eq!(days.last(), Some(&Period::day(date(2026, 12, 14))));
    for grain in [Grain::Week, Grain::Month, Grain::Quarter, Grain::Year] {
        assert_eq!(step.made_of(grain, Zone::UTC), None, "{grain}");
    }
    let quarter = step_of(Span::last(1, Grain::Quarter).months_from(15));
    assert_eq!(quarter.start().date(), date(2026, 10, 15));
    assert_eq!(quarter.made_of(Grain::Month, Zone::UTC), None);
}

#[test]
fn a_year_from_april_is_made_of_quarters_and_one_from_may_of_months() {
    let parts = |month, day, grain| {
        let step = step_of(Span::last(1, Grain::Year).years_from(month).months_from(day));
        step.made_of(grain, Zone::UTC).map(|parts| (parts.len(), parts[0].start().date()))
    };
    assert_eq!(parts(4, 1, Grain::Quarter), Some((4, date(2026, 4, 1))));
    assert_eq!(parts(5, 1, Grain::Quarter), None);
    assert_eq!(parts(5, 1, Grain::Month), Some((12, date(2026, 5, 1))));
    assert_eq!(parts(5, 15, Grain::Month), None);
    assert_eq!(parts(5, 15, Grain::Day), Some((365, date(2026, 5, 15))));
    assert_eq!(parts(4, 1, Grain::Year), None);
}
