//! Increments that belong to a transaction of the application's.

use chrono::{DateTime, TimeZone, Utc};
use counter_core::{JointIncrement, Zone};
use diesel::result::Error as DieselError;

use crate::counters::caller_transaction::{CallerTransaction, CommitFailure};
use crate::counters::counters::Counters;
use crate::engine::calendar::Counted;
use crate::engine::counting::{count_jointly, countable};
use crate::engine::engine::negated;
use crate::error::{CommittedNotCounted, Error, Uncounted};
use crate::ledger::dialect::connection::{CounterConnection, LendConnection};
use crate::owner::counter_owner::CounterOwner;
use crate::owner::key_of::KeyOf;

/// The increments of a transaction, which are made once it is committed: see
/// [`Counters::transaction`].
#[derive(Debug)]
pub struct AfterCommit {
    counters: Counters,
    increments: Vec<JointIncrement>,
}

impl AfterCommit {
    /// Adds to a counter, after the commit. Buckets of periods are those of the time of this call.
    ///
    /// # Errors
    ///
    /// [`counter_core::Error::Invalid`] if the owner, the key or the owner's zone is invalid, and
    /// [`Error::ZoneNeeded`] if the counter is counted by days in a zone that is not known, and
    /// [`Error::Gauge`] if the model declares the key as a gauge. Nothing was gathered then.
    pub fn increment<O: CounterOwner>(
        &mut self,
        owner: O,
        key: impl KeyOf<O::Model>,
        by: i64,
    ) -> Result<(), Error> {
        CountingAfterCommit::new(self).increment(owner, key, by)
    }

    /// Subtracts from a counter, after the commit.
    ///
    /// # Errors
    ///
    /// As [`increment`](Self::increment), and [`counter_core::Error::NotCounted`] for `i64::MIN`.
    pub fn decrement<O: CounterOwner>(
        &mut self,
        owner: O,
        key: impl KeyOf<O::Model>,
        by: i64,
    ) -> Result<(), Error> {
        CountingAfterCommit::new(self).decrement(owner, key, by)
    }

    /// Counts what happened at this instant, after the commit: see [`Counters::at`].
    pub fn at<Tz: TimeZone>(&mut self, event: DateTime<Tz>) -> CountingAfterCommit<'_> {
        CountingAfterCommit::new(self).at(event)
    }

    /// Counts in the days of this zone, after the commit: see [`Counters::in_zone`].
    pub fn in_zone(&mut self, zone: Zone) -> CountingAfterCommit<'_> {
        CountingAfterCommit::new(self).in_zone(zone)
    }

    /// Runs a part of the transaction in a savepoint on `conn`, which must be the transaction's own
    /// connection, as `conn.transaction` would, and forgets what was gathered in it if it fails and
    /// is rolled back.
    ///
    /// # Errors
    ///
    /// Those of `work`, and what the database says of the savepoint.
    pub fn savepoint<C, T, E>(
        &mut self,
        conn: &mut C,
        work: impl FnOnce(&mut C, &mut Self) -> Result<T, E>,
    ) -> Result<T, E>
    where
        C: CounterConnection,
        E: From<DieselError>,
    {
        let before = self.increments.len();
        let result = conn.transaction(|conn| work(conn, self));
        if result.is_err() {
            self.increments.truncate(before);
        }
        result
    }
}

/// Increments of a transaction that happened at another time than now, or in a zone that the call
/// names: see [`AfterCommit::at`] and [`AfterCommit::in_zone`].
#[derive(Debug)]
#[must_use = "it counts nothing until it is asked"]
pub struct CountingAfterCommit<'a> {
    after: &'a mut AfterCommit,
    event: Option<DateTime<Utc>>,
    zone: Option<Zone>,
}

impl<'a> CountingAfterCommit<'a> {
    fn new(after: &'a mut AfterCommit) -> Self {
        Self { after, event: None, zone: None }
    }

    /// Counts what happened at this instant: see [`Counters::at`].
    pub fn at<Tz: TimeZone>(self, event: DateTime<Tz>) -> Self {
        Self { event: Some(event.to_utc()), ..self }
    }

    /// Counts in the days of this zone: see [`Counters::in_zone`].
    pub fn in_zone(self, zone: Zone) -> Self {
        Self { zone: Some(zone), ..self }
    }

    /// Adds to a counter, after the commit.
    ///
    /// # Errors
    ///
    /// As [`AfterCommit::increment`], and [`Error::TooLate`] or [`Error::TooEarly`], after which
    /// nothing was gathered.
    pub fn increment<O: CounterOwner>(
        self,
        owner: O,
        key: impl KeyOf<O::Model>,
        by: i64,
    ) -> Result<(), Error> {
        let counted = self.counted(&owner, &key)?;
        self.gather(&counted, by)
    }

    /// Subtracts from a counter, after the commit.
    ///
    /// # Errors
    ///
    /// As [`increment`](Self::increment), and [`counter_core::Error::NotCounted`] for `i64::MIN`.
    pub fn decrement<O: CounterOwner>(
        self,
        owner: O,
        key: impl KeyOf<O::Model>,
        by: i64,
    ) -> Result<(), Error> {
        let counted = self.counted(&owner, &key)?;
        let by = negated(&counted.id, by)?;
        self.gather(&counted, by)
    }

    fn counted<O: CounterOwner>(
        &self,
        owner: &O,
        key: &impl KeyOf<O::Model>,
    ) -> Result<Counted, Error> {
        countable(self.after.counters.calendar(), owner, key, self.zone)
    }

