mod long_statement;
mod owners;
mod rows;
mod settings;

use std::sync::LazyLock;
use std::time::Duration;

use counter_core::{
    Baseline, Claim, ClaimSeq, CounterId, CounterKey, NumberRow, Owner, OwnerId, OwnerType,
    ServerVersion, StoreNumber,
};
use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::mysql::Mysql;
use diesel::result::{DatabaseErrorKind, Error as DieselError, QueryResult};
use diesel::sql_types::{BigInt, Nullable, Text};
use diesel::{MysqlConnection, RunQueryDsl};
use diesel_migrations::{EmbeddedMigrations, embed_migrations};

use self::rows::{LOCK_ROWS, SKIP_LOCKED, SKIP_LOCKED_ROW, many_baselines, pieces, read};
use super::dialect::Dialect;
use super::empty_text::not_empty;
use super::isolation::Isolation;
use super::lock_wait::LockWait;
use super::owner::read_owner;
use super::sql::shared::shared_members;
use super::sql::statement::Statement;
use super::sql::{highest, numbers, standard};
use super::state_row::{RecordRow, StateRow};
use super::tables::{Table, Tables};
use super::time_limit::TimeLimit;
use super::values;
use crate::ledger::dialect::migration::Migration;

/// The time, UTC.
const NOW: &str = "UTC_TIMESTAMP(6)";

/// Names, on MySQL, the rows that an `INSERT` would add, for its `ON DUPLICATE KEY UPDATE`.
const AS_NEW: &str = " /*!80019 AS `counter_new` */";

/// Rows written by one statement: a few fixed sizes, so that each is prepared once and kept. Each
/// is about half of the one before, so that few statements write any number of rows.
const CHUNK_SIZES: [usize; 10] = [500, 250, 125, 60, 30, 15, 8, 4, 2, 1];

