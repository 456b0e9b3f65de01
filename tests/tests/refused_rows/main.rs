//! Rows that the database refuses, keeps out without a word, or does not get to because others have
//! locked them. None of them keeps a sync from all others.

mod kept_out;
mod large_batches;
mod locked;
mod refused;
mod undone;

use std::process::ExitCode;

use counter_diesel::{Counters, SyncOptions};
use counter_tests::fixtures::post;
use counter_tests::suite::{self, WorldKind};
use counter_tests::world::{PAIRS, World};

fn main() -> ExitCode {
    let cases = [refused::CASES, kept_out::CASES, undone::CASES, large_batches::CASES].concat();
    // SQLite locks the whole file.
    let locks_files = |(name, _): &WorldKind<World>| name.ends_with("sqlite");
    let (files, servers): (Vec<_>, Vec<_>) = PAIRS.iter().copied().partition(locks_files);
    let everywhere = suite::trials(PAIRS, &cases).into_iter();
    let locked_rows = suite::trials(&servers, locked::ROWS);
    let of_files = suite::trials(&files, &[locked::FILES, refused::FILES].concat());
    let is_shared = |(name, _): &&WorldKind<World>| name.starts_with("redis");
    let shared = PAIRS.iter().filter(is_shared).copied().collect::<Vec<_>>();
    let everywhere = everywhere.chain(suite::trials(&shared, refused::SHARED));
    suite::run_trials(everywhere.chain(locked_rows).chain(of_files).collect())
}

/// The databases that differ in what they can refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Postgres,
    Mysql,
    Sqlite,
}

fn kind_of(world: &World) -> Kind {
    match world.database.url().split_once("://") {
        Some(("postgres" | "postgresql", _)) => Kind::Postgres,
        Some(("mysql", _)) => Kind::Mysql,
        _ => Kind::Sqlite,
    }
}

fn execute(world: &World, sql: &str) {
    world.database.execute(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
}

fn count_each(counters: &Counters, posts: impl IntoIterator<Item = i64>) {
    posts.into_iter().for_each(|n| counters.increment(post(n), "views", 1).unwrap());
}

fn sync(counters: &Counters) -> counter_diesel::SyncReport {
    counters.sync(&SyncOptions::default()).unwrap()
}

fn sum_of_rows(counters: &Counters, posts: impl IntoIterator<Item = i64>) -> i64 {
    posts.into_iter().map(|n| counters.baseline(post(n), "views").unwrap()).sum()
}
