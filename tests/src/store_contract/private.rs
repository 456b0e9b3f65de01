//! What only a store that is private to its process knows.

use std::time::Duration;

use counter_core::{ClaimOp, ClaimSeq, Claimed, DeltaStore, Holding, PrivateStore, Replacement};

use super::{claim, contract, fresh, held};
use crate::fixtures::views_of;
use crate::store_worlds::StoreWorld;

contract![
    an_unapplied_claim_gets_a_number_above_the_one_given_and_keeps_the_rest,
    a_claim_that_was_handed_out_again_gets_no_number,
    a_claim_that_was_replaced_or_acknowledged_gets_no_number,
];

const FUTURE: ClaimSeq = ClaimSeq::new(4_000_000_000_000_000);

fn private(store: &dyn DeltaStore) -> &dyn PrivateStore {
    store.private().unwrap()
}

fn an_unapplied_claim_gets_a_number_above_the_one_given_and_keeps_the_rest(world: &dyn StoreWorld) {
    let store = world.store();
    let first = fresh(&*store, &views_of(1), -5);
    store.increment(&views_of(1), 7).unwrap();
    let second = private(&*store).renumber_unapplied(&first, FUTURE).unwrap().unwrap();
    assert!(second.seq > FUTURE);
    assert_eq!((&second.id, second.op), (&first.id, ClaimOp::Add(-5)));
    assert_eq!(held(&*store, &views_of(1)), Holding { pending: 7, claim: Some(second.clone()) });
    assert_eq!(store.look(&[]).unwrap().high_water, second.seq);
}

fn a_claim_that_was_handed_out_again_gets_no_number(world: &dyn StoreWorld) {
    let store = world.store();
    let first = fresh(&*store, &views_of(1), 5);
    assert_eq!(claim(&*store, &views_of(1), Duration::ZERO), Claimed::Recovered(first.clone()));
    assert_eq!(private(&*store).renumber_unapplied(&first, FUTURE).unwrap(), None);
    assert_eq!(held(&*store, &views_of(1)).claim, Some(first));
}

fn a_claim_that_was_replaced_or_acknowledged_gets_no_number(world: &dyn StoreWorld) {
    let store = world.store();
    let first = fresh(&*store, &views_of(1), 5);
    store.replace(&views_of(1), Replacement::Set(9)).unwrap();
    let acknowledged = fresh(&*store, &views_of(2), 5);
    store.ack(std::slice::from_ref(&acknowledged)).unwrap();
    for gone in [first, acknowledged] {
        assert_eq!(private(&*store).renumber_unapplied(&gone, FUTURE).unwrap(), None);
    }
}
