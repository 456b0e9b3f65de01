//! How claims get into the table, each exactly once.
//!
//! A batch is applied in one transaction: upsert under the guard, verify that the store still holds
//! every claim, commit; only then are the claims acknowledged. Whoever dies anywhere in between
//! leaves the claims in the store, and applying them again is a no-op where it was done before.

use std::time::{Duration, Instant};

use counter_core::{Claim, ClaimOp, ClaimSeq, CounterId, Owner, Verdict};

use crate::engine::remembered::Fate;
use crate::error::{Error, LedgerStep};
use crate::ledger::ledger::{NewerRow, UpdateOutcome};
use crate::ledger::retry;
use crate::sync::options::OnConflict;
use crate::sync::report::claims::{ConflictingClaim, FailedClaim, LostClaim};
use crate::sync::report::pass_log::PassLog;
use crate::sync::report::times::time;
use crate::sync::unsettled::Unsettled;

/// Rows are locked while the store is asked, so it must answer soon.
const VERIFY_WITHIN: Duration = Duration::from_millis(500);

/// How often a batch whose claims keep changing is started again.
const VERIFY_ROUNDS: usize = 3;

/// How long a batch is divided while its parts wait for locks.
const MOST_REFUSED: Duration = Duration::from_secs(30);

/// How often a claim that other processes' stores overtake gets a new sequence.
const RENUMBER_ROUNDS: u32 = 10;

/// Who made the claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// This pass.
    Fresh,
    /// An earlier pass, of this process or another.
    Recovered,
}

/// Applies and acknowledges claims of different counters, which are among the unsettled.
pub(crate) fn apply(
    unsettled: &Unsettled<'_>,
    mut claims: Vec<Claim>,
    origin: Origin,
    on_conflict: OnConflict,
    log: &mut PassLog<'_>,
) -> Result<(), Error> {
    claims.sort_by(|a, b| a.id.cmp(&b.id));
    let mut application = Application::new(unsettled, origin, on_conflict, log);
    let mut todo = vec![Batch { claims, is_half: false, renumbered: 0 }];
    while let Some(batch) = todo.pop() {
        if !batch.claims.is_empty() {
            todo.extend(application.apply_batch(&batch)?);
        }
    }
    Ok(())
}

/// Tries once to apply a claim that somebody is waiting for. What does not succeed at once is left
/// to the next pass.
pub(crate) fn apply_once(
    unsettled: &Unsettled<'_>,
    claim: Claim,
    log: &mut PassLog<'_>,
) -> Result<(), Error> {
    let (origin, on_conflict) = (Origin::Fresh, OnConflict::Report);
    let mut application = Application::new(unsettled, origin, on_conflict, log);
    let batch = Batch { claims: vec![claim], is_half: false, renumbered: 0 };
    let settled = application.transact(&batch.claims)?;
    application.settle(settled, &batch)?;
    Ok(())
}

struct Application<'a, 'o> {
    unsettled: &'a Unsettled<'a>,
    origin: Origin,
    on_conflict: OnConflict,
    log: &'a mut PassLog<'o>,
    /// How long parts of refused batches were refused in all.
    refused_for: Duration,
    /// Whether it was made sure that a refusal is about a row and not about the whole table.
    database_takes_rows: bool,
}

struct Batch {
    claims: Vec<Claim>,
    /// Part of a batch that was refused.
    is_half: bool,
    /// How often its claims got a new sequence.
    renumbered: u32,
}

/// What became of the claims of a batch in its transaction.
#[derive(Default)]
struct Settled {
    applied: Vec<Claim>,
    conflicts: Vec<ConflictingClaim>,
    superseded: Vec<Claim>,
    gone: Vec<Claim>,
    postponed: Vec<Claim>,
}

impl<'a, 'o> Application<'a, 'o> {
    fn new(
        unsettled: &'a Unsettled<'a>,
        origin: Origin,
        on_conflict: OnConflict,
        log: &'a mut PassLog<'o>,
    ) -> Self {
        let (refused_for, database_takes_rows) = (Duration::ZERO, false);
        Self { unsettled, origin, on_conflict, log, refused_for, database_takes_rows }
    }
}

