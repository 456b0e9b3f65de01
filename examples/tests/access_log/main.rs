//! Runs the example as a program.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod counts;
mod hits;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use diesel::prelude::*;

use crate::counts::{Counts, counts_by_awk, counts_of_rows, sum};
use crate::hits::hits_by_awk;

/// The example, which `cargo test` builds beside the tests.
fn program() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    tests.ancestors().nth(2).unwrap().join("examples").join("access_log")
}

fn small_log() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/small.log")
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(program()).args(arguments).current_dir(folder).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn counts_in(database: &Path) -> Counts {
    let mut conn = SqliteConnection::establish(database.to_str().unwrap()).unwrap();
    let rows = diesel::dsl::sql::<(diesel::sql_types::Text, diesel::sql_types::Text, diesel::sql_types::BigInt)>(
        "SELECT path, key, count FROM pages JOIN model_counters ON owner_type = 'page' AND owner_id = pages.id",
    )
    .load::<(String, String, i64)>(&mut conn)
    .unwrap();
    counts_of_rows(rows)
}

#[test]
fn every_page_is_counted_as_awk_counts_it_and_twice_when_run_twice() {
    let folder = tempfile::tempdir().unwrap();
    let (log, expected) = (small_log(), counts_by_awk(&small_log()));
    assert_eq!(expected["/index.html"], [3, 1000, 0]);
    assert_eq!(expected["/form"], [2, 100, 2]);
    for (round, workers) in [(1, "1"), (2, "4")] {
        let output = run(folder.path(), &[log.to_str().unwrap(), "--workers", workers]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let expected = if round == 1 { expected.clone() } else { sum(&expected, &expected) };
        assert_eq!(counts_in(&folder.path().join("access_log.sqlite")), expected);
    }
}

#[test]
fn it_prints_the_most_visited_pages_and_how_fast_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &[small_log().to_str().unwrap()]);
    let printed = text(&output.stdout);
    let lines = printed.lines().collect::<Vec<_>>();
    assert!(lines[0].ends_with("page"), "{printed}");
    assert_eq!(lines[1].split_whitespace().collect::<Vec<_>>(), ["3", "1000", "0", "/index.html"]);
    assert_eq!(lines[2].split_whitespace().collect::<Vec<_>>(), ["2", "100", "2", "/form"]);
    assert!(printed.contains("9 lines, 21 increments"), "{printed}");
    assert!(printed.contains(" lines per second"), "{printed}");
    assert!(printed.contains(" increments per row"), "{printed}");
    assert_eq!(text(&output.stderr), "", "no progress bar without a terminal");
}

#[test]
fn hits_of_each_hour_and_day_are_those_of_awk_by_the_times_in_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let line = |time: &str| {
        format!("192.0.2.1 - - [{time}] \"GET /page HTTP/1.1\" 200 7 \"-\" \"agent\"\n")
    };
    let times = (0..400).map(|n| {
        let (day, hour) = (1 + n * n % 28, n * 7 % 24);
        line(&format!("{day:02}/Feb/2015:{hour:02}:{:02}:59 +0000", n % 60))
    });
    let log = folder.path().join("dated.log");
    std::fs::write(&log, times.collect::<String>()).unwrap();
    for (by, length) in [("day", 10), ("hour", 13)] {
        let output = run(folder.path(), &["dated.log", "--database", by, "--by", by]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let printed = text(&output.stdout);
        let lines = printed.lines().filter(|line| line.starts_with(&format!("{by}:")));
        let hits = lines.map(|line| {
            let fields = line.split_whitespace().collect::<Vec<_>>();
            (fields[0].to_owned(), fields[1].parse().unwrap())
        });
        let hits = hits.collect::<Vec<_>>();
        assert_eq!(hits.iter().cloned().collect::<BTreeMap<_, _>>(), hits_by_awk(&log, by, length));
        assert!(hits.is_sorted(), "{printed}");
        assert!(printed.contains("400 lines, 1200 increments"), "{printed}");
    }
}

