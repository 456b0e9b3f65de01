//! What a process knows of the claims that it has taken and not settled yet.

use std::collections::HashMap;

use counter_core::{Claim, ClaimOp, ClaimSeq, CounterId};

/// A counter has one claim at a time.
pub(crate) type UnsettledClaims = HashMap<CounterId, InHand>;

/// What is known of a claim in hand, beside its counter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InHand {
    pub(crate) seq: ClaimSeq,
    pub(crate) op: ClaimOp,
    pub(crate) fate: Fate,
}

/// Whether a claim is in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Nobody has tried to commit it.
    Unapplied,
    /// Somebody may have committed it.
    Unknown,
    /// It is in the table and was reported; only its acknowledgement is missing.
    Applied,
}

impl InHand {
    pub(crate) fn claim_of(self, id: &CounterId) -> Claim {
        Claim { id: id.clone(), seq: self.seq, op: self.op }
    }
}

/// Adds the other claims. Of two claims of one counter the older is settled or superseded.
pub(crate) fn add_newer(claims: &mut UnsettledClaims, others: UnsettledClaims) {
    for (id, other) in others {
        if claims.get(&id).is_none_or(|known| known.seq < other.seq) {
            claims.insert(id, other);
        }
    }
}

/// Returns the sequence of the oldest of them.
#[cfg(feature = "metrics")]
pub(crate) fn oldest(claims: &UnsettledClaims) -> Option<ClaimSeq> {
    claims.values().map(|in_hand| in_hand.seq).min()
}
