//! Gauges, which are recorded and not added to.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use counter_core::{CounterId, ManualClock, MemoryStore};
use counter_diesel::query::{Grain, Period, Span, Zone};
use counter_diesel::{Config, Counters, Error, HasCounters, Owner, SyncOptions, sqlite_pool};
use counter_tests::faults::{Fault, Faults};
use counter_tests::fixtures::bucket_of;
use counter_tests::servers::redis::{bare, shared_url};
use counter_tests::suite::Case;
use counter_tests::world::World;

use super::read::date;
use super::rows;

#[derive(HasCounters)]
#[counters(
    keys(orders(every(day))),
    gauges(stock(every(day)), load(every(hour, month)), rank, members(every(month)))
)]
pub(super) struct Shop {
    pub(super) id: i64,
}

pub(super) const SHOP: Shop = Shop { id: 7 };

#[derive(HasCounters)]
#[counters(gauges(stock(every(day))), zone = zone)]
struct Branch {
    id: i64,
    zone: String,
}

/// 28 November 2026, 14:30 UTC, a Saturday.
pub(super) const NOW: &str = "2026-11-28T14:30:00Z";

pub(super) const CASES: &[Case<World>] = &[
    ("a gauge that is recorded twice is one row, and its last reading", |world| {
        let counters = at(world, NOW);
        for value in [812, 790] {
            counters.record(&SHOP, ShopGauge::Stock, value).unwrap();
        }
        let today = bucket_of(&of(7, "stock"), "day:2026-11-28");
        let is_right = || {
            assert_eq!(counters.get(&SHOP, "stock").unwrap(), 790);
            let latest = counters.latest(&SHOP, ShopGauge::Stock).unwrap();
            assert_eq!(latest, Some((Period::day(date(2026, 11, 28)), 790)));
            assert_eq!(rows(world, &[of(7, "stock"), today.clone()]), [790, 790]);
        };
        is_right();
        assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
        is_right();
        let all = counters.all(&SHOP).unwrap();
        assert_eq!(all.get("stock"), Some(&790));
    }),
    ("the latest of three months is the last one, and an owner's gauge is its own", |world| {
        let counters = at(world, NOW);
        let other = Shop { id: 8 };
        for (month, value) in [(9, 100), (10, 120), (11, 110)] {
            let at = date(2026, month, 15).and_hms_opt(12, 0, 0).unwrap().and_utc();
            counters.at(at).record(&SHOP, ShopGauge::Members, value).unwrap();
        }
        counters.record(&other, ShopGauge::Members, 5).unwrap();
        let latest = |shop: &Shop| counters.latest(shop, ShopGauge::Members).unwrap();
        let november = Period::month(2026, 11).unwrap();
        assert_eq!((latest(&SHOP), latest(&other)), (Some((november, 110)), Some((november, 5))));
        let months = counters.readings(&SHOP, ShopGauge::Members, Span::last(4, Grain::Month));
        let months = months.unwrap().into_iter().map(|(_, members)| members).collect::<Vec<_>>();
        assert_eq!(months, [None, Some(100), Some(120), Some(110)]);
        assert_eq!(latest(&Shop { id: 9 }), None);
    }),
    (
        "an older reading changes its bucket and not the total, also once the newest is forgotten",
        |world| {
            let counters = at(world, NOW);
            let late = |hours| counters.at(instant(NOW) - TimeDelta::hours(hours));
            counters.record(&SHOP, ShopGauge::Stock, 812).unwrap();
            late(24).record(&SHOP, ShopGauge::Stock, 790).unwrap();
            // A late reading of today, too.
            late(1).record(&SHOP, ShopGauge::Stock, 1).unwrap();
            let ids =
                ["day:2026-11-27", "day:2026-11-28"].map(|day| bucket_of(&of(7, "stock"), day));
            let is_right = |counters: &Counters, yesterday| {
                assert_eq!(counters.get(&SHOP, "stock").unwrap(), 812);
                let days = counters.readings(&SHOP, ShopGauge::Stock, Span::last(2, Grain::Day));
                let days = days.unwrap().into_iter().map(|(_, stock)| stock).collect::<Vec<_>>();
                assert_eq!(days, [Some(yesterday), Some(812)]);
                assert_eq!(rows(world, &ids), [yesterday, 812]);
            };
            is_right(&counters, 790);
            assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
            let counters = forgetting(world, &of(7, "stock"), NOW);
            let late = counters.at(instant(NOW) - TimeDelta::hours(25));
            late.record(&SHOP, ShopGauge::Stock, 780).unwrap();
            is_right(&counters, 780);
        },
    ),
    ("readings have gaps, which are carried from the last reading before them", |world| {
        let counters = at(world, NOW);
        for (days, value) in [(20, 5), (4, 40), (2, 0)] {
            let at = instant(NOW) - TimeDelta::days(days);
            counters.at(at).record(&SHOP, ShopGauge::Stock, value).unwrap();
        }
        let read = |span| counters.readings(&SHOP, ShopGauge::Stock, span).unwrap();
        let values = |all: Vec<Option<i64>>| all;
        let week = read(Span::last(6, Grain::Day));
        let plain = week.iter().map(|(_, stock)| stock).collect();
        assert_eq!(values(plain), [None, Some(40), None, Some(0), None, None]);
        let carried = |span| read(span).carried().into_iter().map(|(_, it)| it).collect::<Vec<_>>();
        let expected = [Some(5), Some(40), Some(40), Some(0), Some(0), Some(0)];
        assert_eq!(carried(Span::last(6, Grain::Day)), expected);
        assert_eq!(carried(Span::last(22, Grain::Day))[..3], [None, Some(5), Some(5)]);
        // A month has the last reading of its days. A period that has not begun has none.
        let months = Span::between(Grain::Month, date(2026, 10, 1), date(2027, 1, 1));
        assert_eq!(carried(months), [None, Some(0), None]);
        assert_eq!(carried(Span::last(2, Grain::Week)), [Some(5), Some(0)]);
        let none = Span::between(Grain::Day, date(2026, 11, 1), date(2026, 11, 1));
        assert!(read(none).is_empty() && carried(none).is_empty());
    }),
];

