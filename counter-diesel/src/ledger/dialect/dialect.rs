use std::time::Duration;

use chrono::NaiveDateTime;
use counter_core::{
    Baseline, Claim, ClaimSeq, CounterId, CounterKey, NumberRow, Owner, OwnerId, OwnerType,
    ServerVersion, StoreNumber,
};
use diesel::connection::TransactionManager;
use diesel::r2d2::{ConnectionManager, Pool, R2D2Connection};
use diesel::result::{DatabaseErrorKind, Error as DieselError, QueryResult};

use super::isolation::Isolation;
use super::kept::KeptDialect;
use super::lock_wait::LockWait;
use super::migration::Migration;
use super::owners::OwnersDialect;
use super::pooling::Pooling;
use super::state_row::{RecordRow, StateRow};
use super::tables::{Table, Tables};
use super::time_limit::TimeLimit;
use crate::error;
use crate::ledger::dialect::numbers::{NumberUse, SharedRecord};
use crate::ledger::dialect::period::BucketRange;

/// The differences between databases. It is public for [`CounterConnection`] to build on and cannot
/// be named outside of this crate, so its members may change with any version.
///
/// [`CounterConnection`]: super::connection::CounterConnection
pub trait Dialect: R2D2Connection + OwnersDialect + KeptDialect + Sized + Send + 'static {
    /// Whether it is a server, which can leave a client without an answer.
    const IS_SERVER: bool = true;

    /// The settings that decide what a crash of the server forgets.
    const DURABILITY: &'static [&'static str];

    /// How many claims one statement writes at most. A caller may look at the time in between.
    const WRITTEN_AT_ONCE: usize = usize::MAX;

    /// In how many rows transactions record what a store has given out.
    const WRITERS: i64 = 64;

    /// The clause that locks the rows that a `SELECT` finds. Where a transaction that writes locks
    /// all rows, it is empty.
    const LOCK_ROW: &'static str = " FOR UPDATE";

    /// The clause that locks those of them that no other transaction has locked.
    const LOCK_FREE_ROW: &'static str = " FOR UPDATE SKIP LOCKED";

    /// Returns the migrations of this database, oldest first.
    fn migrations() -> &'static [Migration];

    /// Refuses a pool with which counters cannot work.
    fn check_pool(_pool: &Pool<ConnectionManager<Self>>) -> Result<(), error::Error> {
        Ok(())
    }

    /// Returns the isolation at which syncs do not hinder each other. It is asked for once on each
    /// connection of a pool.
    fn isolation(&mut self) -> QueryResult<Isolation> {
        Ok(Isolation::OfConnection)
    }

    /// Begins a transaction of ours, at the isolation that [`isolation`](Self::isolation) returned.
    fn begin_transaction(&mut self, _isolation: Isolation) -> QueryResult<()> {
        Self::TransactionManager::begin_transaction(self)
    }

    /// Limits the waits for locks and asks for a durable commit, in a transaction that has just
    /// begun. With `statement_within` it also makes the server end each statement after that time,
    /// where a server can, unless a shorter limit is set already. Returns the statement that puts
    /// the settings back which outlive the transaction, for
    /// [`finish_transaction`](Self::finish_transaction).
    fn prepare_transaction(
        &mut self,
        wait: LockWait,
        statement_within: Option<Duration>,
    ) -> QueryResult<Option<String>>;

    /// Puts settings back after a transaction, which has just ended.
    fn finish_transaction(&mut self, put_back: &str) -> QueryResult<()> {
        self.batch_execute(put_back)
    }

    /// Marks a transaction of the caller's that has just begun, with a number that no other of this
    /// process has, so that it is known again.
    fn mark_transaction(&mut self, mark: u64) -> QueryResult<()>;

    /// Whether the transaction that is open is the one that was marked so when it began. Fails too
    /// if it is not, or if it cannot be committed and a COMMIT would not say so.
    fn is_marked_transaction(&mut self, mark: u64) -> QueryResult<bool>;

    /// Returns whether a read may be kept as a prepared statement under a name, where the database
    /// keeps them so. No statement in a transaction may be, because a sync decides by its answer.
    fn may_name_statements(&mut self) -> bool {
        let status = Self::TransactionManager::transaction_manager_status_mut(self);
        status.transaction_depth().is_ok_and(|depth| depth.is_none())
    }

    /// Upserts claims of op add or set under the guard. Deletes are upserted as a set to 0. Returns
    /// the places of the claims of which the database's answer does not prove that their rows show
    /// them now.
    fn upsert(&mut self, tables: &Tables, claims: &[Claim]) -> QueryResult<Vec<usize>>;

    /// Locks the rows of these counters that no other transaction has locked, without waiting, and
    /// returns their places. `None` where single rows cannot be locked.
    fn lock_rows(
        &mut self,
        _tables: &Tables,
        _ids: &[CounterId],
    ) -> QueryResult<Option<Vec<usize>>> {
        Ok(None)
    }

    /// Applies one claim of op add or set to an existing row under the guard. Returns the rows
    /// changed.
    fn update(&mut self, tables: &Tables, claim: &Claim) -> QueryResult<usize>;

    /// Deletes the row of a counter if its sequence is this one.
    fn delete(&mut self, tables: &Tables, id: &CounterId, seq: ClaimSeq) -> QueryResult<usize>;

    /// The rows of these counters, in the order asked; `None` where there is none.
    fn baselines(
        &mut self,
        tables: &Tables,
        ids: &[CounterId],
    ) -> QueryResult<Vec<Option<Baseline>>>;

    /// The rows of the buckets of one counter and grain from this one to that one, in the order of
    /// their periods: when each period starts, the count and the sequence.
    fn buckets_between(
        &mut self,
        tables: &Tables,
        first: &CounterId,
        last: &CounterId,
    ) -> QueryResult<Vec<(NaiveDateTime, i64, i64)>>;

    /// Like [`baselines`](Self::baselines), in a transaction that may have an older snapshot:
    /// returns the rows as they are now.
    fn current_rows(
        &mut self,
        tables: &Tables,
        ids: &[CounterId],
    ) -> QueryResult<Vec<Option<Baseline>>> {
        self.baselines(tables, ids)
    }

    /// All rows of an owner, with their keys.
    fn rows_of(&mut self, tables: &Tables, owner: &Owner) -> QueryResult<Vec<(String, Baseline)>>;

    /// The ids of the owners of this type whose counts of this key are the highest, the highest
    /// first, and the smaller id first where counts are the same. At most as many as the limit.
    /// With a range of buckets, the owners whose buckets add up to the most.
    fn top(
        &mut self,
        tables: &Tables,
        owner_type: &OwnerType,
        key: &CounterKey,
        buckets: Option<&[BucketRange]>,
        limit: i64,
    ) -> QueryResult<Vec<OwnerId>>;

    /// The state rows of this database (under the empty prefix) and of a prefix, each with the
    /// greatest sequence of the whole table.
    fn state(&mut self, tables: &Tables, prefix: &str) -> QueryResult<Vec<(StateRow, ClaimSeq)>>;

    /// Returns each prefix of the state rows, in order, with the end of its last good pass.
    fn prefixes(&mut self, tables: &Tables) -> QueryResult<Vec<(String, Option<NaiveDateTime>)>>;

    /// Writes state rows, of which there is at least one, but never lowers the sequence of any. The
    /// row of passes keeps the identity that it has.
    fn record(&mut self, tables: &Tables, rows: &[StateRow]) -> QueryResult<()>;

    /// Forgets the last good passes behind a prefix over all stores but this one.
    fn forget_passes(&mut self, tables: &Tables, prefix: &str, store_id: &str) -> QueryResult<()>;

    /// Locks one of the rows in which transactions record what this store has given out, unless
    /// others have locked all of them, and returns it. `None` where a transaction that writes locks
    /// all rows: there is one.
    fn free_writer(
        &mut self,
        _tables: &Tables,
        _prefix: &str,
        _store_id: &str,
    ) -> QueryResult<Option<RecordRow>> {
        Ok(None)
    }

    /// Locks the rows in which transactions record what this store has given out, or the one with
    /// this writer, and returns them as they are then.
    fn record_rows(
        &mut self,
        tables: &Tables,
        prefix: &str,
        store_id: &str,
        writer: Option<i64>,
    ) -> QueryResult<Vec<RecordRow>>;

    /// Returns all state rows of a store, but marks only of the row of decisions.
    fn recorded(
        &mut self,
        tables: &Tables,
        prefix: &str,
        store_id: &str,
    ) -> QueryResult<Vec<RecordRow>>;

    /// Returns the state rows of a store from each of these writers to the other, or all of them.
    fn recorded_by(
        &mut self,
        tables: &Tables,
        prefix: &str,
        store_id: &str,
        writers: &[(i64, i64)],
    ) -> QueryResult<Vec<RecordRow>>;

    /// Returns an identity that a copy of the database does not share with it, if the server has
    /// one and this user may read it.
    fn identity(&mut self) -> QueryResult<Option<String>> {
        Ok(None)
    }

    /// Writes another identity of the database over the one that is kept for a store, if any is.
    fn replace_identity(
        &mut self,
        tables: &Tables,
        prefix: &str,
        store_id: &str,
        identity: &str,
    ) -> QueryResult<()>;

    /// Takes what a transaction has to take before it reads, if it is to write later.
    fn begin_writing(&mut self, _tables: &Tables) -> QueryResult<()> {
        Ok(())
    }

    /// Returns the rows of all numbers.
    fn numbers(&mut self, tables: &Tables) -> QueryResult<Vec<NumberUse>>;

    /// Locks the row of a number, and returns it as it is then.
    fn lock_number(
        &mut self,
        tables: &Tables,
        number: StoreNumber,
    ) -> QueryResult<Option<NumberRow>>;

    /// Locks the row of a number, unless another transaction has locked it, and returns it.
    fn lock_free_number(
        &mut self,
        tables: &Tables,
        number: StoreNumber,
    ) -> QueryResult<Option<NumberRow>>;

    /// Makes the row of a number that has none. Returns how many rows were written.
    fn insert_number(
        &mut self,
        tables: &Tables,
        number: StoreNumber,
        row: NumberRow,
    ) -> QueryResult<usize>;

    /// Writes the row of a number, which is used now, where its holder and its batch are still as
    /// they were when it was locked. Returns how many rows were written.
    fn update_number(
        &mut self,
        tables: &Tables,
        number: StoreNumber,
        locked: NumberRow,
        row: NumberRow,
    ) -> QueryResult<usize>;

    /// Returns the greatest sequence of the whole record.
    fn newest_recorded(&mut self, tables: &Tables) -> QueryResult<ClaimSeq>;

    /// Returns what is recorded of the stores that processes share.
    fn shared_record(&mut self, tables: &Tables) -> QueryResult<SharedRecord>;

    /// Whether the table is there. Does not wait for its locks.
    fn has_table(&mut self, table: &Table) -> QueryResult<bool>;

    /// Returns whether this connection certainly finds the table of this name in this schema. Only
    /// a quick question: where it is not certain, [`schema_of`](Self::schema_of) knows.
    fn finds(&mut self, _named: &Table, _schema: &str) -> QueryResult<bool> {
        Ok(false)
    }

    /// Returns the schema in which this connection looks for a table whose name has none. `None` if
    /// it finds the table in none of several, and where all connections look in the same one.
    fn schema_of(&mut self, _table: &Table) -> QueryResult<Option<String>> {
        Ok(None)
    }

    /// Fails if the client library reads texts as empty ones. Checks only where that can happen.
    fn check_texts(&mut self) -> QueryResult<()> {
        Ok(())
    }

    /// Returns where a table is that this connection finds: in which schema, or in which file.
    fn place_of(&mut self, table: &Table) -> QueryResult<String> {
        Ok(table.to_string())
    }

    /// Whether a table that is there has this column.
    fn has_column(&mut self, table: &Table, column: &'static str) -> QueryResult<bool>;

    /// Whether the tables are there that every counter needs, with what was added to them.
    fn has_tables(&mut self, tables: &Tables) -> QueryResult<bool> {
        Ok(self.has_table(tables.totals())?
            && self.has_table(tables.state())?
            && self.has_column(tables.totals(), "owner_key")?)
    }

    /// Makes the table of the migrations that were run, if it is missing.
    fn create_migrations_table(&mut self, tables: &Tables) -> QueryResult<()>;

    /// Keeps other processes out of migrations until the end of the transaction, or longer. Returns
    /// `false` if another one does so, for which it does not wait.
    fn lock_migrations(&mut self, tables: &Tables) -> QueryResult<bool>;

    /// Says which session keeps others out of migrations, and how to end it.
    fn migrations_holder(&mut self, tables: &Tables) -> String;

    /// Lets other processes in again, where the end of the transaction did not.
    fn unlock_migrations(&mut self, _tables: &Tables) -> QueryResult<()> {
        Ok(())
    }

    /// The names of the migrations that were run.
    fn run_migrations(&mut self, tables: &Tables) -> QueryResult<Vec<String>>;

    /// Remembers that a migration was run.
    fn record_migration(&mut self, tables: &Tables, name: &str) -> QueryResult<()>;

    /// Forgets that a migration was run.
    fn forget_migration(&mut self, tables: &Tables, name: &str) -> QueryResult<()>;

    /// The server's product and version.
    fn version(&mut self) -> QueryResult<ServerVersion>;

    /// Returns the number of the server's session that answers, where poolers share sessions
    /// between clients.
    fn session(&mut self) -> QueryResult<Option<i64>> {
        Ok(None)
    }

    /// Returns the number of this session where the server has no limit for statements that write,
    /// so that another session has to [end](Self::end_statement) one that takes too long.
    fn unlimited_session(&mut self) -> QueryResult<Option<i64>> {
        Ok(None)
    }

    /// Ends the statement that another session has been at for long, if it is one of the same user
    /// and database.
    fn end_statement(&mut self, _session: i64) -> QueryResult<()> {
        Ok(())
    }

    /// Returns what a pooler, which is there, does to the prepared statements of this connection.
    fn pooling(&mut self) -> Pooling {
        Pooling::Unnamed
    }

    /// The value of one of the settings that decide what a crash of the server forgets.
    fn setting(&mut self, name: &str) -> QueryResult<String>;

    /// Whether a statement has failed because others have locked what it needed, in whatever
    /// language the database says so. Asked in the transaction in which it failed, at once.
    fn is_busy(&mut self, tables: &Tables, error: &DieselError) -> bool;

    /// Returns which limit made the server end a statement, which failed after `waited`. Its
    /// transaction, which waited for locks no longer than `wait`, is over.
    fn limit_reached(
        &mut self,
        error: &DieselError,
        waited: Duration,
        wait: LockWait,
    ) -> Option<TimeLimit>;

    /// Returns whether a write was refused because the server, or this session, is read-only.
    fn is_read_only(error: &DieselError) -> bool {
        matches!(error, DieselError::DatabaseError(DatabaseErrorKind::ReadOnlyTransaction, _))
    }

    /// A table's name as this database quotes it.
    fn quoted(table: &Table) -> String {
        table.quoted()
    }

    /// Returns an expression for a text of any characters, which stands in a migration in the place
    /// of a constant.
    fn text_from_hex(hex: &str) -> String;
}
