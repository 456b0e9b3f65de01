//! Settles the claims of a batch once its transaction is over.

use std::sync::Arc;

use counter_core::{Claim, Error as CoreError, NoteOutcome, NotedRow, StoreGeneration, Verdict};

use crate::causes::one_line;
use crate::engine::remembered::Fate;
use crate::error::{DatabaseMismatch, Error};
use crate::sync::batches::applier::Applier;
use crate::sync::batches::manner::Origin;
use crate::sync::batches::settled::Settled;
use crate::sync::batches::verification::verify_within;
use crate::sync::options::OnConflict;
use crate::sync::report::claims::{ConflictingClaim, PostponedCause};
use crate::sync::report::times::time;

/// Why a claim is left if its part of the store did not answer when it was verified.
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
    pub(super) fn note(
        &mut self,
        recorded: Option<(Arc<str>, NotedRow)>,
        claims: &[Claim],
    ) -> Result<(), Error> {
        let store = self.unsettled.engine.store().generation();
        let (Some(store), Some((store_id, noted))) = (store, recorded) else {
            return self.acknowledge(claims);
        };
        let note = || store.note(&store_id, &noted, claims);
        let outcome = time(&mut self.log.report.times.acknowledge, note);
        let Some(outcome) = self.unless_of_a_part(outcome, claims)? else { return Ok(()) };
        match outcome {
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

    /// Returns the outcome of acknowledging these claims. In a store with parts, a failure may come
    /// from parts that are away, while others have carried it out. Then leaves the claims of the
    /// parts that are away, and returns nothing. If all parts are there and none has carried it
    /// out, no part is the cause.
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
        if verdicts.iter().all(|verdict| *verdict == Verdict::Current) {
            return Err(error.into());
        }
        for (claim, verdict) in claims.iter().zip(verdicts) {
            match verdict {
                Verdict::Current | Verdict::Unavailable => {
                    self.leave_unavailable(claim, &one_line(&error));
                }
                // The claim is in the table, and the store now holds another one.
                _ => self.unsettled.settle_acknowledged(std::slice::from_ref(claim)),
            }
        }
        Ok(None)
    }

    /// Returns as conflicts the claims that may or may not be in the table.
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
                // The claim may have its new sequence despite the error.
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
                // Only a claim that is no longer there gets no sequence from an operator's
                // decision.
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
}
