//! A retention that is configured: what is refused, and what a worker does with it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use counter_core::Grain;
use counter_diesel::error::BuildProblem;
use counter_diesel::query::{Period, Span};
use counter_diesel::store::ManualClock;
use counter_diesel::{Counters, Error, HasCounters, SyncOptions, sqlite_pool};
use counter_tests::suite::Case;
use counter_tests::world::{World, impatient};

use super::rolled::{at_noon, months, numbers, recorded, rolling};

pub(super) const ONCE: &[Case<World>] = &[
    ("a retention that would lose or double counts is refused when the counters are built", |_| {
        let build = |retention: &str, oldest_event: u64| {
            let pool = sqlite_pool(":memory:", 1).unwrap();
            let builder = Counters::builder(pool).memory().model::<Sold>();
            let builder = builder.oldest_event(Duration::from_secs(oldest_event * 86_400));
            builder.retention(retention.parse().unwrap()).build().map(drop)
        };
        build("day=90d:quarter", 35).unwrap();
        build("hour=35d,day=35d:year", 35).unwrap();
        let counted = build("day=90d:month", 35).unwrap_err();
        let problem = BuildProblem::RollUpCounted { from: Grain::Day, into: Grain::Month };
        assert!(matches!(counted, Error::Build(found) if found == problem), "{counted:?}");
        let late = build("day=34d", 35).unwrap_err();
        let problem = BuildProblem::OldestEvent { grain: Grain::Day };
        assert!(matches!(late, Error::Build(found) if found == problem), "{late:?}");
        build("day=7d", 7).unwrap();
        let none = build("day=0d", 0).unwrap_err();
        assert!(matches!(none, Error::TooYoung { .. }), "{none:?}");
    }),
    ("readings of gauges are dropped and not added up, and are not kept then", |_| {
        for is_declared in [true, false] {
            let pool = sqlite_pool(":memory:", 1).unwrap();
            let builder = Counters::builder(pool).memory();
            let builder = if is_declared { builder.model::<Sold>() } else { builder };
            let counters = builder.build().unwrap();
            counters.run_pending_migrations().unwrap();
            let then = "2026-09-30T12:00:00Z".parse::<DateTime<Utc>>().unwrap();
            let then = ManualClock::at_micros(then.timestamp_micros());
            counters.clone().with_clock(then).record(&Sold { id: 1 }, SoldGauge::Stock, 5).unwrap();
            let counters = at_noon(counters);
            let days = Span::last(3, Grain::Day);
            let carried = || {
                let readings = counters.readings(&Sold { id: 1 }, SoldGauge::Stock, days).unwrap();
                readings.carried().into_iter().map(|(_, reading)| reading).collect::<Vec<_>>()
            };
            assert_eq!(carried(), [Some(5); 3]);
            let cleared = [(); 2].map(|()| counters.prune(&rolling()).unwrap());
            let rolled_up = cleared.iter().map(|pruned| pruned.rolled_up).sum::<u64>();
            let cleared = cleared.iter().map(|pruned| pruned.cleared).sum::<u64>();
            assert_eq!((cleared, rolled_up), (1, 0), "{is_declared}");
            assert_eq!(carried(), [None; 3]);
            assert_eq!(counters.latest(&Sold { id: 1 }, SoldGauge::Stock).unwrap(), None);
            let months = Span::last(4, Grain::Month);
            let refused = counters.readings(&Sold { id: 1 }, SoldGauge::Stock, months);
            assert!(matches!(refused, Err(Error::NotKept { .. })));
        }
    }),
    ("days that months have are dropped by a process that knows the model", |_| {
        let (knowing, at_then) = knowing();
        at_then.increment(&Sold { id: 1 }, SoldCounter::Sales, 7).unwrap();
        assert!(knowing.sync(&SyncOptions::default()).unwrap().is_clean());
        let knowing = at_noon(knowing);
        assert_eq!(numbers(&knowing.prune(&rolling()).unwrap()), [1, 1, 0, 0, 0]);
        let september = knowing.during(Period::month(2026, 9).unwrap());
        assert_eq!(september.get(&Sold { id: 1 }, SoldCounter::Sales).unwrap(), 7);
    }),
    ("nothing is rolled up into a grain by which the model counts the key", |_| {
        let (knowing, at_then) = knowing();
        let days = Span::last(1, Grain::Day);
        at_then.during(days).set(&Sold { id: 1 }, SoldCounter::Sales, 7).unwrap();
        let knowing = at_noon(knowing);
        for is_dry in [true, false, false] {
            let pruned = knowing.prune(&rolling().dry_run(is_dry)).unwrap();
            assert_eq!((pruned.cleared, pruned.rolled_up, pruned.held), (0, 0, 1));
            let failed = pruned.failed.iter().map(|failed| &*failed.why).collect::<Vec<_>>();
            assert!(matches!(failed[..], [why] if why.contains("by the grain month itself")));
        }
    }),
    ("a worker prunes what is not kept after a good sync", |world| {
        recorded(world);
        let mut config = impatient();
        config.retention = "day=90d:month".parse().unwrap();
        let counters = at_noon(world.counters_with(config));
        let worker = counters.spawn_sync(Duration::from_millis(5)).unwrap();
        let minute = Duration::from_secs(60);
        assert!(worker.wait_until(minute, |status| status.last_pruned.is_some()));
        let passes = worker.status().passes;
        assert!(worker.wait_until(minute, |status| status.passes > passes + 3));
        let status = worker.stop().unwrap();
        let pruned = status.last_pruned.unwrap();
        assert_eq!(numbers(&pruned), [4, 4, 4, 0, 0], "and not again within the hour");
        assert_eq!(months(&counters), [3, 12, 16]);
    }),
];

/// The counters of a process that knows the model, now and as of September.
fn knowing() -> (Counters, Counters) {
    let knowing = Counters::builder(sqlite_pool(":memory:", 1).unwrap()).memory();
    let knowing = knowing.model::<Sold>().build().unwrap();
    knowing.run_pending_migrations().unwrap();
    let then = "2026-09-30T12:00:00Z".parse::<DateTime<Utc>>().unwrap();
    let then = ManualClock::at_micros(then.timestamp_micros());
    (knowing.clone(), knowing.with_clock(then))
}

/// Counted by days and by months.
#[derive(HasCounters)]
#[counters(keys(sales(every(day, month)), views(every(day))), gauges(stock(every(day))))]
struct Sold {
    id: i64,
}
