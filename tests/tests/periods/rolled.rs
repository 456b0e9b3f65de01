//! Old days that are rolled up into their months. The months' counts stay the same.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use chrono::{DateTime, NaiveDate, Utc};
use counter_core::{CounterId, Grain, Period};
use counter_diesel::query::{OwnerType, Span};
use counter_diesel::store::ManualClock;
use counter_diesel::sync::{PruneOptions, Pruned, Retention};
use counter_diesel::{Counters, Error, Owner, SyncOptions};
use counter_tests::effort::load_time;
use counter_tests::faults::{Fault, Faults};
use counter_tests::fixtures::bucket_of;
use counter_tests::suite::Case;
use counter_tests::world::{World, impatient};

use super::assert_pending;
use super::read::{PAGE, PageCounter};

/// Days that ended ninety days ago are those before October.
const NOW: &str = "2026-12-31T12:00:00Z";

/// Days and their counts. The first four days are old.
const DAYS: [(&str, i64); 6] = [
    ("day:2026-08-30", 1),
    ("day:2026-08-31", 2),
    ("day:2026-09-01", 4),
    ("day:2026-09-30", 8),
    ("day:2026-10-01", 16),
    ("day:2026-12-31", 32),
];

pub(super) const CASES: &[Case<World>] = &[
    ("days are rolled up into months, which are read as ever, and late events too", |world| {
        let counters = filled(world);
        assert_eq!(months(&counters), [3, 12, 16]);
        for is_dry in [true, false] {
            let first = counters.prune(&rolling().dry_run(is_dry)).unwrap();
            assert_eq!(numbers(&first), [4, 0, 0, 4, 0], "it is recorded first");
            let recorded = counters.kept().unwrap().into_iter().map(|row| row.rolled_from);
            let expected = [&[None][..], if is_dry { &[] } else { &[Some(Grain::Day)] }].concat();
            assert!(recorded.eq(expected));
        }
        assert_sums_but(&counters, false);
        let soon = counters.prune(&rolling()).unwrap();
        assert_eq!(numbers(&soon), [4, 0, 0, 4, 0], "others have not read it yet");
        world.age_notes();
        assert_eq!(numbers(&counters.prune(&rolling().dry_run(true)).unwrap()), [4, 4, 4, 0, 0]);
        assert_eq!(days(world), DAYS.map(|(_, count)| count), "a dry run writes nothing");
        assert_eq!(numbers(&counters.prune(&rolling()).unwrap()), [4, 4, 4, 0, 0]);
        assert_eq!(days(world), [0, 0, 0, 0, 16, 32]);
        assert_eq!(rows(world, &["month:2026-08", "month:2026-09"]), [3, 12]);
        assert_sums(&counters);
        assert_sums(&at_noon(world.counters()));
        world.age_rows();
        assert_eq!(numbers(&counters.prune(&rolling().dry_run(true)).unwrap()), [4, 0, 0, 0, 4]);
        assert_eq!(numbers(&counters.prune(&rolling()).unwrap()), [4, 0, 0, 0, 4]);
        assert_eq!(numbers(&counters.prune(&rolling()).unwrap()), [0; 5]);
        assert_sums(&counters);
        // A late event is in the month while it is pending, synced, and rolled up.
        world.store.increment(&views("day:2026-09-30"), 100).unwrap();
        assert_eq!(months(&counters), [3, 112, 16]);
        sync(world);
        assert_eq!(months(&counters), [3, 112, 16]);
        assert_eq!(numbers(&counters.prune(&rolling()).unwrap()), [1, 1, 1, 0, 0]);
        assert_eq!((months(&counters), rows(world, &["month:2026-09"])), ([3, 112, 16], vec![112]));
        assert_eq!(counters.grains_in_use(&PAGE, PageCounter::Views).unwrap(), [Grain::Day]);
    }),
    ("what the store holds of a day or of its month stays until it is synced", |world| {
        let counters = recorded(world);
        world.store.increment(&views("day:2026-08-31"), 100).unwrap();
        // As it is while two owners are merged.
        world.store.increment(&views("month:2026-09"), 1000).unwrap();
        assert_eq!(numbers(&counters.prune(&rolling().dry_run(true)).unwrap()), [4, 1, 1, 3, 0]);
        assert_eq!(numbers(&counters.prune(&rolling()).unwrap()), [4, 1, 1, 3, 0]);
        assert_pending(world, &[("page:7:views@day:2026-08-31", 100)]);
        assert_eq!(months(&counters), [103, 1012, 16]);
        sync(world);
        assert_eq!(numbers(&counters.prune(&rolling()).unwrap()), [4, 3, 3, 0, 0]);
        assert_eq!(months(&counters), [103, 1012, 16]);
    }),
    ("a process may die at any step, and months are what was counted", |world| {
        let mut expected = [3, 12, 16];
        recorded(world);
        for step in 0.. {
            filled(world);
            expected = [expected[0] + 3, expected[1] + 12, expected[2] + 16];
            let faults = Faults::at(step, Fault::Kill);
            let dying = at_noon(world.counters_behind(&faults, impatient()));
            let _ = Faults::survive(|| dying.prune(&rolling()));
            let next = at_noon(world.impatient_counters());
            assert_eq!(months(&next), expected, "step {step}");
            assert!(next.prune(&rolling()).unwrap().failed.is_empty());
            assert_eq!(months(&next), expected, "step {step}");
            world.age_rows();
            let removing = Faults::at(step, Fault::Kill);
            let dying = at_noon(world.counters_behind(&removing, impatient()));
            let _ = Faults::survive(|| dying.prune(&rolling()));
            assert!(next.prune(&rolling()).unwrap().failed.is_empty());
            assert_eq!(months(&next), expected, "step {step}");
            assert_eq!(rows(world, &["day:2026-08-30", "day:2026-09-30"]), [0, 0]);
            if faults.steps() <= step && removing.steps() <= step {
                assert!(step > 10, "{step} steps");
                break;
            }
        }
    }),
    ("reads beside syncs, late events and two roll-ups return what was true", |world| {
        let counters = recorded(world);
        let (begun, ended, synced) = (AtomicI64::new(0), AtomicI64::new(0), AtomicI64::new(0));
        let (rolled_up, removed) = (AtomicU64::new(0), AtomicU64::new(0));
        let is_over = AtomicBool::new(false);
        let until = Instant::now() + load_time(Duration::from_millis(700));
        let (store, syncing) = (&*world.store, world.counters());
        let goes_on = || !is_over.load(Ordering::SeqCst);
        let pruners = [at_noon(world.counters()), at_noon(world.counters())];
        let prune = |pruning: &Counters| {
            while goes_on() {
                let pruned = pruning.prune(&rolling()).unwrap();
                rolled_up.fetch_add(pruned.rolled_up, Ordering::SeqCst);
                removed.fetch_add(pruned.removed, Ordering::SeqCst);
            }
        };
        thread::scope(|threads| {
            threads.spawn(|| {
                while goes_on() {
                    for _ in 0..10 {
                        begun.fetch_add(1, Ordering::SeqCst);
                        store.increment(&views("day:2026-09-30"), 1).unwrap();
                        ended.fetch_add(1, Ordering::SeqCst);
                    }
                    // Then nothing is held for a while.
                    let before = synced.load(Ordering::SeqCst);
                    while goes_on() && synced.load(Ordering::SeqCst) < before + 10 {
                        thread::yield_now();
                    }
                }
            });
            threads.spawn(|| {
                while goes_on() {
                    let _ = syncing.sync(&SyncOptions::default()).unwrap();
                    synced.fetch_add(1, Ordering::SeqCst);
                }
            });
            pruners.iter().for_each(|pruning| drop(threads.spawn(|| prune(pruning))));
            let _end = EndsOthers(&is_over);
            let mut reads = 0;
            let is_done =
                || rolled_up.load(Ordering::SeqCst) > 4 && removed.load(Ordering::SeqCst) > 0;
            while Instant::now() < until || reads < 20 || !is_done() {
                let least = ended.load(Ordering::SeqCst);
                let read = get(&counters, Period::month(2026, 9).unwrap()) - 12;
                let most = begun.load(Ordering::SeqCst);
                assert!((least..=most).contains(&read), "read {read}, true were {least} to {most}");
                assert!(until.elapsed() < Duration::from_secs(60), "nothing was rolled up");
                reads += 1;
                if reads % 10 == 0 {
                    age_zeros(world);
                }
            }
        });
        sync(world);
        let _ = counters.prune(&rolling()).unwrap();
        assert_eq!(get(&counters, Period::month(2026, 9).unwrap()), 12 + ended.into_inner());
    }),
];

