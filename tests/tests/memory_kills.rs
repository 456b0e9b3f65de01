//! Processes that count in their own memory, over one table: they are killed at random moments and
//! others are started, their numbers are taken from them, and the database is killed. Whatever a
//! process said to be in the table is there, once.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, ExitCode};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use counter_tests::effort::{choices, load};
use counter_tests::fixtures::post;
use counter_tests::process::wait_for;
use counter_tests::program::Program;
use counter_tests::site::Site;
use counter_tests::suite;
use fastrand::Rng;
use libtest_mimic::Trial;

fn main() -> ExitCode {
    suite::run_trials(vec![
        trial("sqlite", Site::with_sqlite, &[Victim::Process, Victim::Numbers]),
        trial("postgres", Site::with_postgres, &[Victim::Process, Victim::Numbers]),
        trial("mariadb", Site::with_mariadb, &[Victim::Process, Victim::Numbers]),
        // For each commit without an answer it is known which process had the number.
        trial("postgres", Site::with_postgres, &[Victim::Process, Victim::Database]),
        trial("mariadb", Site::with_mariadb, &[Victim::Process, Victim::Database]),
    ])
}

/// What is taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Victim {
    /// One of the processes, with what it had just counted.
    Process,
    /// The numbers of all stores, which then take each other's.
    Numbers,
    Database,
}

fn trial(database: &str, make_site: fn() -> Site, victims: &'static [Victim]) -> Trial {
    let beside = victims.last().expect("there are some");
    let name =
        format!("memory_x_{database}::totals_are_exact_after_kills_and_{beside:?}_are_taken");
    Trial::test(name.to_lowercase(), move || {
        survive(&make_site(), victims);
        Ok(())
    })
}

const PROCESSES: usize = 3;
const COUNTERS: usize = 3;

fn survive(site: &Site, victims: &[Victim]) {
    let mut choices = choices(&format!("kills of processes with memory stores, {victims:?}"));
    site.database().builder().memory().build().unwrap().run_pending_migrations().unwrap();
    let mut processes =
        (0..PROCESSES).map(|_| Process::start(site, &mut choices)).collect::<Vec<_>>();
    let (mut said, mut taken) = ([0; COUNTERS], BTreeMap::<_, i64>::new());
    for _ in 0..load(30) {
        wait_for_progress(site);
        let victim = choices.choice(victims).copied().expect("there are some");
        // Does not wait for anything, but makes the moment random.
        thread::sleep(Duration::from_micros(choices.u64(..30_000)));
        match victim {
            Victim::Process => {
                let place = choices.usize(..PROCESSES);
                let process = Process::start(site, &mut choices);
                add(&mut said, std::mem::replace(&mut processes[place], process).kill());
            }
            Victim::Numbers => site.database().execute(
                "UPDATE model_counters_state SET holder = 7, synced_at = NULL \
                 WHERE prefix = '' AND writer > 0",
            ),
            Victim::Database => {
                site.database().kill();
                site.database().start();
            }
        }
        *taken.entry(victim).or_default() += 1;
    }
    wait_for_progress(site);
    processes.into_iter().for_each(|process| add(&mut said, process.stop()));
    check(site, said, &taken);
}

/// Each killed process may have one increment in the table that it did not report.
fn check(site: &Site, said: [i64; COUNTERS], taken: &BTreeMap<Victim, i64>) {
    let counters = site.database().builder().memory().build().unwrap();
    let table = std::array::from_fn::<i64, COUNTERS, _>(|number| {
        counters.baseline(post(number as i64), "views").unwrap()
    });
    println!("{taken:?} taken: {said:?} said to be in the table, {table:?} there");
    assert!(table.iter().zip(said).all(|(table, said)| *table >= said), "{table:?} {said:?}");
    let unsaid = table.iter().sum::<i64>() - said.iter().sum::<i64>();
    let killed = taken.get(&Victim::Process).copied().unwrap_or_default();
    assert!((0..=killed).contains(&unsaid), "{unsaid} of {killed}");
    assert!(said.iter().all(|said| *said > 0), "{said:?}");
}

fn add(to: &mut [i64; COUNTERS], more: [i64; COUNTERS]) {
    to.iter_mut().zip(more).for_each(|(to, more)| *to += more);
}

/// The sequences of the rows grow with every claim that is committed.
fn wait_for_progress(site: &Site) {
    let applied =
        || site.database().texts("SELECT CONCAT(COALESCE(SUM(claim_seq), 0)) FROM model_counters");
    let before = applied();
    wait_for("claims to be applied", || (applied() != before).then_some(()));
}

/// A process that counts in its own memory.
struct Process {
    program: Program,
    /// What it says to be in the table, by counter.
    said: JoinHandle<[i64; COUNTERS]>,
}

impl Process {
    fn start(site: &Site, choices: &mut Rng) -> Self {
        let worker = if choices.bool() { "worker" } else { "alone" };
        let url = site.database().url();
        let mut command = Command::new(env!("CARGO_BIN_EXE_memory_process"));
        let mut program = Program::start(command.arg(url).arg(worker));
        let output = BufReader::new(program.take_output());
        let said = thread::spawn(move || {
            let mut said = [0; COUNTERS];
            for counter in output.lines() {
                said[counter.unwrap().parse::<usize>().unwrap()] += 1;
            }
            said
        });
        Self { program, said }
    }

    fn kill(mut self) -> [i64; COUNTERS] {
        self.program.kill();
        self.said.join().unwrap()
    }

    fn stop(self) -> [i64; COUNTERS] {
        let ended = self.program.finish();
        assert!(ended.status.success(), "{ended:?}");
        self.said.join().unwrap()
    }
}
