use counter_core::Claim;

use crate::ledger::dialect::lock_wait::LockWait;

/// Claims that are applied in one transaction, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Batch {
    pub(crate) claims: Vec<Claim>,
    pub(crate) locks: Locks,
    /// Whether it is a part of a batch that the database did not take.
    pub(crate) is_part: bool,
    /// Whether a connection was lost over it.
    pub(crate) has_lost_connection: bool,
    /// How often its claims got a new sequence.
    pub(crate) renumbered: u32,
}

impl Batch {
    pub(crate) const fn whole(claims: Vec<Claim>, locks: Locks) -> Self {
        Self { claims, locks, is_part: false, has_lost_connection: false, renumbered: 0 }
    }

    /// Returns what is left of it: these claims, with new sequences.
    pub(crate) fn renumbered(self, claims: Vec<Claim>) -> Self {
        Self { claims, renumbered: self.renumbered + 1, ..self }
    }

    /// Returns whether there are claims of buckets among its claims, whose table is another one.
    pub(crate) fn has_buckets(&self) -> bool {
        self.claims.iter().any(|claim| claim.id.period().is_some())
    }

    /// Returns at most so many parts of it, of about the same size.
    pub(crate) fn parts(self, count: usize) -> Vec<Self> {
        let size = self.claims.len().div_ceil(count).max(1);
        let part = |claims: &[Claim]| Self { claims: claims.to_vec(), is_part: true, ..self };
        self.claims.chunks(size).map(part).collect()
    }
}

/// The treatment of rows that others have locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Locks {
    /// It waits for them as long as is usual.
    Wait,
    /// It leaves them out. It waits shortly for what it cannot leave out: a row that another
    /// transaction has inserted and not committed, or the table.
    Skip,
}

impl Locks {
    pub(crate) const fn wait(self) -> LockWait {
        match self {
            Self::Wait => LockWait::Usual,
            Self::Skip => LockWait::Short,
        }
    }
}
