//! Buckets of periods, from the store into their table, beside the totals.

mod counted;
mod missing;
mod rows;
mod synced;
mod wire;

use std::process::ExitCode;

use counter_core::CounterId;
use counter_tests::fixtures::bucket_of;
use counter_tests::suite::{run_trials, trials};
use counter_tests::world::{PAIRS, World};

fn main() -> ExitCode {
    let mut all = trials(PAIRS, &[synced::CASES, counted::CASES, missing::CASES].concat());
    let in_redis = PAIRS.iter().copied().filter(|(name, _)| name.starts_with("redis"));
    all.extend(trials(&in_redis.collect::<Vec<_>>(), wire::CASES));
    all.extend(rows::trials());
    run_trials(all)
}

fn day(of: &CounterId) -> CounterId {
    bucket_of(of, "day:2026-11-28")
}

/// The counts in the tables, without what the store holds.
fn rows(world: &World, ids: &[CounterId]) -> Vec<i64> {
    world.ledger.baselines(ids).unwrap().into_iter().map(|row| row.count).collect()
}
