//! Text that is kept byte for byte, and is never SQL.

use counter_diesel::ledger::LockWait;
use counter_diesel::query::OwnerType;
use counter_diesel::{CounterId, Owner};

use super::{LedgerWorld, add, apply, baseline, delete, row, row_of, set};
use crate::fixtures::{post, views_of};
use crate::suite::Case;

/// Pairs of these look alike, sort alike, or have a meaning in some syntax.
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
        let longest = letters.map(|c| {
            let (long, key) = (c.repeat(255), c.repeat(100));
            [CounterId::new(&long, 1, &key).unwrap(), CounterId::new(&long, &long, &key).unwrap()]
        });
        let ids = longest.as_flattened().to_vec();
        let adds = |seq| ids.iter().map(move |id| add(id, seq, 1)).collect::<Vec<_>>();
        apply(ledger, adds(5));
        apply(ledger, adds(6));
        assert_eq!(ledger.baselines(&ids).unwrap(), [row(2, 6); 8]);
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
    ("owner ids that are texts differ if a byte does", |world| {
        differ(world, |name| CounterId::new("post", name, "views").unwrap());
        for (name, n) in NAMES.iter().zip(1..) {
            let rows = world.ledger.rows_of(&Owner::new("post", *name).unwrap()).unwrap();
            let rows = rows.iter().map(|(_, row)| *row).collect::<Vec<_>>();
            assert_eq!(rows, [row(n, 5)], "{name:?}");
        }
        assert_eq!(baseline(&*world.ledger, &views_of(0)), row(0, 0));
    }),
    ("integers and texts are other owners, in one batch and in one read", |world| {
        let ledger = &*world.ledger;
        let mut ids = [i64::MIN, -1, 0, 7, i64::MAX].map(views_of).to_vec();
        let texts = ["0", "-1", "7", "9223372036854775808", "", "a", "A"];
        ids.extend(texts.iter().filter_map(|text| CounterId::new("post", text, "views").ok()));
        assert_eq!(ids.len(), 11, "the empty text is none");
        let claims = |seq| ids.iter().zip(1..).map(move |(id, n)| add(id, seq, n));
        let sets = |seq| ids.iter().zip(1..).map(move |(id, n)| set(id, seq, 10 * n));
        assert_eq!(apply(ledger, claims(5).collect::<Vec<_>>()), []);
        assert_eq!(apply(ledger, claims(6).collect::<Vec<_>>()), []);
        let expected = (1..=11).map(|n| row(2 * n, 6)).collect::<Vec<_>>();
        assert_eq!(ledger.baselines(&ids).unwrap(), expected);
        assert_eq!(apply(ledger, sets(7).collect::<Vec<_>>()), []);
        assert_eq!(apply(ledger, ids.iter().map(|id| delete(id, 8)).collect::<Vec<_>>()), []);
        assert!(ids.iter().all(|id| row_of(ledger, id).is_none()));
        assert_eq!(apply(ledger, claims(9).collect::<Vec<_>>()), []);
        for (id, n) in ids.iter().zip(1..) {
            assert_eq!(baseline(ledger, id), row(n, 9), "{id}");
            let mut transaction = ledger.begin(LockWait::Usual).unwrap();
            transaction.update(&add(id, 10, 100)).unwrap();
            transaction.commit().unwrap();
            assert_eq!(baseline(ledger, id), row(100 + n, 10), "{id}");
        }
    }),
    ("the owners with the highest values are of both kinds", |world| {
        let ledger = &*world.ledger;
        let text = |id: &str| CounterId::new("post", id, "views").unwrap();
        let ids = [text("b"), views_of(7), text("7"), views_of(-1), text("a")];
        apply(
            ledger,
            ids.iter().zip([5, 4, 4, 3, 4]).map(|(id, n)| add(id, 5, n)).collect::<Vec<_>>(),
        );
        let post = OwnerType::from_static("post");
        let top = ledger.top(&post, &"views".parse().unwrap(), None, 4).unwrap();
        // Of the same value, integers come first.
        let top = top.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(top, ["b", "7", "%37", "a"]);
    }),
    ("a row of two owners is no owner, and is said by its values", |world| {
        let row =
            r#"("owner_type", "owner_id", "owner_key", "key") VALUES ('post', 7, 'abc', 'views')"#;
        world.database.execute(&format!(r#"INSERT INTO "model_counters" {row}"#)).unwrap();
        let post = OwnerType::from_static("post");
        let error = world.ledger.top(&post, &"views".parse().unwrap(), None, 4).unwrap_err();
        assert!(format!("{error:?}").contains("7, abc"), "{error:?}");
        for id in [views_of(7), CounterId::new("post", "abc", "views").unwrap()] {
            assert_eq!(row_of(&*world.ledger, &id), None);
        }
    }),
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
