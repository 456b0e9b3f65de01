//! Counts that are moved from one counter to another.

use std::sync::Arc;
use std::thread;

use counter_core::{
    Claimed, CountMove, CounterId, DeltaStore, Error, MoveCounts, MoveOutcome, Operation,
    Replacement, Seen,
};

use super::{LONG, claim, contract, fresh, held, ids, pending};
use crate::fixtures::views_of;
use crate::store_worlds::StoreWorld;

contract![
    what_one_counter_loses_the_other_gains,
    a_move_of_a_negative_amount_goes_the_other_way,
    a_move_touches_no_claim,
    a_move_to_the_same_counter_changes_nothing,
    a_value_is_moved_by_one_of_those_who_have_read_it,
    a_value_is_moved_once_by_one_call,
    a_counter_is_not_moved_if_anything_was_claimed_or_set_since_it_was_seen,
    a_counter_is_moved_only_if_what_was_counted_since_has_the_same_sign,
    counts_of_every_length_are_compared,
    a_sum_that_does_not_fit_changes_neither_counter,
    the_least_amount_is_refused,
    each_of_many_moves_has_an_outcome_of_its_own,
    no_moves_have_no_outcomes,
    ten_thousand_moves_are_made_in_one_call,
    threads_that_move_back_and_forth_lose_nothing,
    a_scan_finds_what_was_moved,
];

fn moves(store: &dyn DeltaStore) -> &dyn MoveCounts {
    store.moves().unwrap()
}

fn seen(store: &dyn DeltaStore, id: &CounterId) -> Seen {
    let look = store.look(std::slice::from_ref(id)).unwrap();
    Seen { high_water: look.high_water, pending: look.held[0].as_ref().unwrap().pending }
}

/// A move of a counter as it is now.
fn a_move(store: &dyn DeltaStore, from: i64, into: i64, by: i64) -> CountMove {
    let (from, into) = (views_of(from), views_of(into));
    let seen = seen(store, &from);
    CountMove { from, into, by, seen }
}

fn make_one(store: &dyn DeltaStore, one: &CountMove) -> Result<MoveOutcome, Error> {
    let mut outcomes = moves(store).move_counts(std::slice::from_ref(one));
    assert_eq!(outcomes.len(), 1);
    outcomes.remove(0)
}

fn make(store: &dyn DeltaStore, from: i64, into: i64, by: i64) -> Result<MoveOutcome, Error> {
    make_one(store, &a_move(store, from, into, by))
}

fn assert_moved(outcome: Result<MoveOutcome, Error>) {
    assert_eq!(outcome.unwrap(), MoveOutcome::Moved);
}

fn assert_outdated(outcome: Result<MoveOutcome, Error>) {
    assert_eq!(outcome.unwrap(), MoveOutcome::Outdated);
}

fn pendings<const N: usize>(store: &dyn DeltaStore, numbers: [i64; N]) -> [i64; N] {
    numbers.map(|number| pending(store, &views_of(number)))
}

fn what_one_counter_loses_the_other_gains(world: &dyn StoreWorld) {
    let store = world.store();
    store.increment(&views_of(1), 5).unwrap();
    assert_moved(make(&*store, 1, 2, 3));
    assert_eq!(pendings(&*store, [1, 2]), [2, 3]);
    // More than is pending, as when most of the value is in the table.
    assert_moved(make(&*store, 1, 2, 100));
    assert_eq!(pendings(&*store, [1, 2]), [-98, 103]);
}

fn a_move_of_a_negative_amount_goes_the_other_way(world: &dyn StoreWorld) {
    let store = world.store();
    assert_moved(make(&*store, 1, 2, -7));
    assert_eq!(pendings(&*store, [1, 2]), [7, -7]);
    assert_moved(make(&*store, 1, 2, 0));
    assert_eq!(pendings(&*store, [1, 2]), [7, -7]);
}

fn a_move_touches_no_claim(world: &dyn StoreWorld) {
    let store = world.store();
    let from = fresh(&*store, &views_of(1), 5);
    let into = store.replace(&views_of(2), Replacement::Set(50)).unwrap();
    assert_moved(make(&*store, 1, 2, 5));
    assert_eq!(held(&*store, &views_of(1)).claim, Some(from));
    assert_eq!(held(&*store, &views_of(2)).claim, Some(into));
    assert_eq!(pendings(&*store, [1, 2]), [-5, 5]);
}

fn a_move_to_the_same_counter_changes_nothing(world: &dyn StoreWorld) {
    let store = world.store();
    store.increment(&views_of(1), 5).unwrap();
    assert_moved(make(&*store, 1, 1, 3));
    assert_eq!(pendings(&*store, [1]), [5]);
}

