//! In whose days it is read what was counted.

use chrono::NaiveDate;
use counter_diesel::query::{Grain, Period, Span, Zone};
use counter_diesel::{Counters, Error, HasCounters as _, Owner, sqlite_pool};
use counter_tests::suite::Case;
use counter_tests::world::World;

use super::zones::{Client, ClientCounter, Shop, ShopCounter, at, client, clock, zone};

/// It is the 30th in one half of the world, and the 1st in the other.
const NOON: &str = "2026-12-31T11:00:00Z";

pub(super) const CASES: &[Case<World>] = &[
    ("today is that of the span, else of the owner, else of the configuration", |world| {
        let counters = at(world, zone("+14:00"), NOON);
        let in_new_year = client(Some("+14:00"));
        counters.increment(&in_new_year, ClientCounter::Calls, 1).unwrap();
        counters.increment(&client(Some("-12:00")), ClientCounter::Calls, 10).unwrap();
        counters.increment(&client(Some("UTC")), ClientCounter::Calls, 100).unwrap();
        counters.increment(&Shop { id: 1 }, ShopCounter::Calls, 1_000).unwrap();
        let today = Span::last(1, Grain::Day);
        let of_client =
            |owner: &Client, span| counters.during(span).get(owner, ClientCounter::Calls).unwrap();
        assert_eq!(of_client(&in_new_year, today), 1);
        assert_eq!(of_client(&client(Some("-12:00")), today), 10);
        assert_eq!(of_client(&client(None), today), 1);
        assert_eq!(of_client(&in_new_year, today.zone(Zone::UTC)), 100);
        assert_eq!(counters.during(today).get(&Shop { id: 1 }, ShopCounter::Calls).unwrap(), 1_000);
        let by_id = Shop::counter_owner(1).unwrap();
        assert_eq!(counters.during(today).get(by_id, ShopCounter::Calls).unwrap(), 1_000);
        let owners = [client(Some("-12:00")), client(Some("+14:00"))];
        let series = counters.load_series(&owners, ClientCounter::Calls, today).unwrap();
        let labels = series.iter().flatten().map(|(day, count)| format!("{day} {count}"));
        assert_eq!(labels.collect::<Vec<_>>(), ["day:2026-12-30 10", "day:2027-01-01 1"]);
        let wrong = counters.during(today).get(&client(Some("x")), ClientCounter::Calls);
        assert!(matches!(wrong, Err(Error::Core(_))), "{wrong:?}");
    }),
    ("a period is read by id alone, unless that needs a zone", |world| {
        let counters = at(world, Zone::UTC, NOON);
        counters.increment(&client(Some("-12:00")), ClientCounter::Calls, 5).unwrap();
        counters.increment(&client(Some("-12:00")), ClientCounter::Hits, 6).unwrap();
        let date = |year, month, day| NaiveDate::from_ymd_opt(year, month, day).unwrap();
        let day = Period::day(date(2026, 12, 30));
        let read =
            |span: Span, key| counters.during(span).get(Client::counter_owner(1).unwrap(), key);
        let days = |step| Span::between(step, date(2026, 12, 30), date(2027, 1, 1));
        assert_eq!(read(day.into(), ClientCounter::Calls).unwrap(), 5);
        assert_eq!(read(Period::year(2026).unwrap().into(), ClientCounter::Calls).unwrap(), 5);
        assert_eq!(read(days(Grain::Day), ClientCounter::Calls).unwrap(), 5);
        assert_eq!(read(Span::last(2, Grain::Hour), ClientCounter::Calls).unwrap(), 5);
        let west = zone("-12:00");
        assert_eq!(read(Span::last(1, Grain::Day).zone(west), ClientCounter::Calls).unwrap(), 5);
        // The hours of a day of its own.
        assert_eq!(read(Span::from(day).zone(west), ClientCounter::Hits).unwrap(), 6);
        for (span, key) in [
            (Span::last(1, Grain::Day), ClientCounter::Calls),
            (Span::last(2, Grain::Year), ClientCounter::Calls),
            (days(Grain::Day).complete(), ClientCounter::Calls),
            (days(Grain::Hour), ClientCounter::Calls),
            // In the east the 31st has ended, though it has not at UTC.
            (Span::from(Period::day(date(2026, 12, 31))).complete(), ClientCounter::Calls),
            (day.into(), ClientCounter::Hits),
        ] {
            let needed = read(span, key);
            assert!(matches!(needed, Err(Error::ZoneNeeded { .. })), "{span:?}: {needed:?}");
        }
    }),
    ("of a zone that is not known, the trend is of days that have ended everywhere", |world| {
        let counters = at(world, Zone::UTC, "2026-12-31T11:59:59Z");
        let date = |day| NaiveDate::from_ymd_opt(2026, 12, day).unwrap();
        for (day, count) in [(28, 1), (29, 10), (30, 100), (31, 1_000)] {
            let at = date(day).and_hms_opt(10, 0, 0).unwrap().and_utc();
            counters.at(at).increment(&client(Some("UTC")), ClientCounter::Calls, count).unwrap();
        }
        let days = Span::between(Grain::Day, date(28), date(31));
        let trend = |counters: &Counters| {
            let by_id = Client::counter_owner(1).unwrap();
            let trend = counters.series(by_id, ClientCounter::Calls, days).unwrap().trend();
            trend.map(|trend| (trend.before, trend.last))
        };
        assert_eq!(trend(&counters), Some((1, 10)));
        let later = at(world, Zone::UTC, "2026-12-31T12:00:00Z");
        assert_eq!(trend(&later), Some((10, 100)));
    }),
    (
        "an owner known by text has the zone and the grains of the model that the builder knows",
        |_| {
            let pool = sqlite_pool(":memory:", 1).unwrap();
            let builder = Counters::builder(pool).memory().zone(zone("+14:00"));
            let counters = builder.model::<Client>().model::<Shop>().build().unwrap();
            let counters = counters.with_clock(clock(NOON));
            counters.run_pending_migrations().unwrap();
            let [shop, by_text] = ["shop", "client"].map(|kind| Owner::new(kind, 1).unwrap());
            counters.increment(&shop, "calls", 1).unwrap();
            let today = counters.during(Span::last(1, Grain::Day));
            assert_eq!(today.get(&shop, "calls").unwrap(), 1);
            let needed = today.get(&by_text, "calls");
            assert!(matches!(needed, Err(Error::ZoneNeeded { .. })), "{needed:?}");
            let day = Period::day(NaiveDate::from_ymd_opt(2027, 1, 1).unwrap());
            assert_eq!(counters.during(day).get(&by_text, "calls").unwrap(), 0);
        },
    ),
];
