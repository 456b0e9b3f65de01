//! What is reported of slots of a cluster that came back from an old copy, or whose node is away.

use std::sync::Arc;

use counter_core::{Config, RedisStore};
use counter_diesel::Counters;
use counter_tests::fixtures::{counter_of, post};
use counter_tests::log::Logged;
use counter_tests::process::wait_for;
use counter_tests::servers::{ClusterSite, RedisServer, built};
use counter_tests::world::World;

use crate::events::only;
use crate::scenes::{logged_of, memory, sync};

/// So many that there are some on each node.
const COUNTERS: i64 = 30;

fn counters_in(world: &World, site: &ClusterSite) -> Counters {
    let store = built(|| RedisStore::builder(site.url()).prefix(world.prefix.clone()));
    let mut config = Config::default();
    config.prefix = world.prefix.clone();
    let counters = Counters::from_parts(config, Arc::new(store), Arc::clone(&world.ledger));
    for number in 1..=COUNTERS {
        counters.increment(post(number), "views", 5).unwrap();
    }
    counters
}

fn slot_of(node: &RedisServer, name: &str) -> u16 {
    redis::cmd("CLUSTER").arg("KEYSLOT").arg(name).query(&mut node.bare()).unwrap()
}

pub fn show_old_copy() -> Vec<Logged> {
    let (world, site) = (memory(), ClusterSite::start());
    assert!(sync(&counters_in(&world, &site)).is_clean());
    let name = world.prefix.pending_name(&counter_of(&post(1), "views"));
    let slot = slot_of(&site.nodes[0], &name);
    let mut owner = site.wait_for_owner(slot, |_| true).bare();
    let mut names = redis::cmd("CLUSTER");
    let names: Vec<String> = names.arg("GETKEYSINSLOT").arg(slot).arg(9).query(&mut owner).unwrap();
    let high_water = names.iter().find(|name| name.contains("{seq:") && name.ends_with('}'));
    redis::cmd("SET").arg(high_water.unwrap()).arg(7).exec(&mut owner).unwrap();
    let report = sync(&counters_in(&world, &site));
    assert_eq!(report.gone_back.count(), 1, "{report}");
    let logged = logged_of(&world);
    let back = only(&logged, "a part of the store came back from an old copy");
    assert_eq!((back.field("part"), back.field("found")), (slot.to_string().as_str(), "7"));
    logged
}

pub fn show_away() -> Vec<Logged> {
    let world = memory();
    let options = ["--cluster-require-full-coverage", "no"];
    let mut site = ClusterSite::start_program("redis-server", &options);
    let counters = counters_in(&world, &site);
    assert!(sync(&counters).is_clean());
    for number in 1..=COUNTERS {
        counters.increment(post(number), "views", 5).unwrap();
    }
    let home = slot_of(&site.nodes[0], &world.prefix.generation_name());
    let home = site.wait_for_owner(home, |_| true).port();
    let away = (0..3).find(|number| site.nodes[*number].port() != home).unwrap();
    // The replica first, so that it does not take over.
    for number in [away + 3, away] {
        site.nodes[number].kill();
    }
    wait_for("counters of the others to be synced", || {
        let report = counters.sync(&counter_diesel::SyncOptions::default()).ok()?;
        (report.applied > 0 && report.unavailable > 0).then_some(())
    });
    let logged = logged_of(&world);
    let away =
        logged.iter().find(|logged| logged.text == "a part of the store is not available").unwrap();
    assert!(!away.field("error").is_empty(), "{away:?}");
    logged
}
