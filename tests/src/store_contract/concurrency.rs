use std::collections::{HashMap, HashSet};
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use counter_core::{Claim, ClaimOp, ClaimSeq, Claimed, CounterId, DeltaStore};

use super::{LONG, claim, contract, held, ids};
use crate::fixtures::views_of;
use crate::store_worlds::StoreWorld;

contract![
    increments_of_many_threads_are_all_counted,
    of_many_claimers_exactly_one_gets_a_fresh_claim,
    sequences_of_many_threads_are_unique_and_rise,
    a_look_sees_a_delta_once_also_while_it_is_claimed,
    a_claim_that_a_look_did_not_see_is_above_its_high_water,
    claims_and_increments_of_many_threads_lose_and_double_nothing,
];

const THREADS: i64 = 4;

fn increments_of_many_threads_are_all_counted(world: &dyn StoreWorld) {
    thread::scope(|scope| {
        for _ in 0..THREADS {
            let store = world.store();
            scope.spawn(move || (0..500).for_each(|_| store.increment(&views_of(1), 3).unwrap()));
        }
    });
    assert_eq!(held(&*world.store(), &views_of(1)).pending, THREADS * 500 * 3);
}

fn of_many_claimers_exactly_one_gets_a_fresh_claim(world: &dyn StoreWorld) {
    let stores: Vec<_> = (0..THREADS).map(|_| world.store()).collect();
    for round in 1..=50 {
        stores[0].increment(&views_of(round), 1).unwrap();
        let start = Barrier::new(stores.len());
        let claimed: Vec<_> = thread::scope(|scope| {
            let claim_now = |store| {
                start.wait();
                claim(store, &views_of(round), LONG)
            };
            let threads: Vec<_> =
                stores.iter().map(|store| scope.spawn(move || claim_now(&**store))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let is_fresh = |claimed: &&Claimed| matches!(claimed, Claimed::Fresh(_));
        assert_eq!(claimed.iter().filter(is_fresh).count(), 1, "{claimed:?}");
        let busy = claimed.iter().filter(|claimed| **claimed == Claimed::Busy).count();
        assert_eq!(busy, claimed.len() - 1, "{claimed:?}");
    }
}

fn sequences_of_many_threads_are_unique_and_rise(world: &dyn StoreWorld) {
    let sequences: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let store = world.store();
                scope.spawn(move || sequences_of(&*store, thread * 1000))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for of_one_thread in &sequences {
        assert!(of_one_thread.is_sorted_by(|earlier, later| earlier < later));
    }
    if super::has_parts(&*world.store()) {
        return;
    }
    let all: Vec<_> = sequences.concat();
    assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
}

/// The sequences of 200 claims, made alternately by sets and by claims, of counters that no other
/// thread has.
fn sequences_of(store: &dyn DeltaStore, first: i64) -> Vec<i64> {
    let numbers = first..first + 200;
    let claims = numbers.map(|number| {
        if number % 2 == 0 {
            super::fresh(store, &views_of(number), 1)
        } else {
            store.replace(&views_of(number), counter_core::Replacement::Set(1)).unwrap()
        }
    });
    claims.map(|claim| claim.seq.get()).collect()
}

fn a_look_sees_a_delta_once_also_while_it_is_claimed(world: &dyn StoreWorld) {
    let rounds = 200;
    let done = AtomicUsize::new(0);
    let store = world.store();
    ids(rounds).iter().for_each(|id| store.increment(id, 5).unwrap());
    thread::scope(|scope| {
        let claimer = world.store();
        let done = &done;
        scope.spawn(move || {
            for id in ids(rounds) {
                claim(&*claimer, &id, LONG);
                done.fetch_add(1, Ordering::SeqCst);
            }
        });
        while done.load(Ordering::SeqCst) < usize::try_from(rounds).unwrap() {
            for held in store.look(&ids(rounds)).unwrap().held {
                let held = held.unwrap();
                let claimed = held.claim.map_or(0, |claim| added(&claim));
                assert_eq!(held.pending + claimed, 5);
            }
        }
    });
}

/// Of so many counters that a store may look at them in several steps.
fn a_claim_that_a_look_did_not_see_is_above_its_high_water(world: &dyn StoreWorld) {
    let counters = ids(1500);
    let store = world.store();
    let increments: Vec<_> = counters.iter().map(|id| (id.clone(), 5)).collect();
    assert!(store.increment_many(&increments).iter().all(Result::is_ok));
    let claimer = world.store();
    let looks: Vec<_> = thread::scope(|scope| {
        let claiming = scope.spawn(|| {
            for counters in counters.chunks(100) {
                claimer.claim(counters, LONG).unwrap();
            }
        });
        let mut looks = Vec::new();
        while !claiming.is_finished() {
            looks.push(store.look(&counters).unwrap());
        }
        looks
    });
    let sequence = |held: counter_core::Holding| held.claim.unwrap().seq;
    let in_the_end = store.look(&counters).unwrap().held.into_iter();
    let sequences: Vec<_> = in_the_end.map(|held| sequence(held.unwrap())).collect();
    for look in looks {
        for (index, (held, seq)) in look.held.iter().zip(&sequences).enumerate() {
            if held.as_ref().unwrap().claim.is_none() {
                assert!(*seq > look.high_water_of(index));
            }
        }
    }
}

/// Claimers and recoverers work against each other all the time: claims are handed out twice, and
/// each must be counted once.
fn claims_and_increments_of_many_threads_lose_and_double_nothing(world: &dyn StoreWorld) {
    let running = AtomicUsize::new(THREADS as usize);
    let counters = ids(7);
    let acked: Vec<Acknowledged> = thread::scope(|scope| {
        for thread in 0..THREADS {
            let (store, running, counters) = (world.store(), &running, &counters);
            scope.spawn(move || {
                for by in 1..=700 {
                    let id = &counters[((thread + by) % 7) as usize];
                    store.increment(id, by).unwrap();
                }
                running.fetch_sub(1, Ordering::SeqCst);
            });
        }
        let claimers = [Duration::ZERO, LONG, LONG].map(|claim_timeout| {
            let (store, running, counters) = (world.store(), &running, &counters);
            scope.spawn(move || claim_while(&*store, counters, claim_timeout, running))
        });
        claimers.into_iter().map(|claimer| claimer.join().unwrap()).collect()
    });
    let acked: Acknowledged = acked.into_iter().flatten().collect();
    let store = world.store();
    let left = counters.iter().map(|id| held(&*store, id));
    // Each holder of a claim acknowledged it, so all that is left is pending.
    let left: i64 = left.map(|held| held.pending).sum();
    let total = THREADS * (1..=700).sum::<i64>();
    assert_eq!(acked.values().sum::<i64>() + left, total);
}

/// The value of each claim.
type Acknowledged = HashMap<(CounterId, ClaimSeq), i64>;

/// Claims and acknowledges as long as any thread counts.
fn claim_while(
    store: &dyn DeltaStore,
    counters: &[CounterId],
    claim_timeout: Duration,
    running: &AtomicUsize,
) -> Acknowledged {
    let mut acked = HashMap::new();
    while running.load(Ordering::SeqCst) > 0 {
        let claimed = store.claim(counters, claim_timeout).unwrap();
        let claims: Vec<_> = claimed
            .into_iter()
            .filter_map(|claimed| match claimed {
                Claimed::Fresh(claim) | Claimed::Recovered(claim) => Some(claim),
                _ => None,
            })
            .collect();
        acked.extend(claims.iter().map(|claim| ((claim.id.clone(), claim.seq), added(claim))));
        store.ack(&claims).unwrap();
    }
    acked
}

fn added(claim: &Claim) -> i64 {
    match claim.op {
        ClaimOp::Add(by) => by,
        other => panic!("no thread sets or deletes here, but there is {other}"),
    }
}
