use std::time::{Duration, Instant};

use counter_core::{ForgottenPart, Prefix, Printable};
use tracing::Span;
use tracing::field::{Empty, display};

use crate::engine::engine::Engine;
use crate::error::Error;
use crate::sync::options::SyncOptions;
use crate::sync::prune_options::{FailedPrune, Pruned};
use crate::sync::report::claims::{ConflictingClaim, FailedClaim, HeldCounter, LostClaim};
use crate::sync::report::outcome::PassOutcome;
use crate::sync::report::report::SyncReport;
#[cfg(feature = "metrics")]
use crate::sync::telemetry::metrics;
use crate::targets::{SYNC, WORKER};

/// A transaction waits for others' locks, or for the disk, and is waited for by others.
const SLOW_DATABASE: Duration = Duration::from_secs(1);

/// Half of what a check may take. Beyond that, nothing is applied any more.
const SLOW_VERIFY: Duration = Duration::from_millis(250);

/// Runs a pass in its own span and logs the outcome when it ends. By then no row is locked, so a
/// slow log writer blocks no one.
pub(crate) fn watch_pass(
    engine: &Engine,
    options: &SyncOptions,
    run: impl FnOnce() -> Result<SyncReport, Error>,
) -> Result<SyncReport, Error> {
    let prefix = engine.prefix();
    let span = span_of(prefix, options);
    span.in_scope(|| {
        let started = Instant::now();
        let result = run();
        let elapsed = started.elapsed();
        complete(&span, &result, elapsed);
        log_pass(prefix, &result);
        #[cfg(feature = "metrics")]
        metrics::record_pass(engine, options, &result, elapsed);
        result
    })
}

/// Logs a pass that panicked, which only a worker survives.
pub(crate) fn log_panic(prefix: &Prefix, error: &Error) {
    tracing::error!(target: WORKER, %prefix, ?error, "a sync panicked");
    #[cfg(feature = "metrics")]
    metrics::record_panic(prefix);
}

/// Logs what a worker has pruned.
pub(crate) fn log_prune(prefix: &Prefix, pruned: &Result<Pruned, Error>) {
    let failed = match pruned {
        Err(error) => {
            tracing::error!(target: WORKER, %prefix, ?error, "old periods could not be pruned");
            1
        }
        Ok(Pruned { rows, cleared, rolled_up, held, removed, failed }) => {
            let failed = failed.count();
            tracing::info!(
                target: WORKER, %prefix, rows, cleared, rolled_up, held, removed, failed,
                "old periods were pruned"
            );
            failed
        }
    };
    if let Some(FailedPrune { counter, why }) =
        pruned.as_ref().ok().and_then(|pruned| pruned.failed.iter().next())
    {
        tracing::warn!(
            target: WORKER, %prefix, %counter, error = why,
            "some old periods could not be pruned"
        );
    }
    #[cfg(feature = "metrics")]
    metrics::record_prune(prefix, failed);
    #[cfg(not(feature = "metrics"))]
    let _ = failed;
}

/// Logs that a worker's syncs began to take longer than its interval. Returns whether they do.
pub(crate) fn log_pace(
    prefix: &Prefix,
    interval: Duration,
    took: Duration,
    was_behind: bool,
) -> bool {
    let is_behind = took > interval;
    if is_behind && !was_behind {
        let (seconds, interval_seconds) = (took.as_secs_f64(), interval.as_secs_f64());
        tracing::warn!(
            target: WORKER, %prefix, seconds, interval_seconds,
            "syncs take longer than the interval"
        );
    }
    is_behind
}

fn span_of(prefix: &Prefix, options: &SyncOptions) -> Span {
    tracing::info_span!(
        target: SYNC,
        "counter.sync",
        %prefix,
        pattern = options.pattern.as_ref().map(|it| Printable(it.as_str()).to_string()),
        dry_run = options.dry_run,
        outcome = Empty,
        found = Empty,
        applied = Empty,
        recovered = Empty,
        failed = Empty,
        conflicts = Empty,
        lost = Empty,
        seconds = Empty,
    )
}

/// Records in the span of a pass what is known at its end.
fn complete(span: &Span, result: &Result<SyncReport, Error>, elapsed: Duration) {
    span.record("outcome", PassOutcome::of(result).name());
    span.record("seconds", elapsed.as_secs_f64());
    if let Ok(report) = result {
        span.record("found", report.scanned);
        // Those of them that the span declares.
        for (name, count) in report.counts() {
            span.record(name, count);
        }
    }
}

