//! How many increments the healthy nodes of a cluster count each second while another one is dead,
//! or frozen:
//!
//! `cargo run --release -p counter-tests --bin cluster_rates`
//!
//! Twelve threads of one process count on one store, four on the counters of each node. Prints what
//! those of the two healthy nodes count, and those of the third.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use counter_core::{CounterId, DeltaStore, Prefix, RedisStore};
use counter_tests::fixtures::views_of;
use counter_tests::servers::ClusterSite;

const NODES: usize = 3;
const THREADS: usize = 4;
const TIME: Duration = Duration::from_secs(10);

/// The node that things happen to.
const VICTIM: usize = 2;

fn main() {
    println!(
        "| the third node is | increments of the healthy nodes a second | of the third |\n|---|---|---|"
    );
    let mut site = ClusterSite::start_masters();
    let store = RedisStore::builder(site.url()).without_index().build().unwrap();
    let counters = counters_of_nodes(&site);
    measure("well", &store, &counters);
    site.nodes[VICTIM].freeze();
    measure("frozen", &store, &counters);
    site.nodes[VICTIM].thaw();
    site.wait_until_it_works();
    measure("well again", &store, &counters);
    site.nodes[VICTIM].kill();
    measure("dead", &store, &counters);
}

/// Counters of each node.
fn counters_of_nodes(site: &ClusterSite) -> [Vec<CounterId>; NODES] {
    let mut counters = [const { Vec::new() }; NODES];
    for id in (0..300).map(views_of) {
        let name = Prefix::default().pending_name(&id);
        let mut bare = site.nodes[0].bare();
        let slot = redis::cmd("CLUSTER").arg("KEYSLOT").arg(name).query(&mut bare).unwrap();
        counters[ClusterSite::first_owner(slot)].push(id);
    }
    counters
}

fn measure(what: &str, store: &RedisStore, counters: &[Vec<CounterId>; NODES]) {
    let (is_over, counted) = (AtomicBool::new(false), [const { AtomicU64::new(0) }; NODES]);
    let started = Instant::now();
    thread::scope(|scope| {
        for (of_node, counted) in counters.iter().zip(&counted) {
            for _ in 0..THREADS {
                let is_over = &is_over;
                scope.spawn(move || {
                    for id in of_node.iter().cycle() {
                        if is_over.load(SeqCst) {
                            break;
                        }
                        counted.fetch_add(u64::from(store.increment(id, 1).is_ok()), SeqCst);
                    }
                });
            }
        }
        thread::sleep(TIME);
        is_over.store(true, SeqCst);
    });
    let seconds = started.elapsed().as_secs_f64();
    let rate = |node: usize| counted[node].load(SeqCst) as f64 / seconds;
    let healthy: f64 = (0..NODES).filter(|node| *node != VICTIM).map(rate).sum();
    println!("| {what} | {healthy:.0} | {:.0} |", rate(VICTIM));
}
