//! How claims get into the table, each exactly once.
//!
//! A batch is applied in one transaction: upsert under the guard, record the newest sequence, ask
//! the store whether it remembers all that is recorded, verify that it still holds every claim,
//! commit; only then are the claims acknowledged. Whoever dies anywhere in between leaves the
//! claims in the store, and applying them again is a no-op where it was done before.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

use counter_core::{Claim, ClaimOp};

use crate::engine::remembered::Fate;
use crate::error::Error;
use crate::ledger::ledger::{LedgerTransaction, Unapplied, UnappliedCause, UpdateOutcome};
use crate::ledger::retry;
use crate::sync::batch::{Batch, Locks};
use crate::sync::coin::Coin;
use crate::sync::division::{Divider, Division};
use crate::sync::halving::LeftOver;
use crate::sync::identity::compare::{Absence, absence_of};
use crate::sync::identity::record::{Remembrance, record};
use crate::sync::manner::{Manner, Origin};
use crate::sync::options::OnConflict;
use crate::sync::report::claims::{
    ConflictingClaim, FailedClaim, LostClaim, PostponedCause, PostponedClaim,
};
use crate::sync::report::pass_log::PassLog;
use crate::sync::report::times::time;
use crate::sync::settled::{Settled, may_commit, take_at};
use crate::sync::unsettled::Unsettled;
use crate::sync::verification::verify_within;

/// How often a batch whose claims keep changing is started again.
const VERIFY_ROUNDS: usize = 3;

/// How often a claim that other processes' stores overtake gets a new sequence.
const RENUMBER_ROUNDS: u32 = 10;

/// Applies and acknowledges claims of different counters, which are among the unsettled.
pub(crate) fn apply(
    unsettled: &Unsettled<'_>,
    mut claims: Vec<Claim>,
    origin: Origin,
    manner: &mut Manner,
    log: &mut PassLog<'_>,
) -> Result<(), Error> {
    claims.sort_by(|a, b| a.id.cmp(&b.id));
    let mut application = Application { unsettled, origin, manner, log };
    let mut divider = Divider::new(claims, application.manner.locks, Coin::new());
    while let Some(batch) = divider.next() {
        application.apply_batch(batch, &mut divider)?;
    }
    application.put_off(divider.left_over());
    Ok(())
}

/// Tries once to apply a claim that a caller is waiting for. What does not succeed at once is left
/// to the next pass.
pub(crate) fn apply_once(
    unsettled: &Unsettled<'_>,
    claim: Claim,
    log: &mut PassLog<'_>,
) -> Result<(), Error> {
    let (origin, manner) = (Origin::Fresh, &mut Manner::new(OnConflict::Report, Locks::Wait));
    let mut application = Application { unsettled, origin, manner, log };
    let settled = application.transact(std::slice::from_ref(&claim), Locks::Wait)?;
    application.settle(settled, 0)?;
    Ok(())
}

struct Application<'a, 'o> {
    unsettled: &'a Unsettled<'a>,
    origin: Origin,
    manner: &'a mut Manner,
    log: &'a mut PassLog<'o>,
}

/// A transaction in which claims are written, and those of them whose row has seen a newer one.
type Written<'a> = (Box<dyn LedgerTransaction + 'a>, Vec<Unapplied>);

