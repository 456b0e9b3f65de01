//! How claims get into the table, each exactly once.
//!
//! A batch is applied in one transaction: upsert under the guard, record the newest sequence, ask
//! the store whether it remembers all that is recorded, verify that it still holds every claim,
//! commit; only then are the claims acknowledged. What dies anywhere in between leaves the claims
//! in the store, and applying them again is a no-op where it was done before.

use std::time::{Duration, Instant};

use counter_core::{Claim, Verdict};

use crate::error::Error;
use crate::ledger::ledger::{LedgerTransaction, Unapplied, UnappliedCause};
use crate::ledger::retry;
use crate::sync::batches::applier::Applier;
use crate::sync::batches::batch::{Batch, Locks};
use crate::sync::batches::coin::Coin;
use crate::sync::batches::division::{Divider, Division};
use crate::sync::batches::halving::LeftOver;
use crate::sync::batches::hold::Hold;
use crate::sync::batches::manner::{Manner, Origin};
use crate::sync::batches::settled::{Settled, may_commit, take_at};
use crate::sync::batches::verification::verify_within;
use crate::sync::identity::record::{Remembrance, has_id, record};
use crate::sync::options::OnConflict;
use crate::sync::report::claims::PostponedCause;
use crate::sync::report::pass_log::PassLog;
use crate::sync::unsettled::Unsettled;

/// How often a batch whose claims keep changing is started again.
const VERIFY_ROUNDS: usize = 3;

/// Applies and acknowledges claims of different counters, which are among the unsettled.
pub(crate) fn apply(
    unsettled: &Unsettled<'_>,
    mut claims: Vec<Claim>,
    origin: Origin,
    manner: &mut Manner,
    log: &mut PassLog<'_>,
) -> Result<(), Error> {
    claims.sort_by(|a, b| a.id.cmp(&b.id));
    let mut applier = Applier { unsettled, origin, manner, log };
    let mut divider = Divider::new(claims, applier.manner.locks, Coin::new());
    while let Some(batch) = divider.next() {
        applier.apply_batch(batch, &mut divider)?;
    }
    applier.put_off(divider.left_over());
    Ok(())
}

/// Tries once to apply claims in one transaction, while a caller waits. The claims must be of
/// different counters, in the order of the counters. What does not succeed at once is left to the
/// next pass.
pub(crate) fn apply_once(
    unsettled: &Unsettled<'_>,
    claims: &[Claim],
    log: &mut PassLog<'_>,
) -> Result<(), Error> {
    let (origin, manner) = (Origin::Fresh, &mut Manner::new(OnConflict::Report, Locks::Wait));
    let mut applier = Applier { unsettled, origin, manner, log };
    let settled = applier.transact(claims, Locks::Wait)?;
    applier.settle(settled, 0)?;
    Ok(())
}

/// Settles those of these claims that the store has dropped or replaced since they were put off,
/// and returns the others. No row is asked for them, which the database would refuse again.
pub(crate) fn settle_changed(
    unsettled: &Unsettled<'_>,
    claims: Vec<Claim>,
    manner: &mut Manner,
    log: &mut PassLog<'_>,
) -> Result<Vec<Claim>, Error> {
    let store = unsettled.engine.store();
    let verdicts =
        log.report.times.add_verify(|| store.verify(&claims, verify_within(claims.len())))?;
    let mut settled = Settled::default();
    let held = settled.keep_held(claims, &verdicts, |verdict| verdict == Verdict::Current);
    let mut applier = Applier { unsettled, origin: Origin::Recovered, manner, log };
    applier.settle(settled, 0)?;
    Ok(held)
}

/// A transaction in which claims are written.
struct Written<'a> {
    transaction: Box<dyn LedgerTransaction + 'a>,
    hold: Option<Hold<'a>>,
    /// Those of the claims that are not in their rows.
    unapplied: Vec<Unapplied>,
}