fn log_pass(prefix: &Prefix, result: &Result<SyncReport, Error>) {
    let report = match result {
        Ok(report) => report,
        Err(error) => return log_failure(prefix, error, None),
    };
    log_store(prefix, report);
    log_claims(prefix, report);
    log_slow_steps(prefix, report);
    match &report.stopped {
        Some(error) => log_failure(prefix, error, Some(report)),
        None if report.is_clean() => tracing::debug!(target: SYNC, %prefix, %report, "synced"),
        None => {
            tracing::warn!(target: SYNC, %prefix, %report, "synced, but something needs attention");
        }
    }
}

fn log_failure(prefix: &Prefix, error: &Error, report: Option<&SyncReport>) {
    let report = report.map(display);
    if let Error::Core(counter_core::Error::StoreWentBack { found, recorded }) = error {
        let (found, recorded) = (found.get(), recorded.get());
        tracing::error!(
            target: SYNC, %prefix, found, recorded, report,
            "the store came back from an old copy"
        );
    } else if error.is_other_database() {
        tracing::error!(target: SYNC, %prefix, ?error, "the database is not the right one");
    } else {
        tracing::error!(target: SYNC, %prefix, ?error, report, "a sync failed");
    }
}

fn log_store(prefix: &Prefix, report: &SyncReport) {
    if let Some(known) = &report.store_replaced {
        let (store_id, synced_at) = (Printable(&known.store_id), known.synced_at.map(display));
        tracing::warn!(target: SYNC, %prefix, ?store_id, synced_at, "the store was replaced");
    }
    if let Some(other) = &report.prefix_changed {
        let (other, synced_at) = (Printable(&other.prefix), other.synced_at.map(display));
        tracing::warn!(
            target: SYNC, %prefix, ?other, synced_at,
            "another prefix was synced before"
        );
    }
    if report.high_water_lost {
        tracing::warn!(target: SYNC, %prefix, "the store had lost its newest sequence");
    }
    for ForgottenPart { part, found, forgotten } in &report.gone_back {
        let (found, recorded) = (found.get(), forgotten.get());
        tracing::error!(
            target: SYNC, %prefix, part, found, recorded,
            "a part of the store came back from an old copy"
        );
    }
    if let Some(error) = &report.why_unavailable {
        let (counters, error) = (report.unavailable, Printable(error));
        tracing::warn!(
            target: SYNC, %prefix, counters, %error,
            "a part of the store is not available"
        );
    }
    if report.marks_lost {
        tracing::warn!(target: SYNC, %prefix, "the store had lost the database's marks");
    }
    if report.shared_prefix {
        tracing::warn!(target: SYNC, %prefix, "the store is synced into another database too");
    }
    if report.unconfirmed > 0 {
        let unconfirmed = report.unconfirmed;
        tracing::warn!(
            target: SYNC, %prefix, unconfirmed,
            "claims were made that no replica has confirmed"
        );
    }
    if let Some(error) = &report.sentinels_silent {
        let error = Printable(error);
        tracing::warn!(target: SYNC, %prefix, %error, "no sentinel names a master");
    }
    for foreign in &report.foreign {
        let (name, why) = (Printable(&foreign.name), Printable(&foreign.why));
        tracing::debug!(target: SYNC, %prefix, ?name, ?why, "a name is not a counter's");
    }
}

fn log_claims(prefix: &Prefix, report: &SyncReport) {
    for FailedClaim { claim, error } in &report.failed {
        let (counter, claim) = (&claim.id, claim.text());
        tracing::warn!(target: SYNC, %prefix, %counter, claim, ?error, "a row is refused");
    }
    for ConflictingClaim { claim, row } in &report.conflicts {
        let (counter, claim, row) = (&claim.id, claim.text(), row.get());
        tracing::warn!(target: SYNC, %prefix, %counter, claim, row, "a claim is in conflict");
    }
    for counter in &report.expiring {
        tracing::warn!(target: SYNC, %prefix, %counter, "a count had an expiry");
    }
    for HeldCounter { counter, cause } in &report.held {
        tracing::warn!(target: SYNC, %prefix, %counter, %cause, "a claim is left unfinished");
    }
    for LostClaim { claim, applied } in &report.lost {
        let (counter, claim) = (&claim.id, claim.text());
        tracing::warn!(target: SYNC, %prefix, %counter, claim, applied, "a claim was lost");
    }
}

fn log_slow_steps(prefix: &Prefix, report: &SyncReport) {
    let steps = [
        ("database", report.times.longest_database, SLOW_DATABASE),
        ("verify", report.times.longest_verify, SLOW_VERIFY),
    ];
    for (step, took, limit) in steps.into_iter().filter(|(_, took, limit)| took >= limit) {
        let (seconds, limit_seconds) = (took.as_secs_f64(), limit.as_secs_f64());
        tracing::warn!(target: SYNC, %prefix, step, seconds, limit_seconds, "a step was slow");
    }
}