impl Dialect for MysqlConnection {
    const DURABILITY: &'static [&'static str] =
        &["innodb_flush_log_at_trx_commit", "innodb_doublewrite", "sync_binlog"];

    const WRITTEN_AT_ONCE: usize = CHUNK_SIZES[0];

    const LOCK_FREE_ROW: &'static str =
        " FOR UPDATE /*M!100600 SKIP LOCKED */ /*!80001 SKIP LOCKED */";

    fn migrations() -> &'static [Migration] {
        const EMBEDDED: EmbeddedMigrations = embed_migrations!("migrations/mysql");
        static ALL: LazyLock<Vec<Migration>> =
            LazyLock::new(|| Migration::read::<Mysql>(&EMBEDDED));
        &ALL
    }

    /// Under REPEATABLE READ, MySQL locks the end of the table when an upsert finds its row: other
    /// syncs could not insert rows until this transaction ends, and would deadlock. But InnoDB
    /// refuses to write under READ COMMITTED where the binary log has statements.
    fn isolation(&mut self) -> QueryResult<Isolation> {
        // Any user may ask so, and a release that no longer has a setting leaves its row out.
        let show = "SHOW VARIABLES WHERE Variable_name IN ('log_bin', 'binlog_format')";
        let shown = Statement::<(Text, Text)>::new(show).prepared_anew();
        let shown = shown.load::<(String, String)>(self)?;
        let is = |name: &str, value: &str| {
            shown.iter().any(|(n, v)| n == name && v.eq_ignore_ascii_case(value))
        };
        let has_statements = is("log_bin", "ON") && is("binlog_format", "STATEMENT");
        Ok(if has_statements { Isolation::RepeatableRead } else { Isolation::ReadCommitted })
    }

    /// Sets the isolation for this transaction alone, which MySQL refuses while another is open. If
    /// that is one of the application's tests, its isolation stays. One that the server has opened
    /// by itself, without autocommit or after a chained commit, is committed, as `BEGIN` would do.
    fn begin_transaction(&mut self, isolation: Isolation) -> QueryResult<()> {
        let depth =
            AnsiTransactionManager::transaction_manager_status_mut(self).transaction_depth();
        let begin = match isolation {
            _ if depth?.is_some() => return AnsiTransactionManager::begin_transaction(self),
            Isolation::OfConnection => "BEGIN",
            Isolation::ReadCommitted => {
                "COMMIT AND NO CHAIN; SET TRANSACTION ISOLATION LEVEL READ COMMITTED; BEGIN"
            }
            Isolation::RepeatableRead => {
                "COMMIT AND NO CHAIN; SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; BEGIN"
            }
        };
        AnsiTransactionManager::begin_transaction_sql(self, begin)
    }

    /// A worker whose host vanishes must not hold its rows until the server notices that by itself.
    /// Refusals differ only by their text, which must be English. There are only settings of the
    /// whole session for this, so they are restored. The commit is as durable as the server
    /// makes all commits.
    ///
    /// Their old values are kept here and not in variables of the session, because a proxy in front
    /// of the server cannot follow a `SET` from a variable, and ties the connection to one server.
    ///
    /// MySQL has no limit for statements that write, only MariaDB has.
    fn prepare_transaction(
        &mut self,
        wait: LockWait,
        statement_within: Option<Duration>,
    ) -> QueryResult<Option<String>> {
        let (put_back, statement_limit) = settings::as_they_are(self, statement_within)?;
        // With 0, which MariaDB takes for rows, its transactions end with errors of their own.
        let seconds = wait.limit().as_secs().max(1);
        Statement::<()>::new(format!(
            "SET lc_messages = 'en_US', lock_wait_timeout = {seconds}, \
             innodb_lock_wait_timeout = {seconds}, wait_timeout = 15{statement_limit}"
        ))
        .execute(self)?;
        Ok(Some(put_back))
    }

    fn finish_transaction(&mut self, put_back: &str) -> QueryResult<()> {
        settings::put_back(self, put_back)
    }

    /// A deadlock ends the whole transaction, and so does a statement that changes a table. A
    /// COMMIT after it, of nothing, succeeds; but a savepoint from before is gone.
    fn mark_transaction(&mut self, mark: u64) -> QueryResult<()> {
        standard::mark_by_savepoint(self, mark)
    }

    fn is_marked_transaction(&mut self, mark: u64) -> QueryResult<bool> {
        standard::release_mark(self, mark)
    }

    /// The count of affected rows proves nothing: a new row counts 1, and so does one that the
    /// guard left as it was, because Diesel asks for rows found; and a trigger can put any column
    /// of a changed row back. MariaDB could return the rows, but says so only when it executes the
    /// statement, and Diesel asks for the columns when it prepares it.
    fn upsert(&mut self, tables: &Tables, claims: &[Claim]) -> QueryResult<Vec<usize>> {
        for piece in values::pieces(claims, &CHUNK_SIZES) {
            upsert_statement(tables, piece)?.execute(self)?;
        }
        Ok((0..claims.len()).collect())
    }

    fn lock_rows(&mut self, tables: &Tables, ids: &[CounterId]) -> QueryResult<Option<Vec<usize>>> {
        let (mut places, mut first) = (Vec::new(), 0);
        for ids in pieces(ids) {
            let rows = many_baselines(tables, ids)?.sql(SKIP_LOCKED).load(self)?;
            places.extend(standard::places(rows).into_iter().map(|place| place + first));
            first += ids.len();
        }
        Ok(Some(places))
    }

    fn baselines(
        &mut self,
        tables: &Tables,
        ids: &[CounterId],
    ) -> QueryResult<Vec<Option<Baseline>>> {
        read(self, tables, ids, [""; 2])
    }

    /// Reads with a lock are made of the rows as they are; others, under REPEATABLE READ, of a
    /// snapshot from the first of them in the transaction. The rows are locked already, so this
    /// does not wait.
    fn current_rows(
        &mut self,
        tables: &Tables,
        ids: &[CounterId],
    ) -> QueryResult<Vec<Option<Baseline>>> {
        read(self, tables, ids, LOCK_ROWS)
    }

    fn record(&mut self, tables: &Tables, rows: &[StateRow]) -> QueryResult<()> {
        let state = tables.state().quoted();
        let [seq, synced_at, marks] = ["claim_seq", "synced_at", "marks"].map(new);
        let keeps = standard::keeps_marks(&state, &marks);
        let record = standard::record(tables, rows, NOW).sql(format!(
            "{AS_NEW} ON DUPLICATE KEY UPDATE \
             \"claim_seq\" = GREATEST({state}.\"claim_seq\", {seq}), \
             \"synced_at\" = {synced_at}, \
             \"marks\" = IF({keeps}, {state}.\"marks\", {marks})"
        ));
        standard::are_recorded(rows, record.execute(self)?)
    }

    fn free_writer(
        &mut self,
        tables: &Tables,
        prefix: &str,
        store_id: &str,
    ) -> QueryResult<Option<RecordRow>> {
        let writer = standard::free_writer(tables, prefix, store_id).sql(SKIP_LOCKED_ROW);
        Ok(writer.load::<RecordRow>(self)?.into_iter().next())
    }

    fn has_table(&mut self, table: &Table) -> QueryResult<bool> {
        let schema = match table.schema() {
            Some(schema) => Some(schema.to_owned()),
            None => self.schema_of(table)?,
        };
        let Some(schema) = schema else { return Ok(false) };
        let count = "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = ";
        let count = Statement::<BigInt>::new(count).text(schema).sql(" AND table_name = ");
        Ok(count.text(table.name()).load::<i64>(self)? == [1])
    }

    fn has_column(&mut self, table: &Table, column: &'static str) -> QueryResult<bool> {
        let columns = "SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = ";
        let columns = Statement::<BigInt>::new(columns).prepared_anew();
        let columns = match table.schema() {
            Some(schema) => columns.text(schema),
            None => columns.sql("DATABASE()"),
        };
        let columns = columns.sql(" AND table_name = ").text(table.name());
        Ok(columns.sql(" AND column_name = ").text(column).load::<i64>(self)? == [1])
    }

    /// Prepared anew each time, because the current database of a prepared statement is for ever
    /// that in which it was prepared.
    fn schema_of(&mut self, _table: &Table) -> QueryResult<Option<String>> {
        let current = Statement::<Nullable<Text>>::new("SELECT DATABASE()").prepared_anew();
        let current = current.load::<Option<String>>(self)?.into_iter().next().flatten();
        current.map(|current| not_empty("DATABASE()", current)).transpose()
    }

    fn check_texts(&mut self) -> QueryResult<()> {
        settings::check_texts(self)
    }

    fn create_migrations_table(&mut self, tables: &Tables) -> QueryResult<()> {
        self.batch_execute(&format!(
            "CREATE TABLE IF NOT EXISTS {} (\
             `name` VARCHAR(100) NOT NULL PRIMARY KEY, \
             `run_at` DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6))\
             ) ENGINE = InnoDB ROW_FORMAT = DYNAMIC CHARACTER SET utf8mb4",
            Self::quoted(tables.migrations())
        ))
    }

    /// A lock of the session, because whatever changes a table ends the transaction.
    fn lock_migrations(&mut self, tables: &Tables) -> QueryResult<bool> {
        let got =
            of_migrations_lock("SELECT GET_LOCK(", tables).sql(", 0)").load::<Option<i64>>(self)?;
        Ok(got == [Some(1)])
    }

    fn migrations_holder(&mut self, tables: &Tables) -> String {
        let holder = of_migrations_lock("SELECT IS_USED_LOCK(", tables).sql(")");
        let holder = holder.load::<Option<i64>>(self);
        standard::holder(holder.map(|ids| ids.into_iter().flatten().collect()), |id| {
            format!(
                "the connection {id} holds the lock: see it by SHOW PROCESSLIST, end it by \
                 KILL {id}"
            )
        })
    }

    fn unlock_migrations(&mut self, tables: &Tables) -> QueryResult<()> {
        of_migrations_lock("SELECT RELEASE_LOCK(", tables).sql(")").load::<Option<i64>>(self)?;
        Ok(())
    }

    fn version(&mut self) -> QueryResult<ServerVersion> {
        let number = Statement::<Text>::new("SELECT VERSION()").load::<String>(self)?;
        let number = not_empty("VERSION()", standard::only_value(number)?)?;
        let product = if number.contains("MariaDB") { "MariaDB" } else { "MySQL" };
        Ok(standard::version(product, number))
    }

    fn unlimited_session(&mut self) -> QueryResult<Option<i64>> {
        long_statement::unlimited_session(self)
    }

    fn end_statement(&mut self, session: i64) -> QueryResult<()> {
        long_statement::end(self, session)
    }

    /// The value of the server, with which new sessions begin; these settings have no other. A
    /// server with a binary log rolls back, after a crash, what that log does not have. Without
    /// one, `sync_binlog` does not matter.
    fn setting(&mut self, name: &str) -> QueryResult<String> {
        let value = match name {
            "sync_binlog" => "IF(@@GLOBAL.log_bin, @@GLOBAL.sync_binlog, 1)".to_owned(),
            name => format!("@@GLOBAL.{name}"),
        };
        let select = format!("SELECT CAST({value} AS CHAR)");
        standard::only_value(Statement::<Text>::new(select).load(self)?)
    }

    /// Our transactions are answered in English.
    fn is_busy(&mut self, _tables: &Tables, error: &DieselError) -> bool {
        let text = error.to_string();
        text.contains("Lock wait timeout") || text.contains("Deadlock found")
    }

    fn quoted(table: &Table) -> String {
        table.quoted_by('`')
    }

    /// Our transactions are answered in English. Triggers have words of their own.
    fn limit_reached(
        &mut self,
        error: &DieselError,
        _waited: Duration,
        _wait: LockWait,
    ) -> Option<TimeLimit> {
        let DieselError::DatabaseError(_, info) = error else { return None };
        let words = info.message();
        let is_interrupted =
            words.starts_with("Query execution was interrupted") && words.contains("exceeded");
        if words.starts_with("Lock wait timeout exceeded") {
            Some(TimeLimit::Lock)
        } else {
            is_interrupted.then_some(TimeLimit::Statement)
        }
    }

    /// Our transactions are answered in English. A server that was made read-only names the option,
    /// a storage engine its mode.
    fn is_read_only(error: &DieselError) -> bool {
        use DatabaseErrorKind::{ReadOnlyTransaction, Unknown};
        match error {
            DieselError::DatabaseError(ReadOnlyTransaction, _) => true,
            DieselError::DatabaseError(Unknown, info) => {
                ["--read-only", "--super-read-only", "Running in read-only mode"]
                    .iter()
                    .any(|words| info.message().contains(words))
            }
            _ => false,
        }
    }

    fn text_from_hex(hex: &str) -> String {
        format!("CONVERT(0x{hex} USING utf8mb4)")
    }

    shared_members!(NOW);
}

