//! Passwords: what is given one never writes it. Every entrance is given all that it might get of
//! one table of URLs, and whatever it returns, prints or logs is searched.

#![allow(clippy::panic, clippy::unwrap_used)]

mod command;
mod databases;
mod misplaced;
mod redis_store;
mod texts;
mod urls;

use std::fmt::Debug;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;

const SECRET: &str = "s3cret";

/// A half of the password is one too.
fn assert_silent(given: &dyn Debug, said: &str) {
    assert!(!said.contains("s3c") && !said.contains("cret"), "{given:?}: {said}");
}

/// Runs this for each of the cases. Most of them wait for a connection that is never made, so many
/// run at once.
fn for_each<T: Sync>(cases: &[T], run: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(case) = cases.get(next.fetch_add(1, SeqCst)) {
            run(case);
        }
    };
    thread::scope(|scope| (0..16).for_each(|_| drop(scope.spawn(work))));
}
