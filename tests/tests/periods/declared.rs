//! A longer grain that is declared after old days were rolled up into it, and roll-ups that change.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use counter_diesel::query::{Grain, OwnerType, Period, Span};
use counter_diesel::store::ManualClock;
use counter_diesel::sync::{PruneOptions, Pruned};
use counter_diesel::{Counters, Error, Owner};
use counter_tests::faults::Faults;
use counter_tests::suite::Case;
use counter_tests::world::{World, impatient};

use super::read::{PAGE, PageCounter};
use super::rolled::{filled, numbers, recorded, rolling, rows, sync, views};

pub(super) const BOTH: [Grain; 2] = [Grain::Day, Grain::Month];

pub(super) const CASES: &[Case<World>] = &[(
    "a grain that is declared once days were rolled up into it counts itself from then on",
    |world| {
        let counters = declared(world);
        let read = |grains: &[Grain], span: Span| {
            counters.during(span).stored_by(grains.to_vec()).get(&PAGE, PageCounter::Views)
        };
        // Days of December are in days alone, although some are in the month's own bucket, too.
        for (period, expected) in EXPECTED {
            let span = Span::from(period.parse::<Period>().unwrap());
            assert_eq!(read(&BOTH, span).unwrap(), expected, "{period}");
            assert_eq!(read(&[Grain::Day], span).unwrap(), expected, "{period} by day");
        }
        let later = at(world.counters(), "2027-06-30");
        let unsure = later.prune(&rolling()).unwrap();
        assert_eq!((unsure.cleared, unsure.held, unsure.failed.iter().count()), (0, 4, 1));
        let first = later.prune(&dropping()).unwrap();
        assert_eq!(numbers(&first), [8, 1, 0, 3, 0], "only days that months have go");
        let days = ["day:2026-10-01", "day:2026-12-30", "day:2026-12-31", "day:2027-01-05"];
        assert_eq!(rows(world, &days), [16, 64, 32, 0]);
        let read = |grains: &[Grain], span: Span| {
            later.during(span).stored_by(grains.to_vec()).get(&PAGE, PageCounter::Views)
        };
        for (period, expected) in EXPECTED {
            let span = Span::from(period.parse::<Period>().unwrap());
            assert_eq!(read(&BOTH, span).unwrap(), expected, "{period}");
        }
        // Days up to the declaration, and months from then on.
        let [from, until] = [(2026, 10), (2027, 10)]
            .map(|(year, month)| NaiveDate::from_ymd_opt(year, month, 1).unwrap());
        let fiscal = Span::between(Grain::Year, from, until).years_from(10);
        assert_eq!(read(&BOTH, fiscal).unwrap(), 16 + 64 + 32 + 128);
        let owners = later.during(fiscal).stored_by(BOTH);
        let owners = owners.top_of(&OwnerType::new("page").unwrap(), "views", 3).unwrap();
        assert_eq!(owners, [(Owner::new("page", 7).unwrap(), 240)]);
        assert!(matches!(read(&[Grain::Day], fiscal), Err(Error::NotKept { .. })));
        let january = Span::from("day:2027-01-05".parse::<Period>().unwrap());
        assert!(matches!(read(&BOTH, january), Err(Error::NotKept { .. })));
    },
)];

/// What is read, whether months were declared or not.
const EXPECTED: [(&str, i64); 8] = [
    ("month:2026-08", 3),
    ("month:2026-09", 12),
    ("month:2026-10", 16),
    ("month:2026-12", 96),
    ("quarter:2026-Q3", 15),
    ("year:2026", 127),
    ("month:2027-01", 128),
    ("year:2027", 128),
];

