use counter_diesel::error::one_line;
use counter_diesel::sync::{Capped, Merged};
use serde_json::{Value, json};

use super::listed::listed;
use super::output::Output;
use super::shown::shown;
use super::streams::complain;

/// Returns what a merge did with these owners or types.
pub(crate) fn merged_in_json(merged: &Merged, from: &str, into: &str) -> Value {
    fn in_list<T>(list: &Capped<T>, shape: impl Fn(&T) -> Value) -> Value {
        json!({ "count": list.count(), "first": list.iter().map(shape).collect::<Vec<_>>() })
    }
    json!({
        "from": from,
        "into": into,
        "complete": merged.is_complete(),
        "interrupted": merged.interrupted,
        "moved": merged.moved,
        "left": in_list(&merged.left, |id| json!({ "counter": id.as_str() })),
        "failed": in_list(&merged.failed, |failed| {
            json!({ "counter": failed.counter.as_str(), "why": one_line(&failed.error) })
        }),
        "unanswered": merged.unanswered,
        "unsynced": in_list(&merged.unsynced, |id| json!({ "counter": id.as_str() })),
        "lost": in_list(&merged.lost, |id| json!({ "counter": id.as_str() })),
        "store_lost": merged.store_lost,
        "rows_removed": merged.rows_removed,
        "rows_left": merged.rows_left,
    })
}

pub(crate) fn merged_in_text(merged: &Merged, from: &str, into: &str) -> String {
    let (from, into) = (shown(from), shown(into));
    let Merged { moved, rows_removed, rows_left, .. } = merged;
    let mut text =
        format!("{moved} counters of {from} moved to {into}, {rows_removed} rows removed\n");
    if *rows_left > 0 {
        text.push_str(&format!(
            "{rows_left} rows of {from} are still there; once they have been 0 for an hour, the \
             same command removes them\n"
        ));
    }
    text
}

/// Prints what is left to standard error. In JSON it is part of the result.
pub(crate) fn complain_of_merge(merged: &Merged, output: Output) {
    if output.json || merged.is_complete() {
        return;
    }
    let failed = listed(&merged.failed, "counters could not be moved", |failed| {
        format!("{} was not moved: {}", failed.counter, one_line(&failed.error))
    });
    let left = listed(&merged.left, "counters are left", |id| {
        format!("{id} is left, because it is counted or synced all the time")
    });
    let unsynced = listed(&merged.unsynced, "counters are not in the table yet", |id| {
        format!("{id} is not in the table yet; the next sync says why")
    });
    let lost = listed(&merged.lost, "claims were lost by the store", |id| {
        format!("the store has lost a claim of {id}")
    });
    failed.iter().chain(&left).chain(&unsynced).chain(&lost).for_each(|line| complain(line));
    let is_kept = merged.lost.is_empty() && !merged.store_lost;
    if merged.store_lost {
        complain("the store was emptied, replaced, or had lost its newest sequence");
    }
    if merged.unanswered > 0 {
        complain(&format!("{} steps were not answered", merged.unanswered));
    }
    let why = if merged.interrupted { "stopped by a signal" } else { "not everything was moved" };
    let kept = if is_kept { "no count is lost" } else { "what was in the table is there still" };
    complain(&format!("{why}; {kept}, and the same command goes on"));
}
