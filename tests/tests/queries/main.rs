//! Counters inside of Diesel's queries, after them, and after commits: the same on every database.
#![allow(clippy::unwrap_used, clippy::panic)]
#![allow(
    clippy::duplicate_mod,
    reason = "queries are checked for each kind of connection by the compiler"
)]

mod mariadb;
mod postgres;
mod round_trips;
mod sqlite;

use std::process::ExitCode;

use counter_tests::query_world::QueryWorld;
use counter_tests::suite;
use diesel::{MysqlConnection, PgConnection, SqliteConnection};

fn main() -> ExitCode {
    let mut trials = suite::trials(
        &[("sqlite", QueryWorld::<SqliteConnection>::sqlite as fn() -> _)],
        &sqlite::cases(),
    );
    trials.extend(suite::trials(
        &[("postgres", QueryWorld::<PgConnection>::postgres as fn() -> _)],
        &postgres::cases(),
    ));
    trials.extend(suite::trials(
        &[("mariadb", QueryWorld::<MysqlConnection>::mariadb as fn() -> _)],
        &mariadb::cases(),
    ));
    trials.extend(round_trips::trials());
    suite::run_trials(trials)
}
