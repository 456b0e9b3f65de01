use counter_core::{Claim, Verdict};

use crate::ledger::ledger::{Unapplied, UnappliedCause};
use crate::sync::report::claims::ConflictingClaim;

/// What became of the claims of a batch in its transaction.
#[derive(Default)]
pub(crate) struct Settled {
    pub(crate) applied: Vec<Claim>,
    pub(crate) conflicts: Vec<ConflictingClaim>,
    pub(crate) superseded: Vec<Claim>,
    pub(crate) gone: Vec<Claim>,
    /// The database took them and did not keep them.
    pub(crate) kept_out: Vec<Claim>,
    /// Others have locked their rows.
    pub(crate) locked: Vec<Claim>,
    /// The store changed others of their batch again and again.
    pub(crate) changing: Vec<Claim>,
}

impl Settled {
    /// All claims are in the table, but those whose row had seen a newer one.
    pub(crate) fn applied_all(&mut self, claims: Vec<Claim>, unapplied: Vec<Unapplied>) {
        let mut unapplied = unapplied.into_iter().peekable();
        for (index, claim) in claims.into_iter().enumerate() {
            match unapplied.next_if(|unapplied| unapplied.index == index) {
                Some(Unapplied { cause: UnappliedCause::Newer(row), .. }) => {
                    self.conflicts.push(ConflictingClaim { claim, row });
                }
                Some(_) => self.kept_out.push(claim),
                None => self.applied.push(claim),
            }
        }
    }

    /// Sorts out the claims that changed, and returns the others.
    pub(crate) fn keep_held(&mut self, claims: Vec<Claim>, verdicts: &[Verdict]) -> Vec<Claim> {
        let mut held = Vec::with_capacity(claims.len());
        for (claim, verdict) in claims.into_iter().zip(verdicts) {
            match verdict {
                Verdict::Current => held.push(claim),
                Verdict::Superseded => self.superseded.push(claim),
                Verdict::Gone => self.gone.push(claim),
            }
        }
        held
    }
}

/// Takes the claims at these places, which are in order, out of the others.
pub(crate) fn take_at(claims: &mut Vec<Claim>, places: Vec<usize>) -> Vec<Claim> {
    let mut places = places.into_iter().peekable();
    let all = std::mem::take(claims).into_iter().enumerate();
    let (taken, left) = all.partition::<Vec<_>, _>(|(at, _)| places.next_if_eq(at).is_some());
    *claims = left.into_iter().map(|(_, claim)| claim).collect();
    taken.into_iter().map(|(_, claim)| claim).collect()
}
