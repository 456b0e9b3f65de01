//! The number of a store that belongs to one process, in the transactions that write its claims.
//!
//! Each of them locks the row of the number first. While the store holds the number, no other store
//! commits sequences of it, and no other transaction of this process is between its begin and its
//! commit: so what became of earlier commits is known, and a claim may get a new sequence.

use counter_core::{Claim, ClaimSeq, CommitOutcome, HeldNumber, PrivateStore, Verdict};

use crate::engine::remembered::Fate;
use crate::error::{Error, LedgerStep};
use crate::ledger::dialect::lock_wait::LockWait;
use crate::ledger::ledger::{LedgerTransaction, Unapplied, UnappliedCause};
use crate::random::random_word;
use crate::sync::batches::applier::Applier;
use crate::sync::batches::hold::Hold;
use crate::sync::batches::settled::Settled;
use crate::sync::batches::verification::verify_within;

/// How often a number is taken that another store has taken again before it was used.
const TRIES: usize = 10;

/// A transaction, and the number under which it commits if the store has one.
pub(crate) type Begun<'a> = (Box<dyn LedgerTransaction + 'a>, Option<Hold<'a>>);

impl<'a> Applier<'a, '_> {
    /// Begins a transaction, and locks the row of the number first.
    pub(crate) fn begin(&mut self, wait: LockWait) -> Result<Begun<'a>, Error> {
        let engine = self.unsettled.engine;
        let Some(private) = engine.store().private() else {
            return Ok((engine.ledger().begin(wait)?, None));
        };
        let numbered = private.numbered();
        for _ in 0..TRIES {
            let held = match numbered.held() {
                Some(held) => held,
                None => self.take_number(private, wait)?,
            };
            let mut transaction = engine.ledger().begin(wait)?;
            let row = transaction.lock_number(held.number)?;
            let own = row.filter(|row| row.holder == numbered.holder());
            if own.is_none() {
                // First, so that no commit under it is noted which nothing decides about.
                numbered.lose(held);
            }
            numbered.decide(held.number, row);
            if let Some(locked) = own {
                // Not 0, which is in a row that no batch was committed under.
                let batch = random_word().cast_signed() | 1;
                let hold = Hold { private, held, locked, batch };
                numbered.forget_commits(|claims| self.holds_any(claims));
                return Ok((transaction, Some(hold)));
            }
        }
        let source = diesel::result::Error::NotFound;
        Err(Error::Database { step: LedgerStep::State, source })
    }

    fn take_number(&self, private: &dyn PrivateStore, wait: LockWait) -> Result<HeldNumber, Error> {
        let numbered = private.numbered();
        let mut transaction = self.unsettled.engine.ledger().begin(wait)?;
        let taken = transaction.take_number(numbered.holder())?;
        transaction.commit()?;
        Ok(numbered.hold_first(taken))
    }

    fn holds_any(&self, claims: &[Claim]) -> bool {
        let store = self.unsettled.engine.store();
        let verdicts = store.verify(claims, verify_within(claims.len()));
        verdicts.map_or(true, |verdicts| verdicts.contains(&Verdict::Current))
    }

    /// Leaves only claims that may be committed under the number: those that are in the table, or
    /// may be, are sorted out, and those of another number get a new sequence.
    pub(crate) fn number_claims(
        &mut self,
        hold: &Hold<'_>,
        claims: &mut Vec<Claim>,
        settled: &mut Settled,
    ) -> Result<(), Error> {
        let mut foreign = Vec::new();
        for claim in std::mem::take(claims) {
            match hold.private.numbered().outcome(&claim) {
                CommitOutcome::Committed => settled.applied.push(claim),
                CommitOutcome::Undecided => settled.undecided.push(claim),
                CommitOutcome::Open => settled.changing.push(claim),
                CommitOutcome::NotCommitted if hold.held.gives_out(claim.seq) => claims.push(claim),
                CommitOutcome::NotCommitted => foreign.push(claim),
            }
        }
        let above = foreign.iter().map(|claim| claim.seq).max().unwrap_or_default();
        let renumbered = self.renumber_unapplied(hold, &foreign, above)?;
        for (claim, renumbered) in foreign.into_iter().zip(renumbered) {
            match renumbered {
                Some(renumbered) => claims.push(renumbered),
                None => self.sort_out(claim, settled)?,
            }
        }
        // Rows are locked in one order by all.
        claims.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(())
    }

    /// Sorts out a claim that the store does not hold any more.
    fn sort_out(&self, claim: Claim, settled: &mut Settled) -> Result<(), Error> {
        let claims = vec![claim];
        let store = self.unsettled.engine.store();
        let verdicts = store.verify(&claims, verify_within(1))?;
        let held = settled.keep_held(claims, &verdicts, |verdict| verdict == Verdict::Current);
        settled.changing.extend(held);
        Ok(())
    }

    /// Writes claims again, with greater sequences, whose rows have seen greater ones of other
    /// stores. The rows are locked, so no other store comes between.
    pub(crate) fn write_above(
        &mut self,
        hold: &Hold<'_>,
        transaction: &mut dyn LedgerTransaction,
        claims: &mut [Claim],
        unapplied: Vec<Unapplied>,
    ) -> Result<Vec<Unapplied>, Error> {
        let (mut rest, mut places, mut overtaken) = (Vec::new(), Vec::new(), Vec::new());
        let mut above = ClaimSeq::ZERO;
        for unapplied in unapplied {
            match (claims.get(unapplied.index), unapplied.cause) {
                (Some(claim), UnappliedCause::Newer(row)) => {
                    above = above.max(row);
                    overtaken.push(claim.clone());
                    places.push(unapplied);
                }
                _ => rest.push(unapplied),
            }
        }
        let greater = self.renumber_unapplied(hold, &overtaken, above)?;
        let (mut renumbered, mut written) = (Vec::new(), Vec::new());
        for (unapplied, greater) in places.into_iter().zip(greater) {
            match (greater, claims.get_mut(unapplied.index)) {
                (Some(greater), Some(claim)) => {
                    *claim = greater.clone();
                    renumbered.push(greater);
                    written.push(unapplied.index);
                }
                _ => rest.push(unapplied),
            }
        }
        if !renumbered.is_empty() {
            let unapplied = transaction.upsert(&renumbered)?;
            rest.extend(unapplied.into_iter().filter_map(|unapplied| {
                Some(Unapplied { index: *written.get(unapplied.index)?, ..unapplied })
            }));
        }
        rest.sort_by_key(|unapplied| unapplied.index);
        Ok(rest)
    }

    /// Gives claims new sequences above `above`. Returns `None` in the place of one that the store
    /// does not hold any more, or that got a sequence of another number.
    fn renumber_unapplied(
        &self,
        hold: &Hold<'_>,
        claims: &[Claim],
        above: ClaimSeq,
    ) -> Result<Vec<Option<Claim>>, Error> {
        if claims.is_empty() {
            return Ok(Vec::new());
        }
        let renumbered = hold.private.renumber_unapplied(claims, above).inspect_err(|_| {
            // They may have other sequences, which no later pass would know.
            let ids = claims.iter().map(|claim| claim.id.clone());
            self.unsettled.engine.unanswered().note(ids);
        })?;
        for renumbered in renumbered.iter().flatten() {
            self.unsettled.take(renumbered, Fate::Unapplied);
        }
        // Another thread may have taken another number meanwhile.
        let is_own = |renumbered: &Claim| hold.held.gives_out(renumbered.seq);
        Ok(renumbered.into_iter().map(|renumbered| renumbered.filter(is_own)).collect())
    }
}
