use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use counter_core::{
    Baseline, Claim, CounterId, CounterKey, Generation, Owner, OwnerId, OwnerType, Prefix,
    TableName,
};
use diesel::r2d2::{ConnectionManager, Pool};
use diesel::result::Error as DieselError;

use crate::error::{Error, LedgerStep};
use crate::ledger::dialect::connection::CounterConnection;
use crate::ledger::dialect::lock_wait::LockWait;
use crate::ledger::facts::LedgerFacts;
use crate::ledger::ledger::{Ledger, LedgerState, LedgerTransaction, Unapplied, UpdateOutcome};
use crate::ledger::pool::{ANSWER_WITHIN, DirectLedger};
use crate::ledger::threads::Threads;
use crate::ledger::transaction::PoolTransaction;

/// How long a step of a transaction may take that works on a whole batch, or on the disk.
const STEP_WITHIN: Duration = Duration::from_secs(30);

/// The ledger behind a Diesel connection pool.
///
/// Every call ends within a time, also if the server is frozen or the network drops its packets: a
/// read or a question within 10 seconds, a step of a transaction within 30. It is
/// [`Error::Unreachable`] then. What was asked goes on in a thread that holds its connection, so
/// that no more of them can hang than the pool has connections. Migrations may change large tables
/// and have no such limit. SQLite is no server, and its files are waited for as the pool says.
pub struct PoolLedger<C: CounterConnection> {
    direct: Arc<DirectLedger<C>>,
    threads: Threads,
}

impl<C: CounterConnection> PoolLedger<C> {
    /// The ledger that keeps counters in this table of the pool's database.
    ///
    /// # Errors
    ///
    /// [`Error::Build`] if the pool is one with which counters cannot work: more than one
    /// connection to a SQLite database in memory.
    pub fn new(pool: Pool<ConnectionManager<C>>, table: TableName) -> Result<Self, Error> {
        let threads = Threads::new(pool.max_size());
        Ok(Self { direct: Arc::new(DirectLedger::new(pool, table)?), threads })
    }

    fn within<T: Send + 'static>(
        &self,
        limit: Duration,
        call: impl FnOnce(&DirectLedger<C>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        if !C::IS_SERVER {
            return call(&self.direct);
        }
        let direct = Arc::clone(&self.direct);
        self.threads.run(limit, move || call(&direct))
    }
}

impl<C: CounterConnection> fmt::Debug for PoolLedger<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PoolLedger").field(&self.direct).finish()
    }
}

impl<C: CounterConnection> Ledger for PoolLedger<C> {
    fn baselines(&self, ids: &[CounterId]) -> Result<Vec<Baseline>, Error> {
        let ids = ids.to_vec();
        self.within(ANSWER_WITHIN, move |direct| direct.baselines(&ids))
    }

    fn try_baselines(&self, ids: &[CounterId]) -> Result<Vec<Baseline>, Error> {
        let ids = ids.to_vec();
        self.within(ANSWER_WITHIN, move |direct| direct.try_baselines(&ids))
    }

    fn rows_of(&self, owner: &Owner) -> Result<Vec<(CounterKey, Baseline)>, Error> {
        let owner = owner.clone();
        self.within(ANSWER_WITHIN, move |direct| direct.rows_of(&owner))
    }

    fn top(
        &self,
        owner_type: &OwnerType,
        key: &CounterKey,
        limit: usize,
    ) -> Result<Vec<OwnerId>, Error> {
        let (owner_type, key) = (owner_type.clone(), key.clone());
        self.within(ANSWER_WITHIN, move |direct| direct.top(&owner_type, &key, limit))
    }

    fn begin(&self, wait: LockWait) -> Result<Box<dyn LedgerTransaction + '_>, Error> {
        let transaction = self.within(ANSWER_WITHIN, move |direct| direct.begin(wait))?;
        let transaction = Some(transaction);
        Ok(Box::new(BoundedTransaction { transaction, threads: &self.threads }))
    }

    fn ask_writes(&self) -> Result<(), Error> {
        self.within(ANSWER_WITHIN, DirectLedger::ask_writes)
    }

    fn state(&self, prefix: &Prefix) -> Result<LedgerState, Error> {
        let prefix = prefix.clone();
        self.within(ANSWER_WITHIN, move |direct| direct.state(&prefix))
    }

    fn record(&self, prefix: &Prefix, generation: &Generation) -> Result<(), Error> {
        let (prefix, generation) = (prefix.clone(), generation.clone());
        self.within(STEP_WITHIN, move |direct| direct.record(&prefix, &generation))
    }

    fn pending_migrations(&self) -> Result<Vec<&'static str>, Error> {
        self.within(ANSWER_WITHIN, DirectLedger::pending_migrations)
    }

    fn run_pending_migrations(&self) -> Result<Vec<&'static str>, Error> {
        // On a standby too, and by a user who may not make tables.
        if self.pending_migrations()?.is_empty() {
            return Ok(Vec::new());
        }
        self.direct.run_migrations()
    }

    fn schema(&self) -> Option<String> {
        self.direct.schema()
    }

    fn inspect(&self) -> Result<LedgerFacts, Error> {
        self.within(STEP_WITHIN, DirectLedger::inspect)
    }
}

/// A transaction that goes from thread to thread, and to none after a step without an answer.
struct BoundedTransaction<'a, C: CounterConnection> {
    transaction: Option<PoolTransaction<C>>,
    threads: &'a Threads,
}

impl<C: CounterConnection> BoundedTransaction<'_, C> {
    fn step<T: Send + 'static>(
        &mut self,
        step: LedgerStep,
        run: impl FnOnce(&mut PoolTransaction<C>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let mut transaction = self.take(step)?;
        let run = move || {
            let result = run(&mut transaction);
            Ok((transaction, result))
        };
        let (transaction, result) =
            if C::IS_SERVER { self.threads.run(STEP_WITHIN, run) } else { run() }?;
        self.transaction = Some(transaction);
        result
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

    fn commit(mut self: Box<Self>) -> Result<(), Error> {
        let transaction = self.take(LedgerStep::Commit)?;
        if !C::IS_SERVER {
            return transaction.commit();
        }
        self.threads.run(STEP_WITHIN, move || transaction.commit())
    }
}

impl<C: CounterConnection> Drop for BoundedTransaction<'_, C> {
    fn drop(&mut self) {
        let Some(transaction) = self.transaction.take() else { return };
        if !C::IS_SERVER {
            return;
        }
        let rolled_back = self.threads.run(ANSWER_WITHIN, move || {
            drop(transaction);
            Ok(())
        });
        if let Err(error) = rolled_back {
            tracing::debug!(%error, "a transaction could not be rolled back");
        }
    }
}
