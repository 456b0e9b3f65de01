use std::time::Duration;

use counter_core::{Claim, ClaimOp, ClaimSeq, Claimed, Holding, Replacement, Verdict};

use super::{LONG, claim, contract, fresh, held};
use crate::fixtures::views_of;
use crate::store_worlds::StoreWorld;

contract![
    a_set_of_a_new_counter_is_a_claim,
    a_set_drops_what_was_pending_and_claimed,
    a_delete_drops_what_was_pending_and_claimed,
    what_is_counted_after_a_set_is_pending,
    a_set_leaves_other_counters_alone,
    the_last_of_several_sets_stands,
    the_greatest_and_least_values_are_set_exactly,
    a_set_that_nobody_finished_is_recovered,
    a_set_can_be_verified_and_acknowledged,
    many_are_replaced_each_with_a_claim_of_its_own,
];

fn a_set_of_a_new_counter_is_a_claim(world: &dyn StoreWorld) {
    let store = world.store();
    let set = store.replace(&views_of(1), Replacement::Set(1000)).unwrap();
    assert_eq!((&set.id, set.op), (&views_of(1), ClaimOp::Set(1000)));
    assert_eq!(store.look(&[]).unwrap().high_water, set.seq);
    let expected = Holding { pending: 0, claim: Some(set) };
    assert_eq!(held(&*store, &views_of(1)), expected);
}

fn a_set_drops_what_was_pending_and_claimed(world: &dyn StoreWorld) {
    let store = world.store();
    let before = fresh(&*store, &views_of(1), 5);
    store.increment(&views_of(1), 7).unwrap();
    let set = store.replace(&views_of(1), Replacement::Set(-3)).unwrap();
    assert!(set.seq > before.seq);
    let verdicts = store.verify(&[before], LONG).unwrap();
    assert_eq!(verdicts, [Verdict::SetSince]);
    let later = Claim { seq: ClaimSeq::new(set.seq.get() + 1), ..set.clone() };
    assert_eq!(store.verify(&[later], LONG).unwrap(), [Verdict::Superseded], "an older set");
    let expected = Holding { pending: 0, claim: Some(set) };
    assert_eq!(held(&*store, &views_of(1)), expected);
}

fn a_delete_drops_what_was_pending_and_claimed(world: &dyn StoreWorld) {
    let store = world.store();
    let before = fresh(&*store, &views_of(1), 5);
    store.increment(&views_of(1), 7).unwrap();
    let delete = store.replace(&views_of(1), Replacement::Delete).unwrap();
    assert_eq!(delete.op, ClaimOp::Delete);
    assert!(delete.seq > before.seq);
    assert_eq!(store.verify(&[before], LONG).unwrap(), [Verdict::Superseded]);
    let expected = Holding { pending: 0, claim: Some(delete) };
    assert_eq!(held(&*store, &views_of(1)), expected);
}

fn what_is_counted_after_a_set_is_pending(world: &dyn StoreWorld) {
    let store = world.store();
    store.increment(&views_of(1), 5).unwrap();
    let set = store.replace(&views_of(1), Replacement::Set(100)).unwrap();
    store.increment(&views_of(1), 7).unwrap();
    let expected = Holding { pending: 7, claim: Some(set) };
    assert_eq!(held(&*store, &views_of(1)), expected);
}

fn a_set_leaves_other_counters_alone(world: &dyn StoreWorld) {
    let store = world.store();
    store.increment(&views_of(2), 5).unwrap();
    let claim = fresh(&*store, &views_of(3), 6);
    store.replace(&views_of(1), Replacement::Set(100)).unwrap();
    assert_eq!(held(&*store, &views_of(2)).pending, 5);
    assert_eq!(held(&*store, &views_of(3)).claim, Some(claim));
}

fn the_last_of_several_sets_stands(world: &dyn StoreWorld) {
    let store = world.store();
    let first = store.replace(&views_of(1), Replacement::Set(1)).unwrap();
    let second = world.store().replace(&views_of(1), Replacement::Set(1)).unwrap();
    assert!(second.seq > first.seq);
    assert_eq!(held(&*store, &views_of(1)).claim, Some(second));
}

fn the_greatest_and_least_values_are_set_exactly(world: &dyn StoreWorld) {
    let store = world.store();
    for value in [i64::MAX, i64::MIN, 0, (1 << 53) + 1] {
        let set = store.replace(&views_of(1), Replacement::Set(value)).unwrap();
        assert_eq!(set.op, ClaimOp::Set(value));
        assert_eq!(held(&*store, &views_of(1)).claim, Some(set));
    }
}

fn a_set_that_nobody_finished_is_recovered(world: &dyn StoreWorld) {
    let store = world.store();
    for replacement in [Replacement::Set(-7), Replacement::Delete] {
        let left = store.replace(&views_of(1), replacement).unwrap();
        // In a store of many processes a set is taken over however young it is.
        let is_shared = store.private().is_none();
        let is_taken_over = is_shared && matches!(replacement, Replacement::Set(_));
        let expected = if is_taken_over { Claimed::Recovered(left.clone()) } else { Claimed::Busy };
        assert_eq!(claim(&*store, &views_of(1), LONG), expected);
        let recovered = claim(&*store, &views_of(1), Duration::ZERO);
        assert_eq!(recovered, Claimed::Recovered(left));
    }
}

fn many_are_replaced_each_with_a_claim_of_its_own(world: &dyn StoreWorld) {
    let store = world.store();
    let before = fresh(&*store, &views_of(3), 5);
    store.increment(&views_of(3), 7).unwrap();
    // More than one script of Redis takes. The first one is named again in the end.
    let mut replacements = (1..=450).map(|id| (views_of(id), Replacement::Set(id)));
    let mut replacements = replacements.by_ref().collect::<Vec<_>>();
    replacements[1].1 = Replacement::Delete;
    replacements.push((views_of(1), Replacement::Set(-1)));
    let claims = store.replace_many(&replacements).into_iter().map(Result::unwrap);
    let claims = claims.collect::<Vec<_>>();
    for (claim, (id, replacement)) in claims.iter().zip(&replacements) {
        let op = match replacement {
            Replacement::Set(to) => ClaimOp::Set(*to),
            Replacement::Delete => ClaimOp::Delete,
        };
        assert_eq!((&claim.id, claim.op), (id, op));
        assert!(claim.seq > before.seq && claim.seq <= store.look(&[]).unwrap().high_water);
        if *id != views_of(1) {
            let expected = Holding { pending: 0, claim: Some(claim.clone()) };
            assert_eq!(held(&*store, id), expected);
        }
    }
    assert!(claims[450].seq > claims[0].seq);
    assert_eq!(held(&*store, &views_of(1)).claim, Some(claims[450].clone()));
    assert!(store.replace_many(&[]).is_empty());
}

fn a_set_can_be_verified_and_acknowledged(world: &dyn StoreWorld) {
    let store = world.store();
    let set = store.replace(&views_of(1), Replacement::Set(5)).unwrap();
    let claims = [set];
    assert_eq!(store.verify(&claims, LONG).unwrap(), [Verdict::Current]);
    store.ack(&claims).unwrap();
    assert_eq!(store.verify(&claims, LONG).unwrap(), [Verdict::Gone]);
    assert_eq!(held(&*store, &views_of(1)), Holding::default());
}
