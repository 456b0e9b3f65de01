//! What becomes of counts while one fault after the other happens to a cluster, for as long as one
//! likes:
//!
//! `cargo run --release -p counter-tests --bin cluster_faults -- redis-server 10 move kill`
//!
//! Takes the program of the nodes, the minutes for each fault, and the faults: `move`, `reshard`,
//! `failover`, `kill`, `freeze`; all of them if none is named. With `at-once` among them, each
//! happens to a cluster of its own at the same time. Four threads count, one sets, two read and two
//! sync, each in one of two processes' stores, over counters in all slots and PostgreSQL. Prints a
//! row of a table for each fault, and fails if anything was counted twice or misread, or lost
//! though no node was taken for dead: replication is asynchronous.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use counter_core::{Config, Error as StoreError, Prefix, RedisStore};
use counter_diesel::{Counters, Error, SyncOptions};
use counter_tests::database;
use counter_tests::fixtures::{post, user, views_of};
use counter_tests::process::wait_for;
use counter_tests::servers::ClusterSite;

const FAULTS: [&str; 5] = ["move", "reshard", "failover", "kill", "freeze"];

const WRITERS: usize = 4;

/// Increments of one writer of one counter. Each adds a power of 4 of its own, so a digit to the
/// base of 4 says how often it is there.
const OF_A_WRITER: usize = 7;

/// The least time between two increments of a writer, and between two passes.
const PACE: Duration = Duration::from_millis(1);

fn main() {
    let mut arguments = env::args().skip(1);
    let program = arguments.next().unwrap_or_else(|| "redis-server".to_owned());
    let minutes = arguments.next().map_or(1.0, |minutes| minutes.parse().expect("minutes"));
    let mut faults = arguments.collect::<Vec<_>>();
    let words = faults.len();
    faults.retain(|fault| fault != "at-once");
    let is_at_once = faults.len() < words;
    if faults.is_empty() {
        faults.extend(FAULTS.map(str::to_owned));
    }
    println!(
        "| {program}, {minutes} minutes each | times | acknowledged | unknown | not counted | lost by it | \
         twice | misread | sets | passes |\n|---|---|---|---|---|---|---|---|---|---|"
    );
    let tool = tool(&program);
    let run = |fault: &str| {
        let site = ClusterSite::start_program(&program, &options(fault));
        run(site, fault, Duration::from_secs_f64(60.0 * minutes), &tool);
    };
    if is_at_once {
        thread::scope(|scope| {
            for fault in &faults {
                scope.spawn(|| run(fault));
            }
        });
    } else {
        faults.iter().for_each(|fault| run(fault));
    }
}

/// Where no node is away, none should be taken for one that is, however busy the machine. But a
/// master that has a new replica in its place agrees to no other for twice this time.
fn options(fault: &str) -> Vec<&'static str> {
    let node_timeout = match fault {
        "kill" | "freeze" => "1000",
        "failover" => "2000",
        _ => "30000",
    };
    let options = ["--maxmemory-policy", "noeviction", "--cluster-node-timeout", node_timeout];
    [&options[..], &["--logfile", LOG]].concat()
}

/// Where a node writes what it does, in its own folder.
const LOG: &str = "node.log";

/// Whether a node was taken for dead, so that its replica may have taken over without everything.
fn was_taken_for_dead(site: &ClusterSite) -> bool {
    site.nodes.iter().any(|node| {
        let question = redis::cmd("CONFIG").arg("GET").arg("dir").to_owned();
        let folder: Vec<String> = question.query(&mut node.bare()).unwrap();
        let log = fs::read_to_string(Path::new(&folder[1]).join(LOG)).unwrap();
        log.contains("as failing (quorum reached)")
    })
}

/// What was said of each increment and set.
#[derive(Default)]
struct Said {
    is_over: AtomicBool,
    /// Of each writer, the outcomes of its increments, in their order.
    outcomes: [Mutex<Vec<Outcome>>; WRITERS],
    sets_begun: AtomicI64,
    sets_done: AtomicI64,
    reads: AtomicU64,
    misread: AtomicU64,
    passes: AtomicU64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Counted,
    NotCounted,
    Unknown,
}