/// Cases that do not depend on the database.
pub(super) const ONCE: &[Case<World>] = &[
    ("days of a key that is counted by months stay where the model is not known", |world| {
        filled(world);
        world.store.increment(&views("month:2026-08"), 3).unwrap();
        world.store.increment(&views("month:2026-09"), 12).unwrap();
        sync(world);
        let counters = at_noon(world.counters());
        assert!(matches!(counters.prune(&rolling()).unwrap(), Pruned { held: 4, cleared: 0, .. }));
        assert_eq!(rows(world, &["day:2026-09-30", "month:2026-08", "month:2026-09"]), [8, 3, 12]);
    }),
    ("days that are dropped later are missing in months from then on", |world| {
        let counters = filled(world);
        let to_september = Retention::default().keep(Grain::Day, 120);
        let early = PruneOptions::of(to_september.roll_up(Grain::Day, Grain::Month));
        assert_eq!(numbers(&counters.prune(&early).unwrap()), [2, 0, 0, 2, 0]);
        world.age_notes();
        assert_eq!(numbers(&counters.prune(&early).unwrap()), [2, 2, 2, 0, 0]);
        let dropping = PruneOptions::of(Retention::default().keep(Grain::Day, 90));
        assert_eq!(numbers(&counters.prune(&dropping).unwrap()), [4, 2, 0, 0, 0]);
        let read = |month| {
            let during = counters.during(Period::month(2026, month).unwrap());
            during.get(&PAGE, PageCounter::Views)
        };
        assert_eq!((read(8).unwrap(), read(10).unwrap()), (3, 16), "these are whole");
        let first = NaiveDate::from_ymd_opt(2026, 10, 1).unwrap().and_hms_opt(0, 0, 0);
        match read(9) {
            Err(Error::NotKept { since, .. }) => assert_eq!(since, first),
            other => panic!("{other:?}"),
        }
        // A late event of a month that is whole is in it.
        world.store.increment(&views("day:2026-08-31"), 100).unwrap();
        sync(world);
        assert_eq!(numbers(&counters.prune(&dropping).unwrap()), [4, 1, 1, 0, 0]);
        assert_eq!(read(8).unwrap(), 103);
    }),
    ("what a process is configured to keep no longer is not kept for it, and not set", |world| {
        filled(world);
        let with = |retention: Retention| {
            let mut config = impatient();
            config.retention = retention;
            at_noon(world.counters_with(config))
        };
        let dropping = with(Retention::default().keep(Grain::Day, 90));
        let rolled = Retention::default().keep(Grain::Day, 90).roll_up(Grain::Day, Grain::Month);
        let rolling = with(rolled);
        let during = |counters: &Counters, period: &str| {
            let period = period.parse::<Period>().unwrap();
            counters.during(period).get(&PAGE, PageCounter::Views)
        };
        // 2 October was running ninety days before noon of 31 December.
        for (period, dropped, rolled) in [
            ("day:2026-10-01", None, None),
            ("day:2026-10-02", Some(0), Some(0)),
            ("month:2026-10", None, Some(16)),
            ("month:2026-09", None, Some(12)),
            ("week:2026-W40", None, None),
            ("year:2026", None, Some(63)),
            ("month:2026-11", Some(0), Some(0)),
        ] {
            for (counters, expected) in [(&dropping, dropped), (&rolling, rolled)] {
                match (during(counters, period), expected) {
                    (Ok(read), Some(expected)) => assert_eq!(read, expected, "{period}"),
                    (Err(Error::NotKept { since: Some(_), .. }), None) => {}
                    other => panic!("{period}: {other:?}"),
                }
            }
        }
        let set = |period: &str| {
            let period = period.parse::<Period>().unwrap();
            rolling.during(period).set(&PAGE, PageCounter::Views, 5)
        };
        assert!(matches!(set("day:2026-10-01"), Err(Error::NotKept { .. })));
        let history =
            ["day:2026-10-02", "day:2026-10-01"].map(|day| day.parse::<Period>().unwrap());
        let history = history.map(|day| (&PAGE, PageCounter::Views, day, 9));
        assert!(matches!(rolling.set_periods(history), Err(Error::NotKept { .. })));
        assert_eq!(during(&rolling, "day:2026-10-02").unwrap(), 0);
        set("day:2026-10-02").unwrap();
        assert_eq!(
            numbers(&with(Retention::default()).prune(&PruneOptions::default()).unwrap()),
            [0; 5]
        );
        for expected in [[4, 0, 0, 4, 0], [4, 4, 4, 0, 0]] {
            assert_eq!(numbers(&rolling.prune(&PruneOptions::default()).unwrap()), expected);
            world.age_notes();
        }
    }),
    ("what cannot be rolled up is refused before anything is changed", |world| {
        let counters = filled(world);
        for (from, into) in [
            (Grain::Hour, Grain::Day),
            (Grain::Week, Grain::Month),
            (Grain::Day, Grain::Hour),
            (Grain::Month, Grain::Week),
        ] {
            let retention = Retention::default().keep(from, 90).roll_up(from, into);
            let refused = counters.prune(&PruneOptions::of(retention));
            assert!(matches!(refused, Err(Error::RollUp { .. })), "{refused:?}");
        }
        world.database.execute("DROP TABLE model_counters_kept").unwrap();
        let refused = counters.prune(&rolling()).unwrap_err();
        assert!(refused.is_not_migrated(), "{refused:?}");
        assert_eq!(days(world), DAYS.map(|(_, count)| count));
    }),
    (
        "what is rolled up is so under another name of the type, and since when days are kept",
        |world| {
            let counters = recorded(world);
            assert_eq!(numbers(&counters.prune(&rolling()).unwrap()), [4, 4, 4, 0, 0]);
            let [page, site] = ["page", "site"].map(|text| OwnerType::new(text).unwrap());
            assert!(counters.rename_owner_type(&page, &site).unwrap().failed.is_empty());
            let site = Owner::new("site", 7).unwrap();
            let read = |period: &str| {
                let during = counters.during(period.parse::<Period>().unwrap());
                during.stored_by([Grain::Day]).get(&site, "views")
            };
            let months = ["month:2026-08", "month:2026-09", "month:2026-10", "year:2026"];
            assert_eq!(months.map(|month| read(month).unwrap()), [3, 12, 16, 63]);
            assert!(matches!(read("day:2026-09-30"), Err(Error::NotKept { .. })));
            assert_eq!(counters.grains_in_use(&site, "views").unwrap(), [Grain::Day]);
        },
    ),
];

