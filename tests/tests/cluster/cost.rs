//! Counts the questions to the nodes.

use counter_core::{Config, Pattern, RedisStore};
use counter_diesel::{Counters, SyncOptions};
use counter_tests::database;
use counter_tests::servers::{ClusterSite, RedisServer};

const SLOTS: u64 = 16_384;

/// How often a node has carried out GET since its statistics were reset.
fn gets(node: &RedisServer) -> u64 {
    let info = redis::cmd("INFO").arg("commandstats").query::<String>(&mut node.bare()).unwrap();
    let calls = info.lines().find_map(|line| line.strip_prefix("cmdstat_get:calls="));
    calls.and_then(|calls| calls.split(',').next()?.parse().ok()).unwrap_or(0)
}

/// After a first sync each slot has the name of its newest sequence, so a scan has many pages with
/// nothing else.
#[test]
fn what_looks_through_the_store_asks_for_no_newest_sequence_beside_a_page_without_counters() {
    let site = ClusterSite::start_masters();
    let database = database::sqlite();
    let ledger = database.ledger("model_counters");
    let store = RedisStore::builder(site.url()).build().unwrap();
    let counters = Counters::from_parts(Config::default(), std::sync::Arc::new(store), ledger);
    counters.run_pending_migrations().unwrap();
    assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
    let names = |node: &RedisServer| redis::cmd("DBSIZE").query::<u64>(&mut node.bare()).unwrap();
    assert!(site.nodes.iter().map(names).sum::<u64>() >= SLOTS);
    let gets_of = |call: &dyn Fn()| {
        for node in &site.nodes {
            redis::cmd("CONFIG").arg("RESETSTAT").exec(&mut node.bare()).unwrap();
        }
        call();
        site.nodes.iter().map(gets).sum::<u64>()
    };
    let of_check = gets_of(&|| drop(counters.check()));
    let of_overview = gets_of(&|| drop(counters.pending_overview(&Pattern::all()).unwrap()));
    println!("{of_check} of a check-up, {of_overview} of an overview");
    assert!(of_check < 100, "{of_check}");
    assert!(of_overview < 100, "{of_overview}");
}
