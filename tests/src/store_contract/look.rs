use counter_core::{ClaimSeq, Holding};

use super::{contract, fresh, has_parts, held, ids};
use crate::fixtures::views_of;
use crate::store_worlds::StoreWorld;

contract![
    nothing_is_held_of_a_counter_that_nobody_counted,
    a_look_shows_what_is_pending_and_what_is_claimed,
    a_look_answers_in_the_order_asked_and_each_time,
    a_look_at_no_counter_returns_the_high_water,
    the_high_water_of_an_empty_store_is_zero,
    the_high_water_is_the_newest_sequence,
    a_claim_made_after_a_look_is_above_its_high_water,
    a_look_at_ten_thousand_counters_finds_them_all,
];

fn nothing_is_held_of_a_counter_that_nobody_counted(world: &dyn StoreWorld) {
    assert_eq!(held(&*world.store(), &views_of(1)), Holding::default());
}

fn a_look_shows_what_is_pending_and_what_is_claimed(world: &dyn StoreWorld) {
    let store = world.store();
    let claim = fresh(&*store, &views_of(1), 5);
    store.increment(&views_of(1), 7).unwrap();
    let expected = Holding { pending: 7, claim: Some(claim) };
    assert_eq!(held(&*store, &views_of(1)), expected);
}

fn a_look_answers_in_the_order_asked_and_each_time(world: &dyn StoreWorld) {
    let store = world.store();
    store.increment(&views_of(1), 1).unwrap();
    store.increment(&views_of(2), 2).unwrap();
    let look = store.look(&[views_of(2), views_of(3), views_of(1), views_of(2)]).unwrap();
    let pending: Vec<_> = look.held.into_iter().map(|held| held.unwrap().pending).collect();
    assert_eq!(pending, [2, 0, 1, 2]);
}

fn a_look_at_no_counter_returns_the_high_water(world: &dyn StoreWorld) {
    let store = world.store();
    let claim = fresh(&*store, &views_of(1), 5);
    let look = store.look(&[]).unwrap();
    assert_eq!(look.high_water, claim.seq);
    assert!(look.held.is_empty());
}

fn the_high_water_of_an_empty_store_is_zero(world: &dyn StoreWorld) {
    let store = world.store();
    assert_eq!(store.look(&[]).unwrap().high_water, ClaimSeq::ZERO);
    assert_eq!(store.look(&[views_of(1)]).unwrap().high_water, ClaimSeq::ZERO);
}

fn the_high_water_is_the_newest_sequence(world: &dyn StoreWorld) {
    let store = world.store();
    for number in 1..=3 {
        let claim = fresh(&*store, &views_of(number), 5);
        assert_eq!(store.look(&[]).unwrap().high_water, claim.seq);
        let other = if has_parts(&*store) { number } else { 9 };
        assert_eq!(store.look(&[views_of(other)]).unwrap().high_water, claim.seq);
    }
}

fn a_claim_made_after_a_look_is_above_its_high_water(world: &dyn StoreWorld) {
    let store = world.store();
    fresh(&*store, &views_of(1), 5);
    let look = store.look(&[views_of(2)]).unwrap();
    assert!(fresh(&*store, &views_of(2), 5).seq > look.high_water);
}

fn a_look_at_ten_thousand_counters_finds_them_all(world: &dyn StoreWorld) {
    let store = world.store();
    let first = fresh(&*store, &views_of(1), 3);
    let last = fresh(&*store, &views_of(10_000), 4);
    let look = store.look(&ids(10_000)).unwrap();
    assert_eq!(look.high_water, last.seq);
    let claims: Vec<_> = look.held.into_iter().map(|held| held.unwrap().claim).collect();
    assert_eq!(claims.len(), 10_000);
    assert_eq!(claims[0], Some(first));
    assert_eq!(claims[9_999], Some(last));
    assert_eq!(claims.iter().flatten().count(), 2);
}
