//! Which reading of a gauge is its newest, and which calls do not suit a gauge.

use chrono::TimeDelta;
use counter_diesel::error::GaugeProblem;
use counter_diesel::query::{Grain, Period, Span};
use counter_diesel::{Config, Counters, Error, HasCounters, Owner, SyncOptions, sqlite_pool};
use counter_tests::faults::{Fault, Faults};
use counter_tests::fixtures::bucket_of;
use counter_tests::suite::Case;
use counter_tests::world::World;
use diesel::prelude::*;

use super::gauges::{NOW, SHOP, Shop, ShopCounter, ShopGauge, at, forgetting, instant, of};
use super::read::date;
use super::rows;

/// The same shops in a later version of the application, which also keeps their stock by hours.
#[derive(HasCounters)]
#[counters(owner_type = "shop", gauges(stock(every(hour, day))))]
struct LaterShop {
    id: i64,
}

const LATER: LaterShop = LaterShop { id: 7 };

pub(super) const CASES: &[Case<World>] = &[
    ("the newest reading is found behind one that was deleted and has a row still", |world| {
        let counters = at(world, NOW);
        for (days, value) in [(3, 5), (1, 7), (0, 8)] {
            before(&counters, days).record(&SHOP, ShopGauge::Stock, value).unwrap();
        }
        assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
        let faults = Faults::deciding(|step| (step == "begin").then_some(Fault::Before));
        let without_table = world.counters_behind(&faults, Config::default());
        for day in [28, 27] {
            let day = without_table.during(Period::day(date(2026, 11, day)));
            day.stored_by([Grain::Day]).delete(&SHOP, "stock").unwrap();
        }
        let ids = ["day:2026-11-27", "day:2026-11-28"].map(|day| bucket_of(&of(7, "stock"), day));
        assert_eq!(rows(world, &ids), [7, 8], "the rows are there");
        let latest = counters.latest(&SHOP, ShopGauge::Stock).unwrap();
        assert_eq!(latest, Some((Period::day(date(2026, 11, 25)), 5)));
        let days = counters.readings(&SHOP, ShopGauge::Stock, Span::last(2, Grain::Day)).unwrap();
        let carried = days.carried().into_iter().map(|(_, stock)| stock).collect::<Vec<_>>();
        assert_eq!(carried, [Some(5), Some(5)]);
    }),
    ("a late reading is compared with the rows of every grain", |world| {
        let counters = at(world, NOW);
        counters.record(&SHOP, ShopGauge::Stock, 812).unwrap();
        assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
        let counters = forgetting(world, &of(7, "stock"), NOW);
        before(&counters, 2).record(&LATER, LaterShopGauge::Stock, 5).unwrap();
        assert_eq!(counters.get(&SHOP, "stock").unwrap(), 812);
        // The hours have an older reading than the days.
        let latest = || counters.latest(&LATER, LaterShopGauge::Stock).unwrap();
        assert_eq!(latest(), Some((Period::day(date(2026, 11, 28)), 812)));
        counters.record(&LATER, LaterShopGauge::Stock, 6).unwrap();
        let hour = Period::hour(date(2026, 11, 28), 14).unwrap();
        assert_eq!(latest(), Some((hour, 6)));
    }),
    ("a reading of a gauge without a grain is compared with when one was recorded last", |world| {
        let counters = at(world, NOW);
        before(&counters, 2).record(&SHOP, ShopGauge::Rank, 9).unwrap();
        assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
        let counters = forgetting(world, &of(7, "rank"), NOW);
        // It is newer, but was made before the other one was recorded.
        before(&counters, 1).record(&SHOP, ShopGauge::Rank, 1).unwrap();
        assert_eq!(counters.get(&SHOP, "rank").unwrap(), 9);
        counters.record(&SHOP, ShopGauge::Rank, 3).unwrap();
        assert_eq!(counters.get(&SHOP, "rank").unwrap(), 3);
        // A clock may be behind that of the store.
        let counters = forgetting(world, &of(7, "rank"), NOW);
        let just_now = counters.with_clock(counter_core::SystemClock);
        let behind = just_now.at(chrono::Utc::now() - TimeDelta::seconds(20));
        behind.record(&SHOP, ShopGauge::Rank, 4).unwrap();
        assert_eq!(just_now.get(&SHOP, "rank").unwrap(), 4);
        let counters = forgetting(world, &of(7, "rank"), NOW);
        counters.delete(&SHOP, "rank").unwrap();
        before(&counters, 1).record(&SHOP, ShopGauge::Rank, 1).unwrap();
        assert_eq!(counters.get(&SHOP, "rank").unwrap(), 1, "it was deleted");
    }),
    ("a process whose clock is ahead does not silence the others", |world| {
        let ahead = at(world, "2033-05-18T03:33:20Z");
        ahead.record(&SHOP, ShopGauge::Rank, 1).unwrap();
        assert_eq!(ahead.get(&SHOP, "rank").unwrap(), 1);
        let counters = world.counters();
        counters.record(&SHOP, ShopGauge::Rank, 2).unwrap();
        assert_eq!(counters.get(&SHOP, "rank").unwrap(), 2);
    }),
    ("a text that names a gauge is not added to, and one that is counted not recorded", |world| {
        let counters = at(world, NOW);
        counters.record(&SHOP, ShopGauge::Stock, 812).unwrap();
        counters.record(&SHOP, ShopGauge::Rank, 9).unwrap();
        counters.increment(&SHOP, ShopCounter::Orders, 3).unwrap();
        for key in ["stock", "rank"] {
            assert_gauge(counters.increment(&SHOP, key, 1), key);
            assert_gauge(counters.decrement(&SHOP, key, 1), key);
            let many = counters.increment_many([(&SHOP, "orders", 1), (&SHOP, key, 1)]);
            assert_gauge(many, key);
            let handle = counters.handle(&SHOP, key).unwrap();
            assert_gauge(handle.increment(1), key);
            assert_gauge(handle.in_zone(counter_diesel::query::Zone::UTC).decrement(1), key);
        }
        let refused = counters.record(&SHOP, "orders", 5).unwrap_err();
        assert!(refused.is_not_counted(), "{refused:?}");
        let Error::Gauge(GaugeProblem::IsCounted { counter, .. }) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(counter, of(7, "orders"));
        let values = counters.get_many(["stock", "rank", "orders"].map(|key| (&SHOP, key)));
        assert_eq!(values.unwrap(), [812, 9, 3]);
        // An undeclared text is either.
        counters.record(&SHOP, "undeclared", 5).unwrap();
        counters.increment(&SHOP, "undeclared", 1).unwrap();
        assert_eq!(counters.get(&SHOP, "undeclared").unwrap(), 6);
    }),
    ("that is so of an owner known by text, where the builder knows the model", |_| {
        let pool = sqlite_pool(":memory:", 1).unwrap();
        let counters = Counters::builder(pool.clone()).memory().model::<Shop>().build().unwrap();
        counters.run_pending_migrations().unwrap();
        let shop = Owner::new("shop", 7).unwrap();
        for key in ["stock", "rank"] {
            assert_gauge(counters.increment(&shop, key, 1), key);
            let gathered = counters.transaction(&mut pool.get().unwrap(), |conn, after| {
                diesel::sql_query("SELECT 1").execute(conn).unwrap();
                after.increment(&shop, key, 1)
            });
            assert_gauge(gathered, key);
        }
        let refused = counters.record(&shop, "orders", 5).unwrap_err();
        let is_counted = matches!(refused, Error::Gauge(GaugeProblem::IsCounted { .. }));
        assert!(is_counted, "{refused:?}");
        counters.increment(&shop, "orders", 1).unwrap();
        assert_eq!(counters.get(&shop, "orders").unwrap(), 1);
    }),
];

fn assert_gauge(outcome: Result<(), Error>, key: &str) {
    let error = outcome.unwrap_err();
    assert!(error.is_not_counted() && !error.is_outcome_unknown(), "{error:?}");
    let Error::Gauge(GaugeProblem::IsGauge { counter, .. }) = error else { panic!("{error:?}") };
    assert_eq!(counter, of(7, key));
}

fn before(counters: &Counters, days: i64) -> counter_diesel::Counting<'_> {
    counters.at(instant(NOW) - TimeDelta::days(days))
}
