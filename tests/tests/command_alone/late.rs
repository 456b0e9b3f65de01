//! Servers that start after the command.

use std::io::{BufRead, BufReader};
use std::thread;

use counter_tests::fixtures::user;
use counter_tests::process::wait_for;
use counter_tests::program::Program;
use counter_tests::site::Site;
use rustix::process::Signal;

/// Starts watching while the servers are as `stop` leaves them, lets them be started by `start`
/// once the command has said what it waits for, and expects a count in the table.
fn watch_and_wait(stop: fn(&Site), start: fn(&Site), said: &str) {
    let site = Site::with_postgres();
    let counters = site.counters();
    stop(&site);
    let mut program = Program::start(site.command().args(["sync", "--watch", "10ms"]));
    let mut errors = BufReader::new(program.take_errors());
    let mut line = String::new();
    errors.read_line(&mut line).unwrap();
    assert!(line.starts_with(said), "{line}");
    // So that it never waits for a reader.
    let rest = thread::spawn(move || errors.lines().map_while(Result::ok).count());
    start(&site);
    let count = || counters.increment(user(1), "views", 1).ok();
    wait_for("an increment", count);
    wait_for("a pass", || (counters.baseline(user(1), "views").ok()? == 1).then_some(()));
    program.signal(Signal::TERM);
    let ended = program.finish();
    assert_eq!(ended.code(), 0, "{ended:?}");
    rest.join().unwrap();
}

#[test]
fn watching_waits_for_a_redis_that_is_not_up_yet() {
    watch_and_wait(
        |site| site.redis().kill(),
        |site| site.redis().start_again(),
        "counter: the store could not be reached: ",
    );
}

#[test]
fn watching_waits_for_a_database_that_is_not_up_yet() {
    watch_and_wait(
        |site| site.database().stop(),
        |site| site.database().start(),
        "counter: the database cannot be reached: ",
    );
}

#[test]
fn a_signal_ends_the_wait() {
    let site = Site::with_postgres();
    site.redis().kill();
    let mut program = Program::start(site.command().args(["sync", "--watch", "10ms"]));
    let mut errors = BufReader::new(program.take_errors());
    errors.read_line(&mut String::new()).unwrap();
    program.signal(Signal::TERM);
    assert_eq!(program.finish().code(), 0);
}

#[test]
fn a_password_that_is_refused_is_not_waited_for() {
    let site = Site::with_postgres();
    let set = ["CONFIG", "SET", "requirepass", "right"];
    redis::cmd(set[0]).arg(&set[1..]).exec(&mut site.redis().bare()).unwrap();
    let none = site.redis().url();
    let wrong = none.replace("redis://", "redis://:wrong@");
    for url in [wrong, none] {
        let mut command = site.command();
        let program = Program::start(command.args(["sync", "--watch", "1h", "--redis-url", &url]));
        let ended = program.finish();
        assert_eq!(ended.code(), 3, "{ended:?}");
    }
}
