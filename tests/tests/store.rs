//! Puts every store through the contract of `DeltaStore`.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

use std::sync::Arc;

use counter_tests::store_contract::cases;
use counter_tests::store_worlds::{MemoryWorld, RedisWorld, StoreWorld};
use libtest_mimic::{Arguments, Trial};

type NewWorld = Arc<dyn Fn() -> Box<dyn StoreWorld> + Send + Sync>;

fn main() {
    let arguments = Arguments::from_args();
    let trials = worlds().into_iter().flat_map(|(kind, new_world)| {
        cases().into_iter().map(move |(sentence, case)| {
            let new_world = Arc::clone(&new_world);
            Trial::test(format!("{kind}::{sentence}"), move || {
                case(&*new_world());
                Ok(())
            })
        })
    });
    libtest_mimic::run(&arguments, trials.collect()).exit();
}

fn worlds() -> Vec<(&'static str, NewWorld)> {
    vec![
        ("memory", Arc::new(|| Box::new(MemoryWorld::new()))),
        ("redis", Arc::new(|| Box::new(RedisWorld::own()))),
        ("valkey", Arc::new(|| Box::new(RedisWorld::valkey()))),
        ("redis_resp3", Arc::new(|| Box::new(RedisWorld::resp3()))),
        ("redis_unix_socket", Arc::new(|| Box::new(RedisWorld::unix()))),
        ("redis_application_pool", Arc::new(|| Box::new(RedisWorld::application_pool()))),
        ("redis_r2d2_redis_pool", Arc::new(|| Box::new(RedisWorld::r2d2_redis_pool()))),
    ]
}
