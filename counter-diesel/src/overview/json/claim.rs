use counter_core::{Claim, ClaimOp};
use serde::{Serialize, Serializer};

use crate::overview::timestamp::Timestamp;

/// The fields of a claim, beside which others may stand.
#[derive(Serialize)]
pub(super) struct ClaimShape<'a> {
    counter: &'a str,
    sequence: i64,
    op: &'static str,
    value: i64,
}

impl<'a> From<&'a Claim> for ClaimShape<'a> {
    fn from(claim: &'a Claim) -> Self {
        let (op, value) = match claim.op {
            ClaimOp::Add(by) => ("add", by),
            ClaimOp::Set(to) => ("set", to),
            ClaimOp::Delete => ("delete", 0),
        };
        Self { counter: claim.id.as_str(), sequence: claim.seq.get(), op, value }
    }
}

/// As it is shown.
impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
