use std::sync::Barrier;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread;

use counter_core::{CounterId, DeltaStore as _, MemoryStore};
use dashmap::DashMap;

use crate::bench::Bench;
use crate::cores::{self, Side};
use crate::post::{KEY, OWNER_TYPE};
use crate::rounds::{Rounds, seconds};
use crate::table::{Bar, Row};

const THREADS: usize = 2;

/// The limit is a map of atomic numbers, which detects no overflow and holds no claims.
pub fn increments(bench: &Bench) -> Vec<Row> {
    let of = |counters, what: &str| {
        let times = bench.of(2_000_000, 100_000);
        let rounds = measure(counters, times, bench.of(15, 3));
        Row::rates(format!("`increment` in memory, 2 threads, {what}"), &rounds, Bar::AtLeast(0.4))
    };
    vec![of(1, "one hot counter"), of(10_000, "10,000 counters")]
}

fn measure(counters: i64, times: usize, rounds: usize) -> Rounds {
    let ids = (1..=counters).map(|id| CounterId::new(OWNER_TYPE, id, KEY).unwrap());
    let ids = ids.collect::<Vec<_>>();
    let store = MemoryStore::new();
    let map = DashMap::<String, AtomicI64>::new();
    for id in &ids {
        store.increment(id, 1).unwrap();
        map.insert(id.as_str().to_owned(), AtomicI64::new(1));
    }
    Rounds::alternate(
        rounds,
        || in_threads(&ids, times, |id| store.increment(id, 1).unwrap()),
        || {
            in_threads(&ids, times, |id| {
                map.get(id.as_str()).unwrap().fetch_add(1, Ordering::SeqCst);
            })
        },
    )
}

/// Returns the seconds of one increment while each thread makes many, on a core of its own.
fn in_threads(ids: &[CounterId], times: usize, increment: impl Fn(&CounterId) + Sync) -> f64 {
    let ready = Barrier::new(THREADS + 1);
    let taken = thread::scope(|scope| {
        let threads = [0, 1].map(|number| {
            let (ready, increment) = (&ready, &increment);
            scope.spawn(move || {
                cores::pin(Side::Thread(number));
                ready.wait();
                // So that threads do not touch the same counters in the same order.
                let ids = ids.iter().cycle().skip(number * ids.len() / THREADS);
                ids.take(times).for_each(increment);
            })
        });
        ready.wait();
        seconds(|| threads.into_iter().for_each(|thread| thread.join().unwrap()))
    });
    taken / (times * THREADS) as f64
}
