//! How claims get into the table, each exactly once.
//!
//! A batch is applied in one transaction: upsert under the guard, verify that the store still holds
//! every claim, commit; only then are the claims acknowledged. Whoever dies anywhere in between leaves the
//! claims in the store, and applying them again is a no-op where it was done before.

use std::time::Duration;

use counter_core::{Claim, ClaimOp, ClaimSeq, CounterId, Owner, Verdict};

use crate::counters::Shared;
use crate::error::{Error, LedgerStep};
use crate::ledger::{Newer, Updated};
use crate::report::{Conflict, FailedClaim, LostClaim, SyncReport};
use crate::retry;

/// Rows are locked while the store is asked, so it must answer soon.
const VERIFY_WITHIN: Duration = Duration::from_millis(500);

/// How often a batch whose claims keep changing is started again.
const VERIFY_ROUNDS: usize = 3;

/// How often a claim that other processes' stores overtake gets a new sequence.
const RENUMBER_ROUNDS: u32 = 10;

/// What is known of the claims' past.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Made just now by this pass; nobody has tried to apply them.
    Fresh,
    /// Made by an earlier pass of this process, which came as far as no commit.
    Untried,
    /// Left behind by another pass, or by an earlier one of this process. They may be in the table.
    Recovered,
}

/// Applies and acknowledges claims of different counters.
///
/// After an error those that are not settled are remembered, for the next pass of this process to finish
/// first.
pub(crate) fn apply(
    shared: &Shared,
    mut claims: Vec<Claim>,
    origin: Origin,
    report: &mut SyncReport,
) -> Result<(), Error> {
    claims.sort_by(|a, b| a.id.cmp(&b.id));
    let mut application = Application { shared, origin, report, database_takes_rows: false };
    let mut todo = vec![Batch { claims, is_half: false, renumbered: 0, commits: 0 }];
    while let Some(mut batch) = todo.pop() {
        if batch.claims.is_empty() {
            continue;
        }
        match application.apply_batch(&mut batch) {
            Ok(next) => todo.extend(next),
            Err(error) => {
                for batch in todo.into_iter().chain([batch]) {
                    shared.remember(batch.claims, origin.after(batch.commits));
                }
                return Err(error);
            }
        }
    }
    Ok(())
}

struct Application<'a> {
    shared: &'a Shared,
    origin: Origin,
    report: &'a mut SyncReport,
    /// Whether it was made sure that a refusal is about a row and not about the whole table.
    database_takes_rows: bool,
}

impl Origin {
    /// What it is to a later pass, after this one has asked for so many commits.
    fn after(self, commits: u32) -> Self {
        if self == Self::Recovered || commits > 0 { Self::Recovered } else { Self::Untried }
    }
}

struct Batch {
    claims: Vec<Claim>,
    /// Part of a batch that was refused.
    is_half: bool,
    /// How often its claims got a new sequence.
    renumbered: u32,
    /// How many commits were asked for, of which all but the last were not heard to succeed.
    commits: u32,
}

/// What became of the claims of a batch in its transaction.
#[derive(Default)]
struct Settled {
    applied: Vec<Claim>,
    conflicts: Vec<Conflict>,
    superseded: u64,
    gone: Vec<Claim>,
    postponed: Vec<Claim>,
}

