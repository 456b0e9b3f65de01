//! Types that get the counts of others, which were kept otherwise.

use chrono::NaiveDateTime;
use counter_diesel::query::{Grain, OwnerType, Period};
use counter_diesel::{Counters, Error, Owner};
use counter_tests::suite::Case;
use counter_tests::world::World;

use super::declared::{BOTH, at, cleared, counted_by_months, declared, dropping};
use super::rolled::{filled, numbers, recorded, rolling, sync, views};

pub(super) const ONCE: &[Case<World>] = &[
    ("months of one type that the other rolled up before it counted them do not mix", |world| {
        let counters = declared(world);
        count(world, &[("site:7:views@day:2026-09-30", 1), ("site:7:views@month:2026-09", 1)]);
        assert_refused(&counters);
        assert_eq!(get(&counters, ("site", 7), "year:2026", &BOTH).unwrap(), 1);
        assert_eq!(get(&counters, ("page", 7), "year:2026", &BOTH).unwrap(), 127);
    }),
    ("months that a type did not count are not kept for it once it gets another's", |world| {
        let counters = filled(world);
        world.store.increment(&views("month:2026-09"), 12).unwrap();
        count(world, &[("site:9:views@day:2020-02-10", 5)]);
        for _ in 0..2 {
            rename(&counters, ["page", "site"]).unwrap();
            let month = |grains| get(&counters, ("site", 9), "month:2020-02", grains);
            assert_eq!(month(&BOTH).unwrap(), 5);
            let refused = month(&[Grain::Month]);
            assert!(matches!(refused, Err(Error::NotKept { .. })), "{refused:?}");
        }
        let later = at(world.counters(), "2027-06-30");
        assert_eq!(later.prune(&rolling()).unwrap().cleared, 0);
        assert_eq!(get(&later, ("site", 7), "month:2026-09", &BOTH).unwrap(), 12);
    }),
    ("months count for both types since the later one of them", |world| {
        filled(world);
        let counters = counted_by_months(world);
        count(world, &[("site:9:views@day:2027-01-05", 5), ("site:9:views@month:2027-01", 5)]);
        rename(&counters, ["page", "site"]).unwrap();
        let site = OwnerType::new("site").unwrap();
        let rows = counters.kept().unwrap().into_iter().filter(|row| row.owner_type == site);
        let months = rows.filter(|row| row.grain == Grain::Month && row.rolled_from.is_none());
        let declared = "2027-01-01T00:00:00".parse::<NaiveDateTime>().ok();
        let since = months.map(|row| (row.since, row.rolled_until)).collect::<Vec<_>>();
        assert_eq!(since, [(declared, declared)]);
    }),
    ("days that one type rolled up do not mix with the weeks of another", |world| {
        let counters = recorded(world);
        count(world, &[("site:9:views@week:2026-W40", 1)]);
        assert_eq!(numbers(&counters.prune(&rolling()).unwrap()), [4, 4, 4, 0, 0]);
        assert_refused(&counters);
    }),
    ("days that one type dropped are not taken for ones that the other rolled up", |world| {
        let counters = filled(world);
        assert_eq!(cleared(&counters.prune(&dropping()).unwrap()), [4, 0, 0]);
        count(world, &[("site:7:views@day:2026-08-30", 1)]);
        assert_eq!(cleared(&counters.prune(&rolling()).unwrap()), [0, 0, 1]);
        assert_refused(&counters);
        let august = get(&counters, ("page", 7), "month:2026-08", &[Grain::Day]);
        assert!(matches!(august, Err(Error::NotKept { .. })), "{august:?}");
    }),
    ("what is rolled up of both in the same way is no obstacle, also to a second call", |world| {
        let counters = recorded(world);
        count(world, &[("site:7:views@day:2026-08-30", 1000)]);
        assert_eq!(numbers(&counters.prune(&rolling()).unwrap()), [5, 4, 4, 1, 0]);
        for expected in [1003, 1103] {
            rename(&counters, ["page", "site"]).unwrap();
            let august = get(&counters, ("site", 7), "month:2026-08", &[Grain::Day]);
            assert_eq!(august.unwrap(), expected);
            count(world, &[("page:7:views@day:2026-08-31", 100)]);
            world.age_notes();
            let _ = counters.prune(&rolling()).unwrap();
        }
    }),
];

fn count(world: &World, buckets: &[(&str, i64)]) {
    for (bucket, count) in buckets {
        world.store.increment(&bucket.parse().unwrap(), *count).unwrap();
    }
    sync(world);
}

fn rename(counters: &Counters, types: [&'static str; 2]) -> Result<(), Error> {
    let [from, into] = types.map(|text| OwnerType::new(text).unwrap());
    let merged = counters.rename_owner_type(&from, &into)?;
    assert!(merged.is_complete(), "{merged:?}");
    Ok(())
}

fn assert_refused(counters: &Counters) {
    for types in [["page", "site"], ["site", "page"]] {
        let refused = rename(counters, types);
        assert!(matches!(refused, Err(Error::Build(_))), "{types:?} {refused:?}");
    }
}

fn get(
    counters: &Counters,
    (owner_type, id): (&'static str, i64),
    period: &str,
    grains: &[Grain],
) -> Result<i64, Error> {
    let during = counters.during(period.parse::<Period>().unwrap()).stored_by(grains.to_vec());
    during.get(Owner::new(owner_type, id).unwrap(), "views")
}
