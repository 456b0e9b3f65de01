//! Syncs of other processes, which hold still or are dead.

use counter_core::Config;
use counter_diesel::SyncReport;
use counter_tests::fixtures::{counter_of, post};
use counter_tests::process::wait_for;
use counter_tests::program::Program;
use counter_tests::site::Site;
use counter_tests::sync_process::SyncProcess;
use counter_tests::writers::baselines;
use libtest_mimic::Trial;

use crate::NEVER;

pub(crate) fn trials() -> Vec<Trial> {
    let sites: [(_, fn() -> Site); 3] = [
        ("sqlite", Site::with_sqlite),
        ("postgres", Site::with_postgres),
        ("mariadb", Site::with_mariadb),
    ];
    let trials = sites.into_iter().flat_map(|(database, make_site)| {
        [true, false].map(|is_killed| {
            let becomes = if is_killed { "died" } else { "holds_still" };
            let name =
                format!("redis_x_{database}::what_a_process_claimed_that_{becomes}_is_named");
            Trial::test(name, move || {
                name_what_a_process_has(&make_site(), is_killed);
                Ok(())
            })
        })
    });
    trials.collect()
}

const COUNTERS: i64 = 20;

fn name_what_a_process_has(site: &Site, is_killed: bool) {
    let counters = site.patient_counters();
    count(site);
    let mut process = start_process(site);
    process.wait_until_it_has_applied_some();
    let locked = site.database().lock_rows();
    count(site);
    wait_for_claims(site);
    if is_killed {
        process.kill();
    } else {
        process.freeze();
    }
    drop(locked);
    let worker = counters.spawn_sync(NEVER).unwrap();
    let report = worker.stop().unwrap().last_report.unwrap();
    assert_eq!((report.held.count(), report.busy), (COUNTERS as u64, COUNTERS as u64), "{report}");
    assert!(!report.is_clean());
    assert_command_names(site, &report);
    if is_killed {
        assert_eq!(site.last_sync(), COUNTERS as u64);
    } else {
        process.thaw();
        process.stop();
        site.last_sync();
    }
    assert_eq!(baselines(&counters, COUNTERS), [2; COUNTERS as usize]);
}

fn start_process(site: &Site) -> SyncProcess {
    let claim_timeout = Config::default().claim_timeout;
    SyncProcess::start(env!("CARGO_BIN_EXE_sync_worker"), site, claim_timeout)
}

fn count(site: &Site) {
    let counters = site.patient_counters();
    counters.increment_many((0..COUNTERS).map(|id| (post(id), "views", 1))).unwrap();
}

/// Waits until the process has claimed everything. It cannot apply it.
fn wait_for_claims(site: &Site) {
    let (store, ids) = (site.store(), (0..COUNTERS).map(|id| counter_of(&post(id), "views")));
    let ids = ids.collect::<Vec<_>>();
    wait_for("everything to be claimed", || {
        let held = store.look(&ids).ok()?.held;
        held.iter().all(|held| held.as_ref().is_ok_and(|it| it.claim.is_some())).then_some(())
    });
}

/// The command exits with 1 and names the same counters.
fn assert_command_names(site: &Site, report: &SyncReport) {
    let ended = Program::start(site.command().args(["sync"])).finish();
    assert_eq!(ended.code(), 1, "{ended:?}");
    for held in &report.held {
        let line = format!("{} is left unfinished: another sync has claimed it", held.counter);
        assert!(ended.errors.contains(&line), "{line}: {ended:?}");
    }
}
