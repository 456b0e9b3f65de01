//! Text that is kept byte for byte, and is never SQL.

use counter_diesel::ledger::LockWait;
use counter_diesel::query::OwnerText;
use counter_diesel::{CounterId, Owner, OwnerId};

use super::{LedgerWorld, add, apply, baseline, row, row_of, set};
use crate::fixtures::{post, views_of};
use crate::suite::Case;

/// Pairs of these look alike, sort alike, or mean something to somebody.
pub const NAMES: &[&str] = &[
    "views",
    "Views",
    "VIEWS",
    "views ",
    " views",
    "view",
    "viêws",
    "vie\u{302}ws",
    "straße",
    "strasse",
    "ﬁ",
    "fi",
    "0",
    "00",
    "null",
    "key",
    "count",
    "👍",
    "👍🏽",
    "👨‍👩‍👧",
    "مرحبا",
    "\u{202e}abc",
    "字",
    "\u{feff}",
    "\u{ffff}",
    "\u{10ffff}",
    "\u{2028}",
    "\u{7f}",
    "\u{1}",
    "\t",
    "\n",
    "\r\n",
    "\\",
    "\\\\",
    "\\n",
    "\\u0041",
    "A",
    "'",
    "''",
    "\"",
    "\"\"",
    "`",
    "%",
    "_",
    "?",
    "$1",
    ":name",
    "{}",
    "[1,2]",
    "a,b",
    "a\"],[\"b",
    "'); DROP TABLE model_counters; --",
    "\"; DROP TABLE model_counters; --",
    "`; DROP TABLE model_counters; --",
    "\\'; DROP TABLE model_counters; --",
    "/* */",
    "-- ",
    "/*!50000 x */",
];

pub(super) const CASES: &[Case<LedgerWorld>] = &[
    ("keys differ if a byte does", |world| {
        differ(world, |name| CounterId::new("post", 1, name).unwrap());
        let rows = world.ledger.rows_of(&post(1)).unwrap();
        let mut keys = rows.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>();
        keys.sort_unstable();
        let mut names = NAMES.to_vec();
        names.sort_unstable();
        assert_eq!(keys, names);
    }),
    ("owner types differ if a byte does", |world| {
        differ(world, |name| CounterId::new(name, 1, "views").unwrap());
        for (name, n) in NAMES.iter().zip(1..) {
            let rows = world.ledger.rows_of(&Owner::new(*name, 1).unwrap()).unwrap();
            let rows = rows.iter().map(|(_, row)| *row).collect::<Vec<_>>();
            assert_eq!(rows, [row(n, 5)], "{name:?}");
        }
    }),
    ("the longest names fit, of any characters", |world| {
        let ledger = &*world.ledger;
        let letters = ["x", "é", "字", "👍"];
        let ids = letters.map(|c| CounterId::new(c.repeat(255), 1, c.repeat(100)).unwrap());
        apply(ledger, ids.clone().map(|id| add(&id, 5, 1)));
        apply(ledger, ids.clone().map(|id| add(&id, 6, 1)));
        assert_eq!(ledger.baselines(&ids).unwrap(), [row(2, 6); 4]);
        for id in ids {
            assert_eq!(baseline(ledger, &id), row(2, 6));
        }
    }),
    ("owner ids go from end to end", |world| {
        let ledger = &*world.ledger;
        let ids = [i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX - 1, i64::MAX];
        let ids = ids.map(views_of);
        for (id, n) in ids.iter().zip(1..) {
            apply(ledger, [add(id, 5, n)]);
        }
        let expected = (1..=7).map(|n| row(n, 5)).collect::<Vec<_>>();
        assert_eq!(ledger.baselines(&ids).unwrap(), expected);
        let alone = ids.iter().map(|id| baseline(ledger, id));
        assert_eq!(alone.collect::<Vec<_>>(), expected);
    }),
    (
        "an owner that is a text, and a period, are refused and nothing beside them is written",
        |world| {
            let text = OwnerId::Text(OwnerText::new("42").unwrap());
            let of_text = CounterId::new("post", text, "views").unwrap();
            let of_day = views_of(2).within("day:2026-11-28".parse().unwrap());
            for refused in [of_text, of_day] {
                let both = [views_of(1), refused.clone()];
                assert!(world.ledger.baselines(&both).is_err(), "{refused}");
                let mut transaction = world.ledger.begin(LockWait::Usual).unwrap();
                let written = transaction.upsert(&[add(&both[0], 5, 1), add(&both[1], 5, 1)]);
                assert!(written.is_err(), "{refused}");
                assert!(transaction.commit().is_err(), "{refused}");
                for write in [add, set] {
                    let mut transaction = world.ledger.begin(LockWait::Usual).unwrap();
                    assert!(transaction.update(&write(&refused, 5, 1)).is_err(), "{refused}");
                }
                assert_eq!(row_of(&*world.ledger, &views_of(1)), None, "{refused}");
            }
        },
    ),
];

/// Gives each name a count of its own, twice, and reads them together and alone.
fn differ(world: &LedgerWorld, id_of: fn(&'static str) -> CounterId) {
    let ledger = &*world.ledger;
    let ids = NAMES.iter().map(|name| id_of(name)).collect::<Vec<_>>();
    let claims = |seq| ids.iter().zip(1..).map(move |(id, n)| add(id, seq, n));
    assert_eq!(apply(ledger, claims(5).collect::<Vec<_>>()), []);
    assert_eq!(apply(ledger, claims(5).collect::<Vec<_>>()), []);
    let expected = (1..).take(ids.len()).map(|n| row(n, 5)).collect::<Vec<_>>();
    assert_eq!(ledger.baselines(&ids).unwrap(), expected);
    for (id, expected) in ids.iter().zip(expected) {
        assert_eq!(baseline(ledger, id), expected, "{id}");
    }
}
