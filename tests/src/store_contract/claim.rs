use std::time::Duration;

use counter_core::{ClaimOp, ClaimSeq, Claimed, Holding};

use super::{LONG, claim, contract, fresh, has_parts, held, ids, pending};
use crate::fixtures::views_of;
use crate::store_worlds::StoreWorld;

contract![
    what_is_pending_becomes_a_fresh_claim,
    nothing_pending_makes_no_claim,
    a_pending_zero_makes_no_claim_and_is_removed,
    a_young_claim_is_busy_and_what_came_since_stays_pending,
    an_old_claim_is_recovered_unchanged_and_what_came_since_stays_pending,
    what_came_since_is_claimed_once_the_claim_is_acknowledged,
    sequences_do_not_fall_within_a_call_and_rise_from_call_to_call,
    a_counter_named_twice_is_claimed_once,
    a_zero_named_twice_is_removed_once,
    outcomes_come_in_the_order_asked,
    a_claim_of_no_counters_does_nothing,
    the_greatest_and_least_deltas_are_claimed_exactly,
    ten_thousand_counters_are_claimed_in_one_call,
];

fn what_is_pending_becomes_a_fresh_claim(world: &dyn StoreWorld) {
    let store = world.store();
    let claim = fresh(&*store, &views_of(1), -5);
    assert_eq!(claim.id, views_of(1));
    assert_eq!(claim.op, ClaimOp::Add(-5));
    assert!(claim.seq > ClaimSeq::ZERO);
    let expected = Holding { pending: 0, claim: Some(claim) };
    assert_eq!(held(&*store, &views_of(1)), expected);
}

fn nothing_pending_makes_no_claim(world: &dyn StoreWorld) {
    let store = world.store();
    assert_eq!(claim(&*store, &views_of(1), LONG), Claimed::Nothing);
    assert_eq!(held(&*store, &views_of(1)), Holding::default());
    assert_eq!(store.look(&[]).unwrap().high_water, ClaimSeq::ZERO);
}

fn a_pending_zero_makes_no_claim_and_is_removed(world: &dyn StoreWorld) {
    let store = world.store();
    store.increment(&views_of(1), 5).unwrap();
    store.increment(&views_of(1), -5).unwrap();
    assert_eq!(claim(&*store, &views_of(1), LONG), Claimed::Zero);
    assert_eq!(held(&*store, &views_of(1)), Holding::default());
    assert_eq!(claim(&*store, &views_of(1), LONG), Claimed::Nothing);
}

fn a_young_claim_is_busy_and_what_came_since_stays_pending(world: &dyn StoreWorld) {
    let store = world.store();
    let first = fresh(&*store, &views_of(1), 5);
    store.increment(&views_of(1), 7).unwrap();
    assert_eq!(claim(&*store, &views_of(1), LONG), Claimed::Busy);
    assert_eq!(claim(&*world.store(), &views_of(1), LONG), Claimed::Busy);
    let expected = Holding { pending: 7, claim: Some(first) };
    assert_eq!(held(&*store, &views_of(1)), expected);
}

fn an_old_claim_is_recovered_unchanged_and_what_came_since_stays_pending(world: &dyn StoreWorld) {
    let store = world.store();
    let first = fresh(&*store, &views_of(1), 5);
    store.increment(&views_of(1), 7).unwrap();
    for store in [store, world.store()] {
        let recovered = claim(&*store, &views_of(1), Duration::ZERO);
        assert_eq!(recovered, Claimed::Recovered(first.clone()));
        let expected = Holding { pending: 7, claim: Some(first.clone()) };
        assert_eq!(held(&*store, &views_of(1)), expected);
    }
}

fn what_came_since_is_claimed_once_the_claim_is_acknowledged(world: &dyn StoreWorld) {
    let store = world.store();
    let first = fresh(&*store, &views_of(1), 5);
    store.increment(&views_of(1), 7).unwrap();
    store.ack(std::slice::from_ref(&first)).unwrap();
    match claim(&*store, &views_of(1), LONG) {
        Claimed::Fresh(second) => {
            assert_eq!(second.op, ClaimOp::Add(7));
            assert!(second.seq > first.seq);
        }
        other => panic!("{other:?}"),
    }
}

