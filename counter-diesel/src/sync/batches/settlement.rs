//! Settles the claims of a batch once its transaction is over.

use std::sync::Arc;

use counter_core::{
    Claim, ClaimOp, CommitOutcome, Error as CoreError, NoteOutcome, NotedRow, StoreGeneration,
    Verdict,
};

use crate::causes::one_line;
use crate::engine::remembered::Fate;
use crate::error::{DatabaseMismatch, Error};
use crate::ledger::ledger::UpdateOutcome;
use crate::ledger::retry;
use crate::sync::batches::applier::Applier;
use crate::sync::batches::batch::Locks;
use crate::sync::batches::hold::Hold;
use crate::sync::batches::manner::Origin;
use crate::sync::batches::settled::Settled;
use crate::sync::batches::verification::verify_within;
use crate::sync::identity::compare::{Absence, absence_of};
use crate::sync::identity::record::{PartsLeft, Remembrance, record};
use crate::sync::options::OnConflict;
use crate::sync::report::claims::{ConflictingClaim, LostClaim, PostponedCause};
use crate::sync::report::times::time;

/// Why a claim is left whose part of the store was not heard of when it was verified.
const NO_ANSWER: &str = "its node did not answer when its claim was verified";

/// How often a claim that other processes' stores overtake gets a new sequence.
const RENUMBER_ROUNDS: u32 = 10;

impl Applier<'_, '_> {
    /// Acknowledges what is in the table and deals with what is not.
    /// Returns claims that got a new sequence and are still to be applied.
    pub(crate) fn settle(
        &mut self,
        settled: Settled<'_>,
        renumbered: u32,
    ) -> Result<Vec<Claim>, Error> {
        for claim in settled.changing {
            self.postpone(claim, PostponedCause::Changing);
        }
        for claim in settled.locked {
            self.postpone(claim, PostponedCause::Locked);
        }
        for claim in settled.unavailable {
            self.leave_unavailable(&claim, NO_ANSWER);
        }
        for claim in settled.kept_out {
            let table = self.unsettled.engine.tables().of(Some(&claim.id)).to_string();
            self.refuse(claim, Error::KeptOut { table });
        }
        self.log.report.superseded += settled.superseded.len() as u64;
        settled.superseded.iter().for_each(|claim| self.unsettled.settle(claim));
        let news = self.count_applied(&settled.applied);
        let acknowledged = self.note(settled.recorded, &settled.applied);
        self.log.applied(&news, self.origin == Origin::Recovered);
        acknowledged?;
        if let Some(hold) = settled.hold {
            hold.forget_commit();
        }
        let undecided = self.conflicts_of(settled.undecided)?;
        let conflicts = settled.conflicts.into_iter().chain(undecided).collect();
        let claims = self.renumber(conflicts, renumbered)?;
        self.settle_gone(settled.gone)?;
        Ok(claims)
    }

