use std::time::Duration;

use counter_core::{Claim, ClaimOp, ClaimSeq, Claimed, Holding, Verdict};

use super::{LONG, contract, fresh, held, ids};
use crate::fixtures::views_of;
use crate::store_worlds::StoreWorld;

contract![
    a_claim_that_was_made_is_held,
    a_claim_that_was_acknowledged_is_gone,
    a_claim_that_differs_in_anything_is_superseded,
    verdicts_come_in_the_order_asked_and_each_time,
    an_acknowledged_claim_leaves_what_came_since,
    only_exactly_the_claim_that_is_held_is_removed,
    acknowledging_again_does_nothing,
    no_claims_can_be_verified_and_acknowledged,
    ten_thousand_claims_are_verified_and_acknowledged_in_one_call,
];

fn a_claim_that_was_made_is_held(world: &dyn StoreWorld) {
    let claim = fresh(&*world.store(), &views_of(1), 5);
    assert_eq!(world.store().verify(&[claim], LONG).unwrap(), [Verdict::Current]);
}

fn a_claim_that_was_acknowledged_is_gone(world: &dyn StoreWorld) {
    let store = world.store();
    let claims = [fresh(&*store, &views_of(1), 5)];
    store.ack(&claims).unwrap();
    assert_eq!(store.verify(&claims, LONG).unwrap(), [Verdict::Gone]);
}

/// Claims that are not `claim`, but nearly.
fn others(claim: &Claim) -> Vec<Claim> {
    let seq = claim.seq.get();
    let with_seq = |seq| Claim { seq: ClaimSeq::new(seq), ..claim.clone() };
    let with_op = |op| Claim { op, ..claim.clone() };
    vec![
        with_seq(seq + 1),
        with_seq(seq - 1),
        with_op(ClaimOp::Add(6)),
        with_op(ClaimOp::Add(-5)),
        with_op(ClaimOp::Set(5)),
        with_op(ClaimOp::Delete),
    ]
}

fn a_claim_that_differs_in_anything_is_superseded(world: &dyn StoreWorld) {
    let store = world.store();
    let claim = fresh(&*store, &views_of(1), 5);
    let verdicts = store.verify(&others(&claim), LONG).unwrap();
    assert_eq!(verdicts, [Verdict::Superseded; 6]);
}

fn verdicts_come_in_the_order_asked_and_each_time(world: &dyn StoreWorld) {
    let store = world.store();
    let first = fresh(&*store, &views_of(1), 5);
    let gone = Claim { id: views_of(2), ..first.clone() };
    let second = fresh(&*store, &views_of(3), 5);
    let asked = [second.clone(), gone, first, second];
    let verdicts = store.verify(&asked, LONG).unwrap();
    assert_eq!(verdicts, [Verdict::Current, Verdict::Gone, Verdict::Current, Verdict::Current]);
}

fn an_acknowledged_claim_leaves_what_came_since(world: &dyn StoreWorld) {
    let store = world.store();
    let claim = fresh(&*store, &views_of(1), 5);
    store.increment(&views_of(1), 7).unwrap();
    store.ack(&[claim]).unwrap();
    let expected = Holding { pending: 7, claim: None };
    assert_eq!(held(&*store, &views_of(1)), expected);
}

fn only_exactly_the_claim_that_is_held_is_removed(world: &dyn StoreWorld) {
    let store = world.store();
    let claim = fresh(&*store, &views_of(1), 5);
    let neighbour = fresh(&*store, &views_of(2), 5);
    store.ack(&others(&claim)).unwrap();
    assert_eq!(held(&*store, &views_of(1)).claim, Some(claim.clone()));
    let mut mixed = others(&claim);
    mixed.push(claim);
    store.ack(&mixed).unwrap();
    assert_eq!(held(&*store, &views_of(1)), Holding::default());
    assert_eq!(held(&*store, &views_of(2)).claim, Some(neighbour));
}

fn acknowledging_again_does_nothing(world: &dyn StoreWorld) {
    let store = world.store();
    let first = fresh(&*store, &views_of(1), 5);
    store.ack(&[first.clone(), first.clone()]).unwrap();
    let second = fresh(&*store, &views_of(1), 5);
    store.ack(&[first]).unwrap();
    assert_eq!(held(&*store, &views_of(1)).claim, Some(second));
}

fn no_claims_can_be_verified_and_acknowledged(world: &dyn StoreWorld) {
    let store = world.store();
    assert_eq!(store.verify(&[], LONG).unwrap(), []);
    store.ack(&[]).unwrap();
}

fn ten_thousand_claims_are_verified_and_acknowledged_in_one_call(world: &dyn StoreWorld) {
    let store = world.store();
    let increments: Vec<_> = ids(10_000).into_iter().zip(1..).collect();
    assert!(store.increment_many(&increments).iter().all(Result::is_ok));
    let claimed = store.claim(&ids(10_000), LONG).unwrap().into_iter();
    let claims: Vec<_> = claimed
        .map(|claimed| match claimed {
            Claimed::Fresh(claim) => claim,
            other => panic!("{other:?}"),
        })
        .collect();
    let verdicts = store.verify(&claims, Duration::from_secs(30)).unwrap();
    assert_eq!(verdicts, vec![Verdict::Current; 10_000]);
    store.ack(&claims).unwrap();
    let verdicts = store.verify(&claims, Duration::from_secs(30)).unwrap();
    assert_eq!(verdicts, vec![Verdict::Gone; 10_000]);
}
