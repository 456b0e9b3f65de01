use counter_diesel::store::ClaimOp;

/// Returns `+5`, `=5` or `deleted`.
pub(crate) fn op_text(op: ClaimOp) -> String {
    match op {
        ClaimOp::Add(by) => format!("{by:+}"),
        ClaimOp::Set(to) => format!("={to}"),
        ClaimOp::Delete => "deleted".to_owned(),
    }
}