/// Three that have read the same value would otherwise move three times as much, and then more with
/// every round.
fn a_value_is_moved_by_one_of_those_who_have_read_it(world: &dyn StoreWorld) {
    let store = world.store();
    store.increment(&views_of(1), 5).unwrap();
    let all = [(); 3].map(|()| a_move(&*store, 1, 2, 5));
    assert_moved(make_one(&*store, &all[0]));
    assert_outdated(make_one(&*store, &all[1]));
    assert_outdated(make_one(&*store, &all[2]));
    assert_eq!(pendings(&*store, [1, 2]), [0, 5]);
    // One that goes back is another move.
    assert_moved(make(&*store, 2, 1, 5));
    assert_eq!(pendings(&*store, [1, 2]), [5, 0]);
}

fn a_value_is_moved_once_by_one_call(world: &dyn StoreWorld) {
    let store = world.store();
    store.increment(&views_of(1), -5).unwrap();
    let all = [2, 3, 2].map(|into| a_move(&*store, 1, into, -5));
    let mut outcomes = moves(&*store).move_counts(&all).into_iter();
    assert_moved(outcomes.next().unwrap());
    outcomes.for_each(assert_outdated);
    assert_eq!(pendings(&*store, [1, 2, 3]), [0, -5, 0]);
}

fn a_counter_is_not_moved_if_anything_was_claimed_or_set_since_it_was_seen(world: &dyn StoreWorld) {
    type Deed = fn(&dyn DeltaStore);
    let deeds: [Deed; 4] = [
        |store| drop(store.replace(&views_of(1), Replacement::Set(5)).unwrap()),
        |store| drop(store.replace(&views_of(1), Replacement::Delete).unwrap()),
        |store| drop(fresh(store, &views_of(1), 5)),
        // What is gone from the store again may be in the table now.
        |store| {
            let claim = fresh(store, &views_of(1), 5);
            store.ack(&[claim]).unwrap();
        },
    ];
    for deed in deeds {
        let store = world.store();
        store.increment(&views_of(1), 1).unwrap();
        let one = a_move(&*store, 1, 2, 100);
        deed(&*store);
        let before = pending(&*store, &views_of(1));
        assert_outdated(make_one(&*store, &one));
        assert_eq!(pendings(&*store, [1, 2]), [before, 0]);
        store.replace(&views_of(1), Replacement::Delete).unwrap();
        let claim = held(&*store, &views_of(1)).claim.unwrap();
        store.ack(&[claim]).unwrap();
    }
}

fn a_counter_is_moved_only_if_what_was_counted_since_has_the_same_sign(world: &dyn StoreWorld) {
    let store = world.store();
    for (by, counted, is_moved) in
        [(5, 1, true), (5, -1, false), (-5, -1, true), (-5, 1, false), (5, 0, true)]
    {
        let one = a_move(&*store, 1, 2, by);
        store.increment(&views_of(1), counted).unwrap();
        let expected = if is_moved { MoveOutcome::Moved } else { MoveOutcome::Outdated };
        assert_eq!(make_one(&*store, &one).unwrap(), expected, "{by}, then {counted}");
    }
    assert_eq!(pendings(&*store, [1, 2]), [-5, 5]);
}

fn counts_of_every_length_are_compared(world: &dyn StoreWorld) {
    let store = world.store();
    let numbers =
        [i64::MIN, i64::MIN + 1, -1_000_000_001, -1_000_000_000, -999_999_999, -10, -9, -1, 0];
    let numbers = numbers.into_iter().chain([1, 9, 10, 999_999_999, 1_000_000_000, 1_000_000_001]);
    let numbers =
        numbers.chain([9_007_199_254_740_992, 9_007_199_254_740_993, i64::MAX - 1, i64::MAX]);
    let numbers = numbers.collect::<Vec<_>>();
    for (place, now) in numbers.iter().enumerate() {
        let from = views_of(10 + place as i64);
        store.increment(&from, *now).unwrap();
        let high_water = store.look(&[]).unwrap().high_water;
        for seen in &numbers {
            // To the same counter, so that nothing changes.
            let (into, seen) = (from.clone(), Seen { high_water, pending: *seen });
            let one = CountMove { from: from.clone(), into, by: now.signum(), seen };
            let expected = match (now.cmp(&seen.pending), now.signum()) {
                (ordering, _) if ordering.is_eq() => MoveOutcome::Moved,
                (ordering, 1) if ordering.is_gt() => MoveOutcome::Moved,
                (ordering, -1) if ordering.is_lt() => MoveOutcome::Moved,
                _ => MoveOutcome::Outdated,
            };
            assert_eq!(make_one(&*store, &one).unwrap(), expected, "{now} seen as {seen:?}");
        }
    }
}

