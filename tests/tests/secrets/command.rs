//! The command, whose variables have the passwords.

use std::fs;
use std::process::Command;

use counter_tests::command::{counter, shared_pairs};
use counter_tests::program::Program;
use counter_tests::servers::RedisServer;

use super::urls::Kind::{File, Mistyped, Mysql, Postgres, Redis};
use super::urls::of;
use super::{assert_silent, for_each};

/// A Redis that is away.
pub const NOWHERE: &str = "redis://127.0.0.1:1/";

/// Runs it in every way that says much, and returns the exit codes. The last is that of `--help`.
pub fn codes_of_silent(make: impl Fn() -> Command) -> [i32; 4] {
    [&[][..], &["-v"], &["--json"], &["--help"]].map(|more| {
        let mut command = make();
        let ended = Program::start(command.args(more)).finish();
        assert_silent(&command, &format!("{}{}", ended.output, ended.errors));
        ended.code()
    })
}

/// The codes, in a folder in which nothing is made.
fn codes_beside_no_file(url: &str, arguments: &[&str]) -> [i32; 4] {
    let folder = tempfile::tempdir().unwrap();
    let codes = codes_of_silent(|| {
        let mut command = counter(url, NOWHERE);
        command.args(arguments).current_dir(folder.path());
        command
    });
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "{url}");
    codes
}

#[test]
fn the_url_of_a_database_that_is_away_is_not_shown() {
    for_each(&of(&[Postgres, Mysql]), |(_, url)| {
        for arguments in [&["migrate"][..], &["sync"], &["doctor"]] {
            assert_eq!(codes_beside_no_file(url, arguments), [3, 3, 3, 0], "{arguments:?} {url}");
        }
    });
}

#[test]
fn a_mistyped_database_url_is_not_the_path_of_a_file() {
    for_each(&of(&[Mistyped, Redis]), |(_, url)| {
        for arguments in [
            &["migrate"][..],
            &["migrate", "--status"],
            &["get", "user:1", "a"],
            &["sync"],
            &["doctor"],
        ] {
            assert_eq!(codes_beside_no_file(url, arguments), [2, 2, 2, 0], "{arguments:?} {url}");
        }
    });
}

#[test]
fn the_path_of_a_file_that_may_hold_a_password_is_not_shown() {
    for (_, url) in of(&[File]) {
        for arguments in [&["migrate", "--status"][..], &["sync"], &["doctor"]] {
            assert_eq!(codes_beside_no_file(url, arguments), [2, 2, 2, 0], "{arguments:?} {url}");
        }
    }
}

#[test]
fn the_url_of_a_redis_that_is_away_is_not_shown() {
    let world = shared_pairs()[0].1();
    let file = world.database.url();
    for_each(&of(&[Redis, Mistyped]), |(_, url)| {
        for subcommand in ["sync", "doctor"] {
            assert_unusable(&file, url, subcommand);
        }
    });
}

#[test]
fn a_password_that_redis_refuses_is_not_shown() {
    let redis = RedisServer::start_with(&["--requirepass", "another"]);
    let redis = redis.url().replace("redis://", "redis://app:s3cret@");
    let world = shared_pairs()[0].1();
    let file = world.database.url();
    let away = [
        "postgres://app:s3cret@127.0.0.1:1/app",
        "postgres://app:s3cret/x@127.0.0.1:1/app",
        "mysql://app:s3cret@127.0.0.1:1/app",
        "host=127.0.0.1 port=1 user=app password=s3cret",
        "http://:s3cret@127.0.0.1:1/",
        &file,
    ];
    for database in away {
        for subcommand in ["sync", "doctor"] {
            assert_unusable(database, &redis, subcommand);
        }
    }
}

fn assert_unusable(database: &str, redis: &str, subcommand: &str) {
    let codes = codes_of_silent(|| {
        let mut command = counter(database, redis);
        command.arg(subcommand);
        command
    });
    let is_unusable = codes[..3].iter().all(|code| [2, 3].contains(code));
    assert!(is_unusable && codes[3] == 0, "{codes:?} {subcommand} {database} {redis}");
}
