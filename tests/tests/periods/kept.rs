//! Since when buckets are kept: a read of earlier periods is an error, and not 0.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::{NaiveDate, NaiveDateTime, TimeDelta, Utc};
use counter_core::{CounterId, Period};
use counter_diesel::ledger::Kept;
use counter_diesel::query::{Grain, OwnerType, Span};
use counter_diesel::{CounterKey, Counters, Error, SyncOptions};
use counter_tests::faults::{Fault, Faults};
use counter_tests::suite::Case;
use counter_tests::world::{World, impatient};

use super::read::{PAGE, PageCounter};

pub(super) const CASES: &[Case<World>] = &[
    ("a key that was not counted before is kept from the beginning", |world| {
        let counters = world.counters();
        assert_eq!(get(&counters, last(400)), 0);
        count(&counters);
        sync(&counters);
        assert_eq!(kept(&counters), [(Grain::Day, None)]);
        age_totals(world);
        let later = world.counters();
        sync(&later);
        assert_eq!((get(&later, last(400)), kept(&later)), (1, vec![(Grain::Day, None)]));
    }),
    ("a key that was counted before is kept from the next period on", |world| {
        let total = "page:7:views".parse::<CounterId>().unwrap();
        world.store.increment(&total, 5).unwrap();
        sync(&world.counters());
        age_totals(world);
        let counters = world.counters();
        let before = [next_day(), next_day()];
        let since = since_of(&counters, last(1));
        assert_eq!(kept(&counters), [], "a read writes nothing");
        count(&counters);
        sync(&counters);
        assert!(before[0] <= since && since <= next_day(), "{since}");
        assert_eq!(kept(&counters), [(Grain::Day, Some(since))]);
        assert_eq!(since_of(&counters, last(30)), since);
        assert_eq!(get(&counters, last(30).kept()), 0);
        let series = counters.series(&PAGE, PageCounter::Views, last(30).kept()).unwrap();
        assert!(series.is_empty(), "{series:?}");
        // Later periods are complete.
        let first = Period::day(since.date());
        assert_eq!(get(&counters, first), 0);
        let span = Span::between(
            Grain::Day,
            since.date() - TimeDelta::days(2),
            since.date() + TimeDelta::days(3),
        );
        let series = counters.series(&PAGE, PageCounter::Views, span.kept()).unwrap();
        assert_eq!(series.iter().next().map(|(day, _)| day.label()), Some(first));
        assert_eq!(series.len(), 3);
        assert_eq!(counters.get(&PAGE, PageCounter::Views).unwrap(), 6);
    }),
    ("before the migration everything is read and synced as ever", |world| {
        count(&world.counters());
        world.database.execute("DROP TABLE model_counters_kept").unwrap();
        age_totals(world);
        let counters = world.counters();
        sync(&counters);
        count(&counters);
        sync(&counters);
        assert_eq!((get(&counters, last(400)), kept(&counters)), (2, vec![]));
        let refused = set_kept(&counters, None).unwrap_err();
        assert!(refused.is_not_migrated(), "{refused:?}");
    }),
];

