use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use counter_core::{Claim, StoreGeneration};

use crate::engine::remembered::Fate;
use crate::error::Error;
use crate::ledger::ledger::LedgerTransaction;
use crate::sync::batches::hold::Hold;
use crate::sync::batches::manner::{Manner, Origin};
use crate::sync::identity::record::PartsLeft;
use crate::sync::report::claims::{FailedClaim, PostponedCause};
use crate::sync::report::pass_log::PassLog;
use crate::sync::unsettled::Unsettled;

/// Claims that are applied, and what is written down about them.
pub(crate) struct Applier<'a, 'o> {
    pub(crate) unsettled: &'a Unsettled<'a>,
    pub(crate) origin: Origin,
    pub(crate) manner: &'a mut Manner,
    pub(crate) log: &'a mut PassLog<'o>,
}

impl Applier<'_, '_> {
    pub(crate) fn refuse(&mut self, claim: Claim, error: Error) {
        self.unsettled.note_refused(&claim);
        self.unsettled.leave(&claim);
        self.log.report.failed.push(FailedClaim { claim, error });
    }

    /// Leaves the claims that are in parts of the store which went back, or which do not answer,
    /// and returns the others.
    pub(crate) fn leave_parts(&mut self, claims: Vec<Claim>, parts: PartsLeft) -> Vec<Claim> {
        let store = self.unsettled.engine.store().generation().and_then(StoreGeneration::parts);
        let Some(store) = store else { return claims };
        let PartsLeft { gone_back, unanswered } = parts;
        let numbers = gone_back.iter().map(|part| part.part).collect::<HashSet<_>>();
        let unanswered = unanswered.into_iter().collect::<HashMap<_, _>>();
        gone_back.into_iter().for_each(|part| self.log.part_went_back(part));
        self.unsettled.engine.doubt_parts(numbers.iter().copied());
        let mut others = Vec::with_capacity(claims.len());
        for claim in claims {
            let part = store.part_of(&claim.id);
            if let Some(why) = unanswered.get(&part) {
                self.leave_unavailable(&claim, why);
            } else if numbers.contains(&part) {
                self.unsettled.leave(&claim);
            } else {
                others.push(claim);
            }
        }
        others
    }

    /// Leaves a claim to a later pass, because its part of the store does not answer.
    pub(crate) fn leave_unavailable(&mut self, claim: &Claim, why: &str) {
        self.unsettled.leave(claim);
        self.log.unavailable(why.to_owned());
    }

    pub(crate) fn postpone(&mut self, claim: Claim, cause: PostponedCause) {
        self.unsettled.leave(&claim);
        self.log.postpone(claim, cause);
    }

    /// A commit that failed, or panicked, may have happened.
    pub(crate) fn commit(
        &mut self,
        transaction: Box<dyn LedgerTransaction + '_>,
        claims: &[Claim],
        hold: Option<&Hold<'_>>,
    ) -> Result<(), Error> {
        if let Some(hold) = hold {
            hold.note_commit(claims)?;
        }
        let times = &mut self.log.report.times;
        let commit = AssertUnwindSafe(|| times.add_database(|| transaction.commit()));
        let committed = catch_unwind(commit);
        match hold {
            Some(hold) if matches!(committed, Ok(Ok(()))) => hold.note_committed(),
            None if !matches!(committed, Ok(Ok(()))) => self.mark_unknown(claims),
            _ => {}
        }
        committed.unwrap_or_else(|panic| resume_unwind(panic))
    }

    fn mark_unknown(&self, claims: &[Claim]) {
        for claim in claims {
            if self.unsettled.fate(claim) == Fate::Unapplied {
                self.unsettled.set_fate(claim, Fate::Unknown);
            }
        }
    }
}
