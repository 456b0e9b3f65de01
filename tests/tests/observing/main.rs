//! What Counter logs and measures: events, spans and metrics, each as docs/observing.md has it.

#![allow(clippy::unwrap_used)]

mod cluster;
mod dependencies;
mod documented;
mod events;
mod metrics;
mod recorded;
mod scenes;
mod sentinel;
mod slow;
mod spans;
mod workers;

use std::process::ExitCode;

use counter_tests::log::Log;
use counter_tests::suite;
use libtest_mimic::Trial;

fn main() -> ExitCode {
    // Before anything is logged: a worker logs in a thread of its own.
    let _ = Log::of_process();
    let sentences = [dependencies::CASES, documented::CASES, metrics::CASES, spans::CASES];
    let sentences = sentences.into_iter().flatten().map(|(sentence, show)| {
        Trial::test(sentence.replace([' ', ','], "_"), move || {
            show();
            Ok(())
        })
    });
    suite::run_trials(sentences.chain(events::trials()).collect())
}

/// A sentence, and what shows that it is true.
type Case = (&'static str, fn());