impl<'a> Application<'a, '_> {
    /// Settles a batch, and puts what it leaves to do where it comes next.
    fn apply_batch(&mut self, batch: Batch, divider: &mut Divider) -> Result<(), Error> {
        let started = Instant::now();
        let transact = || self.transact(&batch.claims, batch.locks);
        // What passes with time is waited for once, not at every step down to a bad row.
        let result = if batch.is_part || batch.locks == Locks::Skip {
            retry::once_more(transact)
        } else {
            retry::with_backoff(transact)
        };
        match result {
            Ok(settled) => {
                if !settled.applied.is_empty() {
                    divider.note_applied();
                }
                let claims = self.settle(settled, batch.renumbered)?;
                divider.retry(batch.renumbered(claims));
                Ok(())
            }
            Err(error) => self.divide(batch, error, started.elapsed(), divider),
        }
    }

    fn divide(
        &mut self,
        batch: Batch,
        error: Error,
        spent: Duration,
        divider: &mut Divider,
    ) -> Result<(), Error> {
        if matches!(error, Error::Locked { .. }) {
            self.manner.locks = Locks::Skip;
        }
        let ledger = self.unsettled.engine.ledger();
        match divider.divide(batch, error, spent, &|| ledger.ask_writes())? {
            Division::Again => {}
            Division::Refused(claim, error) => self.refuse(claim, error),
            Division::Locked(claims) => self.postpone_all(claims, PostponedCause::Locked),
            Division::Overdue(claims) => self.postpone_all(claims, PostponedCause::Slow),
        }
        Ok(())
    }

    /// Leaves to later passes what was not divided any further. Where others of the batch were
    /// applied, the next pass goes on with it.
    fn put_off(&mut self, left_over: LeftOver) {
        let LeftOver { claims, is_hopeless } = left_over;
        if is_hopeless {
            claims.iter().for_each(|claim| self.unsettled.put_off(claim));
        }
        self.postpone_all(claims, PostponedCause::Refused);
    }

    fn postpone_all(&mut self, claims: Vec<Claim>, cause: PostponedCause) {
        claims.into_iter().for_each(|claim| self.postpone(claim, cause));
    }

    fn refuse(&mut self, claim: Claim, error: Error) {
        self.unsettled.put_off(&claim);
        self.log.report.failed.push(FailedClaim { claim, error });
    }

    fn postpone(&mut self, claim: Claim, cause: PostponedCause) {
        self.log.report.postponed.push(PostponedClaim { claim, cause });
    }

    /// One transaction over all claims that are still theirs to apply.
    fn transact(&mut self, claims: &[Claim], locks: Locks) -> Result<Settled, Error> {
        let mut settled = Settled::default();
        let mut claims = claims.to_vec();
        for _ in 0..VERIFY_ROUNDS {
            if claims.is_empty() {
                return Ok(settled);
            }
            let Some((mut transaction, newer)) = self.write(&mut claims, locks, &mut settled)?
            else {
                continue;
            };
            let engine = self.unsettled.engine;
            let times = &mut self.log.report.times;
            if let Some(id) = self.unsettled.store_id()
                && record(engine, &mut *transaction, &id, &claims, times)? == Remembrance::Changed
            {
                return Err(counter_core::Error::StoreChanged.into());
            }
            let store = engine.store();
            let verdicts =
                times.add_verify(|| store.verify(&claims, verify_within(claims.len())))?;
            if verdicts.iter().all(|verdict| may_commit(*verdict)) {
                self.commit(transaction, &claims)?;
                settled.applied_all(claims, &verdicts, newer);
                return Ok(settled);
            }
            // Without this, a batch claimed before a delete could bring the row back after it.
            self.log.report.times.add_database(|| drop(transaction));
            claims = settled.keep_held(claims, &verdicts);
        }
        settled.changing = claims;
        Ok(settled)
    }

    /// Writes the claims, less those that others have locked. Returns no transaction if the
    /// database kept a row out: what was written instead must not stay.
    fn write(
        &mut self,
        claims: &mut Vec<Claim>,
        locks: Locks,
        settled: &mut Settled,
    ) -> Result<Option<Written<'a>>, Error> {
        let ledger = self.unsettled.engine.ledger();
        let (transaction, unapplied) = self.log.report.times.add_database(|| {
            let mut transaction = ledger.begin(locks.wait())?;
            if locks == Locks::Skip {
                let locked = transaction.lock_rows(claims)?;
                settled.locked.extend(take_at(claims, locked));
            }
            let unapplied = transaction.upsert(claims)?;
            Ok::<_, Error>((transaction, unapplied))
        })?;
        let is_kept_out = |unapplied: &&Unapplied| unapplied.cause == UnappliedCause::KeptOut;
        let kept_out = unapplied.iter().filter(is_kept_out).map(|unapplied| unapplied.index);
        let kept_out = kept_out.collect::<Vec<_>>();
        if kept_out.is_empty() {
            return Ok(Some((transaction, unapplied)));
        }
        self.log.report.times.add_database(|| drop(transaction));
        settled.kept_out.extend(take_at(claims, kept_out));
        Ok(None)
    }

    /// A commit that failed, or panicked, may have happened.
    fn commit(
        &mut self,
        transaction: Box<dyn LedgerTransaction + '_>,
        claims: &[Claim],
    ) -> Result<(), Error> {
        let times = &mut self.log.report.times;
        let commit = AssertUnwindSafe(|| times.add_database(|| transaction.commit()));
        let committed = catch_unwind(commit);
        if !matches!(committed, Ok(Ok(()))) {
            self.mark_unknown(claims);
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

    /// Acknowledges what is in the table and deals with what is not.
    /// Returns claims that got a new sequence and are still to be applied.
    fn settle(&mut self, settled: Settled, renumbered: u32) -> Result<Vec<Claim>, Error> {
        for claim in settled.changing {
            self.postpone(claim, PostponedCause::Changing);
        }
        for claim in settled.locked {
            self.postpone(claim, PostponedCause::Locked);
        }
        for claim in settled.kept_out {
            let table = self.unsettled.engine.tables().totals().to_string();
            self.refuse(claim, Error::KeptOut { table });
        }
        self.log.report.superseded += settled.superseded.len() as u64;
        settled.superseded.iter().for_each(|claim| self.unsettled.settle(claim));
        let news = self.count_applied(&settled.applied);
        let acknowledged = self.acknowledge(&settled.applied);
        self.log.applied(&news, self.origin == Origin::Recovered);
        acknowledged?;
        let claims = self.renumber(settled.conflicts, renumbered)?;
        for claim in settled.gone {
            self.settle_gone(claim)?;
        }
        Ok(claims)
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
            Some(repair) if self.manner.on_conflict == OnConflict::Apply => {
                Ok(repair.renumber(claim, *row)?)
            }
            _ => Ok(None),
        }
    }

    /// A claim that is not in the store any more was acknowledged by another pass, was deleted with
    /// its counter, or was lost by the store. The row tells, where there is one. If the store does
    /// not remember giving it out, it has gone back to before that, and what was claimed is pending
    /// again.
    fn settle_gone(&mut self, claim: Claim) -> Result<(), Error> {
        if self.unsettled.fate(&claim) == Fate::Applied {
            self.unsettled.settle(&claim);
            return Ok(());
        }
        let store_id = self.unsettled.store_of(&claim);
        let store = self.unsettled.engine.store();
        if absence_of(store, store_id.as_deref(), claim.seq)? == Absence::Decided {
            self.unsettled.settle(&claim);
            self.log.report.lost.push(LostClaim { claim, applied: false });
            return Ok(());
        }
        let updated = retry::once_more(|| {
            let ledger = self.unsettled.engine.ledger();
            let mut transaction = ledger.begin(self.manner.locks.wait())?;
            let updated = transaction.update(&claim)?;
            if let Some(store_id) = &store_id {
                // That the store is another one by now is why the claim is gone.
                let times = &mut self.log.report.times;
                let claims = std::slice::from_ref(&claim);
                record(self.unsettled.engine, &mut *transaction, store_id, claims, times)?;
            }
            self.commit(transaction, std::slice::from_ref(&claim))?;
            Ok(updated)
        });
        let updated = match updated {
            Ok(updated) => updated,
            Err(Error::Locked { .. }) => {
                // Others that are gone do not wait as long.
                self.manner.locks = Locks::Skip;
                self.postpone(claim, PostponedCause::Locked);
                return Ok(());
            }
            Err(
                error @ (Error::Database { .. } | Error::KeptOut { .. } | Error::TimedOut { .. }),
            ) => {
                self.refuse(claim, error);
                return Ok(());
            }
            Err(error) => return Err(error),
        };
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
}
