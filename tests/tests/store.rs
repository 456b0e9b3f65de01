//! Puts every store through the contract of `DeltaStore`.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

use std::sync::Arc;

use counter_tests::store_contract::{Capability, Case, cases, cases_of};
use counter_tests::store_worlds::{ClusterWorld, MemoryWorld, RedisWorld, StoreWorld};
use libtest_mimic::{Arguments, Trial};

use Capability::{
    Gauges, Generation, Inspection, KeyIndex, Moves, PendingIndex, Private, Repair, Together,
};

type NewWorld = Arc<dyn Fn() -> Box<dyn StoreWorld> + Send + Sync>;

fn main() {
    let arguments = Arguments::from_args();
    let trials = worlds().into_iter().flat_map(|(kind, capabilities, new_world)| {
        let of_capabilities = capabilities.iter().flat_map(|capability| cases_of(*capability));
        let mut trials = Vec::new();
        for case in cases().iter().chain(of_capabilities) {
            trials.push(trial(kind, *case, Arc::clone(&new_world)));
        }
        trials.push(Trial::test(format!("{kind}::no_capability_is_lost"), move || {
            assert_eq!(Capability::all_of(&*new_world().store()), capabilities);
            Ok(())
        }));
        trials
    });
    libtest_mimic::run(&arguments, trials.collect()).exit();
}

fn trial(kind: &str, (sentence, case): Case, new_world: NewWorld) -> Trial {
    Trial::test(format!("{kind}::{sentence}"), move || {
        case(&*new_world());
        Ok(())
    })
}

/// What stores in memory must be able to do besides counting and syncing.
const IN_MEMORY: &[Capability] = &[Repair, Private, KeyIndex, Moves, Together, Gauges, Inspection];

/// What stores in Redis must be able to do besides counting and syncing.
const IN_REDIS: &[Capability] =
    &[Generation, Repair, KeyIndex, Moves, Together, Gauges, PendingIndex, Inspection];

/// What stores in a cluster must be able to do, where no step changes counters of two slots.
const IN_CLUSTER: &[Capability] =
    &[Generation, Repair, KeyIndex, Together, Gauges, PendingIndex, Inspection];

fn worlds() -> Vec<(&'static str, &'static [Capability], NewWorld)> {
    vec![
        ("memory", IN_MEMORY, Arc::new(|| Box::new(MemoryWorld::new()))),
        ("redis", IN_REDIS, Arc::new(|| Box::new(RedisWorld::own()))),
        ("valkey", IN_REDIS, Arc::new(|| Box::new(RedisWorld::valkey()))),
        ("redis_resp3", IN_REDIS, Arc::new(|| Box::new(RedisWorld::resp3()))),
        ("cluster_slot", IN_REDIS, Arc::new(|| Box::new(ClusterWorld::of_one_slot()))),
        ("cluster", IN_CLUSTER, Arc::new(|| Box::new(ClusterWorld::of_all_slots()))),
        ("redis_unix_socket", IN_REDIS, Arc::new(|| Box::new(RedisWorld::unix()))),
        ("redis_application_pool", IN_REDIS, Arc::new(|| Box::new(RedisWorld::application_pool()))),
        ("redis_r2d2_redis_pool", IN_REDIS, Arc::new(|| Box::new(RedisWorld::r2d2_redis_pool()))),
    ]
}
