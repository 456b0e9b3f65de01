//! What comes from outside and is wrong, strange or hostile: nothing panics, nothing is counted
//! wrong, and nothing of others is touched. On real servers, from the application down to the
//! table.

mod any_store;
mod command;
mod injection;
mod library;
mod middle_of_a_batch;
#[path = "../../../counter-core/tests/bad_input/refused.rs"]
mod refused;
mod rows;

use std::process::ExitCode;

use counter_core::{Config, Prefix};
use counter_diesel::{Counters, Owner, SyncOptions, SyncReport};
use counter_tests::servers::redis::{bare, is_of_index, shared_url};
use counter_tests::suite::{self, Case, WorldKind};
use counter_tests::world::{PAIRS, World};
use libtest_mimic::Trial;
use redis::Connection;

fn main() -> ExitCode {
    let in_redis: Vec<WorldKind<World>> =
        PAIRS.iter().copied().filter(|(name, _)| name.starts_with("redis")).collect();
    let cases: Vec<Case<World>> =
        [middle_of_a_batch::CASES, injection::CASES, library::CASES, rows::CASES].concat();
    let mut trials = suite::trials(&in_redis, &cases);
    trials.push(Trial::test("whatever_a_store_holds_the_table_gets_what_is_ours", || {
        any_store::the_table_gets_what_is_ours();
        Ok(())
    }));
    trials.push(Trial::test("the_command_refuses_what_is_no_input_of_its_kind", || {
        command::every_argument_and_variable_is_refused();
        Ok(())
    }));
    suite::run_trials(trials)
}

/// Connects to a Redis as another program, which knows nothing of the world's store.
fn redis() -> Connection {
    bare(&shared_url())
}

fn set(redis: &mut Connection, name: impl redis::ToRedisArgs, value: impl redis::ToRedisArgs) {
    redis::cmd("SET").arg(name).arg(value).exec(redis).unwrap();
}

/// Everything under a prefix, byte for byte, but for what the store keeps for itself.
fn dump(redis: &mut Connection, prefix: &Prefix) -> Vec<(Vec<u8>, Vec<u8>)> {
    let glob = format!("{}*", counter_core::Pattern::escape(prefix.as_str()));
    let mut names: Vec<Vec<u8>> = redis::cmd("KEYS").arg(glob).query(redis).unwrap();
    let own = [
        prefix.high_water_name(),
        prefix.generation_name(),
        prefix.given_out_name(),
        prefix.marks_name(),
    ];
    names.retain(|name| !is_of_index(name) && !own.iter().any(|own| own.as_bytes() == name));
    names.sort();
    let dump = |name: Vec<u8>| {
        let dumped = redis::cmd("DUMP").arg(&name).query(redis).unwrap();
        (name, dumped)
    };
    names.into_iter().map(dump).collect()
}

fn sync(counters: &Counters) -> SyncReport {
    counters.sync(&SyncOptions::default()).unwrap()
}

fn with_prefix(prefix: &str) -> Config {
    let mut config = Config::default();
    config.prefix = prefix.parse().unwrap();
    config
}

fn owner(owner_type: &'static str, id: i64) -> Owner {
    Owner::new(owner_type, id).unwrap()
}
