//! The command `counter` as far as it needs no server. What it does with servers is in the
//! workspace's own tests, for which this one has the command built.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

use std::path::Path;
use std::process::{Command, Output};

fn counter(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_counter"));
    command.env_clear().current_dir(folder).env("DATABASE_URL", "app.sqlite");
    command.env("COUNTER_STORE", "memory").args(arguments).output().unwrap()
}

/// What it prints, in a run that does well.
fn output_of(folder: &Path, arguments: &[&str]) -> String {
    let output = counter(folder, arguments);
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_file_is_made_and_read() {
    let folder = tempfile::tempdir().unwrap();
    let migrated = output_of(folder.path(), &["migrate"]);
    assert_eq!(
        migrated,
        "run: 2026-01-01-000000_create_model_counters\nrun: 2026-11-29-000000_add_owner_key\n\
         run: 2026-11-30-000000_create_model_counters_periods\n\
         run: 2026-11-30-010000_create_model_counters_kept\n"
    );
    let output = counter(folder.path(), &["get", "user:1", "views"]);
    assert_eq!((output.status.code(), &*output.stdout), (Some(0), &b"0\n"[..]));
    let unknown = "counter: no counter of user:1 is known: are its type and its id right?\n";
    assert_eq!(String::from_utf8(output.stderr).unwrap(), unknown);
    assert!(output_of(folder.path(), &["get", "user:1", "views", "--json"]).contains(":0"));
    assert_eq!(output_of(folder.path(), &["all", "user:1"]), "");
}

#[test]
fn help_names_what_there_is_and_no_value_of_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [&["--help"][..], &["help", "sync"], &["sync", "--help"], &["migrate", "-h"]] {
        let help = output_of(folder.path(), arguments);
        assert!(help.contains("DATABASE_URL") && !help.contains("app.sqlite"), "{help}");
        // As wide as a reader without a terminal is offered.
        assert!(help.lines().all(|line| line.chars().count() <= 110), "{help}");
    }
    let help = output_of(folder.path(), &["--help"]);
    for word in [
        "sync",
        "pending",
        "get",
        "all",
        "set",
        "reset",
        "increment",
        "decrement",
        "migrate",
        "Exit codes:",
        "--json",
        "COUNTER_PREFIX",
        "redis+cluster://",
        "COUNTER_TABLE_NAME",
        "COUNTER_STORE",
        "COUNTER_PREPARED_STATEMENTS",
        "REDIS_URL",
    ] {
        assert!(help.contains(word), "{word} is missing: {help}");
    }
    assert!(output_of(folder.path(), &["--version"]).starts_with("counter "));
}

#[cfg(not(feature = "postgres"))]
#[test]
fn a_database_that_was_left_out_is_named_with_its_feature() {
    let folder = tempfile::tempdir().unwrap();
    let url = "postgres://app:s3cret@localhost/app";
    let output = counter(folder.path(), &["migrate", "--database-url", url]);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(errors.contains("--features postgres") && !errors.contains("s3cret"), "{errors}");
}
