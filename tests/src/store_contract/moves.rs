//! Counts that are moved from one counter to another.

use std::sync::Arc;
use std::thread;

use counter_core::{
    Claimed, CountMove, CounterId, DeltaStore, Error, MoveCounts, Operation, Replacement,
};

use super::{LONG, claim, contract, fresh, held, ids, pending};
use crate::fixtures::views_of;
use crate::store_worlds::StoreWorld;

contract![
    what_one_counter_loses_the_other_gains,
    a_move_of_a_negative_amount_goes_the_other_way,
    a_move_touches_no_claim,
    a_move_to_the_same_counter_changes_nothing,
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

fn a_move(from: &CounterId, into: &CounterId, by: i64) -> CountMove {
    CountMove { from: from.clone(), into: into.clone(), by }
}

fn make(store: &dyn DeltaStore, from: i64, into: i64, by: i64) -> Result<(), Error> {
    let one = a_move(&views_of(from), &views_of(into), by);
    let mut outcomes = moves(store).move_counts(&[one]);
    assert_eq!(outcomes.len(), 1);
    outcomes.remove(0)
}

fn pendings<const N: usize>(store: &dyn DeltaStore, numbers: [i64; N]) -> [i64; N] {
    numbers.map(|number| pending(store, &views_of(number)))
}

fn what_one_counter_loses_the_other_gains(world: &dyn StoreWorld) {
    let store = world.store();
    store.increment(&views_of(1), 5).unwrap();
    make(&*store, 1, 2, 3).unwrap();
    assert_eq!(pendings(&*store, [1, 2]), [2, 3]);
    // More than is pending, as when most of the value is in the table.
    make(&*store, 1, 2, 100).unwrap();
    assert_eq!(pendings(&*store, [1, 2]), [-98, 103]);
}

fn a_move_of_a_negative_amount_goes_the_other_way(world: &dyn StoreWorld) {
    let store = world.store();
    make(&*store, 1, 2, -7).unwrap();
    assert_eq!(pendings(&*store, [1, 2]), [7, -7]);
    make(&*store, 1, 2, 0).unwrap();
    assert_eq!(pendings(&*store, [1, 2]), [7, -7]);
}

fn a_move_touches_no_claim(world: &dyn StoreWorld) {
    let store = world.store();
    let from = fresh(&*store, &views_of(1), 5);
    let into = store.replace(&views_of(2), Replacement::Set(50)).unwrap();
    make(&*store, 1, 2, 5).unwrap();
    assert_eq!(held(&*store, &views_of(1)).claim, Some(from));
    assert_eq!(held(&*store, &views_of(2)).claim, Some(into));
    assert_eq!(pendings(&*store, [1, 2]), [-5, 5]);
}

fn a_move_to_the_same_counter_changes_nothing(world: &dyn StoreWorld) {
    let store = world.store();
    store.increment(&views_of(1), 5).unwrap();
    make(&*store, 1, 1, 3).unwrap();
    assert_eq!(pendings(&*store, [1]), [5]);
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
    let all = [(1, i64::MIN), (2, 5)].map(|(from, by)| a_move(&views_of(from), &views_of(9), by));
    let outcomes = moves(&*store).move_counts(&all);
    assert_not_moved(&outcomes[0], 1);
    assert!(outcomes[1].is_ok(), "{outcomes:?}");
    assert_eq!(pendings(&*store, [1, 2, 9]), [0, -5, 5]);
}

fn each_of_many_moves_has_an_outcome_of_its_own(world: &dyn StoreWorld) {
    let store = world.store();
    store.increment(&views_of(3), i64::MAX).unwrap();
    let all = [(1, 2), (1, 3), (2, 4), (1, 2)]
        .map(|(from, into)| a_move(&views_of(from), &views_of(into), 1));
    let outcomes = moves(&*store).move_counts(&all);
    assert!(outcomes[0].is_ok() && outcomes[2].is_ok() && outcomes[3].is_ok(), "{outcomes:?}");
    assert_not_moved(&outcomes[1], 1);
    assert_eq!(pendings(&*store, [1, 2, 3, 4]), [-2, 1, i64::MAX, 1]);
}

fn no_moves_have_no_outcomes(world: &dyn StoreWorld) {
    assert!(moves(&*world.store()).move_counts(&[]).is_empty());
}

fn ten_thousand_moves_are_made_in_one_call(world: &dyn StoreWorld) {
    let store = world.store();
    let all = (1..=10_000).map(|n| a_move(&views_of(n), &views_of(0), 1)).collect::<Vec<_>>();
    let outcomes = moves(&*store).move_counts(&all);
    assert_eq!(outcomes.len(), 10_000);
    assert!(outcomes.iter().all(Result::is_ok));
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
    make(&*store, 1, 2, 5).unwrap();
    let claimed = store.claim(&[views_of(1), views_of(2)], LONG).unwrap();
    assert!(claimed.iter().all(|claimed| matches!(claimed, Claimed::Fresh(_))), "{claimed:?}");
}

fn assert_not_moved(outcome: &Result<(), Error>, from: i64) {
    match outcome {
        Err(Error::NotCounted { operation: Operation::Move, counter, .. }) => {
            assert_eq!(*counter, views_of(from));
        }
        other => panic!("expected that {from} is not moved, got {other:?}"),
    }
}
