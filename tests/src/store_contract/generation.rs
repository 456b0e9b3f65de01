//! Stores that tell one generation of their data from the next.

use counter_core::{ClaimSeq, DeltaStore, StoreGeneration};

use super::{contract, fresh};
use crate::fixtures::views_of;
use crate::store_worlds::StoreWorld;

contract![
    a_store_has_no_generation_before_one_is_asked_for,
    a_generation_is_kept_with_its_database_and_its_high_water,
    every_later_claim_is_above_the_high_water_of_the_generation,
];

const RECORDED: ClaimSeq = ClaimSeq::new(4_000_000_000_000_000);

fn generation(store: &dyn DeltaStore) -> &dyn StoreGeneration {
    store.generation().unwrap()
}

fn a_store_has_no_generation_before_one_is_asked_for(world: &dyn StoreWorld) {
    let store = world.store();
    store.increment(&views_of(1), 5).unwrap();
    assert_eq!(generation(&*store).present_generation().unwrap(), None);
    let made = generation(&*store).ensure_generation("one", RECORDED).unwrap();
    // Where there are several parts, each is raised above all that is known of any.
    let raised = RECORDED.get() + i64::from(generation(&*store).parts().is_some());
    assert_eq!((made.database.as_str(), made.high_water.get()), ("one", raised));
    let present = generation(&*store).present_generation().unwrap().unwrap();
    assert_eq!(present.store_id, made.store_id);
}

fn a_generation_is_kept_with_its_database_and_its_high_water(world: &dyn StoreWorld) {
    let store = world.store();
    let first = generation(&*store).ensure_generation("one", ClaimSeq::new(7)).unwrap();
    let second = generation(&*store).ensure_generation("two", RECORDED).unwrap();
    assert_eq!((second.store_id, second.database), (first.store_id, "one".to_owned()));
    assert_eq!(second.high_water, first.high_water);
}

fn every_later_claim_is_above_the_high_water_of_the_generation(world: &dyn StoreWorld) {
    let store = world.store();
    generation(&*store).ensure_generation("one", RECORDED).unwrap();
    assert!(fresh(&*store, &views_of(1), 5).seq > RECORDED);
}
