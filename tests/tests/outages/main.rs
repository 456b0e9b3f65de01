//! What an application sees, and what the table says in the end, when Redis or the database goes
//! away and comes back: on real servers of the tests' own.

mod database_away;
mod database_frozen;
mod database_killed;
mod demoted;
mod frozen_calls;
mod locked_tables;
mod locks;
mod overdue;
mod redis_away;
mod redis_frozen;
mod redis_replaced;
mod standby;
mod standby_gone;

use std::error::Error as _;
use std::time::{Duration, Instant};

use counter_diesel::{Counters, Error, SyncOptions, SyncReport};

/// More than any request waits.
const SOON: Duration = Duration::from_secs(3);

/// What `call` returns, which has to be soon.
fn soon<T>(call: impl FnOnce() -> T) -> T {
    within(SOON, call)
}

fn within<T>(limit: Duration, call: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = call();
    let took = start.elapsed();
    assert!(took < limit, "it took {took:?}");
    result
}

fn sync(counters: &Counters) -> Result<SyncReport, Error> {
    counters.sync(&SyncOptions::default())
}

fn sync_cleanly(counters: &Counters) -> SyncReport {
    let report = sync(counters).unwrap();
    assert!(report.is_clean(), "{report:?}");
    report
}

fn assert_not_counted(outcome: &Result<(), Error>) {
    let is_not_counted =
        matches!(outcome, Err(Error::Core(counter_core::Error::NotCounted { .. })));
    assert!(is_not_counted, "expected NotCounted, got {outcome:?}");
}

fn assert_unreachable<T: std::fmt::Debug>(result: &Result<T, Error>) {
    assert!(matches!(result, Err(Error::Unreachable { .. })), "{result:?}");
}

/// An error with its causes, as an application logs it.
fn everything_said(error: &Error) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        said += &format!(": {error}");
        cause = error.source();
    }
    said
}
