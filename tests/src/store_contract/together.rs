//! Stores that add to a counter and to buckets of it at one instant.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use counter_core::{
    ClaimOp, Claimed, CounterId, DeltaStore, Error, JointIncrement, Operation, Replacement,
};

use super::{LONG, claim, contract, held, pending};
use crate::fixtures::{bucket_of, views_of};
use crate::store_worlds::StoreWorld;

contract![
    the_total_and_its_buckets_grow_by_the_same,
    a_sum_that_does_not_fit_changes_none_of_them,
    the_least_number_is_refused,
    each_of_many_has_an_outcome_of_its_own,
    claims_and_sets_are_left_as_they_are,
    an_increment_without_buckets_is_one_of_the_total,
    no_increments_have_no_outcomes,
    thousands_are_made_in_one_call,
    threads_never_see_a_total_that_is_behind_its_bucket_or_before_it,
    what_was_counted_together_is_claimed_one_by_one,
];

fn joint(post: i64, buckets: usize, by: i64) -> JointIncrement {
    let total = views_of(post);
    let periods = ["day:2026-11-28", "hour:2026-11-28T14", "year:2026"];
    let buckets = periods[..buckets].iter().map(|period| bucket_of(&total, period)).collect();
    JointIncrement { total, buckets, by }
}

fn count(store: &dyn DeltaStore, increments: &[JointIncrement]) -> Vec<Result<(), Error>> {
    let outcomes = store.together().unwrap().count_together(increments);
    assert_eq!(outcomes.len(), increments.len());
    outcomes
}

fn all_pending(store: &dyn DeltaStore, increment: &JointIncrement) -> Vec<i64> {
    increment.ids().map(|id| pending(store, id)).collect()
}

/// Which counter is named as not counted.
fn not_counted(outcome: &Result<(), Error>) -> &CounterId {
    match outcome {
        Err(Error::NotCounted { operation: Operation::Increment, counter, .. }) => counter,
        other => panic!("{other:?}"),
    }
}

fn the_total_and_its_buckets_grow_by_the_same(world: &dyn StoreWorld) {
    let store = world.store();
    let one = joint(1, 3, 5);
    for _ in 0..2 {
        assert!(count(&*store, std::slice::from_ref(&one))[0].is_ok());
    }
    assert_eq!(all_pending(&*store, &one), [10; 4]);
    assert!(count(&*store, &[joint(1, 2, -11)])[0].is_ok());
    assert_eq!(all_pending(&*store, &one), [-1, -1, -1, 10]);
}

fn a_sum_that_does_not_fit_changes_none_of_them(world: &dyn StoreWorld) {
    let store = world.store();
    for (place, by, edge) in [(0, 1, i64::MAX), (1, 1, i64::MAX), (3, -1, i64::MIN)] {
        let one = joint(place, 3, by);
        let full = one.ids().nth(usize::try_from(place).unwrap()).unwrap().clone();
        store.increment(&full, edge).unwrap();
        let outcomes = count(&*store, &[one.clone(), one.clone()]);
        assert!(outcomes.iter().all(|outcome| *not_counted(outcome) == full), "{outcomes:?}");
        for id in one.ids() {
            assert_eq!(pending(&*store, id), if *id == full { edge } else { 0 }, "{id}");
            if *id != full {
                // Nothing is left of what was taken back.
                assert_eq!(claim(&*store, id, LONG), Claimed::Nothing, "{id}");
            }
        }
    }
    // What was there before stays.
    let one = joint(9, 1, 2);
    store.increment(&one.total, 7).unwrap();
    store.increment(&one.buckets[0], i64::MAX).unwrap();
    not_counted(&count(&*store, std::slice::from_ref(&one))[0]);
    assert_eq!(all_pending(&*store, &one), [7, i64::MAX]);
    // Sums beyond 2^53, which a script must not round.
    let one = joint(8, 1, 1);
    store.increment(&one.total, i64::MAX - 3).unwrap();
    store.increment(&one.buckets[0], i64::MAX).unwrap();
    not_counted(&count(&*store, std::slice::from_ref(&one))[0]);
    assert_eq!(all_pending(&*store, &one), [i64::MAX - 3, i64::MAX]);
}

fn the_least_number_is_refused(world: &dyn StoreWorld) {
    let store = world.store();
    let outcomes = count(&*store, &[joint(1, 1, i64::MIN), joint(2, 1, 3), joint(3, 0, i64::MIN)]);
    assert_eq!(*not_counted(&outcomes[0]), views_of(1));
    assert!(outcomes[1].is_ok());
    assert_eq!(*not_counted(&outcomes[2]), views_of(3));
    assert_eq!(all_pending(&*store, &joint(1, 1, 0)), [0; 2]);
    assert_eq!(all_pending(&*store, &joint(2, 1, 0)), [3; 2]);
}

