//! What differs between databases: one file for each, the same functions in the same order.

use chrono::NaiveDateTime;
use counter_core::{
    Baseline, Claim, ClaimSeq, CounterId, CounterKey, Generation, Owner, OwnerType, ServerVersion,
    TableName,
};
use diesel::r2d2::{ConnectionManager, Pool, PooledConnection, R2D2Connection};
use diesel::result::{Error as DieselError, QueryResult};

use crate::error;
use crate::ledger::dialect::migration::Migration;

/// A Diesel connection to a database that counters can be folded into.
///
/// Implemented for the connections of the features that are on: `postgres`, `mysql`, `sqlite`. Not to be implemented
/// elsewhere: its members are hidden, and change with any version.
#[diagnostic::on_unimplemented(
    message = "counters cannot be kept in the database behind `{Self}`",
    label = "not a database connection for counters",
    note = "turn on the feature of counter-diesel for your database: `postgres`, `mysql` or `sqlite`"
)]
pub trait CounterConnection: R2D2Connection + Sized + Send + 'static {
    /// The migrations of this database, oldest first.
    #[doc(hidden)]
    const MIGRATIONS: &'static [Migration];

    /// The settings that decide what a crash of the server forgets.
    #[doc(hidden)]
    const DURABILITY: &'static [&'static str];

    /// Refuses a pool with which counters cannot work.
    #[doc(hidden)]
    fn check_pool(_pool: &Pool<ConnectionManager<Self>>) -> Result<(), error::Error> {
        Ok(())
    }

    /// Asks for short waits and a durable commit, in a transaction that has just begun.
    #[doc(hidden)]
    fn prepare_transaction(&mut self) -> QueryResult<()>;

    /// Takes back what outlives the transaction of that which was asked for it. It has just ended.
    #[doc(hidden)]
    fn finish_transaction(&mut self) -> QueryResult<()> {
        Ok(())
    }

    /// Marks a transaction of the caller's that has just begun, with a number that no other of this process has, so
    /// that it is known again.
    #[doc(hidden)]
    fn mark_transaction(&mut self, mark: u64) -> QueryResult<()>;

    /// Whether the transaction that is open is the one that was marked so when it began. Fails too if it is not, or
    /// if it cannot be committed and a COMMIT would not say so.
    #[doc(hidden)]
    fn is_marked_transaction(&mut self, mark: u64) -> QueryResult<bool>;

    /// Upserts claims of op add or set under the guard. Deletes are upserted as a set to 0.
    /// Returns whether the guard let all of them through; `false` also where the database does not tell.
    #[doc(hidden)]
    fn upsert(&mut self, table: &TableName, claims: &[Claim]) -> QueryResult<bool>;

    /// Applies one claim of op add or set to an existing row under the guard. Returns the rows changed.
    #[doc(hidden)]
    fn update(&mut self, table: &TableName, claim: &Claim) -> QueryResult<usize>;

    /// Deletes the row of a counter if its sequence is this one.
    #[doc(hidden)]
    fn delete(&mut self, table: &TableName, id: &CounterId, seq: ClaimSeq) -> QueryResult<usize>;

    /// The rows of these counters, in the order asked; `None` where there is none.
    #[doc(hidden)]
    fn baselines(
        &mut self,
        table: &TableName,
        ids: &[CounterId],
    ) -> QueryResult<Vec<Option<Baseline>>>;

    /// The same in a transaction that may have an older snapshot: the rows as they are now.
    #[doc(hidden)]
    fn current_rows(
        &mut self,
        table: &TableName,
        ids: &[CounterId],
    ) -> QueryResult<Vec<Option<Baseline>>> {
        self.baselines(table, ids)
    }

    /// All rows of an owner, with their keys.
    #[doc(hidden)]
    fn rows_of(&mut self, table: &TableName, owner: &Owner)
    -> QueryResult<Vec<(String, Baseline)>>;

    /// The ids of the owners of this type whose counts of this key are the highest, the highest first, and
    /// the smaller id first where counts are the same. At most as many as the limit.
    #[doc(hidden)]
    fn top(
        &mut self,
        table: &TableName,
        owner_type: &OwnerType,
        key: &CounterKey,
        limit: i64,
    ) -> QueryResult<Vec<i64>>;

    /// The state rows of this database (under the empty prefix) and of a prefix.
    #[doc(hidden)]
    fn state(&mut self, table: &TableName, prefix: &str) -> QueryResult<Vec<StateRow>>;

    /// Writes the state row of a prefix.
    #[doc(hidden)]
    fn record(
        &mut self,
        table: &TableName,
        prefix: &str,
        generation: &Generation,
    ) -> QueryResult<()>;

    /// Whether the table with this suffix is there. Waits for nobody who has locked it.
    #[doc(hidden)]
    fn has_table(&mut self, table: &TableName, suffix: &str) -> QueryResult<bool>;

    /// Whether the tables are there that counters are kept in.
    #[doc(hidden)]
    fn has_tables(&mut self, table: &TableName) -> QueryResult<bool> {
        Ok(self.has_table(table, "")? && self.has_table(table, "_state")?)
    }

    /// Makes the table of the migrations that were run, if it is missing.
    #[doc(hidden)]
    fn create_migrations_table(&mut self, table: &TableName) -> QueryResult<()>;

    /// Keeps other processes out of migrations until the end of the transaction, or longer.
    #[doc(hidden)]
    fn lock_migrations(&mut self, table: &TableName) -> QueryResult<()>;

    /// Lets other processes in again, where the end of the transaction did not.
    #[doc(hidden)]
    fn unlock_migrations(&mut self, _table: &TableName) -> QueryResult<()> {
        Ok(())
    }

    /// The names of the migrations that were run.
    #[doc(hidden)]
    fn run_migrations(&mut self, table: &TableName) -> QueryResult<Vec<String>>;

    /// Remembers that a migration was run.
    #[doc(hidden)]
    fn record_migration(&mut self, table: &TableName, name: &str) -> QueryResult<()>;

    /// What the server is.
    #[doc(hidden)]
    fn version(&mut self) -> QueryResult<ServerVersion>;

    /// The value of one of the settings that decide what a crash of the server forgets.
    #[doc(hidden)]
    fn setting(&mut self, name: &str) -> QueryResult<String>;

    /// Whether a statement has failed because others have locked what it needed, in whatever language the database
    /// says so. Asked in the transaction in which it failed, at once.
    #[doc(hidden)]
    fn is_busy(&mut self, table: &TableName, error: &DieselError) -> bool;

    /// A table's name as this database quotes it, with its suffix.
    #[doc(hidden)]
    fn quoted(table: &TableName, suffix: &str) -> String;
}

/// What can be lent as a connection: one itself, or one from a pool.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a connection to a database of counters",
    label = "not a connection",
    note = "pass `&mut conn`, a Diesel connection or one from a pool, of a database whose feature of \
            counter-diesel is on: `sqlite`, `postgres`, `mysql`"
)]
pub trait LendConnection {
    /// The kind of connection.
    type Connection: CounterConnection;

    /// The connection.
    fn lend_connection(&mut self) -> &mut Self::Connection;
}

impl<C: CounterConnection> LendConnection for C {
    type Connection = C;

    fn lend_connection(&mut self) -> &mut C {
        self
    }
}

impl<C: CounterConnection> LendConnection for PooledConnection<ConnectionManager<C>> {
    type Connection = C;

    fn lend_connection(&mut self) -> &mut C {
        self
    }
}

/// A row of the table `{table_name}_state`.
#[derive(Debug)]
pub struct StateRow {
    pub(crate) prefix: String,
    pub(crate) store_id: String,
    pub(crate) seq: ClaimSeq,
    pub(crate) synced_at: NaiveDateTime,
}