/// A lock's name has at most 64 characters and is one for the whole server, so it is a hash of what
/// it is about, in as many hexadecimal digits.
fn of_migrations_lock(
    select: &'static str,
    tables: &Tables,
) -> Statement<'static, Nullable<BigInt>> {
    let table = tables.totals();
    let statement = Statement::new(select).sql("SHA2(CONCAT('counter migrations: ', ");
    let statement = match table.schema() {
        Some(schema) => statement.text(schema.to_owned()),
        None => statement.sql("DATABASE()"),
    };
    statement.sql(", '.', ").text(table.name().to_owned()).sql("), 256)")
}

/// Returns the expression, in an `ON DUPLICATE KEY UPDATE`, for the value that a column has in the
/// row that would be added. MySQL will remove `VALUES()`, and MariaDB has nothing else.
fn new(column: &str) -> String {
    format!("/*M! VALUES(\"{column}\") */ /*!80019 `counter_new`.\"{column}\" */")
}

/// Assignments run from left to right, so the sequence, which the guard is about, comes last.
fn upsert_statement<'a>(tables: &Tables, claims: &'a [Claim]) -> QueryResult<Statement<'a>> {
    let table = tables.of(claims.first().map(|claim| &claim.id)).quoted();
    let [new_count, new_seq] = ["count", "claim_seq"].map(new);
    let guard = format!("{table}.\"claim_seq\" < {new_seq}");
    let count = if claims.first().is_some_and(standard::is_add) {
        format!("{table}.\"count\" + IF({guard}, {new_count}, 0)")
    } else {
        format!("IF({guard}, {new_count}, {table}.\"count\")")
    };
    Ok(values::insert(&table, claims)?.sql(format!(
        "{AS_NEW} ON DUPLICATE KEY UPDATE \"count\" = {count}, \
         \"updated_at\" = IF({guard}, {NOW}, {table}.\"updated_at\"), \
         \"claim_seq\" = GREATEST({table}.\"claim_seq\", {new_seq})"
    )))
}
