//! Stores that name the counters that may hold something.

use std::collections::{BTreeMap, HashSet};
use std::num::NonZeroUsize;
use std::time::Duration;

use counter_core::{
    CountMove, Cursor, DeltaStore, IndexEntry, IndexPage, PendingIndex, Replacement, Seen,
};

use super::{LONG, claim, contract, fresh, ids};
use crate::fixtures::views_of;
use crate::process::wait_for;
use crate::store_worlds::StoreWorld;

contract![
    what_is_counted_first_is_named_and_what_is_counted_on_is_not_named_again,
    a_set_and_a_delete_are_named,
    both_counters_of_a_move_are_named,
    what_a_store_has_gathered_is_named_when_it_is_dropped,
    a_counter_that_is_made_pending_again_has_another_token,
    an_entry_is_removed_unless_it_was_written_since,
    removing_what_is_not_there_does_nothing,
    the_pages_of_a_reading_name_every_counter,
    one_caller_of_several_makes_the_scan,
    a_scan_that_is_abandoned_is_due,
];

fn index(store: &dyn DeltaStore) -> &dyn PendingIndex {
    store.pending_index().unwrap()
}

/// Reads the index to its end, in pages of about `count`.
fn read(store: &dyn DeltaStore, count: usize) -> Vec<IndexPage> {
    let (mut pages, mut from) = (Vec::<IndexPage>::new(), Vec::<Cursor>::new());
    loop {
        let page = index(store).page(&from, NonZeroUsize::new(count).unwrap()).unwrap();
        assert!(page.foreign.is_empty() && !page.has_gaps, "{page:?}");
        from.clone_from(&page.next);
        pages.push(page);
        if from.is_empty() {
            return pages;
        }
    }
}

fn named(store: &dyn DeltaStore) -> Vec<IndexEntry> {
    let mut named = read(store, 100).into_iter().flat_map(|page| page.entries).collect::<Vec<_>>();
    named.sort_by(|a, b| a.id.cmp(&b.id));
    named
}

fn what_is_counted_first_is_named_and_what_is_counted_on_is_not_named_again(
    world: &dyn StoreWorld,
) {
    let store = world.store();
    store.increment(&views_of(1), 5).unwrap();
    assert!(store.increment_many(&[(views_of(2), -1)]).iter().all(Result::is_ok));
    let first = named(&*store);
    assert!(first.iter().map(|entry| &entry.id).eq(&ids(2)), "{first:?}");
    store.increment(&views_of(1), 5).unwrap();
    assert!(store.increment_many(&[(views_of(2), -2)]).iter().all(Result::is_ok));
    assert_eq!(named(&*store), first);
}

fn a_set_and_a_delete_are_named(world: &dyn StoreWorld) {
    let store = world.store();
    store.replace(&views_of(1), Replacement::Set(5)).unwrap();
    store.replace(&views_of(2), Replacement::Delete).unwrap();
    assert!(named(&*store).iter().map(|entry| &entry.id).eq(&ids(2)));
}

fn both_counters_of_a_move_are_named(world: &dyn StoreWorld) {
    let store = world.store();
    let one = CountMove { from: views_of(1), into: views_of(2), by: 5, seen: Seen::default() };
    let Some(moves) = store.moves() else { return };
    let outcomes = moves.move_counts(&[one]);
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert!(named(&*store).iter().map(|entry| &entry.id).eq(&ids(2)));
}

/// What one store of a process has gathered, another one names once the first is gone.
fn what_a_store_has_gathered_is_named_when_it_is_dropped(world: &dyn StoreWorld) {
    let (store, other) = (world.store(), world.store());
    store.increment(&views_of(1), 5).unwrap();
    drop(store);
    // On a busy machine its thread may end after it.
    wait_for("what was gathered", || {
        named(&*other).iter().map(|entry| &entry.id).eq(&ids(1)).then_some(())
    });
}

fn a_counter_that_is_made_pending_again_has_another_token(world: &dyn StoreWorld) {
    let store = world.store();
    let mut tokens = HashSet::new();
    for _ in 0..3 {
        let claim = fresh(&*store, &views_of(1), 5);
        store.ack(&[claim]).unwrap();
        let [entry] = named(&*store).try_into().unwrap();
        assert!(tokens.insert(entry.token));
    }
}

fn an_entry_is_removed_unless_it_was_written_since(world: &dyn StoreWorld) {
    let store = world.store();
    ids(3).iter().for_each(|id| store.increment(id, 1).unwrap());
    let entries = named(&*store);
    let made = claim(&*store, &views_of(2), LONG);
    assert!(matches!(made, counter_core::Claimed::Fresh(_)), "{made:?}");
    store.increment(&views_of(2), 1).unwrap();
    let again = named(&*store);
    index(&*store).remove(&entries).unwrap();
    assert_eq!(named(&*store), again[1..2]);
    index(&*store).remove(&again).unwrap();
    assert_eq!(named(&*store), []);
}

fn removing_what_is_not_there_does_nothing(world: &dyn StoreWorld) {
    let store = world.store();
    index(&*store).remove(&[]).unwrap();
    let entry = IndexEntry { id: views_of(1), token: b"token".to_vec() };
    index(&*store).remove(&[entry.clone(), entry]).unwrap();
    assert_eq!(named(&*store), []);
}

fn the_pages_of_a_reading_name_every_counter(world: &dyn StoreWorld) {
    let store = world.store();
    let ids = ids(20_000);
    let increments = ids.iter().map(|id| (id.clone(), 1)).collect::<Vec<_>>();
    assert!(store.increment_many(&increments).iter().all(Result::is_ok));
    for count in [1, 100, 1000] {
        let pages = read(&*store, count);
        let mut times = BTreeMap::new();
        for page in &pages {
            assert!(page.entries.len() <= 3000, "{} on a page of {count}", page.entries.len());
            page.entries.iter().for_each(|entry| *times.entry(&entry.id).or_insert(0) += 1);
        }
        assert!(times.keys().copied().eq(&ids));
    }
}

fn one_caller_of_several_makes_the_scan(world: &dyn StoreWorld) {
    let stores = [world.store(), world.store(), world.store()];
    let due = stores.each_ref().map(|store| index(&**store).begin_scan(LONG).unwrap());
    assert_eq!(due, [true, false, false]);
    // One that scans more often than the first does not wait as long.
    assert!(index(&*stores[1]).begin_scan(LONG / 2).unwrap());
    assert!(!index(&*stores[1]).begin_scan(LONG).unwrap());
    assert!(index(&*stores[1]).begin_scan(Duration::ZERO).unwrap(), "each pass scans");
}

fn a_scan_that_is_abandoned_is_due(world: &dyn StoreWorld) {
    let store = world.store();
    assert!(index(&*store).begin_scan(LONG).unwrap());
    index(&*store).abandon_scan().unwrap();
    assert!(index(&*store).begin_scan(LONG).unwrap());
    assert!(!index(&*store).begin_scan(LONG).unwrap());
}