pub(super) fn views(period: &str) -> CounterId {
    bucket_of(&"page:7:views".parse().unwrap(), period)
}

/// Counts in all days once more, and syncs them.
pub(super) fn filled(world: &World) -> Counters {
    DAYS.iter().for_each(|(day, count)| world.store.increment(&views(day), *count).unwrap());
    sync(world);
    at_noon(world.counters())
}

/// As [`filled`], and it was noted long ago that days are rolled up into months.
pub(super) fn recorded(world: &World) -> Counters {
    let counters = filled(world);
    assert_eq!(counters.prune(&rolling()).unwrap().held, 4);
    world.age_notes();
    counters
}

pub(super) fn at_noon(counters: Counters) -> Counters {
    let now = NOW.parse::<DateTime<Utc>>().unwrap().timestamp_micros();
    counters.with_clock(ManualClock::at_micros(now))
}

/// Ends the other threads, also after a panic.
struct EndsOthers<'a>(&'a AtomicBool);

impl Drop for EndsOthers<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Makes rows of 0 look as if they had not changed for years. No read is under way that began
/// before: the only one is made by the same thread.
fn age_zeros(world: &World) {
    let age = "UPDATE model_counters_periods SET updated_at = '2001-02-03 04:05:06' \
               WHERE \"count\" = 0";
    // SQLite may be locked by a sync; then the next call ages them.
    drop(world.database.execute(age));
}

