//! What is done with a batch that the database did not take: it is divided until what is wrong with
//! it is alone.
//!
//! No batch ends a pass. Only a database does that fails a question which is about no row.

use std::time::Duration;

use counter_core::Claim;

use crate::error::{Error, LedgerStep};
use crate::ledger::dialect::lock_wait::LockWait;
use crate::ledger::failure::is_read_only;
use crate::ledger::ledger::Ledger;
use crate::ledger::retry;

/// Single claims refused in a row, with nothing applied in between, after which the other parts of
/// their batch are only tried whole. A constraint that refuses a whole kind of counter costs a
/// batch this much.
const MOST_REFUSED: u32 = 8;

/// How long the parts of a batch wait for locks in all. What has to wait longer is left to the next
/// pass.
const MOST_LOCKED: Duration = Duration::from_secs(30);

/// Parts of a batch that waited for a lock. Only those wait again that need it, so that many small
/// ones wait less often than two halves, whose halves wait again.
const LOCKED_PARTS: usize = 8;

/// Claims that are applied in one transaction, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Batch {
    pub(crate) claims: Vec<Claim>,
    pub(crate) locks: Locks,
    /// Whether it is a part of a batch that the database did not take.
    pub(crate) is_part: bool,
    /// Whether a connection was lost over it.
    has_lost_connection: bool,
    /// Whether it was refused whole after many single claims were.
    is_suspect: bool,
    /// How often its claims got a new sequence.
    pub(crate) renumbered: u32,
}

impl Batch {
    pub(crate) const fn whole(claims: Vec<Claim>, locks: Locks) -> Self {
        Self {
            claims,
            locks,
            is_part: false,
            has_lost_connection: false,
            is_suspect: false,
            renumbered: 0,
        }
    }

    /// Returns what is left of it: these claims, with new sequences.
    pub(crate) fn renumbered(self, claims: Vec<Claim>) -> Self {
        Self { claims, renumbered: self.renumbered + 1, ..self }
    }

    /// Returns at most so many parts of it, of about the same size.
    fn parts(self, count: usize) -> Vec<Self> {
        let size = self.claims.len().div_ceil(count).max(1);
        let part = |claims: &[Claim]| Self { claims: claims.to_vec(), is_part: true, ..self };
        self.claims.chunks(size).map(part).collect()
    }
}

/// What a transaction does about rows that others have locked.
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

/// What becomes of a batch that the database did not take.
#[derive(Debug)]
pub(crate) enum Division {
    /// These are tried next.
    First(Vec<Batch>),
    /// These are tried after everything else.
    Last(Vec<Batch>),
    /// The claim is refused.
    Refused(Claim, Error),
    /// Others have locked what these claims need.
    Locked(Vec<Claim>),
}

/// Divides one batch, and the parts of it that are not taken either.
#[derive(Debug, Default)]
pub(crate) struct Divider {
    /// Single claims that were refused since anything was applied.
    refused_in_a_row: u32,
    /// How long parts have waited for locks.
    locked_for: Duration,
    /// Whether the database has shown that it takes writes at all.
    takes_writes: bool,
}

impl Divider {
    /// Notes that something was applied.
    pub(crate) const fn note_applied(&mut self) {
        self.refused_in_a_row = 0;
    }

    /// Returns whether a batch is left alone: it was refused whole, and nothing was applied since.
    pub(crate) const fn gives_up(&self, batch: &Batch) -> bool {
        batch.is_suspect && self.is_hopeless()
    }

    const fn is_hopeless(&self) -> bool {
        self.refused_in_a_row >= MOST_REFUSED
    }

    /// Divides a batch that failed after it was tried for `spent`. Returns the error that ends the
    /// pass where the batch is not at fault.
    pub(crate) fn divide(
        &mut self,
        batch: Batch,
        error: Error,
        spent: Duration,
        ledger: &dyn Ledger,
    ) -> Result<Division, Error> {
        match error {
            Error::Locked { .. } => self.around_locks(batch, error, spent, ledger),
            Error::Unreachable { .. } => self.around_lost_connection(batch, error, ledger),
            // Its server was demoted, and the connection is thrown away.
            _ if is_read_only(&error) => self.around_lost_connection(batch, error, ledger),
            Error::Database { step: LedgerStep::Upsert | LedgerStep::Commit, .. } => {
                if !self.takes_writes {
                    retry::with_backoff(|| ledger.ask_writes())?;
                    self.takes_writes = true;
                }
                Ok(self.around_refusal(batch, error))
            }
            error => Err(error),
        }
    }

    /// One row that others have locked must not keep the others waiting.
    fn around_locks(
        &mut self,
        mut batch: Batch,
        error: Error,
        spent: Duration,
        ledger: &dyn Ledger,
    ) -> Result<Division, Error> {
        if batch.locks == Locks::Wait {
            batch.locks = Locks::Skip;
            return Ok(Division::First(vec![batch]));
        }
        if ledger.ask_writes().is_err() {
            return Err(error);
        }
        self.locked_for += spent;
        if batch.claims.len() == 1 || self.locked_for > MOST_LOCKED {
            return Ok(Division::Locked(batch.claims));
        }
        Ok(Division::Last(batch.parts(LOCKED_PARTS)))
    }

    /// A batch can be larger than a server takes, which then closes the connection. It can also
    /// have met a server that was just started again.
    fn around_lost_connection(
        &mut self,
        mut batch: Batch,
        error: Error,
        ledger: &dyn Ledger,
    ) -> Result<Division, Error> {
        if ledger.ask_writes().is_err() {
            return Err(error);
        }
        if !batch.has_lost_connection {
            batch.has_lost_connection = true;
            return Ok(Division::First(vec![batch]));
        }
        Ok(self.around_refusal(batch, error))
    }

    fn around_refusal(&mut self, mut batch: Batch, error: Error) -> Division {
        if self.is_hopeless() {
            batch.is_suspect = true;
            return Division::Last(vec![batch]);
        }
        if batch.claims.len() > 1 {
            return Division::First(batch.parts(2));
        }
        let Some(claim) = batch.claims.pop() else {
            return Division::First(Vec::new());
        };
        self.refused_in_a_row += 1;
        Division::Refused(claim, error)
    }
}
