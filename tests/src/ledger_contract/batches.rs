//! Many counters at once.

use counter_diesel::query::OwnerType;
use counter_diesel::store::Baseline;
use counter_diesel::{CounterId, CounterKey};

use super::{LedgerWorld, add, apply, delete, newer_row, row, row_of, set};
use crate::fixtures::{post, views_of};
use crate::suite::Case;

pub(super) const CASES: &[Case<LedgerWorld>] = &[
    ("batches of any size are applied once", |world| {
        let ledger = &*world.ledger;
        for size in [1, 2, 9, 10, 11, 99, 100, 101, 499, 500, 501, 1_000, 10_000] {
            let ids = (0..size).map(|n| CounterId::new("batch", n, size.to_string()).unwrap());
            let ids = ids.collect::<Vec<_>>();
            let claims = |seq| ids.iter().map(|id| add(id, seq, 2)).collect::<Vec<_>>();
            assert_eq!(apply(ledger, claims(5)), []);
            assert_eq!(apply(ledger, claims(6)), []);
            assert_eq!(apply(ledger, claims(6)), []);
            let newer = (0..ids.len()).map(|index| newer_row(index, 6));
            assert_eq!(apply(ledger, claims(3)), newer.collect::<Vec<_>>());
            let rows = ledger.baselines(&ids).unwrap();
            assert_eq!(rows, vec![row(4, 6); ids.len()], "{size}");
        }
    }),
    ("a batch of nothing is nothing", |world| {
        assert_eq!(apply(&*world.ledger, []), []);
        assert_eq!(world.ledger.baselines(&[]).unwrap(), []);
    }),
    ("ops are mixed in a batch", |world| {
        let ledger = &*world.ledger;
        let ids = (0..100).map(views_of).collect::<Vec<_>>();
        apply(ledger, ids.iter().map(|id| add(id, 5, 10)).collect::<Vec<_>>());
        let mixed = ids.iter().zip(0..).map(|(id, n)| match n % 4 {
            0 => add(id, 6, 1),
            1 => set(id, 6, 2),
            2 => delete(id, 6),
            _ => add(id, 4, 1),
        });
        let newer = apply(ledger, mixed.collect::<Vec<_>>());
        let indexes = newer.iter().map(|newer| newer.index).collect::<Vec<_>>();
        assert_eq!(indexes, (3..100).step_by(4).collect::<Vec<_>>());
        for (id, n) in ids.iter().zip(0..) {
            let expected = match n % 4 {
                0 => Some(row(11, 6)),
                1 => Some(row(2, 6)),
                2 => None,
                _ => Some(row(10, 5)),
            };
            assert_eq!(row_of(ledger, id), expected, "{id}");
        }
    }),
    ("rows new, changed, seen and newer are distinguished in one batch", |world| {
        let ledger = &*world.ledger;
        let ids = (1..=4).map(views_of).collect::<Vec<_>>();
        apply(ledger, [add(&ids[1], 4, 1), add(&ids[2], 5, 1), add(&ids[3], 6, 1)]);
        let newer = apply(ledger, ids.iter().map(|id| add(id, 5, 10)).collect::<Vec<_>>());
        let row_6 = newer_row(3, 6);
        assert_eq!(newer, [row_6]);
        let rows = ledger.baselines(&ids).unwrap();
        assert_eq!(rows, [row(10, 5), row(11, 5), row(1, 5), row(1, 6)]);
    }),
    ("reads come in the order asked, with what is missing and what is asked twice", |world| {
        let ledger = &*world.ledger;
        let ids = (0..10_000).map(views_of).collect::<Vec<_>>();
        let present = ids.iter().zip(0..).filter(|(_, n)| n % 3 != 0);
        let claims = present.map(|(id, n)| add(id, 5, n)).collect::<Vec<_>>();
        apply(ledger, claims);
        let expected = |n: i64| {
            if n % 3 == 0 { Baseline::NONE } else { row(n, 5) }
        };
        for size in [1, 2, 3, 10_000] {
            let order = (0..size).map(|n| (n * 7_919 + 4) % 10_000).collect::<Vec<_>>();
            let asked = order.iter().map(|n| views_of(*n)).collect::<Vec<_>>();
            let rows = order.into_iter().map(expected).collect::<Vec<_>>();
            assert_eq!(ledger.baselines(&asked).unwrap(), rows);
        }
        let twice = [views_of(5), views_of(3), views_of(4), views_of(5)];
        let rows = [row(5, 5), Baseline::NONE, row(4, 5), row(5, 5)];
        assert_eq!(ledger.baselines(&twice).unwrap(), rows);
    }),
    ("an owner's rows are all of them and only them", |world| {
        let ledger = &*world.ledger;
        let counters = [
            ("post", 1, "views"),
            ("post", 1, "likes"),
            ("post", 2, "views"),
            ("user", 1, "views"),
            ("Post", 1, "views"),
        ];
        let claims =
            counters.map(|(kind, id, key)| add(&CounterId::new(kind, id, key).unwrap(), 5, id));
        apply(ledger, claims);
        let mut rows = ledger.rows_of(&post(1)).unwrap();
        rows.sort_by(|(a, _), (b, _)| a.cmp(b));
        let keys = rows.iter().map(|(key, row)| (key.as_str(), *row));
        assert_eq!(keys.collect::<Vec<_>>(), [("likes", row(1, 5)), ("views", row(1, 5))]);
        assert_eq!(ledger.rows_of(&post(3)).unwrap(), []);
    }),
    (
        "the owners with the highest counts come first, and the smaller id before an equal",
        |world| {
            let ledger = &*world.ledger;
            let counters = [
                ("post", 1, "views", 5),
                ("post", 2, "views", 7),
                ("post", -3, "views", 7),
                ("post", 4, "views", -1),
                ("post", i64::MAX, "views", 0),
                ("post", 5, "likes", 100),
                ("post", 6, "Views", 100),
                ("user", 7, "views", 100),
            ];
            let claim =
                |(kind, id, key, count)| add(&CounterId::new(kind, id, key).unwrap(), 5, count);
            apply(ledger, counters.map(claim));
            let (kind, key) = (OwnerType::from_static("post"), CounterKey::from_static("views"));
            let top = |limit| {
                let owners = ledger.top(&kind, &key, None, limit).unwrap();
                owners.iter().map(|id| id.as_i64().unwrap()).collect::<Vec<_>>()
            };
            let all = [-3, 2, 1, i64::MAX, 4];
            for limit in 0..=all.len() {
                assert_eq!(top(limit), all[..limit]);
            }
            assert_eq!(top(usize::MAX), all);
        },
    ),
];
