//! Rows that others have written into the table.

use std::collections::BTreeMap;

use counter_core::InputKind;
use counter_diesel::Counters;
use counter_diesel::check::FindingCode;
use counter_tests::fixtures::post;
use counter_tests::suite::Case;
use counter_tests::world::World;

use super::refused::refused;
use super::sync;

pub(super) const CASES: &[Case<World>] = &[
    ("a row whose key is none is no counter, and keeps nothing from those that are", |world| {
        let counters = world.counters();
        counters.increment(post(1), "views", 1).unwrap();
        assert!(sync(&counters).is_clean());
        let taken = refused_rows(InputKind::CounterKey, |key| write(world, "post", key));
        assert!(taken > 0);
        let expected = BTreeMap::from([("views".to_owned(), 1)]);
        assert_eq!(counters.all(post(1)).unwrap(), expected);
        assert_eq!(world.ledger.rows_of(&post(1)).unwrap().len(), 1);
        counters.increment(post(1), "views", 1).unwrap();
        assert!(sync(&counters).is_clean());
        assert_eq!(counters.baseline(post(1), "views").unwrap(), 2);
    }),
    ("a row whose owner type is none belongs to no owner", |world| {
        let counters = world.counters();
        let before = codes(&counters);
        let taken = refused_rows(InputKind::OwnerType, |kind| write(world, kind, "views"));
        assert!(taken > 0);
        counters.increment(post(1), "views", 1).unwrap();
        assert!(sync(&counters).is_clean());
        assert_eq!(counters.baseline(post(1), "views").unwrap(), 1);
        assert_eq!(codes(&counters), before);
    }),
];

fn codes(counters: &Counters) -> Vec<FindingCode> {
    counters.check().findings.iter().map(|finding| finding.code).collect()
}

/// Writes a row for each text of this kind. Returns how many of them the database has taken: some
/// refuse what is too long.
fn refused_rows(kind: InputKind, write: impl Fn(&str) -> bool) -> usize {
    let texts = refused().into_iter().filter(|(of, text)| *of == kind && !text.contains('\0'));
    texts.filter(|(_, text)| write(text)).count()
}

fn write(world: &World, owner_type: &str, key: &str) -> bool {
    let columns = r#""owner_type", "owner_id", "key", "count""#;
    let row = format!("'{owner_type}', 1, '{key}', 1000");
    let insert = format!(r#"INSERT INTO "model_counters" ({columns}) VALUES ({row})"#);
    world.database.execute(&insert).is_ok()
}
