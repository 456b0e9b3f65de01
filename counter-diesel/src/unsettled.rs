use std::collections::HashMap;
use std::mem;

use counter_core::{Claim, ClaimOp, ClaimSeq, CounterId};

use crate::counters::Shared;

/// The claims that a pass has taken and not settled yet.
///
/// However the pass ends, by an error and by a panic too, what is left in here is remembered, and the next
/// pass of this process finishes it first. Others would have to wait until the claims look abandoned;
/// and a store in memory may not live that long.
pub(crate) struct Unsettled<'a> {
    pub(crate) shared: &'a Shared,
    claims: UnsettledClaims,
}

/// A counter has one claim at a time.
pub(crate) type UnsettledClaims = HashMap<CounterId, Taken>;

/// What is known of a claim beside its counter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taken {
    seq: ClaimSeq,
    op: ClaimOp,
    fate: Fate,
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

impl<'a> Unsettled<'a> {
    pub(crate) fn none(shared: &'a Shared) -> Self {
        Self { shared, claims: UnsettledClaims::new() }
    }

    /// Takes over what earlier passes have left, in the order of the counters.
    pub(crate) fn take_remembered(&mut self) -> Vec<Claim> {
        add_newer(&mut self.claims, mem::take(&mut *self.shared.remembered()));
        let claims = self.claims.iter().map(|(id, taken)| taken.claim_of(id));
        let mut claims = claims.collect::<Vec<_>>();
        claims.sort_by(|a, b| a.id.cmp(&b.id));
        claims
    }

    /// From now on this claim is to be settled, instead of any older one of its counter.
    pub(crate) fn take(&mut self, claim: &Claim, fate: Fate) {
        let taken = Taken { seq: claim.seq, op: claim.op, fate };
        self.claims.insert(claim.id.clone(), taken);
    }

    pub(crate) fn contains(&self, id: &CounterId) -> bool {
        self.claims.contains_key(id)
    }

    pub(crate) fn fate(&self, claim: &Claim) -> Fate {
        let taken = self.claims.get(&claim.id).filter(|taken| taken.seq == claim.seq);
        taken.map_or(Fate::Unknown, |taken| taken.fate)
    }

    /// Notes that a claim is in the table, and returns whether that is news.
    pub(crate) fn note_applied(&mut self, claim: &Claim) -> bool {
        let taken = self.claims.get_mut(&claim.id).filter(|taken| taken.seq == claim.seq);
        taken.is_none_or(|taken| mem::replace(&mut taken.fate, Fate::Applied) != Fate::Applied)
    }

    pub(crate) fn set_fate(&mut self, claim: &Claim, fate: Fate) {
        let taken = self.claims.get_mut(&claim.id).filter(|taken| taken.seq == claim.seq);
        if let Some(taken) = taken {
            taken.fate = fate;
        }
    }

    /// Nothing more is to be done about this claim.
    pub(crate) fn settle(&mut self, claim: &Claim) {
        if self.claims.get(&claim.id).is_some_and(|taken| taken.seq == claim.seq) {
            self.claims.remove(&claim.id);
        }
    }
}

impl Drop for Unsettled<'_> {
    fn drop(&mut self) {
        add_newer(&mut self.shared.remembered(), mem::take(&mut self.claims));
    }
}

impl Taken {
    fn claim_of(self, id: &CounterId) -> Claim {
        Claim { id: id.clone(), seq: self.seq, op: self.op }
    }
}

/// The sequence of the oldest of them.
#[cfg(feature = "metrics")]
pub(crate) fn oldest(claims: &UnsettledClaims) -> Option<ClaimSeq> {
    claims.values().map(|taken| taken.seq).min()
}

/// Of two claims of one counter the older is settled or superseded.
fn add_newer(claims: &mut UnsettledClaims, others: UnsettledClaims) {
    for (id, other) in others {
        if claims.get(&id).is_none_or(|known| known.seq < other.seq) {
            claims.insert(id, other);
        }
    }
}
