use counter_core::{CounterId, Error, Operation};

use super::{contract, ids, pending};
use crate::fixtures::views_of;
use crate::store_worlds::StoreWorld;

contract![
    an_increment_is_pending,
    increments_add_up_also_below_zero,
    an_increment_by_the_most_that_fits_is_pending,
    an_increment_past_the_upper_end_is_not_counted,
    an_increment_past_the_lower_end_is_not_counted,
    each_of_many_increments_has_an_outcome_of_its_own,
    many_increments_may_name_a_counter_twice,
    no_increments_have_no_outcomes,
    ten_thousand_increments_are_counted_at_once,
    any_text_works_as_a_key,
    another_store_on_the_same_data_sees_increments,
];

fn an_increment_is_pending(world: &dyn StoreWorld) {
    let store = world.store();
    store.increment(&views_of(1), 5).unwrap();
    assert_eq!(pending(&*store, &views_of(1)), 5);
    assert_eq!(pending(&*store, &views_of(2)), 0);
}

fn increments_add_up_also_below_zero(world: &dyn StoreWorld) {
    let store = world.store();
    for by in [5, -7, 0, -40] {
        store.increment(&views_of(1), by).unwrap();
    }
    assert_eq!(pending(&*store, &views_of(1)), -42);
}

fn an_increment_by_the_most_that_fits_is_pending(world: &dyn StoreWorld) {
    let store = world.store();
    store.increment(&views_of(1), i64::MAX).unwrap();
    store.increment(&views_of(2), i64::MIN).unwrap();
    assert_eq!(pending(&*store, &views_of(1)), i64::MAX);
    assert_eq!(pending(&*store, &views_of(2)), i64::MIN);
}

fn an_increment_past_the_upper_end_is_not_counted(world: &dyn StoreWorld) {
    let store = world.store();
    store.increment(&views_of(1), i64::MAX).unwrap();
    assert_not_counted(&store.increment(&views_of(1), 1), &views_of(1));
    assert_eq!(pending(&*store, &views_of(1)), i64::MAX);
}

fn an_increment_past_the_lower_end_is_not_counted(world: &dyn StoreWorld) {
    let store = world.store();
    store.increment(&views_of(1), i64::MIN).unwrap();
    assert_not_counted(&store.increment(&views_of(1), -1), &views_of(1));
    assert_eq!(pending(&*store, &views_of(1)), i64::MIN);
}

fn each_of_many_increments_has_an_outcome_of_its_own(world: &dyn StoreWorld) {
    let store = world.store();
    store.increment(&views_of(2), i64::MAX).unwrap();
    let outcomes = store.increment_many(&[(views_of(1), 1), (views_of(2), 1), (views_of(3), 3)]);
    assert_eq!(outcomes.len(), 3);
    assert!(outcomes[0].is_ok(), "{:?}", outcomes[0]);
    assert_not_counted(&outcomes[1], &views_of(2));
    assert!(outcomes[2].is_ok(), "{:?}", outcomes[2]);
    let all = [1, 2, 3].map(|number| pending(&*store, &views_of(number)));
    assert_eq!(all, [1, i64::MAX, 3]);
}

fn many_increments_may_name_a_counter_twice(world: &dyn StoreWorld) {
    let store = world.store();
    let outcomes = store.increment_many(&[(views_of(1), 1), (views_of(2), 2), (views_of(1), 10)]);
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert_eq!(pending(&*store, &views_of(1)), 11);
    assert_eq!(pending(&*store, &views_of(2)), 2);
}

fn no_increments_have_no_outcomes(world: &dyn StoreWorld) {
    assert!(world.store().increment_many(&[]).is_empty());
}

fn ten_thousand_increments_are_counted_at_once(world: &dyn StoreWorld) {
    let store = world.store();
    let increments: Vec<_> = (1..=10_000).map(|number| (views_of(number), number)).collect();
    let outcomes = store.increment_many(&increments);
    assert_eq!(outcomes.len(), 10_000);
    assert!(outcomes.iter().all(Result::is_ok));
    let look = store.look(&ids(10_000)).unwrap();
    let pending = look.held.into_iter().map(|held| held.unwrap().pending);
    assert!(pending.eq(1..=10_000));
}

fn any_text_works_as_a_key(world: &dyn StoreWorld) {
    let store = world.store();
    let keys = ["a:b", "{a}", "}{", "%", "%3A", " ", "a\r\nb", "*", "[a]\\", "ä€🦀", "seq"];
    let ids: Vec<_> = keys.iter().map(|key| CounterId::new("a b:c", -7, key).unwrap()).collect();
    for (id, by) in ids.iter().zip(1..) {
        store.increment(id, by).unwrap();
    }
    let look = store.look(&ids).unwrap();
    let pending = look.held.into_iter().map(|held| held.unwrap().pending);
    assert!(pending.eq(1..=11));
}

fn another_store_on_the_same_data_sees_increments(world: &dyn StoreWorld) {
    world.store().increment(&views_of(1), 5).unwrap();
    world.store().increment(&views_of(1), 6).unwrap();
    assert_eq!(pending(&*world.store(), &views_of(1)), 11);
}

fn assert_not_counted(outcome: &Result<(), Error>, id: &CounterId) {
    match outcome {
        Err(Error::NotCounted { operation: Operation::Increment, counter, .. }) => {
            assert_eq!(counter, id);
        }
        other => panic!("expected NotCounted for {id}, got {other:?}"),
    }
}
