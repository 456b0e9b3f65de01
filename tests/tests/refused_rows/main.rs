//! Rows that the database refuses, keeps out without a word, or does not get to because others have
//! locked them. None of them keeps a sync from all others.

mod instead;
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
    let of_servers = [refused::SERVERS, locked::ROWS].concat();
    let of_postgres = [refused::POSTGRES, undone::POSTGRES, instead::POSTGRES].concat();
    let mut shared = PAIRS.to_vec();
    shared.retain(|(name, _)| name.starts_with("redis"));
    let sqlite = pairs_with(&[Kind::Sqlite]);
    let dropping = pairs_with(&[Kind::Postgres, Kind::Sqlite]);
    let servers = pairs_with(&[Kind::Postgres, Kind::Mysql]);
    let trials = [
        suite::trials(PAIRS, &cases),
        suite::trials(&servers, &of_servers),
        suite::trials(&pairs_with(&[Kind::Postgres]), &of_postgres),
        suite::trials(&pairs_with(&[Kind::Mysql]), instead::MYSQL),
        suite::trials(&dropping, kept_out::DROPPING),
        suite::trials(&sqlite, &[locked::FILES, refused::FILES, instead::SQLITE].concat()),
        suite::trials(&shared, refused::SHARED),
    ];
    suite::run_trials(trials.into_iter().flatten().collect())
}

/// The pairs with one of these databases.
fn pairs_with(kinds: &[Kind]) -> Vec<WorldKind<World>> {
    let is_wanted = |(name, _): &WorldKind<World>| kinds.contains(&Kind::named(name));
    PAIRS.iter().copied().filter(is_wanted).collect()
}

/// The databases that differ in what they can refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Postgres,
    Mysql,
    Sqlite,
}

impl Kind {
    /// The kind of database in a pair of this name.
    fn named(pair: &str) -> Self {
        match pair.rsplit('_').next() {
            Some("postgres") => Self::Postgres,
            Some("mariadb") => Self::Mysql,
            _ => Self::Sqlite,
        }
    }
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