impl<'a> Applier<'a, '_> {
    /// Settles a batch, and puts what it leaves to do where it comes next.
    fn apply_batch(&mut self, batch: Batch, divider: &mut Divider) -> Result<(), Error> {
        let started = Instant::now();
        let transact = || self.transact(&batch.claims, batch.locks);
        // Only the full batch waits for temporary errors, not every step down to a bad row.
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
            claims.iter().for_each(|claim| self.unsettled.note_refused(claim));
        }
        self.postpone_all(claims, PostponedCause::Refused);
    }

    fn postpone_all(&mut self, claims: Vec<Claim>, cause: PostponedCause) {
        claims.into_iter().for_each(|claim| self.postpone(claim, cause));
    }

    /// One transaction over all claims that are still theirs to apply.
    fn transact(&mut self, claims: &[Claim], locks: Locks) -> Result<Settled<'a>, Error> {
        let mut settled = Settled::default();
        let claims = claims.iter().map(|claim| self.unsettled.present(claim)).collect();
        let mut claims = self.without_gone(claims, &mut settled)?;
        for _ in 0..VERIFY_ROUNDS {
            if claims.is_empty() {
                return Ok(settled);
            }
            let Some(written) = self.write(&mut claims, locks, &mut settled)? else { continue };
            let Written { mut transaction, hold, unapplied } = written;
            let engine = self.unsettled.engine;
            let times = &mut self.log.report.times;
            let mut recorded = None;
            if let Some(id) = self.unsettled.store_id() {
                match record(engine, &mut *transaction, &id, &claims, times)? {
                    Remembrance::Whole(row) => recorded = row.map(|row| (id, row)),
                    Remembrance::Changed => {
                        return Err(counter_core::Error::StoreChanged.into());
                    }
                    Remembrance::PartsLeft(parts) => {
                        self.log.report.times.add_database(|| drop(transaction));
                        claims = self.leave_parts(claims, parts);
                        continue;
                    }
                }
            }
            let store = engine.store();
            let verdicts =
                times.add_verify(|| store.verify(&claims, verify_within(claims.len())))?;
            if verdicts.iter().all(|verdict| may_commit(*verdict)) {
                self.confirm_id()?;
                self.commit(transaction, &claims, hold.as_ref())?;
                settled.recorded = recorded;
                settled.applied_all(claims, &verdicts, unapplied);
                settled.hold = hold;
                return Ok(settled);
            }
            // Without this, a batch claimed before a delete could bring the row back after it.
            self.log.report.times.add_database(|| drop(transaction));
            claims = settled.keep_held(claims, &verdicts, may_commit);
        }
        settled.changing = claims;
        Ok(settled)
    }

    /// Makes sure that the store still has the id that it had before the claims were verified. The
    /// id is in another part of the store than the claims. If the id is lost, those parts could go
    /// back to before the next id unnoticed.
    fn confirm_id(&mut self) -> Result<(), Error> {
        let Some(store_id) = self.unsettled.store_id() else { return Ok(()) };
        let engine = self.unsettled.engine;
        if has_id(engine, &store_id, &mut self.log.report.times)? {
            return Ok(());
        }
        Err(counter_core::Error::StoreChanged.into())
    }

    /// Sorts out claims that are gone, of those that were not certainly made in the present store:
    /// that would not remember giving them out, though it is no old copy.
    fn without_gone(
        &mut self,
        claims: Vec<Claim>,
        settled: &mut Settled<'_>,
    ) -> Result<Vec<Claim>, Error> {
        let Some(present) = self.unsettled.store_id() else { return Ok(claims) };
        let is_of_present =
            |claim: &Claim| self.unsettled.store_of(claim).as_ref() == Some(&present);
        if claims.iter().all(is_of_present) {
            return Ok(claims);
        }
        let store = self.unsettled.engine.store();
        let verify = || store.verify(&claims, verify_within(claims.len()));
        let verdicts = self.log.report.times.add_verify(verify)?;
        Ok(settled.keep_held(claims, &verdicts, may_commit))
    }

    /// Writes the claims, less those that others have locked or that may be in the table. Returns
    /// no transaction if nothing is left, or if the database kept a row out: what was written
    /// instead must not stay.
    fn write(
        &mut self,
        claims: &mut Vec<Claim>,
        locks: Locks,
        settled: &mut Settled<'_>,
    ) -> Result<Option<Written<'a>>, Error> {
        let started = Instant::now();
        let written = self.write_all(claims, locks, settled);
        self.log.report.times.note_database(started.elapsed());
        let written = written?;
        let is_kept_out = |unapplied: &&Unapplied| unapplied.cause == UnappliedCause::KeptOut;
        let kept_out = written.unapplied.iter().filter(is_kept_out);
        let kept_out = kept_out.map(|unapplied| unapplied.index).collect::<Vec<_>>();
        if kept_out.is_empty() && !claims.is_empty() {
            return Ok(Some(written));
        }
        self.log.report.times.add_database(|| drop(written));
        settled.kept_out.extend(take_at(claims, kept_out));
        Ok(None)
    }

    fn write_all(
        &mut self,
        claims: &mut Vec<Claim>,
        locks: Locks,
        settled: &mut Settled<'_>,
    ) -> Result<Written<'a>, Error> {
        let (mut transaction, hold) = self.begin(locks.wait())?;
        if let Some(hold) = &hold {
            self.number_claims(hold, claims, settled)?;
        }
        if locks == Locks::Skip {
            let locked = transaction.lock_rows(claims)?;
            settled.locked.extend(take_at(claims, locked));
        }
        let mut unapplied = transaction.upsert(claims)?;
        if let Some(hold) = &hold {
            unapplied = self.write_above(hold, &mut *transaction, claims, unapplied)?;
            let table = || self.unsettled.engine.tables().totals().to_string();
            hold.write(&mut *transaction, claims, table)?;
        }
        Ok(Written { transaction, hold, unapplied })
    }
}
