//! Processes that sync the same counters at the same time, while threads count: real ones, which can be
//! killed.

use std::io::{BufRead, BufReader, Read as _};
use std::process::Command;
use std::time::Duration;

use counter_core::Config;
use counter_diesel::SyncOptions;
use counter_tests::process::wait_for;
use counter_tests::program::Program;
use counter_tests::site::Site;
use counter_tests::writers::{Writers, baselines};

#[test]
fn processes_that_sync_into_postgres_share_the_work_and_may_be_killed() {
    share_the_work_and_may_be_killed(&Site::with_postgres());
}

#[test]
fn processes_that_sync_into_mariadb_share_the_work_and_may_be_killed() {
    share_the_work_and_may_be_killed(&Site::with_mariadb());
}

const WRITERS: i64 = 4;
const COUNTERS: i64 = 100;

fn share_the_work_and_may_be_killed(site: &Site) {
    let counters = site.counters();
    let writers = Writers::start(WRITERS, COUNTERS, &counters);
    let mut processes = [(); 2].map(|()| SyncProcess::start(site));
    processes.iter_mut().for_each(SyncProcess::wait_until_it_has_applied_some);
    let applied = processes.map(SyncProcess::stop);
    kill_in_the_middle_of_a_batch(site, SyncProcess::start(site));
    let counted = writers.stop();
    assert!(applied.iter().all(|applied| *applied > 0), "{applied:?}");

    let left_behind = last_sync(site);
    let total = counted.iter().sum::<i64>();
    println!("{total} counted, claims applied: {applied:?}, left behind: {left_behind}");
    assert!(left_behind > 0, "it was killed too early or too late");
    assert_eq!(baselines(&counters, COUNTERS), counted);
}

/// It has claimed its batch and is writing rows, one of which somebody else has locked.
fn kill_in_the_middle_of_a_batch(site: &Site, mut process: SyncProcess) {
    process.wait_until_it_has_applied_some();
    let locked = site.database().lock_rows();
    wait_for("a process to wait for rows", || site.database().has_lock_waits().then_some(()));
    drop(process);
    drop(locked);
}

/// Finishes what the killed process has left behind, without waiting for it, and returns how much that was.
fn last_sync(site: &Site) -> u64 {
    let mut config = Config::default();
    config.claim_timeout = Duration::ZERO;
    let url = site.redis().url();
    let counters = site.database().builder().config(config).redis(&url).build().unwrap();
    let report = counters.sync(&SyncOptions::default()).unwrap();
    assert!(report.is_clean() && report.busy == 0, "{report:?}");
    report.recovered
}

/// A process that syncs all the time. Killed when it is dropped.
struct SyncProcess {
    program: Program,
    output: Box<dyn BufRead>,
}

impl SyncProcess {
    fn start(site: &Site) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sync_worker"));
        command.arg(site.redis().url()).arg(site.database().url());
        let mut program = Program::start(&mut command);
        let output = Box::new(BufReader::new(program.take_output()));
        Self { program, output }
    }

    fn wait_until_it_has_applied_some(&mut self) {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        assert_eq!(line, "it has applied some\n");
    }

    /// Lets it make a last sync and returns how many claims it has applied in all.
    fn stop(mut self) -> u64 {
        let ended = self.program.finish();
        assert!(ended.status.success(), "{ended:?}");
        let mut output = String::new();
        self.output.read_to_string(&mut output).unwrap();
        output.trim().parse().unwrap()
    }
}