impl Application<'_> {
    /// Settles a batch and returns the batches that it leaves to do.
    fn apply_batch(&mut self, batch: &mut Batch) -> Result<Vec<Batch>, Error> {
        let mut attempt = || self.transact(&batch.claims, &mut batch.commits);
        // What passes with time is waited for once, not at every step down to a bad row.
        let waits = !batch.is_half || batch.claims.len() == 1;
        let result = if waits { retry::with_backoff(attempt) } else { attempt() };
        match result {
            Ok(settled) => self.conclude(settled, batch),
            Err(error @ Error::Database { step: LedgerStep::Upsert | LedgerStep::Commit, .. }) => {
                self.divide(batch, error)
            }
            Err(error) => Err(error),
        }
    }

    /// One transaction over all claims that are still theirs to apply.
    fn transact(&self, claims: &[Claim], commits: &mut u32) -> Result<Settled, Error> {
        let mut settled = Settled::default();
        let mut claims = claims.to_vec();
        for _ in 0..VERIFY_ROUNDS {
            if claims.is_empty() {
                return Ok(settled);
            }
            let mut transaction = self.shared.ledger.begin()?;
            let newer = transaction.upsert(&claims)?;
            let verdicts = self.shared.store.verify(&claims, VERIFY_WITHIN)?;
            if verdicts.iter().all(|verdict| *verdict == Verdict::Held) {
                *commits += 1;
                transaction.commit()?;
                settled.applied_all(claims, &newer);
                return Ok(settled);
            }
            // Without this, a batch claimed before a delete could bring the row back after it.
            drop(transaction);
            claims = settled.keep_held(claims, &verdicts);
        }
        settled.postponed = claims;
        Ok(settled)
    }

    /// Acknowledges what is in the table and deals with what is not.
    fn conclude(&mut self, settled: Settled, batch: &Batch) -> Result<Vec<Batch>, Error> {
        let Settled { applied, conflicts, superseded, gone, postponed } = settled;
        self.report.superseded += superseded;
        self.report.postponed += postponed.len() as u64;
        self.shared.remember(postponed, self.origin.after(batch.commits));
        self.report.applied += applied.len() as u64;
        if self.origin == Origin::Recovered {
            self.report.recovered += applied.len() as u64;
        }
        let may_renumber = batch.commits == 1
            && self.origin != Origin::Recovered
            && batch.renumbered < RENUMBER_ROUNDS;
        let mut renumbered = Vec::new();
        for conflict in conflicts {
            match self.renumber(&conflict, may_renumber)? {
                Some(claim) => renumbered.push(claim),
                None => self.report.conflicts.push(conflict),
            }
        }
        for claim in gone {
            self.settle_gone(claim)?;
        }
        self.shared.store.ack(&applied)?;
        let (is_half, times) = (batch.is_half, batch.renumbered + 1);
        Ok(vec![Batch { claims: renumbered, is_half, renumbered: times, commits: 0 }])
    }

    /// A claim that only this process can have applied, and did not, gets a sequence above its row's.
    fn renumber(&self, conflict: &Conflict, may_renumber: bool) -> Result<Option<Claim>, Error> {
        if !may_renumber {
            return Ok(None);
        }
        Ok(self.shared.store.renumber(&conflict.claim, conflict.row)?)
    }

    /// A claim that is not in the store any more was acknowledged by another pass, was deleted with its
    /// counter, or was lost by the store. The row tells, where there is one.
    fn settle_gone(&mut self, claim: Claim) -> Result<(), Error> {
        let updated = retry::with_backoff(|| {
            let mut transaction = self.shared.ledger.begin()?;
            let updated = transaction.update(&claim)?;
            transaction.commit()?;
            Ok(updated)
        })?;
        match updated {
            Updated::Applied => self.report.lost.push(LostClaim { claim, applied: true }),
            Updated::NoRow if claim.op != ClaimOp::Delete => {
                self.report.lost.push(LostClaim { claim, applied: false });
            }
            Updated::Seen | Updated::NoRow => self.report.superseded += 1,
        }
        Ok(())
    }

    /// Narrows a refused batch down to the rows that are refused; these stay claimed.
    fn divide(&mut self, batch: &Batch, error: Error) -> Result<Vec<Batch>, Error> {
        if !self.database_takes_rows {
            self.try_other_row()?;
            self.database_takes_rows = true;
        }
        let Batch { renumbered, commits, .. } = *batch;
        match batch.claims.as_slice() {
            [claim] => {
                tracing::warn!(counter = %claim.id, claim = claim.text(), ?error, "the database refuses a counter");
                self.report.failed.push(FailedClaim { claim: claim.clone(), error });
                Ok(Vec::new())
            }
            claims => {
                let (first, second) = claims.split_at(claims.len() / 2);
                // The last is taken first.
                let halves = [second, first].map(<[Claim]>::to_vec);
                Ok(halves.map(|claims| Batch { claims, is_half: true, renumbered, commits }).into())
            }
        }
    }

    /// Writes a row that nothing is wrong with, and takes it back. If that is refused too, the claims
    /// are not at fault, and dividing them would only be a thousand refusals.
    fn try_other_row(&self) -> Result<(), Error> {
        let id =
            CounterId::new(Owner::global().owner_type(), Owner::global().id(), "counter-probe")?;
        let claim = Claim { id, seq: ClaimSeq::new(1), op: ClaimOp::Add(0) };
        retry::with_backoff(|| self.shared.ledger.begin()?.upsert(std::slice::from_ref(&claim)))?;
        Ok(())
    }
}

impl Settled {
    /// All claims are in the table, but those whose row had seen a newer one.
    fn applied_all(&mut self, claims: Vec<Claim>, newer: &[Newer]) {
        for (index, claim) in claims.into_iter().enumerate() {
            match newer.iter().find(|newer| newer.index == index) {
                Some(newer) => self.conflicts.push(Conflict { claim, row: newer.row }),
                None => self.applied.push(claim),
            }
        }
    }

    /// Sorts out the claims that changed, and returns the others.
    fn keep_held(&mut self, claims: Vec<Claim>, verdicts: &[Verdict]) -> Vec<Claim> {
        let mut held = Vec::with_capacity(claims.len());
        for (claim, verdict) in claims.into_iter().zip(verdicts) {
            match verdict {
                Verdict::Held => held.push(claim),
                Verdict::Superseded => self.superseded += 1,
                Verdict::Gone => self.gone.push(claim),
            }
        }
        held
    }
}
