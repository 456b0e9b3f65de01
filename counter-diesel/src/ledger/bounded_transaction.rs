use std::sync::Arc;
use std::time::Duration;

use counter_core::{
    Baseline, Claim, ClaimSeq, CounterId, HeldNumber, NotedRow, NumberRow, PartSeq, Prefix,
    StoreNumber,
};
use diesel::result::Error as DieselError;

use crate::error::{Error, LedgerStep};
use crate::ledger::bucket_move::BucketMove;
use crate::ledger::dialect::connection::CounterConnection;
use crate::ledger::dialect::numbers::SharedRecord;
use crate::ledger::ledger::{LedgerTransaction, LockedRecord, Unapplied, UpdateOutcome};
use crate::ledger::pool::DirectLedger;
use crate::ledger::threads::{Overdue, Threads};
use crate::ledger::transaction::PoolTransaction;

/// Maximum time for an attempt to end a statement that was left behind.
const END_WITHIN: Duration = Duration::from_secs(2);

/// A transaction whose steps may run on different threads. After a step without an answer it takes
/// no other step.
pub(crate) struct BoundedTransaction<'a, C: CounterConnection> {
    transaction: Option<PoolTransaction<C>>,
    direct: &'a Arc<DirectLedger<C>>,
    threads: &'a Threads,
}

impl<'a, C: CounterConnection> BoundedTransaction<'a, C> {
    pub(crate) fn new(
        transaction: PoolTransaction<C>,
        direct: &'a Arc<DirectLedger<C>>,
        threads: &'a Threads,
    ) -> Self {
        Self { transaction: Some(transaction), direct, threads }
    }
}

impl<C: CounterConnection> BoundedTransaction<'_, C> {
    fn step<T: Send + 'static>(
        &mut self,
        step: LedgerStep,
        run: impl FnOnce(&mut PoolTransaction<C>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let mut transaction = self.take(step)?;
        let session = transaction.unlimited_session();
        let run = move || {
            let result = run(&mut transaction);
            (transaction, result)
        };
        let (transaction, result) =
            self.in_time(step, run).inspect_err(|_| self.end_statement(session))?;
        self.transaction = Some(transaction);
        result
    }

    fn in_time<T: Send + 'static>(
        &self,
        step: LedgerStep,
        run: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        if !C::IS_SERVER {
            return Ok(run());
        }
        let is_overdue = |source: Overdue| Error::TimedOut { step, source: source.into() };
        self.threads.run(self.direct.limits().step, run).map_err(is_overdue)
    }

    /// Tries to end a statement that was left behind, so that it does not keep its rows locked.
    fn end_statement(&self, session: Option<i64>) {
        let Some(session) = session else { return };
        let direct = Arc::clone(self.direct);
        let ended = self.threads.run(END_WITHIN, move || direct.end_statement(session));
        tracing::debug!(session, ?ended, "a statement that takes too long was to be ended");
    }

    fn take(&mut self, step: LedgerStep) -> Result<PoolTransaction<C>, Error> {
        let source = DieselError::NotInTransaction;
        self.transaction.take().ok_or(Error::Database { step, source })
    }
}

impl<C: CounterConnection> LedgerTransaction for BoundedTransaction<'_, C> {
    fn upsert(&mut self, claims: &[Claim]) -> Result<Vec<Unapplied>, Error> {
        let claims = claims.to_vec();
        self.step(LedgerStep::Upsert, move |transaction| transaction.upsert(&claims))
    }

    fn lock_rows(&mut self, claims: &[Claim]) -> Result<Vec<usize>, Error> {
        let claims = claims.to_vec();
        self.step(LedgerStep::Upsert, move |transaction| transaction.lock_rows(&claims))
    }

    fn update(&mut self, claim: &Claim) -> Result<UpdateOutcome, Error> {
        let claim = claim.clone();
        self.step(LedgerStep::Upsert, move |transaction| transaction.update(&claim))
    }

    fn delete_zeros(&mut self, rows: &[(CounterId, ClaimSeq)]) -> Result<u64, Error> {
        let rows = rows.to_vec();
        self.step(LedgerStep::Upsert, move |transaction| transaction.delete_zeros(&rows))
    }

    fn lock_buckets(&mut self, ids: &[CounterId]) -> Result<Vec<Option<Baseline>>, Error> {
        let ids = ids.to_vec();
        self.step(LedgerStep::Upsert, move |transaction| transaction.lock_buckets(&ids))
    }

    fn move_counts(&mut self, moves: &[BucketMove]) -> Result<(), Error> {
        let moves = moves.to_vec();
        self.step(LedgerStep::Upsert, move |transaction| transaction.move_counts(&moves))
    }

    fn lock_record(&mut self, prefix: &Prefix, store_id: &str) -> Result<LockedRecord, Error> {
        let (prefix, store_id) = (prefix.clone(), store_id.to_owned());
        let lock =
            move |transaction: &mut PoolTransaction<C>| transaction.lock_record(&prefix, &store_id);
        self.step(LedgerStep::State, lock)
    }

    fn record(&mut self, prefix: &Prefix, store_id: &str, row: &NotedRow) -> Result<(), Error> {
        let (prefix, store_id, row) = (prefix.clone(), store_id.to_owned(), row.clone());
        let record = move |transaction: &mut PoolTransaction<C>| {
            transaction.record(&prefix, &store_id, &row)
        };
        self.step(LedgerStep::State, record)
    }

    fn recorded_parts(
        &mut self,
        prefix: &Prefix,
        store_id: &str,
        parts: &[u16],
    ) -> Result<Vec<PartSeq>, Error> {
        let (prefix, store_id) = (prefix.clone(), store_id.to_owned());
        let parts = parts.to_vec();
        self.step(LedgerStep::State, move |transaction| {
            transaction.recorded_parts(&prefix, &store_id, &parts)
        })
    }

    fn record_parts(
        &mut self,
        prefix: &Prefix,
        store_id: &str,
        writer: i64,
        parts: &[PartSeq],
    ) -> Result<(), Error> {
        let (prefix, store_id, parts) = (prefix.clone(), store_id.to_owned(), parts.to_vec());
        self.step(LedgerStep::State, move |transaction| {
            transaction.record_parts(&prefix, &store_id, writer, &parts)
        })
    }

    fn take_number(&mut self, holder: i64) -> Result<HeldNumber, Error> {
        self.step(LedgerStep::State, move |transaction| transaction.take_number(holder))
    }

    fn lock_number(&mut self, number: StoreNumber) -> Result<Option<NumberRow>, Error> {
        self.step(LedgerStep::State, move |transaction| transaction.lock_number(number))
    }

    fn write_number(
        &mut self,
        number: StoreNumber,
        locked: NumberRow,
        row: NumberRow,
    ) -> Result<SharedRecord, Error> {
        self.step(LedgerStep::State, move |transaction| {
            transaction.write_number(number, locked, row)
        })
    }

    fn commit(mut self: Box<Self>) -> Result<(), Error> {
        let transaction = self.take(LedgerStep::Commit)?;
        self.in_time(LedgerStep::Commit, move || transaction.commit())?
    }
}

impl<C: CounterConnection> Drop for BoundedTransaction<'_, C> {
    fn drop(&mut self) {
        let Some(transaction) = self.transaction.take() else { return };
        if !C::IS_SERVER {
            return;
        }
        if let Err(error) = self.threads.run(self.direct.limits().answer, move || drop(transaction))
        {
            tracing::debug!(%error, "a transaction could not be rolled back");
        }
    }
}
