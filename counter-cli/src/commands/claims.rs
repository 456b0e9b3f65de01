//! Claims, and what is not ours, as several commands print them.

use chrono::{DateTime, Utc};
use counter_diesel::{Claim, ClaimOp, ClaimSeq, Findings, Foreign};
use serde_json::{Value, json};

/// `+5`, `=5` or `deleted`.
pub(super) fn op_text(op: ClaimOp) -> String {
    match op {
        ClaimOp::Add(by) => format!("{by:+}"),
        ClaimOp::Set(to) => format!("={to}"),
        ClaimOp::Delete => "deleted".to_owned(),
    }
}

/// A claim, and what else is known of it.
pub(super) fn in_json<const N: usize>(claim: &Claim, more: [(&str, Value); N]) -> Value {
    let (op, value) = match claim.op {
        ClaimOp::Add(by) => ("add", by),
        ClaimOp::Set(to) => ("set", to),
        ClaimOp::Delete => ("delete", 0),
    };
    let fields = [
        ("counter", json!(claim.id.as_str())),
        ("sequence", json!(claim.seq.get())),
        ("op", json!(op)),
        ("value", json!(value)),
    ];
    let fields = fields.into_iter().chain(more);
    Value::Object(fields.map(|(name, value)| (name.to_owned(), value)).collect())
}

/// All are counted, the first are listed.
pub(super) fn findings_in_json<T>(findings: &Findings<T>, in_json: fn(&T) -> Value) -> Value {
    json!({ "count": findings.count(), "first": findings.iter().map(in_json).collect::<Value>() })
}

pub(super) fn foreign_in_json(foreign: &Foreign) -> Value {
    json!({ "name": foreign.name, "why": foreign.why })
}

/// Sequences are microseconds of the store's clock.
pub(super) fn instant_of(seq: ClaimSeq) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_micros(seq.get())
}

/// `2026-01-01T00:00:00Z`, the time that is in a sequence.
pub(super) fn time_in(seq: ClaimSeq) -> Option<String> {
    instant_of(seq).map(|time| time.format(TIME).to_string())
}

/// How times are printed, all in UTC.
pub(super) const TIME: &str = "%Y-%m-%dT%H:%M:%SZ";
