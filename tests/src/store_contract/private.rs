//! What a store does that belongs to one process.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use counter_core::{
    ClaimOp, ClaimSeq, DeltaStore, HeldNumber, Holding, PrivateStore, Replacement, StoreNumber,
};

use super::{contract, fresh, held};
use crate::fixtures::views_of;
use crate::store_worlds::StoreWorld;

contract![
    an_unapplied_claim_gets_a_number_above_the_one_given_and_keeps_the_rest,
    a_claim_that_was_replaced_or_acknowledged_gets_no_number,
    a_store_with_a_number_gives_out_its_sequences_only_and_greater_ones_than_are_recorded,
    sequences_that_are_given_out_while_the_number_changes_are_unique,
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

fn a_store_with_a_number_gives_out_its_sequences_only_and_greater_ones_than_are_recorded(
    world: &dyn StoreWorld,
) {
    let store = world.store();
    let number = StoreNumber::new(700).unwrap();
    let holding = HeldNumber { number, above: FUTURE, shared: ClaimSeq::ZERO };
    private(&*store).numbered().hold(holding);
    let claimed = fresh(&*store, &views_of(1), 5);
    let set = store.replace(&views_of(2), Replacement::Set(9)).unwrap();
    let renumbered = private(&*store).renumber_unapplied(&claimed, FUTURE).unwrap().unwrap();
    let deleted = store.replace(&views_of(3), Replacement::Delete).unwrap();
    let given = [claimed.seq, set.seq, renumbered.seq, deleted.seq];
    assert!(given.is_sorted_by(|one, next| one < next), "{given:?}");
    assert!(given.iter().all(|seq| *seq > FUTURE && number.gives_out(*seq)), "{given:?}");
}

fn sequences_that_are_given_out_while_the_number_changes_are_unique(world: &dyn StoreWorld) {
    const EACH: i64 = 20_000;
    let is_over = AtomicBool::new(false);
    let sequences = thread::scope(|scope| {
        let changing = world.store();
        let is_over = &is_over;
        scope.spawn(move || {
            let numbers = (0..StoreNumber::COUNT).filter_map(StoreNumber::new).cycle();
            for number in numbers.take_while(|_| !is_over.load(Ordering::SeqCst)) {
                let (above, shared) = (ClaimSeq::ZERO, ClaimSeq::ZERO);
                private(&*changing).numbered().hold(HeldNumber { number, above, shared });
            }
        });
        let giving = [1, 2].map(|counter| {
            let store = world.store();
            scope.spawn(move || {
                let set = || store.replace(&views_of(counter), Replacement::Set(1)).unwrap().seq;
                (0..EACH).map(|_| set()).collect::<Vec<_>>()
            })
        });
        let sequences = giving.map(|thread| thread.join().unwrap()).concat();
        is_over.store(true, Ordering::SeqCst);
        sequences
    });
    assert_eq!(sequences.iter().collect::<HashSet<_>>().len(), sequences.len());
}