pub(super) const ONCE: &[Case<World>] = &[
    ("a gauge of several grains, and one of none", |world| {
        let counters = at(world, NOW);
        counters.record(&SHOP, ShopGauge::Load, 3).unwrap();
        counters.record(&SHOP, ShopGauge::Rank, 9).unwrap();
        let ids = ["hour:2026-11-28T14", "month:2026-11"].map(|it| bucket_of(&of(7, "load"), it));
        assert_eq!(rows(world, &ids), [3, 3]);
        let hour = Period::hour(date(2026, 11, 28), 14).unwrap();
        assert_eq!(counters.latest(&SHOP, ShopGauge::Load).unwrap(), Some((hour, 3)));
        assert_eq!(counters.get(&SHOP, "rank").unwrap(), 9);
        let earlier = counters.at(instant(NOW) - TimeDelta::hours(1));
        earlier.record(&SHOP, ShopGauge::Rank, 1).unwrap();
        assert_eq!(counters.get(&SHOP, "rank").unwrap(), 9);
        for refused in [
            counters.latest(&SHOP, ShopGauge::Rank).unwrap_err(),
            counters.readings(&SHOP, ShopGauge::Rank, Span::last(1, Grain::Day)).unwrap_err(),
            counters.readings(&SHOP, ShopGauge::Stock, Span::last(1, Grain::Hour)).unwrap_err(),
        ] {
            assert!(matches!(refused, Error::NotKept { .. }), "{refused:?}");
        }
        // A counted key is not a gauge of its model, and a gauge has no sums.
        let orders = counters.latest(&SHOP, "orders").unwrap_err();
        assert!(matches!(orders, Error::NotKept { .. }), "{orders:?}");
        let sum = counters.during(Span::last(1, Grain::Day)).get(&SHOP, "stock").unwrap_err();
        assert!(matches!(sum, Error::NotKept { .. }), "{sum:?}");
    }),
    ("a reading is of the day of its zone, and no future one is the latest", |world| {
        let counters = at(world, "2026-11-28T22:00:00Z");
        let branch = |zone: &str| Branch { id: 1, zone: zone.to_owned() };
        counters.record(&branch("+05:30"), BranchGauge::Stock, 6).unwrap();
        let day = |day| Period::day(date(2026, 11, day));
        let latest = |zone: &str| counters.latest(&branch(zone), BranchGauge::Stock).unwrap();
        assert_eq!(latest("+05:30"), Some((day(29), 6)));
        // Further west that day has not begun.
        assert_eq!(latest("UTC"), None);
        let by_id = Branch::counter_owner(1).unwrap();
        assert_eq!(counters.latest(&by_id, BranchGauge::Stock).unwrap(), Some((day(29), 6)));
        let unknown = counters.record(&by_id, BranchGauge::Stock, 1).unwrap_err();
        assert!(matches!(unknown, Error::ZoneNeeded { .. }), "{unknown:?}");
        counters.in_zone(Zone::UTC).record(&by_id, BranchGauge::Stock, 7).unwrap();
        assert_eq!(latest("UTC"), Some((day(28), 7)));
        let wrong = counters.record(&branch("Mars"), BranchGauge::Stock, 1).unwrap_err();
        assert!(wrong.is_not_counted() && wrong.to_string().contains("set"), "{wrong:?}");
        let old = counters.at(instant(NOW) - TimeDelta::days(99));
        let late = old.record(&SHOP, ShopGauge::Stock, 1).unwrap_err();
        assert!(matches!(late, Error::TooLate { .. }), "{late:?}");
    }),
    ("an owner known by text has the gauges of the model that the builder knows", |_| {
        let pool = sqlite_pool(":memory:", 1).unwrap();
        let counters = Counters::builder(pool).memory().model::<Shop>().build().unwrap();
        let counters = counters.with_clock(ManualClock::at_micros(instant(NOW).timestamp_micros()));
        counters.run_pending_migrations().unwrap();
        let shop = Owner::new("shop", 7).unwrap();
        counters.record(&shop, "stock", 5).unwrap();
        assert_eq!(counters.latest(&SHOP, ShopGauge::Stock).unwrap().unwrap().1, 5);
        assert_eq!(counters.latest(&shop, "stock").unwrap().unwrap().1, 5);
    }),
    ("a reading that the table does not take is the latest all the same", |world| {
        let faults = Faults::deciding(|step| (step == "begin").then_some(Fault::Before));
        let counters = world.counters_behind(&faults, Config::default());
        let micros = instant(NOW).timestamp_micros();
        let counters = counters.with_clock(ManualClock::at_micros(micros));
        counters.record(&SHOP, ShopGauge::Stock, 812).unwrap();
        let today = Period::day(date(2026, 11, 28));
        let ids = [of(7, "stock"), bucket_of(&of(7, "stock"), "day:2026-11-28")];
        assert_eq!(rows(world, &ids), [0, 0]);
        let latest = || counters.latest(&SHOP, ShopGauge::Stock).unwrap();
        assert_eq!(latest(), Some((today, 812)));
        assert!(world.impatient_counters().sync(&SyncOptions::default()).unwrap().is_clean());
        assert_eq!((rows(world, &ids), latest()), (vec![812, 812], Some((today, 812))));
        // A deleted bucket has no reading.
        let day = counters.during(today).stored_by([Grain::Day]);
        day.delete(&SHOP, "stock").unwrap();
        assert_eq!(latest(), None);
        assert!(world.impatient_counters().sync(&SyncOptions::default()).unwrap().is_clean());
        assert_eq!(latest(), None);
    }),
];

