use std::sync::Arc;

use counter_core::{Claim, NotedRow, Verdict};

use crate::ledger::ledger::{Unapplied, UnappliedCause};
use crate::sync::batches::hold::Hold;
use crate::sync::report::claims::ConflictingClaim;

/// The outcome of a batch's claims in its transaction.
#[derive(Default)]
pub(crate) struct Settled<'a> {
    pub(crate) applied: Vec<Claim>,
    pub(crate) conflicts: Vec<ConflictingClaim>,
    pub(crate) superseded: Vec<Claim>,
    pub(crate) gone: Vec<Claim>,
    /// The database took them and did not keep them.
    pub(crate) kept_out: Vec<Claim>,
    /// Their parts of the store did not answer.
    pub(crate) unavailable: Vec<Claim>,
    /// Others have locked their rows.
    pub(crate) locked: Vec<Claim>,
    /// The store changed others of their batch again and again.
    pub(crate) changing: Vec<Claim>,
    /// The row of the record that was committed with them, of the store with this id.
    pub(crate) recorded: Option<(Arc<str>, NotedRow)>,
    /// Whether they are in the table cannot be found out any more.
    pub(crate) undecided: Vec<Claim>,
    /// The number and the batch under which the applied ones were committed, if there is one.
    pub(crate) hold: Option<Hold<'a>>,
}

impl Settled<'_> {
    /// All claims are in the table, but those whose row had seen a newer one. That is no conflict
    /// if the newer one may be the set that has replaced the claim in the store.
    pub(crate) fn applied_all(
        &mut self,
        claims: Vec<Claim>,
        verdicts: &[Verdict],
        unapplied: Vec<Unapplied>,
    ) {
        let mut unapplied = unapplied.into_iter().peekable();
        for (index, (claim, verdict)) in claims.into_iter().zip(verdicts).enumerate() {
            match unapplied.next_if(|unapplied| unapplied.index == index) {
                Some(Unapplied { cause: UnappliedCause::Newer(_), .. })
                    if *verdict == Verdict::SetSince =>
                {
                    self.superseded.push(claim);
                }
                Some(Unapplied { cause: UnappliedCause::Newer(row), .. }) => {
                    self.conflicts.push(ConflictingClaim { claim, row });
                }
                Some(_) => self.kept_out.push(claim),
                None => self.applied.push(claim),
            }
        }
    }

    /// Sorts out the claims that changed, and returns those whose verdict keeps them.
    pub(crate) fn keep_held(
        &mut self,
        claims: Vec<Claim>,
        verdicts: &[Verdict],
        keeps: impl Fn(Verdict) -> bool,
    ) -> Vec<Claim> {
        let mut held = Vec::with_capacity(claims.len());
        for (claim, verdict) in claims.into_iter().zip(verdicts) {
            match verdict {
                verdict if keeps(*verdict) => held.push(claim),
                Verdict::Gone => self.gone.push(claim),
                Verdict::Unavailable => self.unavailable.push(claim),
                _ => self.superseded.push(claim),
            }
        }
        held
    }
}

/// Returns whether a claim that was found so may be committed. Where a newer set is in its place,
/// the guard orders the two, and a counter that is set all the time gets into the table. Not so
/// with a delete or what comes after one: the claim would bring the row back.
pub(crate) const fn may_commit(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Current | Verdict::SetSince)
}

/// Takes the claims at these places, which are in order, out of the others.
pub(crate) fn take_at(claims: &mut Vec<Claim>, places: Vec<usize>) -> Vec<Claim> {
    let mut places = places.into_iter().peekable();
    let all = std::mem::take(claims).into_iter().enumerate();
    let (taken, left) = all.partition::<Vec<_>, _>(|(at, _)| places.next_if_eq(at).is_some());
    *claims = left.into_iter().map(|(_, claim)| claim).collect();
    taken.into_iter().map(|(_, claim)| claim).collect()
}