    fn gather(self, counted: &Counted, by: i64) -> Result<(), Error> {
        let at = self.after.counters.calendar().instant(self.event)?;
        self.after.increments.push(counted.joint(at, by)?);
        Ok(())
    }
}

impl Counters {
    /// Runs `work` in a transaction on the caller's connection, and makes the increments that it
    /// gathers once the transaction is committed: in one round trip to the store for each 4,096 of
    /// them, under one deadline.
    ///
    /// If `work` fails or panics, or the database refuses the commit, the transaction is rolled
    /// back and nothing is counted. Names are checked when an increment is gathered, while there is
    /// still something to roll back.
    ///
    /// ```
    /// # use counter_diesel::{Counters, Owner};
    /// # use diesel::connection::SimpleConnection;
    /// # use diesel::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # #[cfg(feature = "sqlite")] {
    /// # let pool = counter_diesel::sqlite_pool(":memory:", 1)?;
    /// # let counters = Counters::builder(pool.clone()).memory().build()?;
    /// # counters.run_pending_migrations()?;
    /// # let table = "CREATE TABLE comments (id INTEGER PRIMARY KEY, text TEXT NOT NULL)";
    /// # pool.get()?.batch_execute(table)?;
    /// # diesel::table! { comments { id -> BigInt, text -> Text, } }
    /// let post = Owner::new("post", 42)?;
    /// counters.transaction(&mut pool.get()?, |conn, after| {
    ///     diesel::insert_into(comments::table).values(comments::text.eq("First!")).execute(conn)?;
    ///     after.increment(&post, "comments", 1)?;
    ///     Ok::<_, Box<dyn std::error::Error>>(())
    /// })?;
    /// assert_eq!(counters.get(&post, "comments")?, 1);
    /// # }
    /// # Ok(()) }
    /// ```
    ///
    /// It begins and commits as `conn.transaction` does, but asks before the commit whether there
    /// still is anything to commit, and whether it is what was begun: PostgreSQL takes two more
    /// statements for that, MySQL and SQLite a savepoint. Else a failed statement or a deadlock
    /// that `work` passes over could end in a commit that succeeds and keeps nothing.
    ///
    /// The `BEGIN` is the database's plain one, which takes no lock in SQLite: **write first on
    /// SQLite**. If `work` reads before it writes, and another connection writes in between, its
    /// write fails at once as busy, whatever the `busy_timeout`.
    ///
    /// # What it cannot do
    ///
    /// - Commit and count are two steps. A process that dies between them has committed and not
    ///   counted; so each increment is made at most once, where all else in this library is exactly
    ///   once.
    /// - It must be the outermost transaction, because a savepoint inside of another one would be
    ///   committed only with that. The one that an application's tests never commit
    ///   (`begin_test_transaction`) is let through: what is gathered is counted when this one
    ///   succeeds inside of it.
    /// - If a `conn.transaction` inside of `work` is rolled back, the increments gathered in it are
    ///   still counted; [`AfterCommit::savepoint`] forgets them.
    /// - On MySQL a statement that changes a table commits whatever is open. That is found out, and
    ///   nothing is counted; but what was written before is kept.
    /// - What `work` writes after a statement that ended the transaction (`INSERT OR ROLLBACK` in
    ///   SQLite, a deadlock in MySQL that is passed over) is kept at once, statement by statement.
    ///   Nothing is counted then.
    ///
    /// # Errors
    ///
    /// Those of `work`, and made into its error type:
    ///
    /// - [`Error::CommittedNotCounted`]: the transaction was committed, and some increments failed.
    ///   What `work` returned is lost; a variable around it can keep it.
    /// - [`Error::CommitUnknown`]: the connection was lost during the commit. Nothing was counted.
    /// - [`Error::Transaction`] if the connection has a transaction open before, or `work` leaves
    ///   another open or ends this one; [`Error::Database`] and [`Error::Unreachable`] if the
    ///   database does not begin or commit, or ended the transaction before. Nothing was counted.
    pub fn transaction<L, T, E>(
        &self,
        conn: &mut L,
        work: impl FnOnce(&mut L::Connection, &mut AfterCommit) -> Result<T, E>,
    ) -> Result<T, E>
    where
        L: LendConnection,
        E: From<Error>,
    {
        let mut transaction = CallerTransaction::begin(conn.lend_connection())?;
        let mut after = AfterCommit { counters: self.clone(), increments: Vec::new() };
        let value = work(transaction.conn(), &mut after)?;
        let AfterCommit { increments, .. } = after;
        match transaction.commit() {
            Ok(()) => self.count_committed(increments)?,
            Err(CommitFailure::RolledBack(error)) => return Err(error.into()),
            Err(CommitFailure::Unknown(source)) => {
                let increments = increments.into_iter().map(|one| (one.total, one.by)).collect();
                return Err(Error::CommitUnknown { increments, source }.into());
            }
        }
        Ok(value)
    }
}

impl Counters {
    fn count_committed(&self, increments: Vec<JointIncrement>) -> Result<(), Error> {
        if increments.is_empty() {
            return Ok(());
        }
        let outcomes = count_jointly(self.engine().store(), &increments);
        let gathered = increments.len();
        let uncounted = increments.into_iter().zip(outcomes).filter_map(|(one, outcome)| {
            let error = outcome.err()?;
            Some(Uncounted { counter: one.total, by: one.by, error })
        });
        let uncounted = uncounted.collect::<Vec<_>>();
        if uncounted.is_empty() {
            Ok(())
        } else {
            Err(Error::CommittedNotCounted(CommittedNotCounted { uncounted, gathered }))
        }
    }
}
