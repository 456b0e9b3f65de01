//! Where limits bite, for every pair of store and database.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::process::ExitCode;

use counter_core::{Config, Error as CoreError};
use counter_diesel::error::Invalid;
use counter_diesel::{Error, Owner, SyncOptions};
use counter_tests::fixtures::{post, views_of};
use counter_tests::suite::{self, Case};
use counter_tests::world::{PAIRS, World, impatient};

fn main() -> ExitCode {
    suite::run(PAIRS, CASES)
}

const CASES: &[Case<World>] = &[
    ("the longest names count, and one character more is refused", |world| {
        let counters = world.counters();
        for c in ["x", "é", "字", "👍", ":", "%", "\n"] {
            let (owner_type, key) = (c.repeat(255), c.repeat(100));
            let of_integer = Owner::new(owner_type.clone(), i64::MIN).unwrap();
            let of_text = Owner::new(owner_type.clone(), &owner_type).unwrap();
            for owner in [&of_integer, &of_text] {
                counters.increment(owner, &*key, 5).unwrap();
                assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
                counters.increment(owner, &*key, 1).unwrap();
                assert_eq!(counters.get(owner, &*key).unwrap(), 6);
                assert_eq!(counters.baseline(owner, &*key).unwrap(), 5);
            }
            let longer = format!("{key}{c}");
            let error = counters.increment(&of_text, &*longer, 1).unwrap_err();
            assert!(
                matches!(error, Error::Core(CoreError::Invalid(Invalid::TooLong { .. }))),
                "{error:?}"
            );
            assert!(Owner::new(format!("{owner_type}{c}"), 1).is_err());
            assert!(Owner::new(owner_type.clone(), format!("{owner_type}{c}")).is_err());
        }
    }),
    ("a pending delta goes to the ends of 64 bits and not beyond", |world| {
        let counters = world.counters();
        for (key, end, beyond) in [("max", i64::MAX, 1), ("min", i64::MIN, -1)] {
            counters.increment(post(1), key, end).unwrap();
            let error = counters.increment(post(1), key, beyond).unwrap_err();
            assert!(matches!(error, Error::Core(CoreError::NotCounted { .. })), "{error:?}");
            assert_eq!(counters.get(post(1), key).unwrap(), end);
            let report = counters.sync(&SyncOptions::default()).unwrap();
            assert!(report.is_clean() && report.applied == 1, "{report:?}");
            assert_eq!(counters.baseline(post(1), key).unwrap(), end);
        }
        // There is no opposite of the least number.
        let error = counters.decrement(post(1), "other", i64::MIN).unwrap_err();
        assert!(!error.is_outcome_unknown(), "{error:?}");
        assert_eq!(counters.get(post(1), "other").unwrap(), 0);
    }),
    ("a row goes to the ends of 64 bits, and what would go beyond stays in the store", |world| {
        let counters = world.counters_with(impatient());
        for (key, end, back) in [("max", i64::MAX, -1), ("min", i64::MIN, 1)] {
            counters.set(post(1), key, end).unwrap();
            assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
            // An overflow that pending increments undo again is no overflow.
            counters.increment(post(1), key, -back).unwrap();
            let error = counters.get(post(1), key).unwrap_err();
            assert!(matches!(error, Error::Core(CoreError::Overflow { .. })), "{error:?}");
            counters.increment(post(1), key, 2 * back).unwrap();
            assert_eq!(counters.get(post(1), key).unwrap(), end + back);
            assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
            assert_eq!(counters.baseline(post(1), key).unwrap(), end + back);
            // Beyond: refused, and kept.
            counters.increment(post(1), key, -2 * back).unwrap();
            let report = counters.sync(&SyncOptions::default()).unwrap();
            assert_eq!((report.applied, report.failed.count()), (0, 1), "{report:?}");
            assert_eq!(counters.baseline(post(1), key).unwrap(), end + back);
            // The whole range at once, from the other end.
            counters.set(post(1), key, 0).unwrap();
            assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
        }
    }),
    ("the whole range is crossed by one delta", |world| {
        let counters = world.counters();
        counters.set(post(1), "views", i64::MIN).unwrap();
        counters.increment(post(1), "views", i64::MAX).unwrap();
        assert_eq!(counters.get(post(1), "views").unwrap(), -1);
        assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
        assert_eq!(counters.baseline(post(1), "views").unwrap(), -1);
    }),
    ("batches of one move everything", |world| {
        assert_moves(world, 100, 1);
    }),
    ("batches of a hundred thousand move everything", |world| {
        // More than two of the largest batch that a sync makes of that.
        assert_moves(world, 20_001, 100_000);
    }),
    ("ten thousand counters of one owner are counted, read and listed", |world| {
        let counters = world.counters();
        let keys = (0..10_000).map(|n| format!("key-{n:05}")).collect::<Vec<_>>();
        let increments = keys.iter().zip(1..).map(|(key, n)| (post(1), key.as_str(), n));
        counters.increment_many(increments).unwrap();
        let report = counters.sync(&SyncOptions::default()).unwrap();
        assert!(report.is_clean() && report.applied == 10_000, "{report:?}");
        counters.increment(post(1), "key-00000", 1).unwrap();
        let all = counters.all(post(1)).unwrap();
        let mut expected = keys.iter().cloned().zip(1..).collect::<BTreeMap<_, _>>();
        *expected.get_mut("key-00000").unwrap() += 1;
        assert!(all == expected, "{} counters", all.len());
        let read = counters.get_many(keys.iter().map(|key| (post(1), key.as_str()))).unwrap();
        assert_eq!(read.iter().sum::<i64>(), 10_000 * 10_001 / 2 + 1);
    }),
    ("emoji, writing from right to left and combining characters are what they are", |world| {
        let counters = world.counters();
        // The two texts of a pair look the same.
        let keys = [
            "👩‍👩‍👧‍👦🏳️‍🌈",
            "👩👩👧👦🏳🌈",
            "مرحبا",
            "\u{202b}مرحبا\u{202c}",
            "שלום",
            "é",
            "e\u{301}",
            "ñ",
            "n\u{303}",
            "각",
            "\u{1100}\u{1161}\u{11a8}",
            "Å",
            "\u{212b}",
            "\u{c5}",
            "a\u{300}\u{301}",
            "a\u{301}\u{300}",
        ];
        let keys = keys.into_iter().collect::<std::collections::BTreeSet<_>>();
        for (key, n) in keys.iter().zip(1..) {
            counters.increment(post(1), *key, n).unwrap();
        }
        for round in 1..=2 {
            let report = counters.sync(&SyncOptions::default()).unwrap();
            assert!(report.is_clean() && report.applied == keys.len() as u64, "{report:?}");
            let expected = keys.iter().zip(1..).map(|(key, n)| ((*key).to_owned(), n * round));
            assert_eq!(counters.all(post(1)).unwrap(), expected.collect());
            for (key, n) in keys.iter().zip(1..) {
                assert_eq!(counters.get(post(1), *key).unwrap(), n * round, "{key}");
                counters.increment(post(1), *key, n).unwrap();
            }
        }
    }),
];

/// One sync moves so many counters in batches of this size.
fn assert_moves(world: &World, counted: i64, batch_size: usize) {
    let mut config = Config::default();
    config.sync_batch_size = NonZeroUsize::new(batch_size).unwrap().into();
    let counters = world.counters_with(config);
    counters.increment_many((0..counted).map(|n| (post(n), "views", n + 1))).unwrap();
    let report = counters.sync(&SyncOptions::default()).unwrap();
    assert!(report.is_clean() && report.applied == counted as u64, "{report}");
    assert_eq!(sum_of_rows(world, counted), counted * (counted + 1) / 2);
    assert_eq!(counters.sync(&SyncOptions::default()).unwrap().scanned, 0);
}

fn sum_of_rows(world: &World, counted: i64) -> i64 {
    let ids = (0..counted).map(views_of);
    let rows = world.ledger.baselines(&ids.collect::<Vec<_>>()).unwrap();
    rows.iter().map(|row| row.count).sum()
}