/// Cases that do not depend on the database.
pub(super) const ONCE: &[Case<World>] = &[
    ("what an operator says is read at once here, and by others within a minute", |world| {
        let (counters, other) = (world.counters(), world.counters());
        count(&counters);
        sync(&counters);
        // A day more than is kept, so that it may become midnight.
        assert_eq!(get(&other, last(4)), 1);
        let today = Utc::now().date_naive();
        set_kept(&counters, Some(today - TimeDelta::days(1))).unwrap();
        let since = since_of(&counters, last(4));
        assert_eq!(since.date(), today - TimeDelta::days(1));
        assert_eq!(get(&other, last(4)), 1, "it keeps what it has read");
        assert_eq!(since_of(&world.counters(), last(4)), since);
        assert_eq!(get(&counters, last(4).kept()), 1);
        set_kept(&counters, None).unwrap();
        assert_eq!(get(&counters, last(4)), 1);
    }),
    ("a month that is kept in part is not kept", |world| {
        let counters = world.counters();
        count(&counters);
        sync(&counters);
        set_kept(&counters, NaiveDate::from_ymd_opt(2020, 3, 15)).unwrap();
        let months = |from, until| {
            let date = |month| NaiveDate::from_ymd_opt(2020, month, 1).unwrap();
            Span::between(Grain::Month, date(from), date(until))
        };
        assert_eq!(since_of(&counters, months(2, 5)).to_string(), "2020-03-15 00:00:00");
        since_of(&counters, months(3, 4));
        assert_eq!(get(&counters, months(4, 6)), 0);
        let series = counters.series(&PAGE, PageCounter::Views, months(1, 6).kept()).unwrap();
        let labels = series.iter().map(|(month, _)| month.label().to_string()).collect::<Vec<_>>();
        assert_eq!(labels, ["month:2020-04", "month:2020-05"]);
        let text = counters.during(months(2, 5)).get(&PAGE, PageCounter::Views).unwrap_err();
        assert!(text.to_string().contains("since 2020-03-15T00:00"), "{text}");
    }),
    (
        "a grain that is declared later, or removed sooner, keeps no other from being read",
        |world| {
            let counters = world.counters();
            for bucket in ["day:2020-02-10", "day:2020-03-10", "month:2020-03"] {
                let bucket = format!("page:7:views@{bucket}").parse().unwrap();
                world.store.increment(&bucket, 1).unwrap();
            }
            sync(&counters);
            let date = |month, day| NaiveDate::from_ymd_opt(2020, month, day);
            let of = |grain, since| {
                let (page, views) = (OwnerType::new("page"), CounterKey::new("views"));
                counters.set_kept(&page.unwrap(), &views.unwrap(), grain, since).unwrap();
            };
            let both = |span: Span| {
                let during = counters.during(span).stored_by([Grain::Day, Grain::Month]);
                during.get(&PAGE, PageCounter::Views)
            };
            let months = |from, until| {
                Span::between(Grain::Month, date(from, 1).unwrap(), date(until, 1).unwrap())
            };
            of(Grain::Month, date(3, 1));
            assert_eq!(both(months(2, 4)).unwrap(), 2, "the days have all of it");
            of(Grain::Day, date(3, 15));
            of(Grain::Month, None);
            let year = Span::from(Period::year(2020).unwrap());
            assert_eq!(both(year).unwrap(), 1, "the months have all of it");
            of(Grain::Month, date(2, 15));
            assert!(matches!(both(year), Err(Error::NotKept { .. })));
            assert_eq!(both(months(1, 4).kept()).unwrap(), 1);
        },
    ),
    ("a sync asks once for each key, however many batches it has", |world| {
        let asked = Arc::new(AtomicUsize::new(0));
        let faults = Faults::calling({
            let asked = Arc::clone(&asked);
            move |step| {
                asked.fetch_add(usize::from(step == "kept"), Ordering::Relaxed);
            }
        });
        let mut config = impatient();
        config.sync_batch_size = std::num::NonZeroUsize::MIN.into();
        let counters = world.counters_behind(&faults, config);
        for _ in 0..3 {
            for day in 1..=5 {
                let bucket = format!("page:7:views@day:2026-10-0{day}").parse().unwrap();
                world.store.increment(&bucket, 1).unwrap();
            }
            sync(&counters);
        }
        assert_eq!(asked.load(Ordering::Relaxed), 1);
    }),
    ("what cannot be noted keeps no bucket from being synced", |world| {
        let faults = Faults::deciding(|step| (step == "kept").then_some(Fault::Refused));
        let counters = world.counters_behind(&faults, impatient());
        count(&world.counters());
        sync(&counters);
        let other = world.counters();
        assert_eq!(kept(&other), []);
        assert_eq!(get(&other, last(3)), 1);
        count(&other);
        sync(&other);
        assert_eq!(kept(&other), [(Grain::Day, None)]);
    }),
];

fn count(counters: &Counters) {
    counters.increment(&PAGE, PageCounter::Views, 1).unwrap();
}

fn sync(counters: &Counters) {
    let report = counters.sync(&SyncOptions::default()).unwrap();
    assert!(report.is_clean(), "{report}");
}

fn last(days: usize) -> Span {
    Span::last(days, Grain::Day)
}

fn get(counters: &Counters, span: impl Into<Span>) -> i64 {
    counters.during(span).get(&PAGE, PageCounter::Views).unwrap()
}

/// Returns since when a span is kept, taken from the error of a longer read.
fn since_of(counters: &Counters, span: Span) -> NaiveDateTime {
    let error = counters.during(span).get(&PAGE, PageCounter::Views).unwrap_err();
    match error {
        Error::NotKept { since: Some(since), .. } => since,
        other => panic!("{other:?}"),
    }
}

/// The rows of views.
fn kept(counters: &Counters) -> Vec<(Grain, Option<NaiveDateTime>)> {
    let rows = counters.kept().unwrap_or_default().into_iter();
    let of_views = |row: &Kept| row.key.as_str() == "views";
    rows.filter(of_views).map(|row| (row.grain, row.since)).collect()
}

fn set_kept(counters: &Counters, since: Option<NaiveDate>) -> Result<(), Error> {
    let (page, views) = (OwnerType::new("page").unwrap(), CounterKey::new("views").unwrap());
    counters.set_kept(&page, &views, Grain::Day, since)
}

/// Makes all totals look as if they had been made years ago.
fn age_totals(world: &World) {
    let age = "UPDATE model_counters SET created_at = '2001-02-03 04:05:06'";
    world.database.execute(age).unwrap();
}

/// The first day that no zone has begun.
fn next_day() -> NaiveDateTime {
    let ahead = (Utc::now() + TimeDelta::hours(14)).naive_utc();
    Period::containing(Grain::Day, ahead).next().start()
}