fn each_of_many_has_an_outcome_of_its_own(world: &dyn StoreWorld) {
    let store = world.store();
    let increments = (1..=300).map(|post| joint(post, 2, post)).collect::<Vec<_>>();
    let full = increments[149].buckets[1].clone();
    store.increment(&full, i64::MAX).unwrap();
    let outcomes = count(&*store, &increments);
    for (increment, outcome) in increments.iter().zip(&outcomes) {
        if increment.by == 150 {
            assert_eq!(*not_counted(outcome), full);
            assert_eq!(all_pending(&*store, increment), [0, 0, i64::MAX]);
        } else {
            assert!(outcome.is_ok(), "{outcome:?}");
            assert_eq!(all_pending(&*store, increment), [increment.by; 3]);
        }
    }
}

fn claims_and_sets_are_left_as_they_are(world: &dyn StoreWorld) {
    let store = world.store();
    let one = joint(1, 2, 5);
    assert!(count(&*store, std::slice::from_ref(&one))[0].is_ok());
    let claimed = store.claim(std::slice::from_ref(&one.buckets[0]), LONG).unwrap();
    assert!(matches!(&claimed[0], Claimed::Fresh(claim) if claim.op == ClaimOp::Add(5)));
    store.replace(&one.total, Replacement::Set(100)).unwrap();
    assert!(count(&*store, std::slice::from_ref(&one))[0].is_ok());
    let ops = one.ids().map(|id| {
        let held = held(&*store, id);
        (held.pending, held.claim.map(|claim| claim.op))
    });
    let expected = [(5, Some(ClaimOp::Set(100))), (5, Some(ClaimOp::Add(5))), (10, None)];
    assert_eq!(ops.collect::<Vec<_>>(), expected);
}

fn an_increment_without_buckets_is_one_of_the_total(world: &dyn StoreWorld) {
    let store = world.store();
    assert!(count(&*store, &[joint(1, 0, 5), joint(1, 1, 2)]).iter().all(Result::is_ok));
    assert_eq!(all_pending(&*store, &joint(1, 1, 0)), [7, 2]);
}

fn no_increments_have_no_outcomes(world: &dyn StoreWorld) {
    assert_eq!(count(&*world.store(), &[]).len(), 0);
}

fn thousands_are_made_in_one_call(world: &dyn StoreWorld) {
    let store = world.store();
    let increments = (0..9_000).map(|n| joint(n % 3_000, 2, 1)).collect::<Vec<_>>();
    assert!(count(&*store, &increments).iter().all(Result::is_ok));
    for increment in &increments[..3_000] {
        assert_eq!(all_pending(&*store, increment), [3; 3]);
    }
}

fn threads_never_see_a_total_that_is_behind_its_bucket_or_before_it(world: &dyn StoreWorld) {
    let store = world.store();
    let (one, is_over) = (joint(1, 1, 1), Arc::new(AtomicBool::new(false)));
    thread::scope(|scope| {
        let writers = [1, -2, 3].map(|by| {
            let (store, one) = (&*store, JointIncrement { by, ..one.clone() });
            scope.spawn(move || {
                for _ in 0..200 {
                    assert!(count(store, std::slice::from_ref(&one))[0].is_ok());
                }
            })
        });
        let ids = one.ids().cloned().collect::<Vec<_>>();
        let reader = {
            let (store, is_over) = (&*store, Arc::clone(&is_over));
            scope.spawn(move || {
                while !is_over.load(Ordering::SeqCst) {
                    if store.generation().is_none() {
                        break; // Its look is no instant of several counters.
                    }
                    let held = store.look(&ids).unwrap().held;
                    let pending = held.into_iter().map(|held| held.unwrap().pending);
                    let pending = pending.collect::<Vec<_>>();
                    assert_eq!(pending[0], pending[1]);
                }
            })
        };
        for writer in writers {
            writer.join().unwrap();
        }
        is_over.store(true, Ordering::SeqCst);
        reader.join().unwrap();
    });
    assert_eq!(all_pending(&*store, &one), [400; 2]);
}

fn what_was_counted_together_is_claimed_one_by_one(world: &dyn StoreWorld) {
    let store = world.store();
    let one = joint(1, 2, 5);
    assert!(count(&*store, std::slice::from_ref(&one))[0].is_ok());
    for id in one.ids() {
        let Claimed::Fresh(claim) = claim(&*store, id, LONG) else { panic!("{id}") };
        assert_eq!((claim.op, &claim.id), (ClaimOp::Add(5), id));
        store.ack(&[claim]).unwrap();
    }
}
