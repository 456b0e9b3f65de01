use std::fs;
use std::io::{BufRead, BufReader};
use std::thread;
use std::time::Duration;

use counter_core::Config;
use counter_diesel::{Counters, Owner, SyncOptions};
use counter_tests::command::json;
use counter_tests::fixtures::user;
use counter_tests::process::wait_for;
use counter_tests::program::{Program, ProgramEnd};
use counter_tests::site::Site;
use rustix::process::Signal;

const USERS: i64 = 1000;

/// A site on which every user has a row, and is counted again.
fn counted_site() -> (Site, Counters) {
    let site = Site::with_postgres();
    let counters = site.counters();
    count(&counters);
    assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
    count(&counters);
    (site, counters)
}

fn count(counters: &Counters) {
    counters.increment_many((0..USERS).map(|id| (user(id), "views", 1))).unwrap();
}

fn sum_of_baselines(counters: &Counters) -> i64 {
    (0..USERS).map(|id| counters.baseline(user(id), "views").unwrap()).sum()
}

/// A command whose first batch waits for rows that another session has locked, when `then` happens.
fn in_the_middle_of_a_batch(
    site: &Site,
    arguments: &[&str],
    then: impl FnOnce(&mut Program),
) -> ProgramEnd {
    let lock = site.database().lock_rows();
    let mut program = Program::start(site.command().args(arguments));
    wait_for("a row to be waited for", || site.database().has_lock_waits().then_some(()));
    then(&mut program);
    drop(lock);
    program.finish()
}

/// Sends the command a signal, and waits until the thread that receives signals has noted it.
fn stop(program: &Program, signal: Signal) {
    let waits = waits_of_the_signal_thread(program);
    program.signal(signal);
    wait_for("the signal to be noted", || {
        (waits_of_the_signal_thread(program) > waits).then_some(())
    });
}

/// How often the thread has waited for a signal, which it does again once it has noted one.
fn waits_of_the_signal_thread(program: &Program) -> u64 {
    let threads = fs::read_dir(format!("/proc/{}/task", program.id())).unwrap();
    // A thread that has just ended has no status.
    let status = |thread: &fs::DirEntry| fs::read_to_string(thread.path().join("status"));
    let mut statuses = threads.filter_map(|thread| status(&thread.unwrap()).ok());
    let status = statuses.find(|status| status.starts_with("Name:\tcounter-signals\n")).unwrap();
    let waits = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    waits.unwrap().trim().parse().unwrap()
}

#[test]
fn a_signal_ends_a_sync_after_what_is_claimed_and_the_rest_waits_in_the_store() {
    let (site, counters) = counted_site();
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let before = sum_of_baselines(&counters);
        let arguments = ["sync", "--batch-size", "10", "--json"];
        let ended = in_the_middle_of_a_batch(&site, &arguments, |program| stop(program, signal));
        assert_eq!(ended.code(), code, "{ended:?}");
        assert_eq!(ended.errors, "");
        let report = json(&ended.output);
        assert_eq!((&report["interrupted"], &report["clean"]), (&true.into(), &true.into()));
        let applied = report["applied"].as_i64().unwrap();
        // Two batches may have been claimed ahead.
        assert!((10..=30).contains(&applied), "{report}");
        assert_eq!(sum_of_baselines(&counters), before + applied);
        let values = counters.get_many((0..USERS).map(|id| (user(id), "views"))).unwrap();
        assert!(values.iter().all(|value| *value == values[0]), "{values:?}");
        assert_eq!(counters.sync(&SyncOptions::default()).unwrap().busy, 0);
        assert_eq!(sum_of_baselines(&counters), values[0] * USERS);
        count(&counters);
    }
}

#[test]
fn a_signal_ends_a_rename_after_a_batch_and_the_same_command_goes_on() {
    let (site, counters) = counted_site();
    for (signal, code, names) in
        [(Signal::INT, 130, ["user", "member"]), (Signal::TERM, 143, ["member", "person"])]
    {
        let arguments = [&["rename-type"], names.as_slice(), &["--json"]].concat();
        let ended = in_the_middle_of_a_batch(&site, &arguments, |program| stop(program, signal));
        assert_eq!((ended.code(), ended.errors.as_str()), (code, ""), "{ended:?}");
        let renamed = json(&ended.output);
        assert_eq!((&renamed["interrupted"], &renamed["complete"]), (&true.into(), &false.into()));
        assert!(renamed["moved"].as_i64().unwrap() > 0, "{renamed}");
        assert_eq!(site.command().args(&arguments).output().unwrap().status.code(), Some(0));
        let of_type = |name: &'static str| (0..USERS).map(move |id| Owner::new(name, id).unwrap());
        let values = |name| {
            let all = of_type(name).map(|owner| (owner, "views"));
            counters.get_many(all).unwrap().iter().sum::<i64>()
        };
        assert_eq!(names.map(values), [0, 2 * USERS]);
    }
}

#[test]
fn without_json_it_says_that_it_was_stopped() {
    let (site, _counters) = counted_site();
    let arguments = ["sync", "--batch-size", "10"];
    let ended = in_the_middle_of_a_batch(&site, &arguments, |program| stop(program, Signal::TERM));
    assert_eq!(ended.code(), 143, "{ended:?}");
    let line = "counter: stopped by a signal; what was not synced waits in the store\n";
    assert_eq!(ended.errors, line);
}

