//! Increments of counters in a cluster, beside those on one server, and beside the `redis` crate's
//! own connection to a cluster. The measure `cluster` of `counter-benchmarks` starts the servers.
//!
//! `cargo run --release -- redis://127.0.0.1:6379 127.0.0.1:7001,127.0.0.1:7002,127.0.0.1:7003 9`
//!
//! Prints a line for each number of threads: that number; the increments a second of a store on one
//! server, of one on the cluster, and of a connection of the client library for each thread; and
//! the ratio of the second to the third, round by round: median, least, greatest.

use std::env;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use counter_core::{CounterId, DeltaStore, RedisStore};
use redis::cluster::{ClusterClient, ClusterConnection};

const COUNTERS: i64 = 3000;

const TIME: Duration = Duration::from_millis(500);

/// A way to increment the counter of this number. Each thread has one of its own.
type Increment<'a> = Box<dyn FnMut(i64) + Send + 'a>;

fn main() {
    let mut arguments = env::args().skip(1);
    let one = arguments.next().expect("the URL of a server");
    let nodes = arguments.next().expect("nodes of a cluster, with commas between");
    let rounds = arguments.next().expect("the number of rounds");
    let rounds = rounds.parse::<NonZeroUsize>().expect("the number of rounds").get();
    let pool_size = NonZeroU32::new(32).unwrap();
    let one = RedisStore::builder(one).pool_size(pool_size).build().unwrap();
    let cluster = format!("redis+cluster://{nodes}");
    let cluster = RedisStore::builder(cluster).pool_size(pool_size).build().unwrap();
    let client = nodes.split(',').map(|node| format!("redis://{node}"));
    let client = ClusterClient::new(client).unwrap();
    for threads in [1, 2, 4, 8, 16] {
        let mut rates = [const { Vec::new() }; 4];
        for round in 0..rounds {
            let [on_one, on_cluster, of_client, ratios] = &mut rates;
            on_one.push(rate(threads, || of_store(&one)));
            let ours = || rate(threads, || of_store(&cluster));
            let limit = || rate(threads, || of_connection(client.get_connection().unwrap()));
            // They take turns in going first.
            let (ours, limit) = if round % 2 == 0 {
                (ours(), limit())
            } else {
                let limit = limit();
                (ours(), limit)
            };
            on_cluster.push(ours);
            of_client.push(limit);
            ratios.push(ours / limit);
        }
        for rates in &mut rates {
            rates.sort_unstable_by(f64::total_cmp);
        }
        let [on_one, on_cluster, of_client, ratios] = &rates;
        let [on_one, on_cluster, of_client] =
            [on_one, on_cluster, of_client].map(|rates| median(rates));
        let (least, greatest) = (ratios[0], ratios[rounds - 1]);
        println!(
            "{threads} {on_one:.0} {on_cluster:.0} {of_client:.0} {:.4} {least:.4} {greatest:.4}",
            median(ratios)
        );
    }
}

fn median(sorted: &[f64]) -> f64 {
    sorted[sorted.len() / 2]
}

fn of_store(store: &RedisStore) -> Increment<'_> {
    let ids: Vec<_> = (0..COUNTERS).map(|n| CounterId::new("post", n, "views").unwrap()).collect();
    Box::new(move |number| store.increment(&ids[number as usize], 1).unwrap())
}

fn of_connection(mut connection: ClusterConnection) -> Increment<'static> {
    Box::new(move |number| {
        let name = format!("bare:post:{number}:views");
        redis::cmd("INCRBY").arg(name).arg(1).exec(&mut connection).unwrap();
    })
}

/// Increments each second, by so many threads together.
fn rate<'a>(threads: usize, make: impl Fn() -> Increment<'a>) -> f64 {
    let ready = Barrier::new(threads);
    let done: i64 = thread::scope(|scope| {
        let counting = (0..threads).map(|thread| {
            let (mut increment, ready) = (make(), &ready);
            let first = thread as i64 * 37;
            scope.spawn(move || {
                (first..first + 20).for_each(|number| increment(number % COUNTERS));
                ready.wait();
                let (end, mut number) = (Instant::now() + TIME, first);
                while Instant::now() < end {
                    increment(number % COUNTERS);
                    number += 1;
                }
                number - first
            })
        });
        let counting: Vec<_> = counting.collect();
        counting.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    done as f64 / TIME.as_secs_f64()
}
