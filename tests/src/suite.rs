//! Runs each case in each world, as a test of its own named `world::case`.

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

use crate::effort::load;

/// A kind of world: its name, and how to make a fresh one.
pub type WorldKind<W> = (&'static str, fn() -> W);

/// A case: a sentence, and what shows that it is true.
pub type Case<W> = (&'static str, fn(&W));

/// A [`Case`] that makes as many worlds as it needs.
pub type MakingCase<W> = (&'static str, fn(fn() -> W));

/// The main function of a suite whose cases need one world.
pub fn run<W: 'static>(worlds: &[WorldKind<W>], cases: &[Case<W>]) -> ExitCode {
    run_trials(trials(worlds, cases))
}

/// The main function of a suite whose cases make as many worlds as they need.
pub fn run_making_worlds<W: 'static>(worlds: &[WorldKind<W>], cases: &[MakingCase<W>]) -> ExitCode {
    run_trials(making_trials(worlds, cases))
}

/// The main function of a suite whose worlds are of several types.
pub fn run_trials(trials: Vec<Trial>) -> ExitCode {
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// Each case in each world.
pub fn trials<W: 'static>(worlds: &[WorldKind<W>], cases: &[Case<W>]) -> Vec<Trial> {
    let trials = pairs(worlds, cases).map(|(name, make_world, show)| {
        Trial::test(name, move || {
            show(&make_world());
            Ok(())
        })
    });
    trials.collect()
}

/// The cases about what is different in a cluster, because each case takes long there. All cases if
/// `COUNTER_TEST_LOAD` is more than 1.
///
/// # Panics
///
/// If there is no case of one of these names.
pub fn specific<F: Copy>(cases: &[(&'static str, F)], names: &[&str]) -> Vec<(&'static str, F)> {
    for name in names {
        assert!(cases.iter().any(|(case, _)| case == name), "there is no case {name:?}");
    }
    let is_asked_for = |case: &str| load(1) > 1 || names.contains(&case);
    cases.iter().filter(|(case, _)| is_asked_for(case)).copied().collect()
}

/// The trials of a suite whose cases make as many worlds as they need.
pub fn making_trials<W: 'static>(worlds: &[WorldKind<W>], cases: &[MakingCase<W>]) -> Vec<Trial> {
    let trials = pairs(worlds, cases).map(|(name, make_world, show)| {
        Trial::test(name, move || {
            show(make_world);
            Ok(())
        })
    });
    trials.collect()
}

fn pairs<W: 'static, F: Copy>(
    worlds: &[WorldKind<W>],
    cases: &[(&'static str, F)],
) -> impl Iterator<Item = (String, fn() -> W, F)> {
    worlds.iter().flat_map(move |(world_name, make_world)| {
        cases.iter().map(move |(case_name, show)| {
            let name = format!("{world_name}::{}", case_name.replace([' ', ','], "_"));
            (name, *make_world, *show)
        })
    })
}
