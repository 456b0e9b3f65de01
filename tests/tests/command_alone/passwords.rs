use std::fs;
use std::process::Command;

use counter_tests::command::{counter, shared_pairs};
use counter_tests::program::Program;
use counter_tests::servers::RedisServer;

const SECRET: &str = "s3cret";

/// Runs it in every way that says much, and returns the exit codes.
fn codes_of_silent(make: impl Fn() -> Command) -> Vec<i32> {
    let code = |more: &[&str]| {
        let ended = Program::start(make().args(more)).finish();
        let said = format!("{}{}", ended.output, ended.errors);
        assert!(!said.contains(SECRET) && !said.contains("s3c"), "{said}");
        ended.code()
    };
    [&[][..], &["-v"], &["--json"], &["--help"]].into_iter().map(code).collect()
}

#[test]
fn a_password_is_in_nothing_that_is_said() {
    let database = "postgres://app:s3cret@127.0.0.1:1/app";
    let redis = RedisServer::start_with(&["--requirepass", "another"]);
    let redis = redis.url().replace("redis://", "redis://app:s3cret@");
    let world = shared_pairs()[0].1();
    let file = world.database.url();
    for (database, redis) in [
        (database, redis.as_str()),
        (file.as_str(), redis.as_str()),
        ("mysql://app:s3cret@127.0.0.1:1/app", redis.as_str()),
        ("host=127.0.0.1 port=1 user=app password=s3cret", redis.as_str()),
        ("postgres://app:s3cret/x@127.0.0.1:1/app", redis.as_str()),
        (file.as_str(), "redis://:s3cret/x@127.0.0.1:1/"),
        (file.as_str(), "http://:s3cret@127.0.0.1:1/"),
        ("http://:s3cret@127.0.0.1:1/", redis.as_str()),
    ] {
        for subcommand in ["sync", "doctor"] {
            let codes = codes_of_silent(|| {
                let mut command = counter(database, redis);
                command.arg(subcommand);
                command
            });
            assert!(
                codes[..3].iter().all(|code| [2, 3].contains(code)),
                "{codes:?} {subcommand} {database} {redis}"
            );
            assert_eq!(codes[3], 0);
        }
    }
}

#[test]
fn a_database_url_of_keywords_is_postgresql_s_whichever_comes_first() {
    for url in [
        "sslmode=disable host=127.0.0.1 port=1 user=app password=s3cret dbname=app",
        "connect_timeout=3 host=127.0.0.1 port=1 password=s3cret",
        " target_session_attrs = any host=127.0.0.1 port=1 password=s3cret",
        "password=a://s3cret host=127.0.0.1 port=1",
    ] {
        assert_eq!(codes_beside_no_file(url, &["migrate"])[..3], [3; 3], "{url}");
    }
}

#[test]
fn a_mistyped_database_url_is_not_the_path_of_a_file() {
    for url in [
        "postgres:/app:s3cret@host/app",
        "postgres//app:s3cret@host/app",
        "app:s3cret@host/app",
        "postgres:app:s3cret@h",
        "mysql:/app:s3cret",
        "MariaDB:s3cret",
        "Postgresql/s3cret",
    ] {
        for arguments in [&["migrate"][..], &["migrate", "--status"], &["get", "user:1", "a"]] {
            assert_eq!(codes_beside_no_file(url, arguments)[..3], [2; 3], "{url}");
        }
    }
}

#[test]
fn the_path_of_a_file_that_may_hold_a_password_is_not_shown() {
    for url in ["sqlite://app:s3cret@host", "file:app?pass=s3cret", "Password s3cret"] {
        assert_eq!(codes_beside_no_file(url, &["migrate", "--status"])[..3], [2; 3], "{url}");
    }
}

/// The codes, in a folder in which nothing is made.
fn codes_beside_no_file(url: &str, arguments: &[&str]) -> Vec<i32> {
    let folder = tempfile::tempdir().unwrap();
    let codes = codes_of_silent(|| {
        let mut command = counter(url, "redis://127.0.0.1:1/");
        command.args(arguments).current_dir(folder.path());
        command
    });
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "{url}");
    codes
}

#[test]
fn a_password_in_the_wrong_place_is_not_repeated() {
    for arguments in [
        &["redis://:s3cret@host/"][..],
        &["redis://:s3'cret@host/"],
        &["redis://:x \"<`s3cret@host/"],
        &["host=h password=s3cret"],
        &["host=h PASSWORD = 'x s3cret'"],
        &["app:s3cret@host/app"],
        &["sync", "postgres://app:s3cret@host/app"],
        &["get", "redis://:s3cret@host/", "views"],
        &["sync", "--prefix", "redis://:s3cret@host/"],
    ] {
        let codes = codes_of_silent(|| {
            let mut command = counter("x", "redis://127.0.0.1:1/");
            command.args(arguments);
            command
        });
        assert_eq!(codes[..3], [2; 3], "{arguments:?}");
    }
}

#[test]
fn a_piece_of_a_url_that_is_no_prefix_is_not_quoted() {
    let codes = codes_of_silent(|| {
        let mut command = counter("x", "redis://127.0.0.1:1/");
        command.arg("sync").env("COUNTER_PREFIX", ":s3cret@h");
        command
    });
    assert_eq!(codes, [2, 2, 2, 0]);
}

#[test]
fn a_file_that_cannot_be_understood_is_not_quoted() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(".env"), "REDIS_URL=redis://:s3cret @host/ x\n").unwrap();
    let codes = codes_of_silent(|| {
        let mut command = counter("x", "");
        command.arg("sync").current_dir(folder.path());
        command
    });
    assert_eq!(codes, [2, 2, 2, 0]);
}
