//! Metrics of passes, for the recorder that the application has installed: see
//! [`telemetry`](crate::telemetry).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use counter_core::{ClaimSeq, Pattern, Prefix};
use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};

use crate::engine::engine::Engine;
use crate::engine::remembered;
use crate::error::Error;
use crate::sync::options::SyncOptions;
use crate::sync::report::outcome::PassOutcome;
use crate::sync::report::report::SyncReport;

const PASSES: &str = "counter_sync_passes_total";
const DURATION: &str = "counter_sync_duration_seconds";
const STEP_DURATION: &str = "counter_sync_step_duration_seconds";
const LAST_SUCCESS: &str = "counter_sync_last_success_timestamp_seconds";
const PRUNE_FAILED: &str = "counter_prune_failed_total";
const PENDING: &str = "counter_pending_counters";
const OLDEST_CLAIM: &str = "counter_oldest_claim_seconds";

/// The counts of a report that are metrics, and what each means.
const CLAIMS: [(&str, &str); 12] = [
    ("counter_sync_applied_total", "Claims that syncs have applied to the table."),
    ("counter_sync_recovered_total", "Those of them that an earlier sync had left behind."),
    (
        "counter_sync_failed_total",
        "Claims that the database refused; each counts once in each sync.",
    ),
    (
        "counter_sync_conflicts_total",
        "Claims older than what their row has seen; each counts once in each sync.",
    ),
    ("counter_sync_lost_total", "Claims that vanished from the store before they were applied."),
    (
        "counter_sync_postponed_total",
        "Claims that were left to a later sync; each sync counts them again.",
    ),
    (
        "counter_sync_held_total",
        "Counters whose claim was left unfinished by a last or a single sync.",
    ),
    (
        "counter_sync_gone_back_total",
        "Slots of a cluster that came back from an old copy; each counts once in each sync.",
    ),
    (
        "counter_sync_unavailable_total",
        "Counters in slots of a cluster that could not make claims.",
    ),
    ("counter_sync_expiring_total", "Pending counts that had an expiry when they were claimed."),
    (
        "counter_sync_foreign_total",
        "Names in the store that are no counters; each counts once in each sync.",
    ),
    (
        "counter_sync_unconfirmed_total",
        "Claims that no replica confirmed, because the master had none.",
    ),
];

/// Registers the counters with their present values, so that the first conflict is a change of a
/// known metric.
pub(crate) fn register(prefix: &Prefix) {
    describe();
    for outcome in [PassOutcome::Clean, PassOutcome::Unclean, PassOutcome::Failed] {
        count_pass(prefix, outcome, 0);
    }
    count_claims(prefix, &SyncReport::default());
    counter!(PRUNE_FAILED, "prefix" => prefix.to_string()).increment(0);
}

/// Records the metrics of a pass. A dry run changes nothing, here either.
pub(crate) fn record_pass(
    engine: &Engine,
    options: &SyncOptions,
    result: &Result<SyncReport, Error>,
    elapsed: Duration,
) {
    if options.dry_run {
        return;
    }
    let prefix = engine.prefix();
    register(prefix);
    count_pass(prefix, PassOutcome::of(result), 1);
    histogram!(DURATION, "prefix" => prefix.to_string()).record(elapsed);
    if let Ok(report) = result {
        count_claims(prefix, report);
        time_steps(prefix, report);
        if is_whole(options, report) {
            let pending = report.scanned.saturating_sub(report.zeros);
            gauge!(PENDING, "prefix" => prefix.to_string()).set(pending as f64);
            gauge!(LAST_SUCCESS, "prefix" => prefix.to_string()).set(since_epoch().as_secs_f64());
        }
    }
    let oldest = remembered::oldest(&engine.remembered()).map_or(Duration::ZERO, age_of);
    gauge!(OLDEST_CLAIM, "prefix" => prefix.to_string()).set(oldest);
}

/// Records what a worker could not prune.
pub(crate) fn record_prune(prefix: &Prefix, failed: u64) {
    register(prefix);
    counter!(PRUNE_FAILED, "prefix" => prefix.to_string()).increment(failed);
}

/// A pass that ended by a panic has left nothing else that could be known.
pub(crate) fn record_panic(prefix: &Prefix) {
    register(prefix);
    count_pass(prefix, PassOutcome::Failed, 1);
}

fn count_pass(prefix: &Prefix, outcome: PassOutcome, by: u64) {
    let labels = [("prefix", prefix.to_string()), ("outcome", outcome.name().to_owned())];
    counter!(PASSES, &labels).increment(by);
}

fn count_claims(prefix: &Prefix, report: &SyncReport) {
    for (name, count) in report.counts() {
        if let Some((metric, _)) = CLAIMS.iter().find(|(metric, _)| counts(metric, name)) {
            counter!(*metric, "prefix" => prefix.to_string()).increment(count);
        }
    }
}

/// Returns whether a metric is that of the count with this name.
fn counts(metric: &str, name: &str) -> bool {
    metric.strip_prefix("counter_sync_").and_then(|rest| rest.strip_suffix("_total")) == Some(name)
}

fn time_steps(prefix: &Prefix, report: &SyncReport) {
    for (step, spent) in report.times.steps() {
        histogram!(STEP_DURATION, "prefix" => prefix.to_string(), "step" => step).record(spent);
    }
}

/// Whether a pass has found all that the store holds, and came to its end.
fn is_whole(options: &SyncOptions, report: &SyncReport) -> bool {
    let finds_all = options.pattern.as_ref().is_none_or(Pattern::is_all);
    finds_all && !report.interrupted && report.stopped.is_none()
}

/// By the clock of this machine, while the sequence is of the store's. One from the future has no
/// age yet.
fn age_of(seq: ClaimSeq) -> Duration {
    let claimed_at = Duration::from_micros(u64::try_from(seq.get()).unwrap_or_default());
    since_epoch().saturating_sub(claimed_at)
}

fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Called with each pass, because a recorder may be installed at any time.
fn describe() {
    describe_counter!(PASSES, Unit::Count, "Syncs, by how they went: clean, unclean, failed.");
    for (name, meaning) in CLAIMS {
        describe_counter!(name, Unit::Count, meaning);
    }
    describe_counter!(
        PRUNE_FAILED,
        Unit::Count,
        "Buckets that a worker could not prune; 1 where a prune failed as a whole."
    );
    describe_histogram!(DURATION, Unit::Seconds, "How long a sync took.");
    describe_histogram!(
        STEP_DURATION,
        Unit::Seconds,
        "How long a sync waited for one of its steps."
    );
    describe_gauge!(LAST_SUCCESS, Unit::Seconds, "When the last whole sync ended, as Unix time.");
    describe_gauge!(PENDING, Unit::Count, "Counters that the last whole sync found to be moved.");
    describe_gauge!(OLDEST_CLAIM, Unit::Seconds, "Age of the oldest claim left unfinished, or 0.");
}
