//! The two rules that everything else depends on, as pure functions: what a claim does to a row,
//! and what a read returns. Databases carry out the first in SQL; their tests compare them with
//! this one.

use super::claim::{ClaimOp, ClaimSeq};
use super::holding::Holding;

/// A counter's row: its count, and the sequence of the last claim that was applied to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Baseline {
    /// The column `count`.
    pub count: i64,
    /// The column `claim_seq`.
    pub seq: ClaimSeq,
}

impl Baseline {
    /// A counter that has no row.
    pub const NONE: Self = Self { count: 0, seq: ClaimSeq::ZERO };

    /// The row after a claim was applied to it: unchanged if it has seen this claim or a newer one.
    ///
    /// # Errors
    ///
    /// [`Overflow`] if the sum does not fit.
    pub fn after(self, seq: ClaimSeq, op: ClaimOp) -> Result<Self, Overflow> {
        if self.seq >= seq {
            return Ok(self);
        }
        Ok(match op {
            ClaimOp::Add(by) => Self { count: self.count.checked_add(by).ok_or(Overflow)?, seq },
            ClaimOp::Set(to) => Self { count: to, seq },
            ClaimOp::Delete => Self::NONE,
        })
    }
}

/// Returns the value of a counter, from what the store held and what the row was at one instant.
///
/// The row is read *after* the look into the store. It is known to be that of the look's instant if
/// its sequence is not above the look's high water, because then nothing that is in it was claimed
/// since.
///
/// # Errors
///
/// [`ValueError::Conflict`] if the row has seen a newer claim than the one that the store still
/// holds, and [`ValueError::Overflow`] if the sum does not fit.
pub fn value(held: &Holding, row: Baseline) -> Result<i64, ValueError> {
    let base = match &held.claim {
        Some(claim) if row.seq > claim.seq => {
            return Err(ValueError::Conflict { claim: claim.seq, row: row.seq });
        }
        Some(claim) => row.after(claim.seq, claim.op).map_err(|Overflow| ValueError::Overflow)?,
        None => row,
    };
    base.count.checked_add(held.pending).ok_or(ValueError::Overflow)
}

/// Why a counter has no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// The row has seen a newer claim than the one that the store still holds: the store came back
    /// from an old copy.
    #[error("the store holds claim {claim}, but the row has seen {row}")]
    Conflict {
        /// The claim that the store holds.
        claim: ClaimSeq,
        /// The sequence in the row.
        row: ClaimSeq,
    },
    /// The sum does not fit into 64 signed bits.
    #[error("the sum does not fit into 64 bits")]
    Overflow,
}

/// A sum that does not fit into 64 signed bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sum does not fit into 64 bits")]
pub struct Overflow;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::CounterId;
    use crate::protocol::Claim;

    fn id() -> CounterId {
        CounterId::new("post", 1, "views").unwrap()
    }

    fn held(pending: i64, claim: Option<(i64, ClaimOp)>) -> Holding {
        let claim = claim.map(|(seq, op)| Claim { id: id(), seq: ClaimSeq::new(seq), op });
        Holding { pending, claim }
    }

    fn row(count: i64, seq: i64) -> Baseline {
        Baseline { count, seq: ClaimSeq::new(seq) }
    }

    fn read(held: &Holding, row: Baseline) -> Option<i64> {
        value(held, row).ok()
    }

    #[test]
    fn a_value_is_row_plus_claim_plus_pending() {
        assert_eq!(read(&held(3, None), row(10, 5)), Some(13));
        assert_eq!(read(&held(3, Some((7, ClaimOp::Add(20)))), row(10, 5)), Some(33));
        assert_eq!(read(&held(3, Some((7, ClaimOp::Set(20)))), row(10, 5)), Some(23));
        assert_eq!(read(&held(3, Some((7, ClaimOp::Delete))), row(10, 5)), Some(3));
    }

    #[test]
    fn a_claim_that_the_row_has_seen_is_not_counted_again() {
        assert_eq!(read(&held(3, Some((7, ClaimOp::Add(20)))), row(30, 7)), Some(33));
    }

    #[test]
    fn a_newer_row_beside_a_claim_is_a_conflict_and_an_overflow_is_an_error() {
        assert_eq!(read(&held(3, Some((7, ClaimOp::Add(20)))), row(10, 8)), None);
        assert_eq!(read(&held(1, None), row(i64::MAX, 5)), None);
        assert_eq!(read(&held(0, Some((7, ClaimOp::Add(1)))), row(i64::MAX, 5)), None);
    }
}
