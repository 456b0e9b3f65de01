//! Buckets of periods, from the store into their table, beside the totals.

mod changed;
mod counted;
mod declared;
mod gauges;
mod kept;
mod late;
mod midnight;
mod missing;
mod original;
mod prune;
mod queries;
mod read;
mod read_zones;
mod readings;
mod renamed;
mod retention;
mod rolled;
mod rows;
mod set_many;
mod synced;
mod top;
mod wire;
mod zones;

use std::process::ExitCode;

use counter_core::CounterId;
use counter_tests::fixtures::bucket_of;
use counter_tests::suite::{run_trials, trials};
use counter_tests::world::{PAIRS, World};

fn main() -> ExitCode {
    let everywhere = [
        synced::CASES,
        counted::CASES,
        missing::CASES,
        prune::CASES,
        read::CASES,
        changed::CASES,
        midnight::CASES,
        kept::CASES,
        rolled::CASES,
        declared::CASES,
        top::CASES,
        set_many::CASES,
        gauges::CASES,
    ];
    let mut all = trials(PAIRS, &everywhere.concat());
    // Which name an increment has does not depend on the database.
    let over_sqlite = PAIRS.iter().copied().filter(|(name, _)| name.ends_with("sqlite"));
    let in_days = [late::CASES, prune::ONCE, zones::CASES, read_zones::CASES, top::ONCE];
    let in_days = [
        &in_days.concat(),
        kept::ONCE,
        rolled::ONCE,
        declared::ONCE,
        renamed::ONCE,
        retention::ONCE,
        set_many::ONCE,
        gauges::ONCE,
        readings::CASES,
        original::ONCE,
    ]
    .concat();
    all.extend(trials(&over_sqlite.collect::<Vec<_>>(), &in_days));
    let in_redis = PAIRS.iter().copied().filter(|(name, _)| name.starts_with("redis"));
    all.extend(trials(&in_redis.collect::<Vec<_>>(), wire::CASES));
    let beside = PAIRS.iter().copied().filter(|(name, _)| *name == "redis_x_sqlite");
    all.extend(trials(&beside.collect::<Vec<_>>(), &[prune::IN_REDIS, gauges::IN_REDIS].concat()));
    all.extend(rows::trials());
    all.extend(queries::trials());
    run_trials(all)
}

fn day(of: &CounterId) -> CounterId {
    bucket_of(of, "day:2026-11-28")
}

/// The counts in the tables, without what the store holds.
fn rows(world: &World, ids: &[CounterId]) -> Vec<i64> {
    world.ledger.baselines(ids).unwrap().into_iter().map(|row| row.count).collect()
}

/// What the store holds of counters that are named by their texts, such as
/// `page:7:views@day:2026-12-31`.
fn assert_pending(world: &World, expected: &[(&str, i64)]) {
    let ids = expected.iter().map(|(id, _)| id.parse().unwrap()).collect::<Vec<CounterId>>();
    let held = world.store.look(&ids).unwrap().held;
    let held = ids.iter().zip(held).map(|(id, held)| (id.to_string(), held.unwrap().pending));
    let expected = expected.iter().map(|(id, count)| ((*id).to_owned(), *count));
    assert_eq!(held.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
}