pub(super) fn sync(world: &World) {
    let report = world.impatient_counters().sync(&SyncOptions::default()).unwrap();
    assert!(report.is_clean(), "{report}");
}

/// Days are kept for 90 days, and rolled up into months then.
pub(super) fn rolling() -> PruneOptions {
    PruneOptions::of("day=90d:month".parse().unwrap())
}

/// Numbers of rows: all, set to 0, rolled up, held, and removed.
pub(super) fn numbers(pruned: &Pruned) -> [u64; 5] {
    assert!(pruned.failed.is_empty(), "{pruned:?}");
    [pruned.rows, pruned.cleared, pruned.rolled_up, pruned.held, pruned.removed]
}

pub(super) fn rows(world: &World, periods: &[&str]) -> Vec<i64> {
    super::rows(world, &periods.iter().map(|period| views(period)).collect::<Vec<_>>())
}

fn days(world: &World) -> [i64; 6] {
    rows(world, &DAYS.map(|(day, _)| day)).try_into().unwrap()
}

fn get(counters: &Counters, span: impl Into<Span>) -> i64 {
    counters.during(span).get(&PAGE, PageCounter::Views).unwrap()
}

/// August, September and October.
pub(super) fn months(counters: &Counters) -> [i64; 3] {
    [8, 9, 10].map(|month| get(counters, Period::month(2026, month).unwrap()))
}

