use std::process::Command;

use counter_tests::command::{counter, json, shared_pairs};
use counter_tests::program::{Program, ProgramEnd};
use counter_tests::servers::RedisServer;
use counter_tests::servers::redis::shared_url;

const NOBODY: &str = "redis://127.0.0.1:1/";

fn run(command: &mut Command) -> ProgramEnd {
    Program::start(command).finish()
}

fn assert_one_line(ended: &ProgramEnd, start: &str, end: &str) {
    assert_eq!((ended.code(), ended.output.as_str()), (3, ""), "{ended:?}");
    let lines = ended.errors.lines().collect::<Vec<_>>();
    let [line] = lines[..] else { panic!("{ended:?}") };
    assert!(line.starts_with(start) && line.ends_with(end), "{line}");
}

#[test]
fn a_store_that_is_away_is_reported_in_one_line_and_why_with_v() {
    let world = shared_pairs()[0].1();
    for arguments in [
        &["sync"][..],
        &["pending"],
        &["get", "user:1", "views"],
        &["set", "user:1", "views", "1"],
        &["increment", "user:1", "views"],
        &["top", "user", "views"],
        &["conflicts"],
        &["conflicts", "apply"],
        &["delete", "user:1", "--all"],
        &["merge", "user:1", "user:2"],
        &["rename-type", "user", "person"],
    ] {
        let mut command = world.command();
        command.env("REDIS_URL", NOBODY).args(arguments);
        let start = "counter: the store could not be reached: 127.0.0.1:1: Connection refused";
        assert_one_line(
            &run(&mut command),
            start,
            "; is Redis running, is REDIS_URL right, and may its user do this?",
        );
        let ended = run(command.arg("-v"));
        assert!(ended.errors.contains("\ncounter: caused by: 127.0.0.1:1: "), "{ended:?}");
    }
}

#[test]
fn a_database_that_is_away_is_reported_in_one_line() {
    for url in ["postgres://app@127.0.0.1:1/app", "mysql://app@127.0.0.1:1/app"] {
        for arguments in [&["sync"][..], &["get", "user:1", "views"], &["migrate"]] {
            let mut command = counter(url, &shared_url());
            let start = "counter: the database cannot be reached: ";
            let end = "; is the database running, is DATABASE_URL right, and may its user write?";
            assert_one_line(&run(command.args(arguments)), start, end);
            let error = json(&run(command.arg("--json")).errors);
            assert_eq!(error["exit_code"], 3, "{error}");
        }
    }
}

/// The message says what to write, and shows no part of the password.
#[test]
fn a_password_that_is_not_percent_encoded_is_answered_with_what_to_write() {
    let world = shared_pairs()[0].1();
    for (password, encoded) in [("sec/ret", "%2F"), ("sec#ret", "%23"), ("sec?ret", "%3F")] {
        let ended = run(world
            .command()
            .env("REDIS_URL", format!("redis://:{password}@127.0.0.1/"))
            .arg("pending"));
        assert_eq!(ended.code(), 2, "{ended:?}");
        assert!(ended.errors.contains(encoded) && !ended.errors.contains("sec"), "{ended:?}");
        for scheme in ["postgres", "mysql"] {
            let url = format!("{scheme}://app:{password}@127.0.0.1:1/app");
            let ended = run(counter(&url, &shared_url()).arg("sync"));
            assert!(ended.code() > 1, "{ended:?}");
            assert!(ended.errors.contains(encoded) && !ended.errors.contains("sec"), "{ended:?}");
        }
    }
}

#[test]
fn a_pattern_with_a_backslash_before_a_letter_is_refused_with_what_to_write() {
    let world = shared_pairs()[0].1();
    for command in ["sync", "pending"] {
        let ended = run(world.command().args([command, "--pattern", r"App\Models\Post:*"]));
        assert_eq!(ended.code(), 2, "{ended:?}");
        assert!(ended.errors.contains(r"write \\ for a backslash"), "{ended:?}");
        let ended = run(world.command().args([command, "--pattern", r"App\\Models\\Post:*"]));
        assert_eq!(ended.code(), 0, "{ended:?}");
    }
}

/// What a doctor finds where a side is away.
fn found_by_doctor(command: &mut Command) -> serde_json::Value {
    let ended = run(command.args(["doctor", "--json"]));
    assert_eq!((ended.code(), ended.errors.as_str()), (3, ""), "{ended:?}");
    json(&ended.output)
}

fn codes(found: &serde_json::Value) -> Vec<&str> {
    let findings = found["findings"].as_array().unwrap().iter();
    findings.map(|finding| finding["code"].as_str().unwrap()).collect()
}

#[test]
fn a_doctor_looks_at_the_side_that_is_there() {
    let world = shared_pairs()[0].1();
    let file = world.database.url();
    let found = found_by_doctor(&mut counter(&file, NOBODY));
    assert_eq!(codes(&found), ["store-unreachable"], "{found}");
    assert!(found["store"].is_null() && found["database"]["product"] == "SQLite", "{found}");
    for url in ["postgres://app@127.0.0.1:1/app", "mysql://app@127.0.0.1:1/app"] {
        let found = found_by_doctor(&mut counter(url, &shared_url()));
        assert_eq!(codes(&found), ["database-unreachable", "store-not-persistent"], "{found}");
        assert!(found["database"].is_null() && found["store"]["product"] == "Redis", "{found}");
        let found = found_by_doctor(&mut counter(url, NOBODY));
        assert_eq!(codes(&found), ["database-unreachable", "store-unreachable"], "{found}");
        let ended = run(counter(url, NOBODY).arg("doctor"));
        assert_eq!((ended.code(), ended.errors.as_str()), (3, ""), "{ended:?}");
        assert!(
            ended.output.starts_with("2 findings\n\nerror database-unreachable\n"),
            "{ended:?}"
        );
    }
}

#[test]
fn a_store_that_does_not_answer_is_not_waited_for() {
    let redis = RedisServer::start();
    let world = shared_pairs()[0].1();
    redis.freeze();
    let ended = ["sync", "doctor"]
        .map(|command| run(counter(&world.database.url(), &redis.url()).arg(command)));
    redis.thaw();
    assert_eq!(ended.each_ref().map(ProgramEnd::code), [3, 3], "{ended:?}");
}

#[test]
fn what_no_store_can_subtract_is_refused_before_one_is_opened() {
    let least = i64::MIN.to_string();
    let ended = run(counter("", NOBODY).args(["decrement", "user:1", "views", &least]));
    assert_eq!((ended.code(), ended.output.as_str()), (1, ""), "{ended:?}");
    assert!(ended.errors.contains("was not counted"), "{ended:?}");
}
