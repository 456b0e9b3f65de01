//! The command `counter`, run as a program on Redis and every database: what it prints, what it
//! changes, and its exit codes.

mod adopt;
mod conflicts;
mod doctor;
mod json_shapes;
mod migrations;
mod owners;
mod pending;
mod periods;
mod prune;
mod syncs;
mod top;
mod troubles;
mod values;

use std::process::ExitCode;

use counter_tests::command::shared_pairs;
use counter_tests::suite;

fn main() -> ExitCode {
    let cases = [
        values::CASES,
        top::CASES,
        syncs::CASES,
        pending::CASES,
        periods::CASES,
        migrations::CASES,
        troubles::CASES,
        conflicts::CASES,
        doctor::CASES,
        adopt::CASES,
        owners::CASES,
        prune::CASES,
        json_shapes::CASES,
    ];
    suite::run(&shared_pairs(), &cases.concat())
}
