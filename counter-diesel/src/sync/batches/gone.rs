//! Settles claims that are not in the store any more.

use std::collections::HashSet;
use std::sync::Arc;

use counter_core::{Claim, ClaimOp, CommitOutcome};

use crate::engine::remembered::Fate;
use crate::error::Error;
use crate::ledger::ledger::UpdateOutcome;
use crate::ledger::retry;
use crate::sync::batches::applier::Applier;
use crate::sync::batches::batch::Locks;
use crate::sync::batches::hold::Hold;
use crate::sync::identity::absence::{Absence, Made, absences};
use crate::sync::identity::record::{PartsLeft, Remembrance, record};
use crate::sync::report::claims::{LostClaim, PostponedCause};

/// The outcome of a transaction over claims that are gone.
enum Updated {
    /// Committed, with the outcome of each claim.
    Committed(Vec<UpdateOutcome>),
    /// Not committed, because these parts of the store went back or do not answer.
    PartsLeft(PartsLeft),
}

impl Applier<'_, '_> {
    /// Claims that are not in the store any more were acknowledged by another pass, were deleted
    /// with their counters, or were lost by the store. The rows tell, where there are any. If the
    /// store does not remember giving one out, it has gone back to before that, and what was
    /// claimed is pending again.
    pub(super) fn settle_gone(&mut self, mut gone: Vec<Claim>) -> Result<(), Error> {
        // In the order in which every sync locks rows.
        gone.sort_by(|a, b| a.id.cmp(&b.id));
        let (applied, gone) = gone
            .into_iter()
            .partition::<Vec<_>, _>(|claim| self.unsettled.fate(claim) == Fate::Applied);
        applied.iter().for_each(|claim| self.unsettled.settle(claim));
        if gone.is_empty() {
            return Ok(());
        }
        let store_of = |claim: &Claim| self.unsettled.store_of(claim);
        let gone = gone.into_iter().map(|claim| (store_of(&claim), claim));
        let gone = gone.map(|(store_id, claim)| (claim, store_id)).collect::<Vec<Made>>();
        let absences = absences(self.unsettled.engine.store(), &gone)?;
        let (mut lost, mut decided) = (Vec::new(), Vec::new());
        for ((claim, store_id), absence) in gone.into_iter().zip(absences) {
            match absence {
                Absence::Decided => decided.push(claim),
                Absence::PartWentBack(part) => {
                    let parts = PartsLeft { gone_back: vec![part], ..PartsLeft::default() };
                    self.leave_parts(vec![claim], parts);
                }
                Absence::Unknown(why) => self.leave_unavailable(&claim, &why),
                Absence::Removed => lost.push((claim, store_id)),
            }
        }
        self.drop_decided(decided)?;
        if !self.update_together(&mut lost)? {
            for (claim, store_id) in lost {
                self.update_alone(claim, store_id.as_ref())?;
            }
        }
        Ok(())
    }

    /// Drops claims that an operator has decided to drop, with everything that the store had
    /// forgotten.
    fn drop_decided(&mut self, decided: Vec<Claim>) -> Result<(), Error> {
        let ids = decided.iter().map(|claim| claim.id.clone()).collect::<Vec<_>>();
        if ids.is_empty() {
            return Ok(());
        }
        let ledger = self.unsettled.engine.ledger();
        let rows = self.log.report.times.add_database(|| ledger.baselines(&ids))?;
        for (claim, row) in decided.into_iter().zip(rows) {
            self.unsettled.settle(&claim);
            if row.seq >= claim.seq {
                self.log.report.superseded += 1;
            } else {
                self.log.report.lost.push(LostClaim { claim, applied: false });
            }
        }
        Ok(())
    }