#[test]
fn a_time_is_an_instant_and_a_line_without_one_is_malformed() {
    let folder = tempfile::tempdir().unwrap();
    let line = |time| format!("192.0.2.1 - - [{time}] \"GET /page HTTP/1.1\" 200 7\n");
    let lines = ["01/Mar/2015:01:30:00 +0200", "28/Feb/2015:23:30:00 +0000", "1 March 2015"];
    std::fs::write(folder.path().join("offsets.log"), lines.map(line).concat()).unwrap();
    let output = run(folder.path(), &["offsets.log", "--by", "hour"]);
    let printed = text(&output.stdout);
    assert!(printed.contains("hour:2015-02-28T23          2  ####"), "{printed}");
    assert!(printed.contains("3 lines, 6 increments"), "{printed}");
    assert!(printed.contains("1 malformed lines"), "{printed}");
}

#[test]
fn malformed_lines_are_counted_and_reported() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("bad.log");
    let head = "192.0.2.1 - - [01/Jan/2026:10:00:00 +0000]";
    let good = format!("{head} \"GET /good HTTP/1.1\" 200 1");
    let bad = [
        "not a log line".to_owned(),
        format!("{head} \"GET /x HTTP/1.1\" 200"),
        format!("{head} \"GET /x HTTP/1.1\" two 1"),
        format!("{head} \"GET /x HTTP/1.1\" 200 -1"),
        format!("{head} \"GET /x HTTP/1.1\" 200 99999999999999999999"),
        format!("{head} \"GET /x y HTTP/1.1\" 200 1"),
        format!("{head} \"\" 400 1"),
        format!("{head} \"GET /x HTTP/1.1 200 1"),
        "\"GET /x HTTP/1.1\" 200 1".to_owned(),
    ];
    let mut bytes = format!("{good}\n\n{}\n", bad.join("\r\n")).into_bytes();
    bytes.extend(
        format!("{head} \"GET /").bytes().chain([0xff]).chain(" HTTP/1.1\" 200 1\n".bytes()),
    );
    bytes.extend(good.bytes()); // without a newline at the end
    std::fs::write(&log, bytes).unwrap();
    let output = run(folder.path(), &["bad.log"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let printed = text(&output.stdout);
    assert!(printed.contains("12 lines, 4 increments"), "{printed}");
    assert!(
        printed.contains("10 malformed lines were left out, such as \"not a log line\""),
        "{printed}"
    );
    let counts = counts_in(&folder.path().join("access_log.sqlite"));
    assert_eq!(counts, [("/good".to_owned(), [2, 2, 0])].into());
}

#[test]
fn a_page_that_would_steer_the_terminal_is_counted_and_shown_harmless() {
    let folder = tempfile::tempdir().unwrap();
    let line = "192.0.2.1 - - [01/Jan/2026:10:00:00 +0000] \"GET /\u{1b}[2J HTTP/1.1\" 200 1\n";
    std::fs::write(folder.path().join("forged.log"), line).unwrap();
    let output = run(folder.path(), &["forged.log"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let printed = text(&output.stdout);
    assert!(!printed.contains('\u{1b}') && printed.contains("/\\u{1b}[2J"), "{printed:?}");
    assert_eq!(counts_in(&folder.path().join("access_log.sqlite"))["/\u{1b}[2J"], [1, 1, 0]);
}

#[test]
fn a_file_that_cannot_be_read_is_named_before_anything_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let log = small_log();
    let missing = run(folder.path(), &[log.to_str().unwrap(), "missing.log"]);
    assert!(!missing.status.success());
    assert!(
        text(&missing.stderr).starts_with("error: cannot read missing.log: No such file"),
        "{missing:?}"
    );
    let directory = run(folder.path(), &["."]);
    assert!(
        text(&directory.stderr).starts_with("error: cannot read .: it is a directory"),
        "{directory:?}"
    );
    assert!(!folder.path().join("access_log.sqlite").exists());
}

#[test]
fn a_database_that_is_a_directory_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &[small_log().to_str().unwrap(), "--database", "."]);
    assert!(!output.status.success());
    let error = text(&output.stderr);
    assert!(error.starts_with("error: cannot open the database .: "), "{error}");
    assert!(error.to_lowercase().contains("unable to open database file"), "{error}");
}