impl Application<'_, '_> {
    /// Settles a batch and returns the batches that it leaves to do.
    fn apply_batch(&mut self, batch: &Batch) -> Result<Vec<Batch>, Error> {
        let started = Instant::now();
        // What passes with time is waited for once, not at every step down to a bad row.
        let result = if batch.is_half {
            retry::once_more(|| self.transact(&batch.claims))
        } else {
            retry::with_backoff(|| self.transact(&batch.claims))
        };
        match result {
            Ok(settled) => self.settle(settled, batch),
            Err(error @ Error::Database { step: LedgerStep::Upsert, .. }) => {
                if batch.is_half {
                    self.refused_for += started.elapsed();
                }
                self.bisect(batch, error)
            }
            Err(error) => Err(error),
        }
    }

    /// One transaction over all claims that are still theirs to apply.
    fn transact(&mut self, claims: &[Claim]) -> Result<Settled, Error> {
        let engine = self.unsettled.engine;
        let mut settled = Settled::default();
        let mut claims = claims.to_vec();
        for _ in 0..VERIFY_ROUNDS {
            if claims.is_empty() {
                return Ok(settled);
            }
            let (transaction, newer) = self.log.report.times.add_database(|| {
                let mut transaction = engine.ledger().begin()?;
                let newer = transaction.upsert(&claims)?;
                Ok::<_, Error>((transaction, newer))
            })?;
            let verdicts = self
                .log
                .report
                .times
                .add_verify(|| engine.store().verify(&claims, VERIFY_WITHIN))?;
            if verdicts.iter().all(|verdict| *verdict == Verdict::Current) {
                let committed = self.log.report.times.add_database(|| transaction.commit());
                committed.inspect_err(|_| self.mark_unknown(&claims))?;
                settled.applied_all(claims, newer);
                return Ok(settled);
            }
            // Without this, a batch claimed before a delete could bring the row back after it.
            self.log.report.times.add_database(|| drop(transaction));
            claims = settled.keep_held(claims, &verdicts);
        }
        settled.postponed = claims;
        Ok(settled)
    }

    /// A commit that failed may have happened.
    fn mark_unknown(&mut self, claims: &[Claim]) {
        for claim in claims {
            if self.unsettled.fate(claim) == Fate::Unapplied {
                self.unsettled.set_fate(claim, Fate::Unknown);
            }
        }
    }

    /// Acknowledges what is in the table and deals with what is not.
    fn settle(&mut self, settled: Settled, batch: &Batch) -> Result<Vec<Batch>, Error> {
        self.log.report.postponed += settled.postponed.len() as u64;
        self.log.report.superseded += settled.superseded.len() as u64;
        settled.superseded.iter().for_each(|claim| self.unsettled.settle(claim));
        let news = self.count_applied(&settled.applied);
        let acknowledged = self.acknowledge(&settled.applied);
        self.log.applied(&news, self.origin == Origin::Recovered);
        acknowledged?;
        let claims = self.renumber(settled.conflicts, batch.renumbered)?;
        for claim in settled.gone {
            self.settle_gone(claim)?;
        }
        Ok(vec![Batch { claims, is_half: batch.is_half, renumbered: batch.renumbered + 1 }])
    }

    /// Each claim is counted when it is first known to be in the table, whenever it is
    /// acknowledged. Returns those that an observer is to be told of.
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

    /// The store may forget these.
    fn acknowledge(&mut self, claims: &[Claim]) -> Result<(), Error> {
        let store = &self.unsettled.engine.store();
        time(&mut self.log.report.times.acknowledge, || store.ack(claims))?;
        claims.iter().for_each(|claim| self.unsettled.settle(claim));
        Ok(())
    }

