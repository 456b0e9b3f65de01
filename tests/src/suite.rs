//! Runs each case in each world, as a test of its own named `world::case`.

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

/// A kind of world: its name, and how to make a fresh one.
pub type WorldKind<W> = (&'static str, fn() -> W);

/// A case: a sentence, and what shows that it is true.
pub type Case<W> = (&'static str, fn(&W));

/// The main function of a suite.
pub fn run<W: 'static>(worlds: &[WorldKind<W>], cases: &[Case<W>]) -> ExitCode {
    run_trials(trials(worlds, cases))
}

/// The main function of a suite whose worlds are of several types.
pub fn run_trials(trials: Vec<Trial>) -> ExitCode {
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// Each case in each world.
pub fn trials<W: 'static>(worlds: &[WorldKind<W>], cases: &[Case<W>]) -> Vec<Trial> {
    let mut trials = Vec::new();
    for (world_name, make_world) in worlds.iter().copied() {
        for (case_name, show) in cases.iter().copied() {
            let name = format!("{world_name}::{}", case_name.replace([' ', ','], "_"));
            trials.push(Trial::test(name, move || {
                show(&make_world());
                Ok(())
            }));
        }
    }
    trials
}
