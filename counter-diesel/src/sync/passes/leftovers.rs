//! Claims that earlier passes of this process have left.

use counter_core::Claim;

use crate::error::Error;
use crate::sync::batches::apply::settle_changed;
use crate::sync::batches::manner::Origin;
use crate::sync::passes::folding::Pass;
use crate::sync::report::claims::PostponedCause;
use crate::sync::report::times::time;
use crate::sync::unsettled::Left;

impl Pass<'_, '_> {
    /// Applies claims that this process may have made without an answer. Others would have to wait
    /// until they look left behind.
    pub(crate) fn fold_unanswered(&mut self) -> Result<(), Error> {
        if self.log.should_stop() {
            return Ok(());
        }
        let ids = self.unsettled.take_unanswered(&self.pattern);
        let folded = ids.chunks(self.batch_size.get().get()).try_for_each(|ids| {
            if self.log.should_stop() {
                self.engine.unanswered().note(ids.iter().cloned());
                return Ok(());
            }
            let claimed =
                time(&mut self.log.report.times.claim, || self.unsettled.claim(ids.to_vec()))?;
            self.fold(claimed)
        });
        if folded.is_err() {
            self.engine.unanswered().note(ids);
        }
        folded
    }

    /// Applies what earlier passes of this process have left. It comes last: what was refused, or
    /// what ended a pass, must not keep fresh claims waiting.
    pub(crate) fn fold_left(&mut self, left: Left) -> Result<(), Error> {
        let Left { untried, refused, waiting } = left;
        self.fold_each(&untried, Self::finish_all)?;
        self.fold_each(&refused, |pass, claims| {
            let held = pass.settle_changed(claims)?;
            pass.finish_all(held)
        })?;
        self.fold_each(&waiting, |pass, claims| {
            for claim in pass.settle_changed(claims)? {
                let cause = PostponedCause::Refused;
                pass.unsettled.note_reported(&claim);
                pass.log.postpone(claim, cause);
            }
            Ok(())
        })
    }

    fn fold_each(
        &mut self,
        claims: &[Claim],
        fold: impl Fn(&mut Self, Vec<Claim>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        for claims in claims.chunks(self.batch_size.get().get()) {
            if self.log.should_stop() {
                return Ok(());
            }
            self.note_found(claims.len() as u64);
            fold(self, claims.to_vec())?;
            self.unsettled.forget_surplus();
            self.remove_named();
        }
        Ok(())
    }

    fn finish_all(&mut self, claims: Vec<Claim>) -> Result<(), Error> {
        let fresh = self.finish(claims)?;
        self.apply(fresh, Origin::Fresh)
    }

    /// Settles what was refused and is not in the store any more, so that what has replaced it is
    /// applied now. Returns the others.
    fn settle_changed(&mut self, claims: Vec<Claim>) -> Result<Vec<Claim>, Error> {
        let mut ids = claims.iter().map(|claim| claim.id.clone()).collect::<Vec<_>>();
        let held = settle_changed(self.unsettled, claims, &mut self.manner, &mut self.log)?;
        let mut left = held.iter().peekable();
        ids.retain(|id| left.next_if(|claim| claim.id == *id).is_none());
        let fresh = self.claim_later(ids)?;
        self.apply(fresh, Origin::Fresh)?;
        Ok(held)
    }
}
