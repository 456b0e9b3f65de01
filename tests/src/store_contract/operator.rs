//! What an operator decides: stores that can be repaired.

use std::time::Duration;

use counter_core::{ClaimOp, ClaimSeq, Claimed, DeltaStore, Holding, Repair, Replacement, Verdict};

use super::{LONG, claim, contract, fresh, has_parts, held, ids};
use crate::fixtures::views_of;
use crate::store_worlds::StoreWorld;

contract![
    a_claim_gets_a_number_above_the_one_given_and_keeps_the_rest,
    a_claim_gets_a_number_above_the_high_water,
    a_claim_that_is_not_there_any_more_gets_no_number,
    a_set_stays_a_set_under_another_number,
    a_claim_that_was_handed_out_again_gets_a_number_from_an_operator,
    a_raised_high_water_is_below_every_later_claim,
    a_high_water_is_never_raised_down,
    what_is_discarded_is_gone_and_the_rest_stays,
    a_discarded_claim_is_gone_for_its_pass_too,
    ten_thousand_counters_are_discarded_in_one_call,
];

const FUTURE: ClaimSeq = ClaimSeq::new(4_000_000_000_000_000);

fn repair(store: &dyn DeltaStore) -> &dyn Repair {
    store.repair().unwrap()
}

fn a_claim_gets_a_number_above_the_one_given_and_keeps_the_rest(world: &dyn StoreWorld) {
    let store = world.store();
    let first = fresh(&*store, &views_of(1), -5);
    store.increment(&views_of(1), 7).unwrap();
    let second = repair(&*store).renumber(&first, FUTURE).unwrap().unwrap();
    assert!(second.seq > FUTURE);
    assert_eq!((&second.id, second.op), (&first.id, ClaimOp::Add(-5)));
    let expected = Holding { pending: 7, claim: Some(second.clone()) };
    assert_eq!(held(&*store, &views_of(1)), expected);
    assert_eq!(store.look(&[]).unwrap().high_water, second.seq);
    let third = fresh(&*store, &views_of(2), 1);
    assert!(third.seq > second.seq || has_parts(&*store));
}

fn a_claim_gets_a_number_above_the_high_water(world: &dyn StoreWorld) {
    let store = world.store();
    let first = fresh(&*store, &views_of(1), 5);
    let second = fresh(&*store, &views_of(2), 5);
    let renumbered = repair(&*store).renumber(&first, ClaimSeq::ZERO).unwrap();
    assert!(renumbered.unwrap().seq > second.seq);
}

fn a_claim_that_is_not_there_any_more_gets_no_number(world: &dyn StoreWorld) {
    let store = world.store();
    let first = fresh(&*store, &views_of(1), 5);
    let second = store.replace(&views_of(1), Replacement::Set(9)).unwrap();
    let acknowledged = fresh(&*store, &views_of(2), 5);
    store.ack(std::slice::from_ref(&acknowledged)).unwrap();
    let before = store.look(&[]).unwrap().high_water;
    for gone in [first, acknowledged] {
        assert_eq!(repair(&*store).renumber(&gone, FUTURE).unwrap(), None);
    }
    assert_eq!(held(&*store, &views_of(1)), Holding { pending: 0, claim: Some(second) });
    assert_eq!(held(&*store, &views_of(2)), Holding::default());
    assert_eq!(store.look(&[]).unwrap().high_water, before);
}

fn a_set_stays_a_set_under_another_number(world: &dyn StoreWorld) {
    let store = world.store();
    for (number, replacement) in [(1, Replacement::Set(i64::MIN)), (2, Replacement::Delete)] {
        let claim = store.replace(&views_of(number), replacement).unwrap();
        let renumbered = repair(&*store).renumber(&claim, FUTURE).unwrap().unwrap();
        assert_eq!(renumbered.op, claim.op);
    }
}

fn a_claim_that_was_handed_out_again_gets_a_number_from_an_operator(world: &dyn StoreWorld) {
    let store = world.store();
    let first = fresh(&*store, &views_of(1), 5);
    assert_eq!(claim(&*store, &views_of(1), Duration::ZERO), Claimed::Recovered(first.clone()));
    assert!(repair(&*store).renumber(&first, FUTURE).unwrap().is_some());
}

fn a_raised_high_water_is_below_every_later_claim(world: &dyn StoreWorld) {
    let store = world.store();
    repair(&*store).raise(FUTURE).unwrap();
    assert_eq!(store.look(&[]).unwrap().high_water, FUTURE);
    assert!(fresh(&*store, &views_of(1), 5).seq > FUTURE);
}

fn a_high_water_is_never_raised_down(world: &dyn StoreWorld) {
    let store = world.store();
    repair(&*store).raise(FUTURE).unwrap();
    repair(&*store).raise(ClaimSeq::new(7)).unwrap();
    assert_eq!(store.look(&[]).unwrap().high_water, FUTURE);
}

fn what_is_discarded_is_gone_and_the_rest_stays(world: &dyn StoreWorld) {
    let store = world.store();
    store.increment(&views_of(1), 5).unwrap();
    fresh(&*store, &views_of(2), 5);
    store.increment(&views_of(2), 7).unwrap();
    store.increment(&views_of(3), 5).unwrap();
    let kept = fresh(&*store, &views_of(4), 5);
    assert_eq!(
        repair(&*store).discard(&[views_of(1), views_of(2), views_of(2), views_of(9)]).unwrap(),
        2
    );
    for number in [1, 2] {
        assert_eq!(held(&*store, &views_of(number)), Holding::default());
    }
    assert_eq!(held(&*store, &views_of(3)).pending, 5);
    assert_eq!(held(&*store, &views_of(4)).claim, Some(kept));
}

fn a_discarded_claim_is_gone_for_its_pass_too(world: &dyn StoreWorld) {
    let store = world.store();
    let claim = fresh(&*store, &views_of(1), 5);
    repair(&*store).discard(&[views_of(1)]).unwrap();
    assert_eq!(store.verify(&[claim], LONG).unwrap(), [Verdict::Gone]);
}

fn ten_thousand_counters_are_discarded_in_one_call(world: &dyn StoreWorld) {
    let store = world.store();
    let ids = ids(10_000);
    let increments: Vec<_> = ids.iter().map(|id| (id.clone(), 1)).collect();
    assert!(store.increment_many(&increments).iter().all(Result::is_ok));
    assert_eq!(repair(&*store).discard(&ids).unwrap(), 10_000);
    assert!(store.look(&ids).unwrap().held.iter().all(|held| *held == Ok(Holding::default())));
}
