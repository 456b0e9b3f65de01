//! Buckets: counters of one period, whose rows are in a table of their own.

use std::num::NonZeroUsize;
use std::sync::Arc;

use counter_diesel::ledger::{Ledger, LockWait, RowPlace, UnappliedCause};
use counter_diesel::query::{OwnerType, Period};
use counter_diesel::store::Baseline;
use counter_diesel::{CounterId, Error};

use super::{LedgerWorld, add, apply, baseline, delete, newer_row, row, row_of, set};
use crate::fixtures::{bucket_of, counter_of, post, views_of};
use crate::process::wait_for;
use crate::suite::Case;

/// Periods of every grain, of which some start at the same instant; the first and the last that
/// have a row; a leap day, the last hour of a year, and weeks of two years.
const PERIODS: [&str; 17] = [
    "hour:1000-01-01T00",
    "day:1000-01-01",
    "week:1000-W02",
    "month:1000-01",
    "quarter:1000-Q1",
    "year:1000",
    "day:2024-02-29",
    "hour:2026-12-31T23",
    "week:2026-W53",
    "week:2025-W01",
    "month:2026-11",
    "hour:9999-12-31T23",
    "day:9999-12-31",
    "week:9999-W52",
    "month:9999-12",
    "quarter:9999-Q4",
    "year:9999",
];