    /// Claims that nobody has applied get sequences above those of their rows. One that was applied
    /// and then overtaken only lacks its acknowledgement. The others are conflicts.
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
            } else if let Some(claim) = self.renumber_one(&conflict, times)? {
                self.unsettled.take(&claim, Fate::Unapplied);
                renumbered.push(claim);
            } else if self.on_conflict == OnConflict::Discard {
                self.acknowledge(std::slice::from_ref(&conflict.claim))?;
                self.log.report.discarded += 1;
            } else if self.on_conflict == OnConflict::Apply && can_repair && times < RENUMBER_ROUNDS
            {
                // Only one that is not there any more gets no sequence from an operator.
                self.unsettled.settle(&conflict.claim);
                self.log.report.superseded += 1;
            } else {
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
        if self.unsettled.fate(claim) == Fate::Unapplied
            && let Some(private) = store.private()
            && let Some(renumbered) = private.renumber_unapplied(claim, *row)?
        {
            return Ok(Some(renumbered));
        }
        match store.repair() {
            Some(repair) if self.on_conflict == OnConflict::Apply => {
                Ok(repair.renumber(claim, *row)?)
            }
            _ => Ok(None),
        }
    }

    /// A claim that is not in the store any more was acknowledged by another pass, was deleted with
    /// its counter, or was lost by the store. The row tells, where there is one.
    fn settle_gone(&mut self, claim: Claim) -> Result<(), Error> {
        if self.unsettled.fate(&claim) == Fate::Applied {
            self.unsettled.settle(&claim);
            return Ok(());
        }
        let updated = retry::with_backoff(|| {
            let mut transaction = self.unsettled.engine.ledger().begin()?;
            let updated = transaction.update(&claim)?;
            transaction.commit()?;
            Ok(updated)
        })?;
        self.unsettled.settle(&claim);
        match updated {
            UpdateOutcome::Applied => self.log.report.lost.push(LostClaim { claim, applied: true }),
            UpdateOutcome::NoRow if claim.op != ClaimOp::Delete => {
                self.log.report.lost.push(LostClaim { claim, applied: false });
            }
            UpdateOutcome::AlreadyApplied | UpdateOutcome::NoRow => self.log.report.superseded += 1,
        }
        Ok(())
    }

    /// Narrows a refused batch down to the rows that are refused; these stay claimed.
    ///
    /// Where many rows are locked by others each step waits for a lock, so the pass ends after a
    /// while. The next one begins with what this one has left.
    fn bisect(&mut self, batch: &Batch, error: Error) -> Result<Vec<Batch>, Error> {
        if self.refused_for > MOST_REFUSED {
            return Err(error);
        }
        if !self.database_takes_rows {
            self.try_other_row()?;
            self.database_takes_rows = true;
        }
        if let [claim] = batch.claims.as_slice() {
            self.log.report.failed.push(FailedClaim { claim: claim.clone(), error });
            return Ok(Vec::new());
        }
        let (first, second) = batch.claims.split_at(batch.claims.len() / 2);
        let half = |claims: &[Claim]| Batch { claims: claims.to_vec(), is_half: true, ..*batch };
        // The last is taken first.
        Ok(vec![half(second), half(first)])
    }

    /// Writes a row that nothing is wrong with, and takes it back. If that is refused too, the
    /// claims are not at fault, and dividing them would only be a thousand refusals.
    fn try_other_row(&self) -> Result<(), Error> {
        let global = Owner::global();
        let id = CounterId::new(global.owner_type(), global.id(), "counter-probe")?;
        let claim = Claim { id, seq: ClaimSeq::new(i64::MAX), op: ClaimOp::Add(0) };
        let ledger = &self.unsettled.engine.ledger();
        retry::with_backoff(|| ledger.begin()?.upsert(std::slice::from_ref(&claim)))?;
        Ok(())
    }
}

impl Settled {
    /// All claims are in the table, but those whose row had seen a newer one.
    fn applied_all(&mut self, claims: Vec<Claim>, newer: Vec<NewerRow>) {
        let mut newer = newer.into_iter().peekable();
        for (index, claim) in claims.into_iter().enumerate() {
            match newer.next_if(|newer| newer.index == index) {
                Some(newer) => self.conflicts.push(ConflictingClaim { claim, row: newer.row }),
                None => self.applied.push(claim),
            }
        }
    }

    /// Sorts out the claims that changed, and returns the others.
    fn keep_held(&mut self, claims: Vec<Claim>, verdicts: &[Verdict]) -> Vec<Claim> {
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
