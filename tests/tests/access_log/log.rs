//! Logs.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// The log that the examples are tested with.
pub(crate) fn small() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/tests/small.log")
}

/// A log of this many lines over a few hundred pages, some of them with errors.
pub(crate) fn varied(lines: u64) -> String {
    let mut log = String::new();
    for number in 0..lines {
        let page = number * number % 331;
        let status = if number % 7 == 0 { 404 } else { 200 };
        push(&mut log, &format!("/page/{page}"), status, number % 5000);
    }
    log
}

/// This many lines over this many pages, each an increment of hits and of bytes by 1.
pub(crate) fn even(path: &str, lines: usize, pages: usize) -> String {
    let mut log = String::new();
    for number in 0..lines {
        push(&mut log, &format!("{path}{}", number % pages), 200, 1);
    }
    log
}

fn push(log: &mut String, path: &str, status: u16, bytes: u64) {
    let time = "01/Jan/2026:10:00:00 +0000";
    writeln!(log, "192.0.2.1 - - [{time}] \"GET {path} HTTP/1.1\" {status} {bytes}").unwrap();
}
