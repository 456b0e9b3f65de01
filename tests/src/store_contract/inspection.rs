//! Stores that answer questions about themselves.

use counter_core::{DeltaStore, InspectStore};

use super::{contract, fresh, held};
use crate::fixtures::views_of;
use crate::store_worlds::StoreWorld;

contract![
    a_store_says_what_time_it_is,
    a_question_changes_nothing,
    nothing_of_a_counter_of_ours_is_misplaced,
];

fn inspection(store: &dyn DeltaStore) -> &dyn InspectStore {
    store.inspection().unwrap()
}

fn a_store_says_what_time_it_is(world: &dyn StoreWorld) {
    let facts = inspection(&*world.store()).inspect().unwrap();
    assert!(facts.clock.known().is_some(), "{:?}", facts.clock);
}

fn a_question_changes_nothing(world: &dyn StoreWorld) {
    let store = world.store();
    let claim = fresh(&*store, &views_of(1), 5);
    store.increment(&views_of(1), 7).unwrap();
    let before = (held(&*store, &views_of(1)), store.look(&[]).unwrap().high_water);
    let facts = inspection(&*store).inspect().unwrap();
    inspection(&*store).misplaced(&[views_of(1)]).unwrap();
    assert_eq!(inspection(&*store).expiring(&[views_of(1), views_of(2)]).unwrap(), []);
    assert_eq!((held(&*store, &views_of(1)), store.look(&[]).unwrap().high_water), before);
    assert_eq!(before.0.claim, Some(claim));
    assert_eq!(facts.generation.known().cloned().flatten(), None);
    if let Some(generation) = store.generation() {
        assert_eq!(generation.present_generation().unwrap(), None);
    }
}

fn nothing_of_a_counter_of_ours_is_misplaced(world: &dyn StoreWorld) {
    let store = world.store();
    fresh(&*store, &views_of(1), 5);
    store.increment(&views_of(2), 7).unwrap();
    assert_eq!(
        inspection(&*store).misplaced(&[views_of(1), views_of(2), views_of(3)]).unwrap(),
        []
    );
}
