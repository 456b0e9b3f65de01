//! A report, as a table, as one line, as JSON, and what somebody should look at, line by line.

use std::time::Duration;

use chrono::Utc;
use counter_diesel::{Claim, Conflict, FailedClaim, Findings, LostClaim, SyncReport, SyncTimes};
use serde_json::{Value, json};

use crate::commands::claims::{self, findings_in_json, op_text};
use crate::failure::in_one_line as error_in_one_line;
use crate::output::{shown, table};

pub(super) fn in_table(report: &SyncReport, is_verbose: bool) -> String {
    let applied = if report.dry_run { "would be applied" } else { "applied" };
    let counts = [
        (report.scanned, "found"),
        (report.applied, applied),
        (report.recovered, "recovered"),
        (skipped(report), "skipped"),
        (report.discarded, "discarded"),
        (report.busy, "busy"),
        (report.postponed, "postponed"),
        (report.invalid.count(), "invalid"),
        (report.failed.count(), "failed"),
        (report.conflicts.count(), "conflicts"),
        (report.lost.count(), "lost"),
    ];
    let counts = counts.map(|(count, name)| ([count.to_string()], name.to_owned()));
    let seconds = format!("{:.3}", report.elapsed.as_secs_f64());
    let rate = format!("{:.0}", per_second(report));
    let times = [(seconds, "seconds"), (rate, "counters per second")];
    let times = times.map(|(time, name)| ([time], name.to_owned()));
    let steps = if is_verbose { steps(report) } else { Vec::new() };
    table(&[counts.as_slice(), times.as_slice(), steps.as_slice()].concat())
}

fn steps(report: &SyncReport) -> Vec<([String; 1], String)> {
    let of_step = |(step, time): (&str, Duration)| {
        ([format!("{:.3}", time.as_secs_f64())], format!("seconds: {step}"))
    };
    times(report).into_iter().map(of_step).collect()
}

pub(super) fn in_one_line(report: &SyncReport) -> String {
    format!("{} {}\n", Utc::now().format(claims::TIME), shown(&report.to_string()))
}

pub(super) fn in_json(report: &SyncReport) -> Value {
    json!({
        "dry_run": report.dry_run,
        "clean": report.is_clean(),
        "interrupted": report.interrupted,
        "found": report.scanned,
        "applied": report.applied,
        "recovered": report.recovered,
        "skipped": skipped(report),
        "discarded": report.discarded,
        "busy": report.busy,
        "postponed": report.postponed,
        "invalid": findings_in_json(&report.invalid, claims::foreign_in_json),
        "failed": findings_in_json(&report.failed, failed_in_json),
        "conflicts": findings_in_json(&report.conflicts, conflict_in_json),
        "lost": findings_in_json(&report.lost, lost_in_json),
        "store_replaced": report.store_replaced.as_ref().map(|recorded| json!({
            "store_id": recorded.store_id,
            "sequence": recorded.seq.get(),
            "synced_at": recorded.synced_at.format(claims::TIME).to_string(),
        })),
        "shared_prefix": report.shared_prefix,
        "stopped": report.stopped.as_ref().map(|error| error_in_one_line(error)),
        "seconds": report.elapsed.as_secs_f64(),
        "counters_per_second": per_second(report),
        "step_seconds": times(report)
            .into_iter()
            .map(|(step, time)| (step.to_owned(), json!(time.as_secs_f64())))
            .collect::<Value>(),
    })
}

/// A report of what `counter conflicts` did.
pub(super) fn with_action(mut report: Value, action: &str) -> Value {
    if let Value::Object(fields) = &mut report {
        fields.insert("action".to_owned(), json!(action));
    }
    report
}

/// Where the time went, by step.
fn times(report: &SyncReport) -> [(&'static str, Duration); 5] {
    let SyncTimes { scan, claim, database, verify, acknowledge, .. } = report.times;
    [
        ("scan", scan),
        ("claim", claim),
        ("database", database),
        ("verify", verify),
        ("acknowledge", acknowledge),
    ]
}

/// Of what there was nothing to apply: zeros, and what a set, a delete or another sync had replaced.
fn skipped(report: &SyncReport) -> u64 {
    report.zeros + report.superseded
}

fn per_second(report: &SyncReport) -> f64 {
    report.applied as f64 / report.elapsed.as_secs_f64().max(1e-6)
}

fn failed_in_json(failed: &FailedClaim) -> Value {
    let why = json!(error_in_one_line(&failed.error));
    claims::in_json(&failed.claim, [("why", why)])
}

fn conflict_in_json(conflict: &Conflict) -> Value {
    claims::in_json(&conflict.claim, [("row_sequence", json!(conflict.row.get()))])
}

fn lost_in_json(lost: &LostClaim) -> Value {
    claims::in_json(&lost.claim, [("applied", json!(lost.applied))])
}

/// How many kinds of trouble there are.
pub(super) const TROUBLES: usize = 8;

/// How much of each kind of trouble a pass met.
pub(super) fn troubles(report: &SyncReport) -> [u64; TROUBLES] {
    [
        report.invalid.count(),
        report.failed.count(),
        report.conflicts.count(),
        report.lost.count(),
        report.postponed,
        report.store_replaced.is_some().into(),
        report.shared_prefix.into(),
        report.stopped.is_some().into(),
    ]
}

/// What somebody should look at.
pub(super) fn complaints(report: &SyncReport) -> Vec<String> {
    let mut lines = Vec::new();
    list(&mut lines, &report.invalid, "names are not a counter's", ToString::to_string);
    list(&mut lines, &report.failed, "counters failed", |failed| {
        format!("{} failed: {}", of(&failed.claim), error_in_one_line(&failed.error))
    });
    list(&mut lines, &report.conflicts, "conflicts", |Conflict { claim, row, .. }| {
        let (claim, seq) = (of(claim), claim.seq);
        format!(
            "{claim} is in conflict: it is claim {seq}, but its row has seen {row}; \
             the store seems to be an old copy: set the counter to the right value, \
             or decide about all conflicts with: counter conflicts"
        )
    });
    list(&mut lines, &report.lost, "claims were lost", |lost| {
        let rest =
            if lost.applied { "but was applied" } else { "and has no row, so it was not applied" };
        format!("{} vanished from the store, {rest}", of(&lost.claim))
    });
    if report.postponed > 0 {
        lines.push(format!("{} counters kept changing; sync again", report.postponed));
    }
    if let Some(recorded) = &report.store_replaced {
        let time = recorded.synced_at.format("%Y-%m-%d %H:%M:%S");
        lines.push(format!(
            "the store lost its data or was replaced: the last one was synced at {time} UTC, \
             and what it counted after that is gone"
        ));
    }
    if report.shared_prefix {
        lines.push(
            "the store is synced into another database too, which gets a part of the counts; \
             give each its own COUNTER_PREFIX"
                .to_owned(),
        );
    }
    lines
}

fn of(claim: &Claim) -> String {
    format!("{} of {}", op_text(claim.op), claim.id)
}

fn list<T>(lines: &mut Vec<String>, findings: &Findings<T>, what: &str, line: fn(&T) -> String) {
    lines.extend(findings.iter().map(line));
    let more = findings.count().saturating_sub(findings.iter().len() as u64);
    if more > 0 {
        lines.push(format!("{more} more {what}"));
    }
}
