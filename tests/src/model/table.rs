//! The row of the counter, its lock, and the transaction that holds it.

use counter_core::{Baseline, ClaimOp, ClaimSeq};

use super::store::Ticket;

/// The row, and who is changing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Table {
    /// The row as it was committed last.
    pub row: Option<Baseline>,
    /// The transaction that has locked it.
    pub transaction: Option<Transaction>,
}

/// A transaction that has written the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Transaction {
    /// The row as it will be.
    pub row: Option<Baseline>,
    /// The thread that waits for its end. Of one that died or lost its connection after it had
    /// asked for the commit, it is unknown whether it will still happen.
    pub owner: Option<usize>,
}

impl Table {
    /// The row as everybody reads it.
    pub fn baseline(&self) -> Baseline {
        self.row.unwrap_or_default()
    }

    /// Locks the row and applies a claim to it, as `LedgerTransaction::upsert` does.
    pub fn upsert(&mut self, owner: usize, claim: Ticket, guard: Guard) -> Option<ClaimSeq> {
        let before = self.baseline();
        let row = guard.applied(self.row, claim);
        self.transaction = Some(Transaction { row, owner: Some(owner) });
        (before.seq > claim.seq).then_some(before.seq)
    }

    /// Ends the transaction.
    pub fn commit(&mut self) {
        if let Some(transaction) = self.transaction.take() {
            self.row = transaction.row;
        }
    }

    /// Ends the transaction and forgets what it did.
    pub fn roll_back(&mut self) {
        self.transaction = None;
    }

    /// Whether this thread's transaction is open.
    pub fn is_locked_by(&self, thread: usize) -> bool {
        self.transaction.is_some_and(|transaction| transaction.owner == Some(thread))
    }

    /// Whether the row is locked by an abandoned transaction.
    pub fn is_in_doubt(&self) -> bool {
        self.transaction.is_some_and(|transaction| transaction.owner.is_none())
    }
}

/// Whether a row refuses claims that it has seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Guard {
    /// As it is.
    Present,
    /// Every claim is applied, again and again.
    Missing,
}

impl Guard {
    /// The row after a claim was applied to it.
    pub fn applied(self, row: Option<Baseline>, claim: Ticket) -> Option<Baseline> {
        let mut before = row.unwrap_or_default();
        if self == Self::Missing {
            before.seq = ClaimSeq::ZERO;
        }
        let after = before.after(claim.seq, claim.op).expect("small numbers");
        let was_let_through = before.seq < claim.seq;
        if was_let_through && claim.op == ClaimOp::Delete { None } else { Some(after) }
    }
}