/// Cases that do not depend on the database.
pub(super) const ONCE: &[Case<World>] = &[
    (
        "late events of days that were rolled up are in them once a longer grain is declared",
        |world| {
            let counters = declared(world);
            world.store.increment(&views("day:2026-09-30"), 1000).unwrap();
            let september = || get(&counters, "month:2026-09", &BOTH);
            assert_eq!(september(), 1012);
            sync(world);
            assert_eq!(september(), 1012);
            assert_eq!(numbers(&counters.prune(&rolling()).unwrap()), [5, 1, 1, 1, 0]);
            assert_eq!((september(), rows(world, &["month:2026-09"])), (1012, vec![1012]));
            // What is held stays if nothing is rolled up any more, too.
            let later = at(world.counters(), "2027-06-30");
            assert_eq!(cleared(&later.prune(&dropping()).unwrap()), [1, 0, 3]);
            assert_eq!(get(&later, "year:2026", &BOTH), 127 + 1000);
        },
    ),
    ("days that no month has stay, if months are declared before anything is rolled up", |world| {
        filled(world);
        counted_by_months(world);
        for held in [8, 8, 7] {
            let [counters, later] =
                ["2027-01-10", "2027-06-30"].map(|day| at(world.counters(), day));
            let options = if held == 8 { rolling() } else { dropping() };
            let pruned = later.prune(&options).unwrap();
            assert_eq!(pruned.held, held, "{pruned:?}");
            for (period, expected) in EXPECTED {
                assert_eq!(get(&counters, period, &BOTH), expected, "{period}");
                assert_eq!(get(&later, period, &BOTH), expected, "{period}");
            }
        }
        assert_eq!(rows(world, &["day:2026-08-30", "day:2027-01-05"]), [1, 0]);
    }),
    ("what was dropped is not kept because a longer grain is declared after that", |world| {
        let counters = recorded(world);
        assert_eq!(numbers(&counters.prune(&rolling()).unwrap()), [4, 4, 4, 0, 0]);
        let later = at(world.counters(), "2027-06-30");
        assert_eq!(cleared(&later.prune(&dropping()).unwrap()), [2, 0, 0]);
        counted_by_months(world);
        let later = at(world.counters(), "2027-12-31");
        for is_pruned in [false, true] {
            let read = |period: &str| {
                let during = later.during(period.parse::<Period>().unwrap());
                during.stored_by(BOTH).get(&PAGE, PageCounter::Views)
            };
            for period in ["month:2026-10", "quarter:2026-Q4", "year:2026"] {
                let refused = read(period);
                assert!(matches!(refused, Err(Error::NotKept { .. })), "{is_pruned} {refused:?}");
            }
            assert_eq!(read("month:2026-08").unwrap(), 3);
            let _ = later.prune(&rolling()).unwrap();
        }
    }),
    ("a longer bucket that is there makes no day be dropped, because it may lack it", |world| {
        let counters = recorded(world);
        assert_eq!(numbers(&counters.prune(&rolling()).unwrap()), [4, 4, 4, 0, 0]);
        let stray = counters.during(Period::month(2027, 3).unwrap()).stored_by([Grain::Month]);
        stray.set(Owner::new("page", 8).unwrap(), "views", 5).unwrap();
        declared_in_december(world);
        // Months were declared in the middle of February, or not any more.
        for (bucket, count) in [
            ("page:7:views@day:2027-02-05", 128),
            ("page:7:views@month:2027-02", 1),
            ("page:7:views@day:2027-03-10", 64),
            ("page:8:views@day:2027-03-10", 32),
        ] {
            world.store.increment(&bucket.parse().unwrap(), count).unwrap();
        }
        sync(world);
        let later = at(world.counters(), "2027-12-31");
        let pruned = later.prune(&rolling()).unwrap();
        assert_eq!((pruned.cleared, pruned.held), (0, 5));
        let failed = pruned.failed.iter().map(|failed| &*failed.why).collect::<Vec<_>>();
        assert!(matches!(failed[..], [why] if why.contains("by the grain month itself")));
        assert_eq!(get(&later, "year:2027", &[Grain::Day]), 192);
        let year = later.during(Period::year(2027).unwrap()).stored_by([Grain::Day]);
        assert_eq!(year.get(Owner::new("page", 8).unwrap(), "views").unwrap(), 32);
    }),
    ("months that were dropped are missing in years into which later ones go", |world| {
        let _ = declared(world);
        for (month, count) in [("month:2027-03", 256), ("month:2027-11", 512)] {
            world.store.increment(&views(month), count).unwrap();
        }
        sync(world);
        let of_months = |options: &str| PruneOptions::of(options.parse().unwrap());
        let later = at(world.counters(), "2027-12-31");
        assert_eq!(cleared(&later.prune(&of_months("month=90d")).unwrap()), [2, 0, 3]);
        let later = at(world.counters(), "2028-06-30");
        for expected in [[0, 0, 4], [1, 1, 3]] {
            assert_eq!(cleared(&later.prune(&of_months("month=90d:year")).unwrap()), expected);
            let year = later.during(Period::year(2027).unwrap()).stored_by([Grain::Month]);
            let refused = year.get(&PAGE, PageCounter::Views);
            assert!(matches!(refused, Err(Error::NotKept { .. })), "{refused:?}");
            world.age_notes();
        }
    }),
    (
        "days are added up to a year that is over, and stay as long as it may be counted in",
        |world| {
            let counters = filled(world);
            let yearly = || PruneOptions::of("day=90d:year".parse().unwrap());
            for _ in 0..2 {
                assert_eq!(cleared(&counters.prune(&yearly()).unwrap()), [0, 0, 4]);
                world.age_notes();
            }
            // Late events of the old year were accepted a day ago.
            let early = at(world.counters(), "2027-02-05");
            for _ in 0..2 {
                assert_eq!(cleared(&early.prune(&yearly()).unwrap()), [0, 0, 5]);
                world.age_notes();
            }
            let later = at(world.counters(), "2027-02-06");
            assert_eq!(cleared(&later.prune(&yearly()).unwrap()), [0, 0, 5]);
            world.age_notes();
            assert_eq!(cleared(&later.prune(&yearly()).unwrap()), [5, 5, 0]);
            assert_eq!(get(&later, "year:2026", &[Grain::Day]), 63);
            assert_eq!(rows(world, &["year:2026"]), [31]);
        },
    ),
    ("what was rolled up is read if it is rolled up into another grain from now on", |world| {
        let counters = recorded(world);
        assert_eq!(numbers(&counters.prune(&rolling()).unwrap()), [4, 4, 4, 0, 0]);
        let later = at(world.counters(), "2027-06-30");
        let quarterly = || PruneOptions::of("day=90d:quarter".parse().unwrap());
        assert_eq!(cleared(&later.prune(&quarterly()).unwrap()), [0, 0, 2]);
        world.age_notes();
        world.store.increment(&views("day:2026-08-31"), 100).unwrap();
        sync(world);
        assert_eq!(cleared(&later.prune(&quarterly()).unwrap()), [3, 3, 0]);
        assert_eq!(rows(world, &["month:2026-08", "quarter:2026-Q4"]), [103, 48]);
        let read = |period| get(&later, period, &[Grain::Day]);
        assert_eq!(read("month:2026-08"), 103, "it is whole");
        assert_eq!((read("quarter:2026-Q3"), read("quarter:2026-Q4")), (115, 48));
        assert_eq!(read("year:2026"), 163);
        let october = later.during(Period::month(2026, 10).unwrap());
        assert!(matches!(october.get(&PAGE, PageCounter::Views), Err(Error::NotKept { .. })));
    }),
    ("months that were rolled up are rolled up into years", |world| {
        let counters = recorded(world);
        assert_eq!(numbers(&counters.prune(&rolling()).unwrap()), [4, 4, 4, 0, 0]);
        let later = at(world.counters(), "2027-12-31");
        let chain = || PruneOptions::of("day=90d:month,month=90d:year".parse().unwrap());
        for expected in [[0, 0, 4], [4, 4, 0], [2, 2, 0], [0, 0, 0]] {
            assert_eq!(cleared(&later.prune(&chain()).unwrap()), expected);
            assert_eq!(get(&later, "year:2026", &[Grain::Day]), 63);
            world.age_notes();
        }
        assert_eq!(rows(world, &["year:2026", "month:2026-08", "month:2026-12"]), [63, 0, 0]);
        let month = later.during(Period::month(2026, 8).unwrap());
        assert!(matches!(month.get(&PAGE, PageCounter::Views), Err(Error::NotKept { .. })));
    }),
    ("an old day is not set by a process that has no retention, but read", |world| {
        let counters = recorded(world);
        assert_eq!(numbers(&counters.prune(&rolling()).unwrap()), [4, 4, 4, 0, 0]);
        let other = at(world.counters(), "2026-12-31");
        let old = other.during("day:2026-09-30".parse::<Period>().unwrap());
        let refused = [
            old.set(&PAGE, PageCounter::Views, 8),
            old.reset(&PAGE, PageCounter::Views),
            old.delete(&PAGE, PageCounter::Views),
        ];
        for refused in refused {
            assert!(matches!(refused, Err(Error::NotKept { .. })), "{refused:?}");
        }
        let month = other.during(Period::month(2026, 9).unwrap()).stored_by([Grain::Month]);
        let refused = month.set(&PAGE, PageCounter::Views, 8);
        assert!(matches!(refused, Err(Error::NotKept { .. })), "{refused:?}");
        let kept = "day:2026-10-01".parse::<Period>().unwrap();
        other.during(kept).set(&PAGE, PageCounter::Views, 17).unwrap();
        assert_eq!(get(&other, "month:2026-10", &[Grain::Day]), 17);
    }),
    ("the highest owners of a span are those of what was rolled up, too", |world| {
        let counters = recorded(world);
        for (page, count) in [(8, 5), (9, 14)] {
            let bucket = format!("page:{page}:views@day:2026-09-29").parse().unwrap();
            world.store.increment(&bucket, count).unwrap();
        }
        sync(world);
        assert_eq!(numbers(&counters.prune(&rolling()).unwrap()), [6, 6, 6, 0, 0]);
        let top = |period: &str| {
            let during = counters.during(period.parse::<Period>().unwrap());
            let during = during.stored_by([Grain::Day]);
            let top = during.top_of(&OwnerType::new("page").unwrap(), "views", 2).unwrap();
            top.into_iter()
                .map(|(owner, views)| (owner.id().as_i64().unwrap(), views))
                .collect::<Vec<_>>()
        };
        assert_eq!(top("month:2026-09"), [(9, 14), (7, 12)]);
        assert_eq!(top("year:2026"), [(7, 63), (9, 14)]);
    }),
    ("a type is not renamed to one that counts what was rolled up", |world| {
        let counters = recorded(world);
        assert_eq!(numbers(&counters.prune(&rolling()).unwrap()), [4, 4, 4, 0, 0]);
        for bucket in ["day:2026-12-31", "month:2026-12"] {
            world.store.increment(&format!("site:7:views@{bucket}").parse().unwrap(), 1).unwrap();
        }
        sync(world);
        let [page, site] = ["page", "site"].map(|text| OwnerType::new(text).unwrap());
        for [from, into] in [[&page, &site], [&site, &page]] {
            let refused = counters.rename_owner_type(from, into).unwrap_err();
            assert!(matches!(refused, Error::Build(_)), "{refused:?}");
        }
        assert_eq!(get(&counters, "month:2026-09", &[Grain::Day]), 12);
    }),
    (
        "a type that is renamed to one that counts by a longer grain is read by days before",
        |world| {
            let counters = filled(world);
            for bucket in ["day:2026-12-31", "month:2026-12"] {
                world
                    .store
                    .increment(&format!("site:7:views@{bucket}").parse().unwrap(), 1)
                    .unwrap();
            }
            sync(world);
            let [page, site] = ["page", "site"].map(|text| OwnerType::new(text).unwrap());
            assert!(counters.rename_owner_type(&page, &site).unwrap().failed.is_empty());
            let read = |month| {
                let during = counters.during(Period::month(2026, month).unwrap());
                during.stored_by(BOTH).get(Owner::new("site", 7).unwrap(), "views").unwrap()
            };
            assert_eq!([8, 9, 10, 12].map(read), [3, 12, 16, 33]);
        },
    ),
    ("nothing is removed by a process whose clock is not the database's", |world| {
        filled(world);
        let faults = Faults::none();
        let counters = world.counters_behind(&faults, impatient());
        for hours in [-2, 2] {
            faults.set_database_back(TimeDelta::hours(hours));
            for is_dry in [true, false] {
                let refused = counters.prune(&rolling().dry_run(is_dry)).unwrap_err();
                assert!(matches!(refused, Error::ClocksDiffer { .. }), "{refused:?}");
            }
        }
        faults.set_database_back(TimeDelta::minutes(50));
        assert!(counters.prune(&rolling()).unwrap().failed.is_empty());
    }),
];

