use std::collections::HashMap;
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use counter_core::{Claim, ClaimOp, ClaimSeq, Claimed, CounterId};

use crate::counters::counters::Shared;
use crate::error::Error;

/// The claims that a pass has taken and not settled yet.
///
/// However the pass ends, by an error and by a panic too, what is left in here is remembered, and the next
/// pass of this process finishes it first. Others would have to wait until the claims look abandoned;
/// and a store in memory may not live that long.
pub(crate) struct Unsettled<'a> {
    pub(crate) shared: &'a Shared,
    claims: Mutex<UnsettledClaims>,
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
        Self { shared, claims: Mutex::default() }
    }

    /// Takes over what earlier passes have left, in the order of the counters.
    pub(crate) fn take_remembered(&self) -> Vec<Claim> {
        let mut remembered = self.claims();
        add_newer(&mut remembered, mem::take(&mut *self.shared.remembered()));
        let claims = remembered.iter().map(|(id, taken)| taken.claim_of(id));
        let mut claims = claims.collect::<Vec<_>>();
        claims.sort_by(|a, b| a.id.cmp(&b.id));
        claims
    }

    /// Claims counters, but leaves alone those of which a claim is unsettled already.
    pub(crate) fn claim(&self, mut ids: Vec<CounterId>) -> Result<Vec<Claimed>, Error> {
        let claims = self.claims();
        ids.retain(|id| !claims.contains_key(id));
        drop(claims);
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let claimed = self.shared.store.claim(&ids, self.shared.config.claim_timeout)?;
        let mut claims = self.claims();
        for claimed in &claimed {
            match claimed {
                Claimed::Fresh(claim) => take(&mut claims, claim, Fate::Unapplied),
                Claimed::Recovered(claim) => take(&mut claims, claim, Fate::Unknown),
                Claimed::Nothing | Claimed::Zero | Claimed::Busy | Claimed::Foreign(_) => {}
            }
        }
        drop(claims);
        Ok(claimed)
    }

    /// From now on this claim is to be settled, instead of any older one of its counter.
    pub(crate) fn take(&self, claim: &Claim, fate: Fate) {
        take(&mut self.claims(), claim, fate);
    }

    pub(crate) fn fate(&self, claim: &Claim) -> Fate {
        let claims = self.claims();
        let taken = claims.get(&claim.id).filter(|taken| taken.seq == claim.seq);
        taken.map_or(Fate::Unknown, |taken| taken.fate)
    }

    /// Notes that a claim is in the table, and returns whether that is news.
    pub(crate) fn note_applied(&self, claim: &Claim) -> bool {
        let mut claims = self.claims();
        let taken = claims.get_mut(&claim.id).filter(|taken| taken.seq == claim.seq);
        taken.is_none_or(|taken| mem::replace(&mut taken.fate, Fate::Applied) != Fate::Applied)
    }

    pub(crate) fn set_fate(&self, claim: &Claim, fate: Fate) {
        let mut claims = self.claims();
        let taken = claims.get_mut(&claim.id).filter(|taken| taken.seq == claim.seq);
        if let Some(taken) = taken {
            taken.fate = fate;
        }
    }

    /// Nothing more is to be done about this claim.
    pub(crate) fn settle(&self, claim: &Claim) {
        let mut claims = self.claims();
        if claims.get(&claim.id).is_some_and(|taken| taken.seq == claim.seq) {
            claims.remove(&claim.id);
        }
    }

    /// A panic while this is locked leaves claims that are settled twice, which is a no-op.
    fn claims(&self) -> MutexGuard<'_, UnsettledClaims> {
        self.claims.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn take(claims: &mut UnsettledClaims, claim: &Claim, fate: Fate) {
    let taken = Taken { seq: claim.seq, op: claim.op, fate };
    claims.insert(claim.id.clone(), taken);
}

impl Drop for Unsettled<'_> {
    fn drop(&mut self) {
        let claims = mem::take(&mut *self.claims());
        add_newer(&mut self.shared.remembered(), claims);
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
