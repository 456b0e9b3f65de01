//! What differs between databases: one file for each, the same functions in the same order.

use chrono::NaiveDateTime;
use counter_core::{Baseline, Claim, ClaimSeq, CounterId, Generation, Owner, TableName};
use diesel::r2d2::{ConnectionManager, Pool, R2D2Connection};
use diesel::result::{Error, QueryResult};

use crate::error;
use crate::migrations::Migration;

#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(feature = "sqlite")]
mod statement;

#[cfg(feature = "sqlite")]
pub use sqlite::sqlite_pool;

/// A Diesel connection to a database that counters can be folded into.
///
/// Implemented for the connections of the features that are on: `sqlite`.
#[diagnostic::on_unimplemented(
    message = "counters cannot be kept in the database behind `{Self}`",
    label = "not a database connection for counters",
    note = "turn on the feature of counter-diesel for your database: `sqlite`"
)]
pub trait CounterConnection: R2D2Connection + Sized + Send + 'static {
    /// The migrations of this database, oldest first.
    #[doc(hidden)]
    const MIGRATIONS: &'static [Migration];

    /// Refuses a pool with which counters cannot work.
    #[doc(hidden)]
    fn check_pool(pool: &Pool<ConnectionManager<Self>>) -> Result<(), error::Error>;

    /// Asks for short waits and a durable commit, in a transaction that has just begun.
    #[doc(hidden)]
    fn prepare_transaction(&mut self) -> QueryResult<()>;

    /// Upserts claims of op add or set under the guard. Deletes are upserted as a set to 0.
    /// Returns how many the guard let through.
    #[doc(hidden)]
    fn upsert(&mut self, table: &TableName, claims: &[Claim]) -> QueryResult<usize>;

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

    /// All rows of an owner, with their keys.
    #[doc(hidden)]
    fn rows_of(&mut self, table: &TableName, owner: &Owner)
    -> QueryResult<Vec<(String, Baseline)>>;

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

    /// Whether the tables are there.
    #[doc(hidden)]
    fn has_tables(&mut self, table: &TableName) -> bool;

    /// Makes the table of the migrations that were run, if it is missing.
    #[doc(hidden)]
    fn create_migrations_table(&mut self, table: &TableName) -> QueryResult<()>;

    /// Keeps other processes out of migrations until the end of the transaction.
    #[doc(hidden)]
    fn lock_migrations(&mut self, table: &TableName) -> QueryResult<()>;

    /// The names of the migrations that were run.
    #[doc(hidden)]
    fn run_migrations(&mut self, table: &TableName) -> QueryResult<Vec<String>>;

    /// Remembers that a migration was run.
    #[doc(hidden)]
    fn record_migration(&mut self, table: &TableName, name: &str) -> QueryResult<()>;

    /// A table's name as this database quotes it, with its suffix.
    #[doc(hidden)]
    fn quoted(table: &TableName, suffix: &str) -> String;
}

/// A row of the table `{table_name}_state`.
#[derive(Debug)]
pub struct StateRow {
    pub(crate) prefix: String,
    pub(crate) store_id: String,
    pub(crate) seq: ClaimSeq,
    pub(crate) synced_at: NaiveDateTime,
}

/// The owner id as the column takes it.
fn owner_id(id: &counter_core::OwnerId) -> QueryResult<i64> {
    id.as_i64()
        .ok_or_else(|| Error::SerializationError(format!("owner id {id} is not an integer").into()))
}
