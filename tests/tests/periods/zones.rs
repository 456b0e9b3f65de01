//! In whose days an increment is counted.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use counter_diesel::error::one_line;
use counter_diesel::query::Zone;
use counter_diesel::schema::{PeriodCount, model_counters_periods};
use counter_diesel::store::ManualClock;
use counter_diesel::{Config, Counters, Error, HasCounters, Owner, SyncOptions, sqlite_pool};
use counter_tests::suite::Case;
use counter_tests::world::World;
use diesel::prelude::*;

use super::assert_pending;

#[derive(HasCounters)]
#[counters(keys(calls(every(hour, day)), hits(every(hour)), likes), zone = time_zone)]
pub(super) struct Client {
    id: i64,
    time_zone: Option<String>,
}

/// The same owners without their zone.
#[derive(HasCounters)]
#[counters(owner_type = "client", keys(calls(every(day))))]
struct ClientRow {
    id: i64,
}

#[derive(HasCounters)]
#[counters(keys(calls(every(day))))]
pub(super) struct Shop {
    pub(super) id: i64,
}

/// It is the 30th in one half of the world, and the 1st in the other.
const NOON: &str = "2026-12-31T11:00:00Z";

pub(super) const CASES: &[Case<World>] = &[
    ("the zone is that of the call, else of the owner, else of the configuration", |world| {
        let counters = at(world, zone("+14:00"), NOON);
        let client = client(Some("-12:00"));
        counters.increment(&client, ClientCounter::Calls, 1).unwrap();
        counters.in_zone(Zone::UTC).increment(&client, ClientCounter::Calls, 10).unwrap();
        counters.increment(&self::client(None), ClientCounter::Calls, 100).unwrap();
        counters.increment(&Shop { id: 1 }, ShopCounter::Calls, 1).unwrap();
        counters.increment(Shop::counter_owner(1).unwrap(), ShopCounter::Calls, 1).unwrap();
        let handle = counters.handle(&client, ClientCounter::Calls).unwrap();
        handle.increment(1_000).unwrap();
        assert_pending(
            world,
            &[
                ("client:1:calls", 1_111),
                ("client:1:calls@day:2026-12-30", 1_001),
                ("client:1:calls@day:2026-12-31", 10),
                ("client:1:calls@day:2027-01-01", 100),
                // An hour is that of UTC in every zone.
                ("client:1:calls@hour:2026-12-31T11", 1_111),
                ("shop:1:calls@day:2027-01-01", 2),
            ],
        );
    }),
    ("a late event is on the day that it was in its zone", |world| {
        let counters = at(world, Zone::UTC, NOON);
        let night: DateTime<Utc> = "2026-12-20T23:30:00Z".parse().unwrap();
        let late = counters.at(night);
        late.increment(&client(Some("+01:00")), ClientCounter::Calls, 1).unwrap();
        late.in_zone(zone("-01:00")).decrement(&Shop { id: 1 }, ShopCounter::Calls, 2).unwrap();
        let many = [(&Shop { id: 1 }, ShopCounter::Calls, 30)];
        counters.in_zone(zone("+01:00")).at(night).increment_many(many).unwrap();
        assert_pending(
            world,
            &[
                ("client:1:calls@day:2026-12-21", 1),
                ("shop:1:calls@day:2026-12-20", -2),
                ("shop:1:calls@day:2026-12-21", 30),
            ],
        );
    }),
    ("days begin at midnight of their zone also where the clocks change", |world| {
        for (now, by) in [
            ("2026-10-24T21:59:59Z", 1),
            ("2026-10-24T22:00:00Z", 10),
            ("2026-10-25T22:59:59Z", 100),
        ] {
            let counters = at(world, zone("Europe/Berlin"), now);
            counters.increment(&Shop { id: 1 }, ShopCounter::Calls, by).unwrap();
        }
        assert_pending(
            world,
            &[("shop:1:calls@day:2026-10-24", 1), ("shop:1:calls@day:2026-10-25", 110)],
        );
    }),
    ("by the id alone an owner with a zone is counted only in a zone that is named", |world| {
        let counters = at(world, zone("+14:00"), NOON);
        let by_id = Client::counter_owner(1).unwrap();
        let needed = [
            counters.increment(&by_id, ClientCounter::Calls, 1),
            counters.decrement(&by_id, ClientCounter::Calls, 1),
            counters.increment_many([
                (&by_id, ClientCounter::Likes, 1),
                (&by_id, ClientCounter::Calls, 1),
            ]),
            counters.handle(&by_id, ClientCounter::Calls).unwrap().increment(1),
            counters.handle(&by_id, ClientCounter::Calls).unwrap().decrement(1),
        ];
        for refused in needed {
            let Err(error @ Error::ZoneNeeded { .. }) = refused else { panic!("{refused:?}") };
            assert!(error.is_not_counted() && !error.is_outcome_unknown());
            assert!(error.to_string().contains("client:1:calls"), "{error}");
            assert!(error.to_string().contains("in_zone"), "{error}");
        }
        assert_pending(world, &[("client:1:calls", 0), ("client:1:likes", 0)]);
        // Reads and sets of totals need no zone either.
        let handle = counters.handle(&by_id, ClientCounter::Calls).unwrap();
        handle.set(5).unwrap();
        assert_eq!((handle.get().unwrap(), handle.baseline().unwrap()), (5, 5));
        assert_eq!(handle.pending().unwrap().pending, 0);
        let handle = handle.in_zone(zone("-12:00"));
        handle.increment(7).unwrap();
        assert_pending(world, &[("client:1:calls", 7), ("client:1:calls@day:2026-12-30", 7)]);
        handle.decrement(7).unwrap();
        // Neither hours nor totals need one.
        counters.increment(&by_id, ClientCounter::Hits, 1).unwrap();
        counters.increment(&by_id, ClientCounter::Likes, 1).unwrap();
        counters.in_zone(zone("-12:00")).increment(&by_id, ClientCounter::Calls, 1).unwrap();
        assert_pending(
            world,
            &[
                ("client:1:hits@hour:2026-12-31T11", 1),
                ("client:1:likes", 1),
                ("client:1:calls@day:2026-12-30", 1),
            ],
        );
    }),
    ("a text that is no zone is an error of the increment, and is not taken for UTC", |world| {
        let counters = at(world, Zone::UTC, NOON);
        let client = client(Some("Mars/Olympus"));
        let handle = counters.handle(&client, ClientCounter::Calls).unwrap();
        assert_eq!(handle.get().unwrap(), 0);
        let refused = [
            counters.increment(&client, ClientCounter::Calls, 1),
            counters.increment_many([(&client, ClientCounter::Calls, 1)]),
            handle.increment(1),
        ];
        for error in refused.map(Result::unwrap_err) {
            assert!(error.is_not_counted(), "{error:?}");
            // Which of many owners it is, and why.
            let why = one_line(&error);
            assert!(why.contains("client:1:calls"), "{why}");
            assert!(why.contains("\"Mars/Olympus\" is not a time zone"), "{why}");
        }
        assert_pending(world, &[("client:1:calls", 0)]);
        counters.increment(&client, ClientCounter::Hits, 1).unwrap();
        counters.in_zone(Zone::UTC).increment(&client, ClientCounter::Calls, 1).unwrap();
        assert_pending(world, &[("client:1:calls@day:2026-12-31", 1), ("client:1:hits", 1)]);
    }),
    (
        "what is counted stays where it is when a zone changes, and what follows gets its own days",
        |world| {
            at(world, zone("-12:00"), NOON)
                .increment(&Shop { id: 1 }, ShopCounter::Calls, 1)
                .unwrap();
            at(world, zone("+14:00"), NOON)
                .increment(&Shop { id: 1 }, ShopCounter::Calls, 10)
                .unwrap();
            assert_pending(
                world,
                &[("shop:1:calls@day:2026-12-30", 1), ("shop:1:calls@day:2027-01-01", 10)],
            );
        },
    ),
    ("models that the builder knows have a zone or need one, and transactions do", |_| {
        let pool = sqlite_pool(":memory:", 1).unwrap();
        let builder = Counters::builder(pool.clone()).memory().zone(zone("+14:00"));
        let counters = builder.model::<Client>().model::<Shop>().build().unwrap();
        let counters = counters.with_clock(clock(NOON));
        counters.run_pending_migrations().unwrap();
        let [shop, by_text] = ["shop", "client"].map(|kind| Owner::new(kind, 1).unwrap());
        counters.increment(&shop, "calls", 1).unwrap();
        counters.in_zone(zone("-12:00")).increment(&by_text, "calls", 1).unwrap();
        counters.increment(&by_text, "hits", 1).unwrap();
        let needed = counters.increment(&by_text, "calls", 1);
        assert!(matches!(needed, Err(Error::ZoneNeeded { .. })), "{needed:?}");
        // Another struct of the same type, which does not name the zone, does not know it.
        let needed = counters.increment(&ClientRow { id: 1 }, ClientRowCounter::Calls, 1);
        assert!(matches!(needed, Err(Error::ZoneNeeded { .. })), "{needed:?}");
        let in_transaction = |owner: &Client| {
            counters.transaction(&mut pool.get().unwrap(), |_, after| {
                after.increment(owner, ClientCounter::Calls, 10)
            })
        };
        in_transaction(&client(Some("-12:00"))).unwrap();
        assert!(in_transaction(&client(Some("x"))).is_err());
        let needed = counters.transaction(&mut pool.get().unwrap(), |_, after| {
            after.increment(Client::counter_owner(1)?, ClientCounter::Calls, 100)
        });
        assert!(matches!(needed, Err(Error::ZoneNeeded { .. })), "{needed:?}");
        let late = counters.transaction(&mut pool.get().unwrap(), |_, after| {
            let night = "2026-12-20T23:30:00Z".parse::<DateTime<Utc>>().unwrap();
            let by_id = Client::counter_owner(1)?;
            after.in_zone(zone("-01:00")).increment(&by_id, ClientCounter::Calls, 1_000)?;
            after.at(night).in_zone(zone("+01:00")).increment(&by_id, ClientCounter::Calls, 3)?;
            after.at(night).decrement(&Shop { id: 2 }, ShopCounter::Calls, 2)
        });
        late.unwrap();
        let too_late = counters.transaction(&mut pool.get().unwrap(), |_, after| {
            after.increment(&Shop { id: 2 }, ShopCounter::Calls, 100)?;
            after.at(DateTime::UNIX_EPOCH).increment(&Shop { id: 2 }, ShopCounter::Calls, 100)
        });
        assert!(matches!(too_late, Err(Error::TooLate { .. })), "{too_late:?}");
        assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
        let table = model_counters_periods::table.filter(model_counters_periods::grain.eq("day"));
        let rows = table.load::<PeriodCount>(&mut pool.get().unwrap()).unwrap();
        let counts = rows.iter().map(|row| (row.period().unwrap().to_string(), row.count));
        let expected = [
            ("day:2026-12-30", 11),
            ("day:2026-12-31", 1_000),
            ("day:2026-12-21", 3),
            ("day:2026-12-21", -2),
            ("day:2027-01-01", 1),
        ];
        let expected = expected.map(|(day, count)| (day.to_owned(), count));
        assert_eq!(counts.collect::<BTreeSet<_>>(), expected.into());
    }),
];

pub(super) fn client(time_zone: Option<&str>) -> Client {
    Client { id: 1, time_zone: time_zone.map(str::to_owned) }
}

pub(super) fn zone(text: &str) -> Zone {
    text.parse().unwrap()
}

pub(super) fn clock(now: &str) -> ManualClock {
    ManualClock::at_micros(now.parse::<DateTime<Utc>>().unwrap().timestamp_micros())
}

pub(super) fn at(world: &World, zone: Zone, now: &str) -> Counters {
    let mut config = Config::default();
    config.zone = zone;
    world.counters_with(config).with_clock(clock(now))
}