/// Days were rolled up into months until October 2026. In December the key was declared to be
/// counted by months, too, which are complete from 2027 on.
pub(super) fn declared(world: &World) -> Counters {
    let counters = recorded(world);
    assert_eq!(numbers(&counters.prune(&rolling()).unwrap()), [4, 4, 4, 0, 0]);
    counted_by_months(world)
}

/// Counts by days and months in December, in which months are declared, and later.
pub(super) fn counted_by_months(world: &World) -> Counters {
    for (day, month, count) in
        [("day:2026-12-30", "month:2026-12", 64), ("day:2027-01-05", "month:2027-01", 128)]
    {
        world.store.increment(&views(day), count).unwrap();
        world.store.increment(&views(month), count).unwrap();
    }
    sync(world);
    declared_in_december(world);
    at(world.counters(), "2027-01-10")
}

/// Makes the table say that months were declared in December. By the database's clock it is later.
fn declared_in_december(world: &World) {
    let rows = world.counters().kept().unwrap().into_iter();
    let of_months = rows.filter(|row| row.grain == Grain::Month && row.rolled_from.is_none());
    assert_eq!(of_months.count(), 1);
    let in_december = "UPDATE model_counters_kept SET since = '2027-01-01 00:00:00', \
                       rolled_until = '2027-01-01 00:00:00' \
                       WHERE grain = 'month' AND rolled_from = ''";
    world.database.execute(in_december).unwrap();
}

pub(super) fn at(counters: Counters, day: &str) -> Counters {
    let now = format!("{day}T12:00:00Z").parse::<DateTime<Utc>>().unwrap();
    counters.with_clock(ManualClock::at_micros(now.timestamp_micros()))
}

fn get(counters: &Counters, period: &str, grains: &[Grain]) -> i64 {
    let during = counters.during(period.parse::<Period>().unwrap());
    during.stored_by(grains.to_vec()).get(&PAGE, PageCounter::Views).unwrap()
}

/// Days are dropped after 90 days.
pub(super) fn dropping() -> PruneOptions {
    PruneOptions::of("day=90d".parse().unwrap())
}

/// Numbers of rows that were set to 0, rolled up, and held.
pub(super) fn cleared(pruned: &Pruned) -> [u64; 3] {
    let [_, cleared, rolled_up, held, _] = numbers(pruned);
    [cleared, rolled_up, held]
}
