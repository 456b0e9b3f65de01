//! Events that are counted by their own time.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, FixedOffset, TimeDelta, Utc};
use counter_diesel::store::{Clock, ManualClock};
use counter_diesel::{Config, Counters, Error, HasCounters, SyncOptions};
use counter_tests::suite::Case;
use counter_tests::world::World;

use super::{assert_pending, rows};

#[derive(HasCounters)]
#[counters(keys(views(every(day)), likes, calls(every(hour, month))))]
struct Page {
    id: i64,
}

const PAGE: Page = Page { id: 7 };

pub(super) const CASES: &[Case<World>] = &[
    ("a late event is counted in the periods of its own time, and in the total", |world| {
        let counters = at(world, Config::default(), "2026-12-31T23:59:59Z");
        counters.at(time("2026-12-20T10:30:00Z")).increment(&PAGE, PageCounter::Views, 3).unwrap();
        let november = counters.at(time("2026-11-30T23:59:59Z"));
        november.increment(&PAGE, PageCounter::Calls, 5).unwrap();
        november.decrement(&PAGE, PageCounter::Calls, 1).unwrap();
        let many = [(&PAGE, PageCounter::Views, 10), (&PAGE, PageCounter::Likes, 1)];
        november.increment_many(many).unwrap();
        counters.increment(&PAGE, PageCounter::Views, 100).unwrap();
        let expected = [
            ("page:7:views", 113),
            ("page:7:views@day:2026-12-20", 3),
            ("page:7:views@day:2026-11-30", 10),
            ("page:7:views@day:2026-12-31", 100),
            ("page:7:calls", 4),
            ("page:7:calls@hour:2026-11-30T23", 4),
            ("page:7:calls@month:2026-11", 4),
            ("page:7:likes", 1),
        ];
        assert_pending(world, &expected);
        assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
        let ids = expected.map(|(id, _)| id.parse().unwrap());
        assert_eq!(rows(world, &ids), expected.map(|(_, count)| count));
    }),
    ("the offset of an event does not decide on which day it was", |world| {
        let counters = at(world, Config::default(), "2026-12-31T23:59:59Z");
        let event = DateTime::parse_from_rfc3339("2026-12-21T01:00:00+05:30").unwrap();
        counters.at::<FixedOffset>(event).increment(&PAGE, PageCounter::Views, 1).unwrap();
        assert_pending(world, &[("page:7:views@day:2026-12-20", 1)]);
    }),
    (
        "an event beyond the bounds is not counted, in the total neither, and the bound is said",
        |world| {
            let now = "2026-12-31T12:00:00Z";
            let counters = at(world, Config::default(), now);
            let (oldest, newest) = (time("2026-11-26T12:00:00Z"), time("2026-12-31T12:05:00Z"));
            let moment = TimeDelta::microseconds(1);
            for accepted in [oldest, newest] {
                counters.at(accepted).increment(&PAGE, PageCounter::Views, 1).unwrap();
            }
            let (late, early) = (counters.at(oldest - moment), counters.at(newest + moment));
            let many = [(&PAGE, PageCounter::Likes, 1), (&PAGE, PageCounter::Views, 1)];
            for refused in [
                late.increment(&PAGE, PageCounter::Views, 1),
                late.decrement(&PAGE, PageCounter::Likes, 1),
                late.increment_many(many),
                late.increment_many([(&PAGE, PageCounter::Likes, 1)]),
            ] {
                let Err(error @ Error::TooLate { oldest: bound, .. }) = refused else {
                    panic!("{refused:?}")
                };
                assert!(bound == oldest && error.is_not_counted() && !error.is_outcome_unknown());
                let text = "the event of 2026-11-26T11:59:59.999999Z was not counted: events before \
                        2026-11-26T12:00:00Z come too late (oldest_event, COUNTER_OLDEST_EVENT)";
                assert_eq!(error.to_string(), text);
            }
            for refused in
                [early.increment(&PAGE, PageCounter::Likes, 1), early.increment_many(many)]
            {
                let Err(error @ Error::TooEarly { newest: bound, .. }) = refused else {
                    panic!("{refused:?}")
                };
                assert!(bound == newest && error.is_not_counted() && !error.is_outcome_unknown());
            }
            let expected =
                [("page:7:views", 2), ("page:7:likes", 0), ("page:7:views@day:2026-11-26", 1)];
            assert_pending(world, &expected);
        },
    ),
    ("the bounds are those of the configuration, and there may be none", |world| {
        let mut config = Config::default();
        (config.oldest_event, config.newest_event) = (Duration::MAX, Duration::ZERO);
        let counters = at(world, config, "2026-12-31T12:00:00Z");
        counters.at(time("1999-12-31T12:00:00Z")).increment(&PAGE, PageCounter::Views, 1).unwrap();
        assert_pending(world, &[("page:7:views@day:1999-12-31", 1)]);
        let early =
            counters.at(time("2026-12-31T12:00:01Z")).increment(&PAGE, PageCounter::Views, 1);
        assert!(matches!(early, Err(Error::TooEarly { .. })), "{early:?}");
        // Before the year 1000 no day has a name.
        for event in [time("0999-12-31T12:00:00Z"), DateTime::<Utc>::MIN_UTC] {
            let unnamed = counters.at(event).increment(&PAGE, PageCounter::Views, 1).unwrap_err();
            assert!(unnamed.is_not_counted(), "{unnamed:?}");
        }
        assert_pending(world, &[("page:7:views", 1)]);
    }),
    ("all names of a call have one instant, whatever the clock does meanwhile", |world| {
        let stepping = Stepping(AtomicI64::new(time("2026-12-31T23:59:59Z").timestamp_micros()));
        let counters = world.counters().with_clock(stepping);
        let other = Page { id: 8 };
        let many = [
            (&PAGE, PageCounter::Calls, 1),
            (&other, PageCounter::Views, 1),
            (&PAGE, PageCounter::Views, 1),
        ];
        counters.increment_many(many).unwrap();
        assert_pending(
            world,
            &[
                ("page:7:calls@hour:2026-12-31T23", 1),
                ("page:7:calls@month:2026-12", 1),
                ("page:7:views@day:2026-12-31", 1),
                ("page:8:views@day:2026-12-31", 1),
            ],
        );
        counters.increment(&PAGE, PageCounter::Calls, 10).unwrap();
        assert_pending(
            world,
            &[("page:7:calls@hour:2027-01-01T00", 10), ("page:7:calls@month:2027-01", 10)],
        );
    }),
];

/// A clock that goes on by a second each time that it is looked at.
#[derive(Debug)]
struct Stepping(AtomicI64);

impl Clock for Stepping {
    fn now_micros(&self) -> i64 {
        self.0.fetch_add(1_000_000, Ordering::SeqCst)
    }
}

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn at(world: &World, config: Config, now: &str) -> Counters {
    let clock = ManualClock::at_micros(time(now).timestamp_micros());
    world.counters_with(config).with_clock(clock)
}