fn a_sum_that_does_not_fit_changes_neither_counter(world: &dyn StoreWorld) {
    let store = world.store();
    store.increment(&views_of(1), 5).unwrap();
    store.increment(&views_of(2), i64::MAX).unwrap();
    store.increment(&views_of(3), i64::MIN).unwrap();
    assert_not_moved(&make(&*store, 1, 2, 1), 1);
    assert_not_moved(&make(&*store, 3, 1, 1), 3);
    // Of a counter of which nothing is pending nothing is pending afterwards.
    assert_not_moved(&make(&*store, 4, 2, 1), 4);
    assert_eq!(pendings(&*store, [1, 2, 3, 4]), [5, i64::MAX, i64::MIN, 0]);
    assert_eq!(claim(&*store, &views_of(4), LONG), Claimed::Nothing);
}

fn the_least_amount_is_refused(world: &dyn StoreWorld) {
    let store = world.store();
    let all = [(1, i64::MIN), (2, 5)].map(|(from, by)| a_move(&*store, from, 9, by));
    let outcomes = moves(&*store).move_counts(&all);
    assert_not_moved(&outcomes[0], 1);
    assert!(outcomes[1].is_ok(), "{outcomes:?}");
    assert_eq!(pendings(&*store, [1, 2, 9]), [0, -5, 5]);
}

fn each_of_many_moves_has_an_outcome_of_its_own(world: &dyn StoreWorld) {
    let store = world.store();
    store.increment(&views_of(3), i64::MAX).unwrap();
    let all = [(1, 2), (5, 3), (2, 4), (6, 2), (1, 4)];
    let all = all.map(|(from, into)| a_move(&*store, from, into, 1));
    let mut outcomes = moves(&*store).move_counts(&all);
    assert_outdated(outcomes.pop().unwrap());
    assert_not_moved(&outcomes.remove(1), 5);
    assert_eq!(outcomes.len(), 3);
    outcomes.into_iter().for_each(assert_moved);
    assert_eq!(pendings(&*store, [1, 2, 3, 4, 5, 6]), [-1, 1, i64::MAX, 1, 0, -1]);
}

fn no_moves_have_no_outcomes(world: &dyn StoreWorld) {
    assert!(moves(&*world.store()).move_counts(&[]).is_empty());
}

fn ten_thousand_moves_are_made_in_one_call(world: &dyn StoreWorld) {
    let store = world.store();
    let unseen =
        |n| CountMove { from: views_of(n), into: views_of(0), by: 1, seen: Seen::default() };
    let all = (1..=10_000).map(unseen).collect::<Vec<_>>();
    let outcomes = moves(&*store).move_counts(&all);
    assert_eq!(outcomes.len(), 10_000);
    outcomes.into_iter().for_each(assert_moved);
    assert_eq!(pending(&*store, &views_of(0)), 10_000);
    let look = store.look(&ids(10_000)).unwrap();
    assert!(look.held.into_iter().all(|held| held.unwrap().pending == -1));
}

fn threads_that_move_back_and_forth_lose_nothing(world: &dyn StoreWorld) {
    let store = world.store();
    let threads = (0..4).map(|number| {
        let store = Arc::clone(&store);
        thread::spawn(move || {
            for round in 0..100 {
                let (from, into) = if (round + number) % 2 == 0 { (1, 2) } else { (2, 1) };
                make(&*store, from, into, number + 1).unwrap();
                store.increment(&views_of(from), 1).unwrap();
            }
        })
    });
    let threads = threads.collect::<Vec<_>>();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let [one, two] = pendings(&*store, [1, 2]);
    assert_eq!(one + two, 400);
}

fn a_scan_finds_what_was_moved(world: &dyn StoreWorld) {
    let store = world.store();
    assert_moved(make(&*store, 1, 2, 5));
    let claimed = store.claim(&[views_of(1), views_of(2)], LONG).unwrap();
    assert!(claimed.iter().all(|claimed| matches!(claimed, Claimed::Fresh(_))), "{claimed:?}");
}

fn assert_not_moved(outcome: &Result<MoveOutcome, Error>, from: i64) {
    match outcome {
        Err(Error::NotCounted { operation: Operation::Move, counter, .. }) => {
            assert_eq!(*counter, views_of(from));
        }
        other => panic!("expected that {from} is not moved, got {other:?}"),
    }
}