#[test]
fn a_second_signal_ends_it_at_once_and_loses_nothing() {
    let (site, counters) = counted_site();
    let ended = in_the_middle_of_a_batch(&site, &["sync"], |program| {
        // Two that follow each other too closely may arrive as one.
        wait_for("it to end though it cannot go on", || {
            program.signal(Signal::TERM);
            (!program.is_running()).then_some(())
        });
    });
    assert_eq!((ended.code(), ended.output.as_str()), (143, ""), "{ended:?}");
    assert_eq!(sum_of_baselines(&counters), USERS);
    let mut config = Config::default();
    config.claim_timeout = Duration::ZERO;
    let url = site.redis().url();
    let impatient = site.database().builder().config(config).redis(&url).build().unwrap();
    let report = impatient.sync(&SyncOptions::default()).unwrap();
    assert!(report.is_clean() && report.recovered == USERS as u64, "{report:?}");
    assert_eq!(sum_of_baselines(&counters), 2 * USERS);
}

#[test]
fn watching_ends_with_a_last_pass() {
    let (site, counters) = counted_site();
    let mut program = Program::start(site.command().args(["sync", "--watch", "1h"]));
    let mut output = BufReader::new(program.take_output());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    assert!(line.contains("Z applied 1000 of 1000 counters in "), "{line}");
    count(&counters);
    program.signal(Signal::TERM);
    let ended = program.finish();
    assert_eq!((ended.code(), ended.errors.as_str()), (0, ""), "{ended:?}");
    let lines = output.lines().map(Result::unwrap).collect::<Vec<_>>();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("applied 1000 of 1000"), "{lines:?}");
    assert_eq!(sum_of_baselines(&counters), 3 * USERS);
}

#[test]
fn watching_says_nothing_of_passes_that_find_nothing() {
    let site = Site::with_postgres();
    let counters = site.counters();
    let mut program = Program::start(site.command().args(["sync", "--watch", "1ms", "--json"]));
    let mut output = BufReader::new(program.take_output());
    let mut applied_next = || {
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        json(&line)["applied"].as_i64().unwrap()
    };
    for _ in 0..3 {
        counters.increment(user(1), "views", 1).unwrap();
        assert_eq!(applied_next(), 1);
    }
    program.signal(Signal::INT);
    assert_eq!(program.finish().code(), 0);
    assert_eq!(applied_next(), 0, "the last pass");
}

#[test]
fn watching_leaves_what_was_refused_to_a_later_pass_and_retries_it_in_the_last() {
    let site = Site::with_postgres();
    let counters = site.counters();
    counters.set(user(1), "views", i64::MAX).unwrap();
    assert!(counters.sync(&SyncOptions::default()).unwrap().is_clean());
    counters.increment(user(1), "views", 1).unwrap();
    let mut program = Program::start(site.command().args(["sync", "--watch", "1ms", "--json"]));
    let mut output = BufReader::new(program.take_output()).lines().map(|line| json(&line.unwrap()));
    let refused_and_postponed = |report: &serde_json::Value| {
        ["failed", "postponed"].map(|list| report[list]["count"].as_i64().unwrap())
    };
    assert_eq!(refused_and_postponed(&output.next().unwrap()), [1, 0]);
    for _ in 0..2 {
        assert_eq!(refused_and_postponed(&output.next().unwrap()), [0, 1]);
    }
    program.signal(Signal::INT);
    let last = output.last().unwrap();
    assert_eq!(refused_and_postponed(&last), [1, 0], "the last pass");
    assert_eq!(program.finish().code(), 1);
}

#[test]
fn a_signal_in_the_middle_of_a_pass_that_is_watched_leaves_nothing_behind() {
    let (site, counters) = counted_site();
    let arguments = ["sync", "--watch", "1h", "--batch-size", "10"];
    let ended = in_the_middle_of_a_batch(&site, &arguments, |program| {
        count(&counters);
        program.signal(Signal::TERM);
    });
    assert_eq!((ended.code(), ended.errors.as_str()), (0, ""), "{ended:?}");
    assert_eq!(sum_of_baselines(&counters), 3 * USERS);
    assert_eq!(site.command().arg("sync").output().unwrap().status.code(), Some(0));
    assert_eq!(sum_of_baselines(&counters), 3 * USERS);
}

#[test]
fn watching_goes_on_when_the_database_is_back() {
    let (site, counters) = counted_site();
    let mut program = Program::start(site.command().args(["sync", "--watch", "10ms"]));
    wait_for("the first pass", || (sum_of_baselines(&counters) == 2 * USERS).then_some(()));
    drop(counters);
    site.database().stop();
    let mut errors = BufReader::new(program.take_errors());
    let mut line = String::new();
    errors.read_line(&mut line).unwrap();
    assert!(line.starts_with("counter: the database cannot be reached: "), "{line}");
    // So that it never waits for a reader.
    let rest = thread::spawn(move || errors.lines().map_while(Result::ok).count());
    site.database().start();
    let counters = site.counters();
    count(&counters);
    wait_for("another pass", || (sum_of_baselines(&counters) == 3 * USERS).then_some(()));
    program.signal(Signal::TERM);
    let ended = program.finish();
    assert_eq!(ended.code(), 0, "{ended:?}");
    rest.join().unwrap();
}
