//! Owners that go, move or merge: all of their counters are deleted, found to be orphans, merged
//! into those of another owner, or of another type, exactly, whatever dies and counts meanwhile.

mod crash;
mod delete_all;
mod gauges;
mod load;
mod lost_store;
mod merge;
mod orphans;
mod removal;
mod rename;

use std::process::ExitCode;

use counter_tests::suite::{run_trials, specific, trials};
use counter_tests::world::{PAIRS, SHARING_PAIRS, cluster_with_a_tag};
use libtest_mimic::Trial;

fn main() -> ExitCode {
    let cases = [
        delete_all::CASES,
        merge::CASES,
        rename::CASES,
        orphans::CASES,
        load::CASES,
        lost_store::CASES,
        removal::CASES,
        gauges::CASES,
    ];
    let mut all = trials(PAIRS, &cases.concat());
    // All names are in one slot there, because counts cannot be moved between slots of a cluster.
    let crossing = specific(load::CASES, &[load::CROSSING]);
    all.extend(trials(&[("cluster_with_a_tag_x_postgres", cluster_with_a_tag)], &crossing));
    for (world, make_world) in SHARING_PAIRS {
        for (case, show) in crash::CASES.iter().chain(lost_store::AT_EVERY_STEP) {
            all.push(Trial::test(format!("{world}::{case}"), move || {
                show(*make_world);
                Ok(())
            }));
        }
    }
    for (world, make_world) in SHARING_PAIRS.iter().filter(|(name, _)| name.ends_with("sqlite")) {
        for (case, show) in gauges::AT_EVERY_STEP {
            all.push(Trial::test(format!("{world}::{case}"), move || {
                show(*make_world);
                Ok(())
            }));
        }
    }
    run_trials(all)
}