fn sequences_do_not_fall_within_a_call_and_rise_from_call_to_call(world: &dyn StoreWorld) {
    let store = world.store();
    let mut newest = ClaimSeq::ZERO;
    for round in 0..3 {
        let ids: Vec<_> = (0..300).map(|number| views_of(round * 300 + number)).collect();
        ids.iter().for_each(|id| store.increment(id, 1).unwrap());
        let before = newest;
        for claimed in store.claim(&ids, LONG).unwrap() {
            let Claimed::Fresh(claim) = claimed else {
                panic!("{claimed:?}");
            };
            assert!(claim.seq > before && (claim.seq >= newest || has_parts(&*store)));
            newest = newest.max(claim.seq);
        }
    }
    assert_eq!(store.look(&[]).unwrap().high_water, newest);
}

fn a_counter_named_twice_is_claimed_once(world: &dyn StoreWorld) {
    let store = world.store();
    for (number, claim_timeout) in [(1, LONG), (2, Duration::ZERO)] {
        let id = views_of(number);
        store.increment(&id, 5).unwrap();
        let claimed = store.claim(&[id.clone(), id.clone()], claim_timeout).unwrap();
        let [Claimed::Fresh(first), second] = claimed.as_slice() else {
            panic!("{claimed:?}");
        };
        assert_eq!(first.op, ClaimOp::Add(5));
        if claim_timeout == LONG {
            assert_eq!(second, &Claimed::Busy);
        } else {
            assert_eq!(second, &Claimed::Recovered(first.clone()));
        }
        let expected = Holding { pending: 0, claim: Some(first.clone()) };
        assert_eq!(held(&*store, &id), expected);
    }
}

fn a_zero_named_twice_is_removed_once(world: &dyn StoreWorld) {
    let store = world.store();
    store.increment(&views_of(1), 0).unwrap();
    let claimed = store.claim(&[views_of(1), views_of(1)], LONG).unwrap();
    assert_eq!(claimed, [Claimed::Zero, Claimed::Nothing]);
}

fn outcomes_come_in_the_order_asked(world: &dyn StoreWorld) {
    let store = world.store();
    let old = fresh(&*store, &views_of(3), 3);
    store.increment(&views_of(1), 1).unwrap();
    store.increment(&views_of(2), 0).unwrap();
    let claimed =
        store.claim(&[views_of(3), views_of(4), views_of(2), views_of(1)], Duration::ZERO).unwrap();
    let [Claimed::Recovered(recovered), Claimed::Nothing, Claimed::Zero, Claimed::Fresh(fresh)] =
        claimed.as_slice()
    else {
        panic!("{claimed:?}");
    };
    assert_eq!(recovered, &old);
    assert_eq!((&fresh.id, fresh.op), (&views_of(1), ClaimOp::Add(1)));
}

fn a_claim_of_no_counters_does_nothing(world: &dyn StoreWorld) {
    let store = world.store();
    store.increment(&views_of(1), 1).unwrap();
    assert_eq!(store.claim(&[], Duration::ZERO).unwrap(), []);
    assert_eq!(pending(&*store, &views_of(1)), 1);
}

fn the_greatest_and_least_deltas_are_claimed_exactly(world: &dyn StoreWorld) {
    let store = world.store();
    let deltas = [i64::MAX, i64::MIN, i64::MAX - 1, i64::MIN + 1, 1 << 53, (1 << 53) + 1];
    for (number, delta) in (1..).zip(deltas) {
        assert_eq!(fresh(&*store, &views_of(number), delta).op, ClaimOp::Add(delta));
    }
}

fn ten_thousand_counters_are_claimed_in_one_call(world: &dyn StoreWorld) {
    let store = world.store();
    let increments: Vec<_> = ids(10_000).into_iter().zip(1..).collect();
    assert!(store.increment_many(&increments).iter().all(Result::is_ok));
    let claimed = store.claim(&ids(10_000), LONG).unwrap();
    assert_eq!(claimed.len(), 10_000);
    for (claimed, (id, by)) in claimed.iter().zip(&increments) {
        match claimed {
            Claimed::Fresh(claim) => assert_eq!((&claim.id, claim.op), (id, ClaimOp::Add(*by))),
            other => panic!("{other:?}"),
        }
    }
    let again = store.claim(&ids(10_000), LONG).unwrap();
    assert!(again.iter().all(|claimed| *claimed == Claimed::Busy));
}