pub(super) const IN_REDIS: &[Case<World>] = &[
    (
        "the name of the newest reading is no counter's, and what else is there is refused",
        |world| {
            let counters = at(world, NOW);
            counters.record(&SHOP, ShopGauge::Stock, 812).unwrap();
            let (name, mut redis) =
                (world.prefix.newest_name(&of(7, "stock")), bare(&shared_url()));
            let newest: i64 = ::redis::cmd("GET").arg(&name).query(&mut redis).unwrap();
            assert_eq!(newest, instant(NOW).timestamp_micros());
            let left: i64 = ::redis::cmd("TTL").arg(&name).query(&mut redis).unwrap();
            assert!((691_000..=691_200).contains(&left), "{left}");
            let report = counters.sync(&SyncOptions::default()).unwrap();
            assert!(report.is_clean(), "{report:?}");
            let () = ::redis::cmd("SET").arg(&name).arg("text").query(&mut redis).unwrap();
            let refused = counters.record(&SHOP, ShopGauge::Stock, 5).unwrap_err();
            assert!(refused.is_not_counted(), "{refused:?}");
            let refused = counter_diesel::error::one_line(&refused);
            assert!(refused.contains(&name) && refused.contains("instant"), "{refused}");
            let () = ::redis::cmd("DEL").arg(&name).query(&mut redis).unwrap();
            let day = world.prefix.pending_name(&bucket_of(&of(7, "stock"), "day:2026-11-28"));
            let () = ::redis::cmd("SET").arg(&day).arg("text").query(&mut redis).unwrap();
            let refused = counters.record(&SHOP, ShopGauge::Stock, 5).unwrap_err();
            assert!(counter_diesel::error::one_line(&refused).contains(&day), "{refused:?}");
            assert_eq!(counters.get(&SHOP, "stock").unwrap(), 812, "neither is set");
        },
    ),
    (
        "a late reading finds the newest one though its instant is lost and its row missing",
        |world| {
            let faults = Faults::deciding(|step| (step == "begin").then_some(Fault::Before));
            let config = Config::default();
            let clock = ManualClock::at_micros(instant(NOW).timestamp_micros());
            let without_table = world.counters_behind(&faults, config).with_clock(clock);
            without_table.record(&SHOP, ShopGauge::Stock, 812).unwrap();
            assert_eq!(rows(world, &[of(7, "stock")]), [0]);
            let counters = forgetting(world, &of(7, "stock"), NOW);
            let yesterday = counters.at(instant(NOW) - TimeDelta::days(1));
            yesterday.record(&SHOP, ShopGauge::Stock, 790).unwrap();
            assert_eq!(counters.get(&SHOP, "stock").unwrap(), 812);
            let days =
                counters.readings(&SHOP, ShopGauge::Stock, Span::last(2, Grain::Day)).unwrap();
            let days = days.into_iter().map(|(_, stock)| stock).collect::<Vec<_>>();
            assert_eq!(days, [Some(790), Some(812)]);
        },
    ),
];

/// The counters of a process at this time, which also records readings that are months old.
pub(super) fn at(world: &World, now: &str) -> Counters {
    world.counters_with(config()).with_clock(clock(now))
}

/// The same once the store has lost the instant of a gauge's newest reading. In memory, that is
/// another process, whose store never knew it.
pub(super) fn forgetting(world: &World, total: &CounterId, now: &str) -> Counters {
    if world.store.private().is_some() {
        let (store, ledger) = (Arc::new(MemoryStore::new()), Arc::clone(&world.ledger));
        return Counters::from_parts(config(), store, ledger).with_clock(clock(now));
    }
    let name = world.prefix.newest_name(total);
    let () = ::redis::cmd("DEL").arg(name).query(&mut bare(&shared_url())).unwrap();
    at(world, now)
}

fn config() -> Config {
    let mut config = Config::default();
    config.oldest_event = std::time::Duration::from_secs(90 * 24 * 3600);
    config
}

fn clock(now: &str) -> ManualClock {
    ManualClock::at_micros(instant(now).timestamp_micros())
}

pub(super) fn instant(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

pub(super) fn of(shop: i64, key: &str) -> CounterId {
    CounterId::new("shop", shop, key).unwrap()
}