fn run(mut site: ClusterSite, fault: &str, time: Duration, tool: &Path) {
    let database = database::postgres();
    let ledger = database.ledger("model_counters");
    ledger.run_pending_migrations().unwrap();
    let process = || {
        let store = RedisStore::builder(site.url()).build().unwrap();
        Counters::from_parts(Config::default(), Arc::new(store), Arc::clone(&ledger))
    };
    let (said, processes) = (Said::default(), [process(), process()]);
    let mut times = 0;
    thread::scope(|scope| {
        let _over = Over(&said.is_over);
        for writer in 0..WRITERS {
            let (said, counters) = (&said, &processes[writer % 2]);
            scope.spawn(move || said.write(writer, counters));
        }
        for counters in &processes {
            scope.spawn(|| said.sync(counters));
            scope.spawn(|| said.read(counters));
        }
        scope.spawn(|| said.set(&processes[0]));
        let end = Instant::now() + time;
        while Instant::now() < end {
            happen(&mut site, fault, times, tool);
            times += 1;
        }
    });
    wait_for("everything to be in the table", || {
        let is_synced = |counters: &Counters| {
            let report = counters.sync(&SyncOptions::default()).ok()?;
            (report.is_clean() && report.busy == 0 && report.scanned == 0).then_some(())
        };
        processes.iter().map(is_synced).collect::<Option<Vec<_>>>()
    });
    let may_be_lost = was_taken_for_dead(&site);
    if matches!(fault, "kill" | "freeze") {
        assert!(may_be_lost, "{fault}: no node was taken for dead");
    }
    said.print(&processes[0], &format!("{fault}, {} s", time.as_secs()), times, may_be_lost);
}

/// Ends the threads, also where this one has failed.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}

/// A slot of a counter that is counted in the beginning, another one each time.
fn slot(site: &ClusterSite, times: i64) -> u16 {
    let name = Prefix::default().pending_name(&views_of(times % 5));
    redis::cmd("CLUSTER").arg("KEYSLOT").arg(name).query(&mut site.nodes[0].bare()).unwrap()
}

fn happen(site: &mut ClusterSite, fault: &str, times: i64, tool: &Path) {
    let slot = slot(site, times);
    match fault {
        "move" => site.move_slot(slot, || thread::sleep(50 * PACE)),
        "reshard" => reshard(site, slot, tool),
        "failover" => {
            let old = site.wait_for_owner(slot, |_| true).port();
            site.fail_over(slot);
            site.wait_for_owner(slot, |owner| owner.port() != old);
            thread::sleep(Duration::from_secs(2));
        }
        "kill" | "freeze" => {
            let old = site.wait_for_owner(slot, |_| true).port();
            let index = site.nodes.iter().position(|node| node.port() == old).unwrap();
            if fault == "kill" {
                site.nodes[index].kill();
            } else {
                site.nodes[index].freeze();
            }
            site.wait_for_owner(slot, |owner| owner.port() != old);
            thread::sleep(Duration::from_secs(2));
            if fault == "kill" {
                site.nodes[index].start_again();
            } else {
                site.nodes[index].thaw();
            }
            site.wait_until_it_works();
            wait_for_replicas(site);
        }
        other => panic!("there is no fault {other}"),
    }
}

/// The program that reshards. That of Valkey is beside the server, which may be a link.
fn tool(server: &str) -> PathBuf {
    if !server.contains("valkey") {
        return PathBuf::from("redis-cli");
    }
    let folders = env::var_os("PATH").unwrap_or_default();
    let mut servers = env::split_paths(&folders).map(|folder| folder.join(server));
    let found = servers.find_map(|server| server.canonicalize().ok()).expect("it is installed");
    found.with_file_name("valkey-cli")
}

/// Moves hundreds of slots away from the master that has this one.
fn reshard(site: &ClusterSite, slot: u16, tool: &Path) {
    let from = site.wait_for_owner(slot, |_| true);
    let to = site.nodes[..3].iter().find(|node| node.port() != from.port()).unwrap();
    let id = |node: &counter_tests::servers::RedisServer| -> String {
        redis::cmd("CLUSTER").arg("MYID").query(&mut node.bare()).unwrap()
    };
    let mut command = Command::new(tool);
    command.args(["--cluster", "reshard", &format!("127.0.0.1:{}", from.port())]);
    command.args(["--cluster-from", &id(from), "--cluster-to", &id(to)]);
    command.args(["--cluster-slots", "700", "--cluster-yes"]);
    wait_for("the nodes to agree, and to move slots", || {
        command.output().unwrap().status.success().then_some(())
    });
}

/// A master without its replica would be lost with the next fault.
fn wait_for_replicas(site: &ClusterSite) {
    wait_for("every replica to catch up", || {
        let mut links = 0;
        for node in &site.nodes {
            let info: String =
                redis::cmd("INFO").arg("replication").query(&mut node.bare()).ok()?;
            links += usize::from(info.contains("master_link_status:up"));
        }
        (links == site.nodes.len() / 2).then_some(())
    });
}

impl Said {
    fn write(&self, writer: usize, counters: &Counters) {
        while !self.is_over.load(SeqCst) {
            let number = {
                let mut outcomes = self.outcomes[writer].lock().unwrap();
                // Until it is known.
                outcomes.push(Outcome::Unknown);
                outcomes.len() - 1
            };
            let by = 1 << (2 * digit(writer, number));
            let outcome = match counters.increment(post(counter_of(number)), "views", by) {
                Ok(()) => Outcome::Counted,
                Err(Error::Core(StoreError::NotCounted { .. })) => Outcome::NotCounted,
                Err(Error::Core(StoreError::OutcomeUnknown { .. })) => Outcome::Unknown,
                Err(error) => panic!("an increment failed: {error:?}"),
            };
            self.outcomes[writer].lock().unwrap()[number] = outcome;
            thread::sleep(PACE);
        }
    }