    /// Each claim is counted when it is first known to be in the table, whenever it is
    /// acknowledged. Returns those that an observer must see.
    fn count_applied<'c>(&mut self, claims: &'c [Claim]) -> Vec<&'c Claim> {
        let mut news = Vec::new();
        for claim in claims {
            if self.unsettled.note_applied(claim) {
                self.log.report.applied += 1;
                self.log.report.recovered += u64::from(self.origin == Origin::Recovered);
                if self.log.observer.is_there() {
                    news.push(claim);
                }
            }
        }
        news
    }

    /// Lets the store note what was recorded with these claims, and forget them if it follows this
    /// database.
    fn note(
        &mut self,
        recorded: Option<(Arc<str>, NotedRow)>,
        claims: &[Claim],
    ) -> Result<(), Error> {
        let store = self.unsettled.engine.store().generation();
        let (Some(store), Some((store_id, noted))) = (store, recorded) else {
            return self.acknowledge(claims);
        };
        let note = || store.note(&store_id, &noted, claims);
        let noted = time(&mut self.log.report.times.acknowledge, note);
        let Some(note_outcome) = self.unless_of_a_part(noted, claims)? else { return Ok(()) };
        match note_outcome {
            NoteOutcome::Taken | NoteOutcome::Known => self.unsettled.settle_acknowledged(claims),
            // The next pass records them again, which proves it.
            NoteOutcome::Unproven => claims.iter().for_each(|claim| self.unsettled.leave(claim)),
            NoteOutcome::Other => return Err(Error::OtherDatabase(DatabaseMismatch::Copied)),
        }
        Ok(())
    }

    /// The store may forget these.
    fn acknowledge(&mut self, claims: &[Claim]) -> Result<(), Error> {
        let store = &self.unsettled.engine.store();
        let acknowledged = time(&mut self.log.report.times.acknowledge, || store.ack(claims));
        if self.unless_of_a_part(acknowledged, claims)?.is_some() {
            self.unsettled.settle_acknowledged(claims);
        }
        Ok(())
    }

    /// Returns what the acknowledgement of these claims came to. If it failed in a store that has
    /// parts, some may have carried it out: leaves the claims of the others, and returns nothing.
    fn unless_of_a_part<T>(
        &mut self,
        acknowledged: Result<T, CoreError>,
        claims: &[Claim],
    ) -> Result<Option<T>, Error> {
        let error = match acknowledged {
            Ok(done) => return Ok(Some(done)),
            Err(error) => error,
        };
        let store = self.unsettled.engine.store();
        if store.generation().and_then(StoreGeneration::parts).is_none() {
            return Err(error.into());
        }
        let verify = || store.verify(claims, verify_within(claims.len()));
        let verdicts = self.log.report.times.add_verify(verify)?;
        for (claim, verdict) in claims.iter().zip(verdicts) {
            match verdict {
                Verdict::Gone => self.unsettled.settle_acknowledged(std::slice::from_ref(claim)),
                _ => self.leave_unavailable(claim, &one_line(&error)),
            }
        }
        Ok(None)
    }

    /// Returns as conflicts claims of which it cannot be found out whether they are in the table.
    fn conflicts_of(&mut self, claims: Vec<Claim>) -> Result<Vec<ConflictingClaim>, Error> {
        let ids = claims.iter().map(|claim| claim.id.clone()).collect::<Vec<_>>();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let ledger = self.unsettled.engine.ledger();
        let rows = self.log.report.times.add_database(|| ledger.baselines(&ids))?;
        let conflicts = claims.into_iter().zip(rows);
        Ok(conflicts.map(|(claim, row)| ConflictingClaim { claim, row: row.seq }).collect())
    }

    /// A claim that was applied and then overtaken only lacks its acknowledgement. The others are
    /// conflicts, and get sequences above those of their rows if an operator has decided so.
    fn renumber(
        &mut self,
        conflicts: Vec<ConflictingClaim>,
        times: u32,
    ) -> Result<Vec<Claim>, Error> {
        let mut renumbered = Vec::new();
        let can_repair = self.unsettled.engine.store().repair().is_some();
        for conflict in conflicts {
            if self.unsettled.fate(&conflict.claim) == Fate::Applied {
                self.acknowledge(std::slice::from_ref(&conflict.claim))?;
            } else if let Some(claim) = self.renumber_one(&conflict, times).inspect_err(|_| {
                // It may have its new sequence all the same.
                self.unsettled.engine.unanswered().note([conflict.claim.id.clone()]);
            })? {
                self.unsettled.take(&claim, Fate::Unapplied);
                renumbered.push(claim);
            } else if self.manner.on_conflict == OnConflict::Discard {
                self.acknowledge(std::slice::from_ref(&conflict.claim))?;
                self.log.report.discarded += 1;
            } else if self.manner.on_conflict == OnConflict::Apply
                && can_repair
                && times < RENUMBER_ROUNDS
            {
                // Only one that is not there any more gets no sequence from an operator.
                self.unsettled.settle(&conflict.claim);
                self.log.report.superseded += 1;
            } else {
                self.unsettled.leave(&conflict.claim);
                self.log.report.conflicts.push(conflict);
            }
        }
        Ok(renumbered)
    }

    fn renumber_one(
        &self,
        conflict: &ConflictingClaim,
        times: u32,
    ) -> Result<Option<Claim>, Error> {
        let ConflictingClaim { claim, row } = conflict;
        let store = self.unsettled.engine.store();
        if times >= RENUMBER_ROUNDS {
            return Ok(None);
        }
        match store.repair() {
            Some(repair) if self.manner.on_conflict == OnConflict::Apply => {
                Ok(repair.renumber(claim, *row)?)
            }
            _ => Ok(None),
        }
    }

    /// Claims that are not in the store any more were acknowledged by another pass, were deleted
    /// with their counters, or were lost by the store. The rows tell, where there are any. If the
    /// store does not remember giving one out, it has gone back to before that, and what was
    /// claimed is pending again.
    fn settle_gone(&mut self, mut gone: Vec<Claim>) -> Result<(), Error> {
        let mut lost = Vec::with_capacity(gone.len());
        // In the order in which every sync locks rows.
        gone.sort_by(|a, b| a.id.cmp(&b.id));
        for claim in gone {
            let store_id = self.unsettled.store_of(&claim);
            let store = self.unsettled.engine.store();
            if self.unsettled.fate(&claim) == Fate::Applied {
                self.unsettled.settle(&claim);
                continue;
            }
            match absence_of(store, store_id.as_deref(), &claim)? {
                Absence::Decided => {
                    self.unsettled.settle(&claim);
                    self.log.report.lost.push(LostClaim { claim, applied: false });
                }
                Absence::PartWentBack(part) => {
                    let parts = PartsLeft { gone_back: vec![part], ..PartsLeft::default() };
                    self.leave_parts(vec![claim], parts);
                }
                Absence::Unknown(why) => self.leave_unavailable(&claim, &why),
                Absence::Removed => lost.push((claim, store_id)),
            }
        }
        if !self.update_together(&lost)? {
            for (claim, store_id) in lost {
                self.update_alone(claim, store_id.as_ref())?;
            }
        }
        Ok(())
    }

    /// Applies the claims by one transaction, if they are of one store and the database takes all
    /// of them: what was moved from one counter to another is then in both rows, or in none.
    fn update_together(&mut self, lost: &[(Claim, Option<Arc<str>>)]) -> Result<bool, Error> {
        let Some((_, store_id)) = lost.first() else { return Ok(true) };
        let is_of_one = lost.iter().all(|(_, of_other)| of_other == store_id);
        if lost.len() < 2 || !is_of_one || self.unsettled.engine.store().private().is_some() {
            return Ok(false);
        }
        let claims = lost.iter().map(|(claim, _)| claim.clone()).collect::<Vec<_>>();
        match retry::once_more(|| self.update_gone(&claims, store_id.as_ref())) {
            Ok(updated) => {
                for (claim, updated) in claims.into_iter().zip(updated) {
                    self.note_updated(claim, updated);
                }
                Ok(true)
            }
            Err(error) if is_of_rows(&error) => {
                if matches!(error, Error::Locked { .. }) {
                    self.manner.locks = Locks::Skip;
                }
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    fn update_alone(&mut self, claim: Claim, store_id: Option<&Arc<str>>) -> Result<(), Error> {
        let one = std::slice::from_ref(&claim);
        match retry::once_more(|| self.update_gone(one, store_id)) {
            Ok(updated) => {
                let updated = updated.into_iter().next().unwrap_or(UpdateOutcome::NoRow);
                self.note_updated(claim, updated);
            }
            Err(Error::Locked { .. }) => {
                // Others that are gone do not wait as long.
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
    ) -> Result<Vec<UpdateOutcome>, Error> {
        let (mut transaction, hold) = self.begin(self.manner.locks.wait())?;
        if let Some(hold) = &hold
            && let Some(claim) = claims.iter().find(|claim| !hold.may_write(claim))
        {
            drop(transaction);
            return Ok(vec![self.outcome_of(hold, claim)?]);
        }
        let updates = claims.iter().map(|claim| transaction.update(claim));
        let updated = updates.collect::<Result<Vec<_>, _>>()?;
        let engine = self.unsettled.engine;
        let mut recorded = None;
        if let Some(id) = store_id {
            let record = record(engine, &mut *transaction, id, claims, &mut self.log.report.times)?;
            if let Remembrance::PartsLeft(parts) = record {
                return Err(parts.into_error());
            }
            // That the store is another one by now is why the claims are gone.
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
        Ok(updated)
    }

    /// Returns what became of a claim that is gone from a store in memory, and that may not be
    /// written to its row: nothing gives such a claim a new sequence.
    fn outcome_of(&self, hold: &Hold<'_>, claim: &Claim) -> Result<UpdateOutcome, Error> {
        let rows = self.unsettled.engine.ledger().baselines(std::slice::from_ref(&claim.id))?;
        let has_seen = rows.first().is_some_and(|row| row.seq >= claim.seq);
        let may_be_there = hold.outcome(claim) != CommitOutcome::NotCommitted;
        let is_there = has_seen || may_be_there;
        Ok(if is_there { UpdateOutcome::AlreadyApplied } else { UpdateOutcome::NoRow })
    }
}

/// Returns whether an error may be about one row alone.
const fn is_of_rows(error: &Error) -> bool {
    matches!(
        error,
        Error::Locked { .. }
            | Error::Database { .. }
            | Error::KeptOut { .. }
            | Error::TimedOut { .. }
    )
}
