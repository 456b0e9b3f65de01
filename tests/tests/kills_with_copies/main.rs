//! G6: processes that sync and servers are killed at random moments under load, and sometimes come
//! back as they were before. Nothing is there twice that an operator did not want so, after a sync
//! had refused; nothing is missing but what a server forgot.
//!
//! By hand, for 300 rounds: `COUNTER_TEST_LOAD=38 tests/run --test kills_with_copies`.

mod copies;
mod life;

use std::process::ExitCode;

use counter_tests::effort::{choices_from, load};
use counter_tests::site::Site;
use counter_tests::suite;
use libtest_mimic::Trial;

use crate::life::{Event, Life};

fn main() -> ExitCode {
    suite::run_trials(vec![
        trial("sqlite", Site::with_sqlite, &Event::WITHOUT_SERVER),
        trial("postgres", Site::with_postgres, &Event::ALL),
        trial("mariadb", Site::with_mariadb, &Event::ALL),
    ])
}

/// The seed of a run for which the environment names none.
const SEED: u64 = 2026;

fn trial(database: &str, make_site: fn() -> Site, events: &'static [Event]) -> Trial {
    let name = format!("redis_x_{database}::what_is_lost_or_doubled_was_reported_and_has_a_bound");
    Trial::test(name, move || {
        let choices = choices_from(SEED, &format!("{events:?}"));
        let mut life = Life::begin(make_site(), choices);
        for _ in 0..load(8) {
            life.meet(events);
        }
        life.end();
        Ok(())
    })
}
