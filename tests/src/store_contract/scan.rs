use std::collections::HashSet;
use std::num::NonZeroUsize;

use counter_core::{CounterId, Cursor, DeltaStore, Pattern, Prefix};

use super::{contract, fresh, ids, pending};
use crate::fixtures::{counter_of, user, views_of};
use crate::store_worlds::StoreWorld;

contract![
    a_scan_of_an_empty_store_ends,
    a_scan_finds_every_counter_page_by_page,
    any_text_works_as_an_owner_id_and_none_is_an_integer,
    a_scan_finds_what_is_only_claimed,
    a_scan_finds_nothing_of_what_was_acknowledged,
    a_scan_with_a_pattern_finds_what_matches_pending_or_claimed,
    a_pattern_is_no_pattern_for_the_prefix,
    a_scan_finds_what_stays_while_other_counters_come_and_go,
];

fn scan_all(store: &dyn DeltaStore, pattern: &Pattern, count: usize) -> HashSet<CounterId> {
    scan_meanwhile(store, pattern, count, |_| {})
}

/// Scans, and calls `meanwhile` after each page.
fn scan_meanwhile(
    store: &dyn DeltaStore,
    pattern: &Pattern,
    count: usize,
    mut meanwhile: impl FnMut(i64),
) -> HashSet<CounterId> {
    let count = NonZeroUsize::new(count).unwrap();
    let mut found = HashSet::new();
    let mut cursor = Some(Cursor::default());
    let mut pages = 0;
    while let Some(from) = cursor {
        let page = store.scan(pattern, from, count).unwrap();
        assert_eq!(page.foreign, []);
        found.extend(page.ids);
        cursor = page.next;
        pages += 1;
        assert!(pages < 10_000, "the scan does not end");
        meanwhile(pages);
    }
    found
}

fn a_scan_of_an_empty_store_ends(world: &dyn StoreWorld) {
    let store = world.store();
    assert!(scan_all(&*store, &Pattern::all(), 10).is_empty());
    assert!(scan_all(&*store, &"user:*".parse().unwrap(), 10).is_empty());
}

fn a_scan_finds_every_counter_page_by_page(world: &dyn StoreWorld) {
    let store = world.store();
    let increments: Vec<_> = ids(500).into_iter().map(|id| (id, 1)).collect();
    assert!(store.increment_many(&increments).iter().all(Result::is_ok));
    let first = store.scan(&Pattern::all(), Cursor::default(), NonZeroUsize::new(10).unwrap());
    let first = first.unwrap();
    assert!(first.ids.len() < 500 && first.next.is_some());
    let expected: HashSet<_> = ids(500).into_iter().collect();
    assert_eq!(scan_all(&*store, &Pattern::all(), 10), expected);
    assert_eq!(scan_all(&*store, &Pattern::all(), 10_000), expected);
}

fn a_scan_finds_what_is_only_claimed(world: &dyn StoreWorld) {
    let store = world.store();
    fresh(&*store, &views_of(1), 5);
    assert_eq!(scan_all(&*store, &Pattern::all(), 10), HashSet::from([views_of(1)]));
}

fn a_scan_finds_nothing_of_what_was_acknowledged(world: &dyn StoreWorld) {
    let store = world.store();
    let claim = fresh(&*store, &views_of(1), 5);
    store.ack(&[claim]).unwrap();
    assert!(scan_all(&*store, &Pattern::all(), 10).is_empty());
}

fn a_scan_with_a_pattern_finds_what_matches_pending_or_claimed(world: &dyn StoreWorld) {
    let store = world.store();
    let first = counter_of(&user(1), "views");
    let other = CounterId::new("users", 1, "views").unwrap();
    let claimed = counter_of(&user(2), "shares");
    store.increment(&first, 1).unwrap();
    store.increment(&other, 1).unwrap();
    fresh(&*store, &views_of(1), 1);
    fresh(&*store, &claimed, 1);
    let found = |pattern: &str| scan_all(&*store, &pattern.parse().unwrap(), 10);
    assert_eq!(found("user:*"), HashSet::from([first.clone(), claimed.clone()]));
    assert_eq!(found("user*:1:view[a-s]"), HashSet::from([first.clone(), other]));
    assert_eq!(found("user:?:shares"), HashSet::from([claimed]));
    assert_eq!(found("user:1:views"), HashSet::from([first]));
    assert_eq!(found("nobody:*"), HashSet::new());
}

/// Of a claim's name the prefix is a part twice, and neither is the counter's.
fn a_pattern_is_no_pattern_for_the_prefix(world: &dyn StoreWorld) {
    let store = world.store();
    fresh(&*store, &views_of(1), 1);
    store.increment(&views_of(2), 1).unwrap();
    for pattern in ["*test-*", "*{*", "*counter:post*", Prefix::default().as_str()] {
        let found = scan_all(&*store, &pattern.parse().unwrap(), 10);
        assert!(found.is_empty(), "{pattern} found {found:?}");
    }
    assert_eq!(scan_all(&*store, &"**".parse().unwrap(), 10).len(), 2);
}

fn a_scan_finds_what_stays_while_other_counters_come_and_go(world: &dyn StoreWorld) {
    let store = world.store();
    let stay: HashSet<_> = ids(200).into_iter().collect();
    for number in 1..=200 {
        store.increment(&views_of(number), 1).unwrap();
        if number % 2 == 0 {
            store.claim(&[views_of(number)], super::LONG).unwrap();
        }
    }
    let found = scan_meanwhile(&*store, &Pattern::all(), 10, |page| {
        let comes_and_goes = CounterId::new("guest", page, "views").unwrap();
        let claim = fresh(&*store, &comes_and_goes, 1);
        store.ack(&[claim]).unwrap();
    });
    assert!(found.is_superset(&stay));
}

fn any_text_works_as_an_owner_id_and_none_is_an_integer(world: &dyn StoreWorld) {
    let store = world.store();
    let texts = ["42", "-42", "042", "9223372036854775808", "a:b", "{}", "%342", "é\n", "*", " "];
    let mut ids = [42, -42].map(views_of).to_vec();
    ids.extend(texts.map(|text| CounterId::new("post", text, "views").unwrap()));
    for (id, n) in ids.iter().zip(1..) {
        store.increment(id, n).unwrap();
    }
    for (id, n) in ids.iter().zip(1..) {
        assert_eq!(pending(&*store, id), n, "{id}");
    }
    assert_eq!(scan_all(&*store, &Pattern::all(), 5), ids.into_iter().collect());
}
