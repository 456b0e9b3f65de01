//! Shows the report of a sync: as a table, as one line, and line by line what needs attention.

use std::time::Duration;

use counter_diesel::SyncReport;
use counter_diesel::error::one_line;
use counter_diesel::overview::Timestamp;
use counter_diesel::store::Claim;
use counter_diesel::sync::ConflictingClaim;

use super::claim::op_text;
use super::listed::listed;
use super::shown::shown;
use super::table::table;

/// How much of a report the table shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// The counts, and how long the sync took.
    Counts,
    /// The counts, and how long each step took.
    Steps,
}

pub(crate) fn in_table(report: &SyncReport, detail: Detail) -> String {
    let row = |(name, count): (&str, u64)| ([count.to_string()], name.to_owned());
    let counts = counts(report).into_iter().map(row).collect::<Vec<_>>();
    let seconds = format!("{:.3}", report.elapsed.as_secs_f64());
    let rate = format!("{:.0}", report.rate());
    let times = [(seconds, "seconds"), (rate, "counters per second")];
    let times = times.map(|(time, name)| ([time], name.to_owned()));
    let steps = if detail == Detail::Steps { steps(report) } else { Vec::new() };
    table(&[counts.as_slice(), times.as_slice(), steps.as_slice()].concat())
}

/// Returns the counts with the names that are shown: first what was done, then what had nothing to
/// apply, then what is left.
fn counts(report: &SyncReport) -> Vec<(&'static str, u64)> {
    let mut counts = report.counts();
    counts.sort_by_key(|(name, _)| match *name {
        "scanned" | "applied" | "recovered" => 0,
        "zeros" | "superseded" | "discarded" => 1,
        _ => 2,
    });
    let shown = counts.into_iter().filter_map(|(name, count)| match name {
        "scanned" => Some(("found", count)),
        "applied" if report.dry_run => Some(("would be applied", count)),
        "zeros" => Some(("skipped", report.skipped())),
        "superseded" => None,
        // Only behind Sentinel, and in a cluster.
        "unconfirmed" | "gone_back" | "unavailable" if count == 0 => None,
        name => Some((name, count)),
    });
    shown.collect()
}

fn steps(report: &SyncReport) -> Vec<([String; 1], String)> {
    let of_step = |(step, time): (&str, Duration)| {
        ([format!("{:.3}", time.as_secs_f64())], format!("seconds: {step}"))
    };
    report.times.steps().into_iter().map(of_step).collect()
}

pub(crate) fn in_one_line(report: &SyncReport) -> String {
    format!("{} {}\n", Timestamp::now(), shown(&report.to_string()))
}

/// Returns a line for each thing that needs attention.
pub(crate) fn complaints(report: &SyncReport) -> Vec<String> {
    let mut lines = listed(&report.foreign, "names are not a counter's", ToString::to_string);
    lines.extend(listed(&report.failed, "counters failed", |failed| {
        format!("{} failed: {}", of(&failed.claim), one_line(&failed.error))
    }));
    lines.extend(listed(
        &report.conflicts,
        "conflicts",
        |ConflictingClaim { claim, row, .. }| {
            let (claim, seq) = (of(claim), claim.seq);
            format!(
                "{claim} is in conflict: it is claim {seq}, but its row has seen {row}; \
             the store seems to be an old copy: set the counter to the right value, \
             or decide about all conflicts with: counter conflicts"
            )
        },
    ));
    lines.extend(listed(&report.lost, "claims were lost", |lost| {
        let rest =
            if lost.applied { "but was applied" } else { "and has no row, so it was not applied" };
        format!("{} vanished from the store, {rest}", of(&lost.claim))
    }));
    lines.extend(listed(&report.expiring, "counts had an expiry", |counter| {
        format!(
            "{counter} had an expiry in the store: have the program that sets it send INCRBY alone"
        )
    }));
    lines.extend(listed(&report.held, "claims were left unfinished", |held| {
        format!("{} is left unfinished: {}", held.counter, held.cause)
    }));
    lines.extend(listed(&report.postponed, "claims were postponed", |postponed| {
        format!("{} is left to a later sync: {}", of(&postponed.claim), postponed.cause)
    }));
    lines.extend(store_complaints(report));
    lines
}

/// Returns what needs attention in parts of the store.
fn part_complaints(report: &SyncReport) -> Vec<String> {
    let mut lines =
        listed(&report.gone_back, "parts of the store came back from an old copy", |it| {
            format!(
                "part {} of the store came back from an old copy: nothing of it is synced until \
                 you decide, see counter conflicts",
                it.part
            )
        });
    if let Some(why) = &report.why_unavailable {
        let why = shown(why);
        lines.push(format!(
            "{} counters are left to a later sync, because their part of the store is not \
             available: {why}",
            report.unavailable
        ));
    }
    lines
}

/// Returns what needs attention in the store as a whole.
fn store_complaints(report: &SyncReport) -> Vec<String> {
    let mut lines = part_complaints(report);
    if let Some(recorded) = &report.store_replaced {
        let since = recorded.synced_at.map_or_else(
            || {
                "the last one was never synced to its end, and what it still held is gone"
                    .to_owned()
            },
            |time| {
                let time = time.format("%Y-%m-%d %H:%M:%S");
                format!(
                    "the last one was synced at {time} UTC, and what it counted after that is gone"
                )
            },
        );
        lines.push(format!("the store lost its data or was replaced: {since}"));
    }
    if let Some(other) = &report.prefix_changed {
        let prefix = shown(&other.prefix);
        lines.push(format!(
            "nothing was synced from this prefix before, but from {prefix}: if COUNTER_PREFIX was \
             changed, sync what is pending there too: COUNTER_PREFIX={prefix} counter sync"
        ));
    }
    if report.high_water_lost {
        lines.push(
            "the store had lost its newest sequence, and only that: find out what evicts or \
             deletes it"
                .to_owned(),
        );
    }
    if report.marks_lost {
        lines.push(
            "the store had lost what it knew of the database, and only that: find out what evicts \
             or deletes it"
                .to_owned(),
        );
    }
    if report.shared_prefix {
        lines.push(
            "the store is synced into another database too, which gets a part of the counts; \
             give each its own COUNTER_PREFIX"
                .to_owned(),
        );
    }
    if let Some(why) = &report.sentinels_silent {
        let why = shown(why);
        lines.push(format!(
            "no sentinel names a master, so the one that was named last is used: {why}"
        ));
    }
    lines
}

fn of(claim: &Claim) -> String {
    format!("{} of {}", op_text(claim.op), claim.id)
}