    /// Sets a counter to the number of the set.
    fn set(&self, counters: &Counters) {
        while !self.is_over.load(SeqCst) {
            let number = self.sets_begun.fetch_add(1, SeqCst) + 1;
            if counters.set(user(1), "set", number).is_ok() {
                self.sets_done.store(number, SeqCst);
            }
            thread::sleep(10 * PACE);
        }
    }

    fn sync(&self, counters: &Counters) {
        while !self.is_over.load(SeqCst) {
            if let Ok(report) = counters.sync(&SyncOptions::default()) {
                self.passes.fetch_add(1, SeqCst);
                assert!(report.gone_back.is_empty() && report.conflicts.is_empty(), "{report}");
                assert!(!matches!(
                    report.stopped,
                    Some(Error::Core(StoreError::StoreWentBack { .. }))
                ));
            }
            thread::sleep(PACE);
        }
    }

    /// A value is right if it has no digit above 1, and none of an increment that has not begun.
    fn read(&self, counters: &Counters) {
        while !self.is_over.load(SeqCst) {
            let done = self.sets_done.load(SeqCst);
            if let Ok(value) = counters.get(user(1), "set") {
                self.note_read((done..=self.sets_begun.load(SeqCst)).contains(&value));
            }
            let newest = counter_of(self.outcomes[0].lock().unwrap().len());
            let counter = fastrand::i64((newest - 100).max(0)..=newest);
            if let Ok(value) = counters.get(post(counter), "views") {
                let begun = self.outcomes.each_ref().map(|it| it.lock().unwrap().len());
                let is_right = (0..WRITERS * OF_A_WRITER).all(|digit| match times(value, digit) {
                    0 => true,
                    1 => number_of(counter, digit) < begun[digit / OF_A_WRITER],
                    _ => false,
                });
                self.note_read(is_right);
            }
            thread::sleep(PACE);
        }
    }

    fn note_read(&self, is_right: bool) {
        self.reads.fetch_add(1, SeqCst);
        self.misread.fetch_add(u64::from(!is_right), SeqCst);
    }

    /// Prints what was said and what became of it, and fails if that is not right.
    fn print(&self, counters: &Counters, fault: &str, happened: i64, may_be_lost: bool) {
        let (mut outcomes, mut lost, mut twice) = ([0_u64; 3], 0, 0);
        let all = self.outcomes.each_ref().map(|it| it.lock().unwrap().clone());
        let newest = all.iter().map(|it| counter_of(it.len())).max().unwrap_or_default();
        let values = (0..=newest).map(|n| counters.baseline(post(n), "views").unwrap());
        let values = values.collect::<Vec<_>>();
        for (writer, said) in all.iter().enumerate() {
            for (number, outcome) in said.iter().enumerate() {
                let value = values[usize::try_from(counter_of(number)).unwrap()];
                let there = times(value, digit(writer, number));
                outcomes[*outcome as usize] += 1;
                lost += u64::from(*outcome == Outcome::Counted && there == 0);
                let is_twice = there > 1 || (*outcome == Outcome::NotCounted && there > 0);
                twice += u64::from(is_twice);
            }
        }
        let [counted, not_counted, unknown] = outcomes;
        let (misread, reads) = (self.misread.load(SeqCst), self.reads.load(SeqCst));
        let (sets, passes) = (self.sets_done.load(SeqCst), self.passes.load(SeqCst));
        println!(
            "| {fault} | {happened} | {counted} | {unknown} | {not_counted} | {lost} | {twice} | \
             {misread} of {reads} | {sets} | {passes} |"
        );
        assert!(twice == 0 && misread == 0, "{fault}: counted twice, or misread");
        assert!(lost == 0 || may_be_lost, "{fault}: lost");
        let has_worked = [happened > 0, counted > 0, reads > 0, sets > 0, passes > 0];
        assert_eq!(has_worked, [true; 5], "{fault}: something did not happen at all");
        let set = counters.baseline(user(1), "set").unwrap();
        let last_sets = sets..=self.sets_begun.load(SeqCst);
        assert!(last_sets.contains(&set) || may_be_lost, "{fault}: {set} is set");
    }
}

fn counter_of(number: usize) -> i64 {
    i64::try_from(number / OF_A_WRITER).unwrap()
}

fn digit(writer: usize, number: usize) -> usize {
    writer * OF_A_WRITER + number % OF_A_WRITER
}

/// The number of the increment of this counter that has this digit, among those of its writer.
fn number_of(counter: i64, digit: usize) -> usize {
    usize::try_from(counter).unwrap() * OF_A_WRITER + digit % OF_A_WRITER
}

fn times(value: i64, digit: usize) -> i64 {
    value >> (2 * digit) & 3
}
