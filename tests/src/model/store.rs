//! The store, with one counter in it. Each method is one atomic step.

use counter_core::{ClaimOp, ClaimSeq, Verdict};

/// A claim of the model's only counter: [`counter_core::Claim`] without the counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ticket {
    /// Its number.
    pub seq: ClaimSeq,
    /// What it does to the row.
    pub op: ClaimOp,
}

/// Who can know of a store's claims, and which numbers it gives them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// All processes use it, so no process can know whether a claim was applied, and none is
    /// renumbered.
    Shared,
    /// In the memory of one process. It counts in steps of this length, so that stores may have
    /// numbers in common or not.
    Private(i64),
}

/// What a store holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Store {
    /// The delta that no sync has claimed.
    pub pending: Option<i64>,
    /// The claim that no sync has acknowledged.
    pub claim: Option<Ticket>,
    /// The newest sequence that was given out.
    pub high_water: ClaimSeq,
    kind: Kind,
}

/// What became of a request to claim. That a claim is young enough to be left alone is the same as
/// not asking, so here every claim is old enough; a thread asks only for those that it may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claimed {
    /// There was nothing to claim.
    Nothing,
    /// What was pending is now this claim.
    Fresh(Ticket),
    /// This claim was there.
    Recovered(Ticket),
}

impl Store {
    /// An empty store that has given out all sequences up to this one.
    pub fn new(kind: Kind, high_water: i64) -> Self {
        let high_water = ClaimSeq::new(high_water);
        Self { pending: None, claim: None, high_water, kind }
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.pending.is_none() && self.claim.is_none()
    }

    /// What it would add to the table.
    pub fn total(&self) -> i64 {
        let claimed = match self.claim {
            Some(Ticket { op: ClaimOp::Add(by), .. }) => by,
            _ => 0,
        };
        self.pending.unwrap_or(0) + claimed
    }

    /// Adds to what is pending.
    pub fn increment(&mut self, by: i64) {
        self.pending = Some(self.pending.unwrap_or(0) + by);
    }

    /// Whether more than one process uses it.
    pub fn is_shared(&self) -> bool {
        self.kind == Kind::Shared
    }

    /// Claims another counter, of which only the number matters here.
    pub fn claim_other(&mut self) {
        self.next_seq(ClaimSeq::ZERO);
    }

    /// Turns what is pending into a claim.
    pub fn claim(&mut self) -> Claimed {
        match (self.claim, self.pending) {
            (Some(claim), _) => Claimed::Recovered(claim),
            (None, None | Some(0)) => {
                self.pending = None;
                Claimed::Nothing
            }
            (None, Some(by)) => Claimed::Fresh(self.put(ClaimOp::Add(by))),
        }
    }

    /// Puts a set or a delete in the place of everything.
    pub fn replace(&mut self, op: ClaimOp) -> Ticket {
        self.put(op)
    }

    /// Whether the claim is still there.
    pub fn verify(&self, claim: Ticket) -> Verdict {
        match self.claim {
            Some(held) if held == claim => Verdict::Current,
            Some(Ticket { seq, op: ClaimOp::Set(_) }) if seq > claim.seq => Verdict::SetSince,
            Some(_) => Verdict::Superseded,
            None => Verdict::Gone,
        }
    }

    /// Removes the claim if it is there.
    pub fn ack(&mut self, claim: Ticket) {
        if self.claim == Some(claim) {
            self.claim = None;
        }
    }

    /// Gives the claim a number above this one, if it is there and only one can have applied it.
    pub fn renumber(&mut self, claim: Ticket, above: ClaimSeq) -> Option<Ticket> {
        if self.is_shared() || self.claim != Some(claim) {
            return None;
        }
        let renumbered = Ticket { seq: self.next_seq(above), op: claim.op };
        self.claim = Some(renumbered);
        Some(renumbered)
    }

    fn put(&mut self, op: ClaimOp) -> Ticket {
        let claim = Ticket { seq: self.next_seq(ClaimSeq::ZERO), op };
        *self = Self { pending: None, claim: Some(claim), ..*self };
        claim
    }

    fn next_seq(&mut self, above: ClaimSeq) -> ClaimSeq {
        let step = match self.kind {
            Kind::Shared => 1,
            Kind::Private(step) => step,
        };
        let behind = (above.get() - self.high_water.get()).max(0) / step;
        self.high_water = ClaimSeq::new(self.high_water.get() + (behind + 1) * step);
        self.high_water
    }
}
