use std::time::Duration;

use counter_core::{Claim, CommitOutcome, HeldNumber, NumberRow, PrivateStore};
use diesel::result::{DatabaseErrorKind, Error as DieselError};

use crate::error::{Error, LedgerStep};
use crate::ledger::dialect::numbers::SharedRecord;
use crate::ledger::ledger::LedgerTransaction;

/// A store in memory keeps away from a table that was synced from a shared store so short a time
/// ago.
const SHARED_WITHIN: Duration = Duration::from_secs(60);

/// The number under which a transaction commits.
pub(crate) struct Hold<'a> {
    pub(crate) private: &'a dyn PrivateStore,
    pub(crate) held: HeldNumber,
    /// Its row, as it was when it was locked.
    pub(crate) locked: NumberRow,
    /// The random word of this transaction.
    pub(crate) batch: i64,
}

impl Hold<'_> {
    /// Returns whether a claim may be written to its row.
    pub(crate) fn may_write(&self, claim: &Claim) -> bool {
        self.held.gives_out(claim.seq) && self.outcome(claim) == CommitOutcome::NotCommitted
    }

    /// Returns what is known about an earlier commit of a claim.
    pub(crate) fn outcome(&self, claim: &Claim) -> CommitOutcome {
        self.private.numbered().outcome(claim)
    }

    /// Writes the row of the number, once those of these claims are locked.
    ///
    /// # Errors
    ///
    /// [`Error::MixedStores`] if the table is synced from a store that processes share, too.
    pub(crate) fn write(
        &self,
        transaction: &mut dyn LedgerTransaction,
        claims: &[Claim],
        table: impl FnOnce() -> String,
    ) -> Result<(), Error> {
        let newest = claims.iter().map(|claim| claim.seq).max().unwrap_or_default();
        let (holder, floor) = (self.private.numbered().holder(), self.locked.floor.max(newest));
        let row = NumberRow { holder, floor, batch: self.batch };
        let SharedRecord { newest, synced_ago } =
            transaction.write_number(self.held.number, self.locked, row)?;
        if newest > self.held.shared || synced_ago.is_some_and(|ago| ago < SHARED_WITHIN) {
            // The next batch is compared with the record as it is now.
            self.private.numbered().note_shared(self.held.number, newest);
            return Err(Error::MixedStores { table: table() });
        }
        Ok(())
    }

    /// Notes that a commit is about to be asked for.
    ///
    /// # Errors
    ///
    /// One that may pass, if the store has lost the number meanwhile: nothing may be committed.
    pub(crate) fn note_commit(&self, claims: &[Claim]) -> Result<(), Error> {
        if self.private.numbered().note_commit(self.held.number, self.batch, claims) {
            return Ok(());
        }
        let words = "the store has lost its number to another process".to_owned();
        let source =
            DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure, Box::new(words));
        Err(Error::Database { step: LedgerStep::State, source })
    }

    pub(crate) fn note_committed(&self) {
        self.private.numbered().note_committed(self.batch);
    }

    pub(crate) fn forget_commit(&self) {
        self.private.numbered().forget_commit(self.batch);
    }
}