/// Asserts the sums of all rolled-up days, in every period that months make up.
fn assert_sums(counters: &Counters) {
    assert_sums_but(counters, true);
}

/// Like [`assert_sums`]. `are_gone` says whether old days are no longer kept.
fn assert_sums_but(counters: &Counters, are_gone: bool) {
    assert_eq!(months(counters), [3, 12, 16]);
    assert_eq!(get(counters, Period::quarter(2026, 3).unwrap()), 15);
    assert_eq!(get(counters, Period::year(2026).unwrap()), 63);
    let date = |year, month| NaiveDate::from_ymd_opt(year, month, 1).unwrap();
    let span = Span::between(Grain::Month, date(2026, 7), date(2026, 11));
    let series = counters.series(&PAGE, PageCounter::Views, span).unwrap();
    assert_eq!(series.values().collect::<Vec<_>>(), [0, 3, 12, 16]);
    let decades = Span::between(Grain::Year, date(2010, 1), date(2027, 1));
    assert_eq!(get(counters, decades), 63, "more buckets than one look has");
    for span in [
        Span::between(Grain::Day, date(2026, 9), date(2026, 11)),
        Span::between(Grain::Week, date(2026, 9), date(2026, 11)),
        Span::between(Grain::Month, date(2026, 9), date(2026, 11)).months_from(15),
    ] {
        let read = counters.during(span).get(&PAGE, PageCounter::Views);
        if !are_gone {
            assert!(read.unwrap() > 0);
            continue;
        }
        let refused = read.unwrap_err();
        let first = date(2026, 10).and_hms_opt(0, 0, 0);
        assert!(matches!(refused, Error::NotKept { since, .. } if since == first), "{refused:?}");
    }
}