    /// Applies the claims by one transaction, if they are of one store and the database takes all
    /// of them. So a count that was moved from one counter to another is in both rows or in
    /// neither. Leaves claims whose parts of the store went back or do not answer.
    fn update_together(&mut self, lost: &mut Vec<Made>) -> Result<bool, Error> {
        loop {
            let Some((_, store_id)) = lost.first() else { return Ok(true) };
            let is_of_one = lost.iter().all(|(_, of_other)| of_other == store_id);
            let is_private = self.unsettled.engine.store().private().is_some();
            if lost.len() < 2 || !is_of_one || is_private {
                return Ok(false);
            }
            let claims = lost.iter().map(|(claim, _)| claim.clone()).collect::<Vec<_>>();
            match retry::once_more(|| self.update_gone(&claims, store_id.as_ref())) {
                Ok(Updated::Committed(updated)) => {
                    for (claim, updated) in claims.into_iter().zip(updated) {
                        self.note_updated(claim, updated);
                    }
                    return Ok(true);
                }
                Ok(Updated::PartsLeft(parts)) => {
                    let others = self.without_parts(claims, parts)?;
                    let others = others.into_iter().map(|claim| claim.id).collect::<HashSet<_>>();
                    lost.retain(|(claim, _)| others.contains(&claim.id));
                }
                Err(error) if is_of_rows(&error) => {
                    if matches!(error, Error::Locked { .. }) {
                        self.manner.locks = Locks::Skip;
                    }
                    return Ok(false);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Leaves the claims of these parts, which must not be empty, and returns the others.
    fn without_parts(&mut self, claims: Vec<Claim>, parts: PartsLeft) -> Result<Vec<Claim>, Error> {
        let all = claims.len();
        let others = self.leave_parts(claims, parts.clone());
        if others.len() < all { Ok(others) } else { Err(parts.into_error()) }
    }

    fn update_alone(&mut self, claim: Claim, store_id: Option<&Arc<str>>) -> Result<(), Error> {
        let one = std::slice::from_ref(&claim);
        match retry::once_more(|| self.update_gone(one, store_id)) {
            Ok(Updated::Committed(updated)) => {
                let updated = updated.into_iter().next().unwrap_or(UpdateOutcome::NoRow);
                self.note_updated(claim, updated);
            }
            Ok(Updated::PartsLeft(parts)) => {
                self.without_parts(vec![claim], parts)?;
            }
            Err(Error::Locked { .. }) => {
                // Do not wait for locks for the other claims that are gone.
                self.manner.locks = Locks::Skip;
                self.postpone(claim, PostponedCause::Locked);
            }
            Err(error) if is_of_rows(&error) => self.refuse(claim, error),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn note_updated(&mut self, claim: Claim, updated: UpdateOutcome) {
        self.unsettled.settle(&claim);
        match updated {
            UpdateOutcome::Applied => self.log.report.lost.push(LostClaim { claim, applied: true }),
            UpdateOutcome::NoRow if claim.op != ClaimOp::Delete => {
                self.log.report.lost.push(LostClaim { claim, applied: false });
            }
            UpdateOutcome::AlreadyApplied | UpdateOutcome::NoRow => self.log.report.superseded += 1,
        }
    }

    /// Applies claims that are gone to their rows, where there are any.
    fn update_gone(
        &mut self,
        claims: &[Claim],
        store_id: Option<&Arc<str>>,
    ) -> Result<Updated, Error> {
        let (mut transaction, hold) = self.begin(self.manner.locks.wait())?;
        if let Some(hold) = &hold
            && let Some(claim) = claims.iter().find(|claim| !hold.may_write(claim))
        {
            drop(transaction);
            return Ok(Updated::Committed(vec![self.outcome_of(hold, claim)?]));
        }
        let updates = claims.iter().map(|claim| transaction.update(claim));
        let updated = updates.collect::<Result<Vec<_>, _>>()?;
        let engine = self.unsettled.engine;
        let mut recorded = None;
        if let Some(id) = store_id {
            let record = record(engine, &mut *transaction, id, claims, &mut self.log.report.times)?;
            if let Remembrance::PartsLeft(parts) = record {
                return Ok(Updated::PartsLeft(parts));
            }
            // The claims are gone because the store is another one by now.
            recorded = record.row().map(|row| (Arc::clone(id), row));
        }
        if let Some(hold) = &hold {
            hold.write(&mut *transaction, claims, || engine.tables().totals().to_string())?;
        }
        self.commit(transaction, claims, hold.as_ref())?;
        if let Some(hold) = hold {
            hold.forget_commit();
        }
        self.note(recorded, &[])?;
        Ok(Updated::Committed(updated))
    }

    /// Returns the outcome of a claim that is gone from a store in memory and may not be written to
    /// its row. Such a claim never gets a new sequence.
    fn outcome_of(&self, hold: &Hold<'_>, claim: &Claim) -> Result<UpdateOutcome, Error> {
        let rows = self.unsettled.engine.ledger().baselines(std::slice::from_ref(&claim.id))?;
        let has_seen = rows.first().is_some_and(|row| row.seq >= claim.seq);
        let may_be_there = hold.outcome(claim) != CommitOutcome::NotCommitted;
        let is_there = has_seen || may_be_there;
        Ok(if is_there { UpdateOutcome::AlreadyApplied } else { UpdateOutcome::NoRow })
    }
}

/// Returns whether an error may concern only one row.
const fn is_of_rows(error: &Error) -> bool {
    matches!(
        error,
        Error::Locked { .. }
            | Error::Database { .. }
            | Error::KeptOut { .. }
            | Error::TimedOut { .. }
    )
}
