//! Claims, and what is not ours, as several commands print them.

use counter_diesel::{Claim, ClaimOp, Foreign};
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

pub(super) fn foreign_in_json(foreign: &Foreign) -> Value {
    json!({ "name": foreign.name, "why": foreign.why })
}
