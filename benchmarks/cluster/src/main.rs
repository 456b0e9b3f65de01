//! Increments of counters in a cluster, beside those on one server, and beside the `redis` crate's
//! own connection to a cluster. Prints a table in Markdown.
//!
//! `cargo run --release -- redis://127.0.0.1:6379 127.0.0.1:7001,127.0.0.1:7002,127.0.0.1:7003`

use std::env;
use std::num::NonZeroU32;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use counter_core::{CounterId, DeltaStore, RedisStore};
use redis::cluster::{ClusterClient, ClusterConnection};

const COUNTERS: i64 = 3000;

/// How often each way is measured. The ways take turns, so that all meet the same machine.
const ROUNDS: usize = 9;

const TIME: Duration = Duration::from_millis(500);

/// A way to increment the counter of this number. Each thread has one of its own.
type Increment<'a> = Box<dyn FnMut(i64) + Send + 'a>;

fn main() {
    let mut arguments = env::args().skip(1);
    let one = arguments.next().expect("the URL of a server");
    let nodes = arguments.next().expect("nodes of a cluster, with commas between");
    let pool_size = NonZeroU32::new(32).unwrap();
    let one = RedisStore::builder(one).pool_size(pool_size).build().unwrap();
    let cluster = format!("redis+cluster://{nodes}");
    let cluster = RedisStore::builder(cluster).pool_size(pool_size).build().unwrap();
    let client = nodes.split(',').map(|node| format!("redis://{node}"));
    let client = ClusterClient::new(client).unwrap();
    println!(
        "| threads | a store on one server | a store on the cluster | `ClusterConnection` for each thread |\n\
         |---|---|---|---|"
    );
    for threads in [1, 4, 16] {
        let mut rates = [const { Vec::new() }; 3];
        for _ in 0..ROUNDS {
            let [on_one, on_cluster, of_client] = &mut rates;
            on_one.push(rate(threads, || of_store(&one)));
            on_cluster.push(rate(threads, || of_store(&cluster)));
            of_client.push(rate(threads, || of_connection(client.get_connection().unwrap())));
        }
        let cells = rates.map(|mut rates| {
            rates.sort_unstable();
            format!("{} ({} to {})", rates[ROUNDS / 2], rates[0], rates[ROUNDS - 1])
        });
        println!("| {threads} | {} |", cells.join(" | "));
    }
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
fn rate<'a>(threads: usize, make: impl Fn() -> Increment<'a>) -> u64 {
    let ready = Barrier::new(threads);
    let done: u64 = thread::scope(|scope| {
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
                (number - first) as u64
            })
        });
        let counting: Vec<_> = counting.collect();
        counting.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    done * 1000 / u64::try_from(TIME.as_millis()).unwrap()
}