pub(super) const CASES: &[Case<LedgerWorld>] = &[
    ("a total and its buckets are rows of their own", |world| {
        let ledger = &*world.ledger;
        let total = views_of(1);
        let mut ids = PERIODS.map(|period| bucket_of(&total, period)).to_vec();
        ids.insert(7, total.clone());
        let adds = |seq| ids.iter().zip(1..).map(move |(id, n)| add(id, seq, n));
        assert_eq!(apply(ledger, adds(5).collect::<Vec<_>>()), []);
        assert_eq!(apply(ledger, adds(5).collect::<Vec<_>>()), [], "a claim is applied once");
        assert_eq!(apply(ledger, adds(6).collect::<Vec<_>>()), []);
        let expected = (1..=18).map(|n| row(2 * n, 6)).collect::<Vec<_>>();
        assert_eq!(ledger.baselines(&ids).unwrap(), expected);
        for (id, n) in ids.iter().zip(1..) {
            assert_eq!(baseline(ledger, id), row(2 * n, 6), "{id}");
        }
        assert_eq!(apply(ledger, [delete(&ids[0], 7), set(&ids[1], 7, -3)]), []);
        assert_eq!(baseline(ledger, &ids[0]), Baseline::NONE);
        assert_eq!(baseline(ledger, &ids[1]), row(-3, 7));
        assert_eq!(apply(ledger, [delete(&total, 7)]), []);
        assert_eq!(row_of(ledger, &total), None);
        assert_eq!(ledger.baselines(&ids[2..7]).unwrap(), expected[2..7]);
    }),
    ("the start in a row is that of the calendar, and comes back as the period", |world| {
        let ledger = &*world.ledger;
        let ids = PERIODS.map(|period| bucket_of(&views_of(1), period));
        apply(ledger, ids.iter().map(|id| add(id, 5, 1)).collect::<Vec<_>>());
        let starts = [
            ("hour", "2026-12-31 23:00:00"),
            ("day", "2024-02-29 00:00:00"),
            ("week", "2026-12-28 00:00:00"),
            ("week", "2024-12-30 00:00:00"),
            ("quarter", "9999-10-01 00:00:00"),
            ("year", "1000-01-01 00:00:00"),
        ];
        for (grain, start) in starts {
            let delete = format!(
                "DELETE FROM \"model_counters_periods\" WHERE \"owner_type\" = 'post' \
                 AND \"owner_id\" = 1 AND \"grain\" = '{grain}' AND \"starts_at\" = '{start}'"
            );
            world.database.execute(&delete).unwrap();
        }
        let mut left = buckets_of_type(ledger, None, 3);
        left.sort_by(|(a, _), (b, _)| a.cmp(b));
        let gone = ["year:1000", "day:2024-02-29", "hour:2026-12-31T23", "week:2026-W53"];
        let gone = [&gone[..], &["week:2025-W01", "quarter:9999-Q4"]].concat();
        let mut ids = ids.to_vec();
        ids.retain(|id| !gone.contains(&&*id.period().unwrap().to_string()));
        ids.sort();
        assert_eq!(left.into_iter().map(|(id, _)| id).collect::<Vec<_>>(), ids);
    }),
    ("ops of totals and buckets are mixed in a batch, and each has its place", |world| {
        let ledger = &*world.ledger;
        let ids = mixed(100);
        apply(ledger, ids.iter().map(|id| add(id, 5, 10)).collect::<Vec<_>>());
        let claims = ids.iter().zip(0..).map(|(id, n)| match n % 4 {
            0 => add(id, 6, 1),
            1 => set(id, 6, 2),
            2 => delete(id, 6),
            _ => add(id, 4, 1),
        });
        let refused = apply(ledger, claims.collect::<Vec<_>>());
        let expected = (3..100).step_by(4).map(|index| newer_row(index, 5));
        assert_eq!(refused, expected.collect::<Vec<_>>());
        let rows = ledger.baselines(&ids).unwrap();
        for (n, found) in rows.into_iter().enumerate() {
            let expected = [row(11, 6), row(2, 6), Baseline::NONE, row(10, 5)][n % 4];
            assert_eq!(found, expected, "{}", ids[n]);
        }
    }),
    ("batches of buckets of any size are applied once, and read in the order asked", |world| {
        let ledger = &*world.ledger;
        let first = "day:2020-01-01".parse::<Period>().unwrap();
        for size in [1, 2, 10, 11, 101, 366, 501, 5_000] {
            let total = counter_of(&post(1), &size.to_string());
            let days = std::iter::successors(Some(first), |day| Some(day.next())).take(size);
            let ids = days.map(|day| total.within(day).unwrap()).collect::<Vec<_>>();
            let claims = |seq| ids.iter().zip(1..).map(move |(id, n)| add(id, seq, n));
            for seq in [5, 6, 6] {
                assert_eq!(apply(ledger, claims(seq).collect::<Vec<_>>()), []);
            }
            let newer = (0..size).map(|index| newer_row(index, 6)).collect::<Vec<_>>();
            assert_eq!(apply(ledger, claims(3).collect::<Vec<_>>()), newer);
            let mut asked =
                ids.iter().cloned().zip((1..).map(|n| row(2 * n, 6))).collect::<Vec<_>>();
            asked.push((total.clone(), Baseline::NONE));
            asked.push((total.within(first.previous()).unwrap(), Baseline::NONE));
            asked.push(asked[0].clone());
            asked.reverse();
            let (asked, rows) = asked.into_iter().unzip::<_, _, Vec<_>, Vec<_>>();
            assert_eq!(ledger.baselines(&asked).unwrap(), rows, "{size}");
            let days = std::iter::successors(Some(first.previous()), |day| Some(day.next()));
            let days = days.map(|day| total.within(day).unwrap()).take(size + 2);
            let mut rows = (1..).map(|n| row(2 * n, 6)).take(size).collect::<Vec<_>>();
            rows.insert(0, Baseline::NONE);
            rows.push(Baseline::NONE);
            assert_eq!(ledger.baselines(&days.collect::<Vec<_>>()).unwrap(), rows, "{size}");
        }
    }),
    ("the longest names fit with a period, of any characters", |world| {
        let ledger = &*world.ledger;
        let longest = ["x", "é", "字", "👍"].map(|c| {
            let (long, key) = (c.repeat(255), c.repeat(100));
            let total = CounterId::new(&long, &long, &key).unwrap();
            bucket_of(&total, "quarter:2026-Q4")
        });
        for seq in [5, 6] {
            let adds = longest.iter().map(|id| add(id, seq, 1)).collect::<Vec<_>>();
            assert_eq!(apply(ledger, adds), []);
        }
        assert_eq!(ledger.baselines(&longest).unwrap(), [row(2, 6); 4]);
    }),
    ("buckets differ if a byte of their total's name does", |world| {
        let ledger = &*world.ledger;
        let day = |total: CounterId| bucket_of(&total, "day:2026-11-28");
        let names = super::names::NAMES.iter();
        let ids = names.flat_map(|name| {
            [
                CounterId::new("post", 1, name).unwrap(),
                CounterId::new("post", name, "views").unwrap(),
            ]
        });
        let ids = ids.map(day).collect::<Vec<_>>();
        let claims = ids.iter().zip(1..).map(|(id, n)| add(id, 5, n)).collect::<Vec<_>>();
        assert_eq!(apply(ledger, claims), []);
        let expected = (1..).take(ids.len()).map(|n| row(n, 5)).collect::<Vec<_>>();
        assert_eq!(ledger.baselines(&ids).unwrap(), expected);
    }),
    ("a bucket that overflows is refused, and nothing beside it is written", |world| {
        let ledger = &*world.ledger;
        let ids = mixed(4);
        apply(ledger, [add(&ids[1], 5, i64::MAX)]);
        let mut transaction = ledger.begin(LockWait::Usual).unwrap();
        let claims = ids.iter().map(|id| add(id, 6, 1)).collect::<Vec<_>>();
        assert!(transaction.upsert(&claims).is_err());
        assert!(transaction.commit().is_err());
        let rows = [Baseline::NONE, row(i64::MAX, 5), Baseline::NONE, Baseline::NONE];
        assert_eq!(ledger.baselines(&ids).unwrap(), rows);
    }),
    ("a bucket that is 0 goes alone, at its place", |world| {
        let ledger = &*world.ledger;
        let ids = mixed(6);
        let counts = [0, 0, 1, 1, 0, 0];
        let claims = ids.iter().zip(counts).map(|(id, n)| add(id, 5, n)).collect::<Vec<_>>();
        apply(ledger, claims);
        apply(ledger, [add(&ids[5], 6, 0)]);
        let zeros = ids.iter().map(|id| (id.clone(), row(0, 5).seq)).collect::<Vec<_>>();
        let mut transaction = ledger.begin(LockWait::Usual).unwrap();
        let deleted = transaction.delete_zeros(&zeros).unwrap();
        transaction.commit().unwrap();
        assert_eq!(deleted, 3);
        let left =
            [Baseline::NONE, Baseline::NONE, row(1, 5), row(1, 5), Baseline::NONE, row(0, 6)];
        assert_eq!(ledger.baselines(&ids).unwrap(), left);
        assert_eq!(row_of(ledger, &ids[0]), None);
        let found = buckets_of_type(ledger, None, 10).into_iter().map(|(id, _)| id);
        assert_eq!(found.collect::<Vec<_>>(), [ids[3].clone(), ids[5].clone()]);
    }),
    ("a claim of a bucket that may make no row is applied under the same guard", |world| {
        use counter_diesel::ledger::UpdateOutcome::{AlreadyApplied, Applied, NoRow};
        let ledger = &*world.ledger;
        let [day, other] =
            ["day:2026-11-28", "hour:2026-11-28T00"].map(|p| bucket_of(&views_of(1), p));
        apply(ledger, [add(&day, 5, 3), add(&views_of(1), 5, 7)]);
        for (claim, outcome) in [
            (add(&other, 6, 1), NoRow),
            (add(&day, 6, 1), Applied),
            (add(&day, 6, 1), AlreadyApplied),
            (set(&day, 7, 9), Applied),
            (delete(&day, 8), Applied),
            (delete(&day, 9), NoRow),
        ] {
            let mut transaction = ledger.begin(LockWait::Usual).unwrap();
            assert_eq!(transaction.update(&claim).unwrap(), outcome, "{claim:?}");
            transaction.commit().unwrap();
        }
        assert_eq!(baseline(ledger, &views_of(1)), row(7, 5));
        assert_eq!(ledger.baselines(&[day, other]).unwrap(), [Baseline::NONE; 2]);
    }),
    ("what is asked of totals knows no buckets", |world| {
        let ledger = &*world.ledger;
        let ids = [
            bucket_of(&views_of(1), "day:2026-11-28"),
            views_of(2),
            bucket_of(&views_of(3), "year:2026"),
        ];
        apply(ledger, ids.iter().map(|id| add(id, 5, 9)).collect::<Vec<_>>());
        assert_eq!(ledger.rows_of(&post(1)).unwrap(), []);
        let top = ledger.top(&posts(), &"views".parse().unwrap(), None, 9).unwrap();
        assert_eq!(top, [post(2).id().clone()]);
        let most = NonZeroUsize::new(9).unwrap();
        let rows = ledger.rows_after(&posts(), None, most).unwrap().rows;
        let rows = rows.into_iter().map(|row| (row.counter, row.row)).collect::<Vec<_>>();
        assert_eq!(rows, [(views_of(2), row(9, 5))]);
    }),
    ("the buckets of a type come page by page, each once", |world| {
        let ledger = &*world.ledger;
        let owners = [post(2), post(-1), post(7)].map(|owner| counter_of(&owner, "views"));
        let texts = ["0", "a"].map(|id| CounterId::new("post", id, "views").unwrap());
        let totals = [&owners[..], &texts, &[counter_of(&post(2), "likes")]].concat();
        let mut ids =
            totals.iter().flat_map(|id| PERIODS.map(|p| bucket_of(id, p))).collect::<Vec<_>>();
        apply(ledger, ids.iter().map(|id| add(id, 5, 3)).collect::<Vec<_>>());
        apply(
            ledger,
            [add(&bucket_of(&CounterId::new("Post", 2, "views").unwrap(), "year:2026"), 5, 3)],
        );
        ids.sort();
        for limit in [1, 2, 5, 17, 1000] {
            let mut found = buckets_of_type(ledger, None, limit);
            assert!(found.iter().all(|(_, found)| *found == row(3, 5)));
            found.sort_by(|(a, _), (b, _)| a.cmp(b));
            assert!(found.iter().map(|(id, _)| id).eq(&ids), "{limit} a page: {found:?}");
        }
        let of_owner = RowPlace { owner: post(7).id().clone(), key: String::new(), period: None };
        assert_eq!(buckets_of_type(ledger, Some(of_owner), 4).len(), PERIODS.len());
    }),
    ("a row that names no period is passed over, also at the end of a page", |world| {
        let ledger = &*world.ledger;
        let ids = ["day:2026-11-28", "year:2026"].map(|period| bucket_of(&views_of(1), period));
        apply(ledger, ids.iter().map(|id| add(id, 5, 3)).collect::<Vec<_>>());
        let strange = [
            ("day", "2026-11-29 00:00:01"),
            ("fortnight", "2026-11-16 00:00:00"),
            ("week", "2026-11-29 00:00:00"),
        ];
        for (grain, start) in strange {
            let columns = r#"("owner_type", "owner_id", "key", "grain", "starts_at")"#;
            let row = format!("('post', 1, 'views', '{grain}', '{start}')");
            let insert = format!(r#"INSERT INTO "model_counters_periods" {columns} VALUES {row}"#);
            world.database.execute(&insert).unwrap();
        }
        for limit in [1, 2, 3, 9] {
            let found = buckets_of_type(ledger, None, limit).into_iter().map(|(id, _)| id);
            assert_eq!(found.collect::<Vec<_>>(), ids, "{limit} a page");
        }
        let days = ["day:2026-11-28", "day:2026-11-29", "day:2026-11-30", "day:2026-12-01"];
        let days = days.map(|day| bucket_of(&views_of(1), day));
        apply(ledger, [add(&days[2], 6, 4)]);
        let none = Baseline::NONE;
        assert_eq!(ledger.baselines(&days).unwrap(), [row(3, 5), none, row(4, 6), none]);
    }),
    ("totals are locked before buckets, whatever their owners are", totals_first),
    ("rows that others have locked are found among totals and buckets", |world| {
        let ids = mixed(4);
        apply(&*world.ledger, ids.iter().map(|id| add(id, 5, 1)).collect::<Vec<_>>());
        if !is_server(world) {
            return; // Its file is locked as a whole.
        }
        let [held, free] = [[&ids[0], &ids[3]], [&ids[1], &ids[2]]];
        let mut others = world.ledger.begin(LockWait::Usual).unwrap();
        let held = held.map(|id| add(id, 6, 1));
        others.upsert(&held).unwrap();
        let claims = ids.iter().map(|id| add(id, 7, 1)).collect::<Vec<_>>();
        let mut transaction = world.ledger.begin(LockWait::Short).unwrap();
        assert_eq!(transaction.lock_rows(&claims).unwrap(), [0, 3]);
        let free = free.map(|id| add(id, 7, 1));
        assert_eq!(transaction.upsert(&free).unwrap(), []);
        transaction.commit().unwrap();
        others.commit().unwrap();
        assert_eq!(
            world.ledger.baselines(&ids).unwrap(),
            [row(2, 6), row(2, 7), row(2, 7), row(2, 6)]
        );
    }),
    ("a bucket that a trigger keeps out is named, and a total beside it is in", |world| {
        let ledger = &*world.ledger;
        let ids = mixed(2);
        if is_server(world) && !world.database.url().starts_with("mysql") {
            world.database.execute(
                "CREATE FUNCTION keep_out() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; \
                 CREATE TRIGGER keep_out BEFORE INSERT ON model_counters_periods \
                 FOR EACH ROW EXECUTE FUNCTION keep_out()",
            ).unwrap();
        } else if !is_server(world) {
            world
                .database
                .execute(
                    "CREATE TRIGGER keep_out BEFORE INSERT ON model_counters_periods \
                 BEGIN SELECT RAISE(IGNORE); END",
                )
                .unwrap();
        } else {
            return; // Its triggers can change a row and not keep it out.
        }
        let refused = apply(ledger, [add(&ids[0], 5, 1), add(&ids[1], 5, 1)]);
        assert_eq!(refused.len(), 1);
        assert_eq!((refused[0].index, refused[0].cause), (1, UnappliedCause::KeptOut));
        assert_eq!(ledger.baselines(&ids).unwrap(), [row(1, 5), Baseline::NONE]);
    }),
];

/// Totals and buckets in turn, in the order of their ids.
fn mixed(count: i64) -> Vec<CounterId> {
    let ids = (0..count / 2).flat_map(|n| [views_of(n), bucket_of(&views_of(n), "day:2026-11-28")]);
    let ids = ids.collect::<Vec<_>>();
    assert!(ids.is_sorted());
    ids
}

fn is_server(world: &LedgerWorld) -> bool {
    world.database.url().contains("://")
}

fn posts() -> OwnerType {
    OwnerType::from_static("post")
}

/// All buckets of posts after a place, in pages of this size.
fn buckets_of_type(
    ledger: &dyn Ledger,
    mut place: Option<RowPlace>,
    limit: usize,
) -> Vec<(CounterId, Baseline)> {
    let limit = NonZeroUsize::new(limit).unwrap();
    let mut found = Vec::new();
    loop {
        let page = ledger.buckets_after(&posts(), place.as_ref(), limit).unwrap();
        assert!(page.rows.len() <= limit.get());
        found.extend(page.rows.into_iter().map(|row| (row.counter, row.row)));
        place = page.next;
        if place.is_none() {
            return found;
        }
    }
}

/// Passes of which one took totals first and the other the counters in the order of their ids would
/// wait for each other.
fn totals_first(world: &LedgerWorld) {
    let (bucket, total) = (bucket_of(&views_of(1), "day:2026-11-28"), views_of(2));
    apply(&*world.ledger, [add(&bucket, 5, 1), add(&total, 5, 1)]);
    if !is_server(world) {
        return; // Its file is locked as a whole.
    }
    let mut holder = world.ledger.begin(LockWait::Usual).unwrap();
    holder.upsert(&[add(&bucket, 6, 1)]).unwrap();
    let ledger = Arc::clone(&world.ledger);
    let claims = [add(&bucket, 7, 1), add(&total, 7, 1)];
    assert!(claims.is_sorted_by(|a, b| a.id < b.id));
    std::thread::scope(|scope| {
        scope.spawn(move || {
            // It waits for five seconds each time.
            for _ in 0..20 {
                let mut waiting = ledger.begin(LockWait::Usual).unwrap();
                match waiting.upsert(&claims) {
                    Err(Error::Locked { .. }) => {}
                    written => {
                        written.unwrap();
                        return waiting.commit().unwrap();
                    }
                }
            }
        });
        wait_for("the total to be locked while the bucket is waited for", || {
            let mut looker = world.ledger.begin(LockWait::Short).unwrap();
            (looker.lock_rows(&[add(&total, 8, 1)]).unwrap() == [0]).then_some(())
        });
        holder.commit().unwrap();
    });
    assert_eq!(world.ledger.baselines(&[bucket, total]).unwrap(), [row(3, 7), row(2, 7)]);
}
