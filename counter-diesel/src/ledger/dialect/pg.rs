mod owners;
mod rows;

use std::sync::LazyLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use counter_core::{
    Baseline, Claim, ClaimSeq, CounterId, CounterKey, NumberRow, Owner, OwnerId, OwnerType,
    ServerVersion, StoreNumber,
};
use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::pg::Pg;
use diesel::result::{DatabaseErrorKind, Error as DieselError, QueryResult};
use diesel::sql_types::{BigInt, Bool, Text};
use diesel::{Connection as _, PgConnection, RunQueryDsl};
use diesel_migrations::{EmbeddedMigrations, embed_migrations};

use self::rows::{SKIP_LOCKED, many_baselines, upsert};
use super::dialect::Dialect;
use super::isolation::Isolation;
use super::lock_wait::LockWait;
use super::on_conflict;
use super::owner::read_owner;
use super::pooling::Pooling;
use super::sql::shared::{on_conflict_members, shared_members};
use super::sql::statement::Statement;
use super::sql::{highest, numbers, standard};
use super::state_row::{RecordRow, StateRow};
use super::tables::{Table, Tables};
use super::time_limit::TimeLimit;
use crate::ledger::dialect::migration::Migration;

/// The time, UTC.
const NOW: &str = "now() AT TIME ZONE 'utc'";

impl Dialect for PgConnection {
    const DURABILITY: &'static [&'static str] =
        &["fsync", "full_page_writes", "synchronous_commit"];

    fn migrations() -> &'static [Migration] {
        const EMBEDDED: EmbeddedMigrations = embed_migrations!("migrations/postgres");
        static ALL: LazyLock<Vec<Migration>> = LazyLock::new(|| Migration::read::<Pg>(&EMBEDDED));
        &ALL
    }

    fn isolation(&mut self) -> QueryResult<Isolation> {
        Ok(Isolation::ReadCommitted)
    }

    /// At READ COMMITTED, whatever the default of the database is: each statement sees what others
    /// have committed, and a row of the record that another transaction has just written to is no
    /// failure. Inside of an application's own transaction its isolation stays.
    fn begin_transaction(&mut self, _isolation: Isolation) -> QueryResult<()> {
        let status = AnsiTransactionManager::transaction_manager_status_mut(self);
        if status.transaction_depth()?.is_some() {
            return AnsiTransactionManager::begin_transaction(self);
        }
        let begin = "BEGIN TRANSACTION ISOLATION LEVEL READ COMMITTED";
        AnsiTransactionManager::begin_transaction_sql(self, begin)
    }

    /// A worker whose host vanishes must not hold its rows until the server notices that by itself.
    /// The commit waits for the disk. Where the server is asked to wait for standbys too, that is
    /// the operator's choice, and stays. The settings end with the outermost transaction, so they
    /// are put back only inside of the one that an application's tests never commit.
    fn prepare_transaction(
        &mut self,
        wait: LockWait,
        statement_within: Option<Duration>,
    ) -> QueryResult<Option<String>> {
        let status = AnsiTransactionManager::transaction_manager_status_mut(self);
        let depth = status.transaction_depth()?.map_or(0, u32::from);
        let put_back = if depth > 1 { Some(settings_as_they_are(self)?) } else { None };
        let statement_limit = statement_within.map(limit_statements).unwrap_or_default();
        self.batch_execute(&format!(
            "SET LOCAL lock_timeout = '{}ms'; \
             SET LOCAL idle_in_transaction_session_timeout = '15s'; {statement_limit}\
             SELECT set_config('synchronous_commit', 'local', true) \
             WHERE current_setting('synchronous_commit') = 'off'",
            wait.limit().as_millis()
        ))?;
        Ok(put_back)
    }

    /// A setting that ends with the transaction. A savepoint would give all that is written a
    /// number of its own.
    fn mark_transaction(&mut self, mark: u64) -> QueryResult<()> {
        self.batch_execute(&format!("SET LOCAL counter.transaction = '{mark}'"))
    }

    /// After a statement that failed, a COMMIT rolls back and is answered like any other. Whatever
    /// is asked before it is refused then.
    fn is_marked_transaction(&mut self, mark: u64) -> QueryResult<bool> {
        let select = "SELECT coalesce(current_setting('counter.transaction', true), '')";
        let marks = Statement::<Text>::new(select).load::<String>(self)?;
        Ok(standard::only_value(marks)? == mark.to_string())
    }

    /// A trigger may change the rows after the statement has compared them.
    fn upsert(&mut self, tables: &Tables, claims: &[Claim]) -> QueryResult<Vec<usize>> {
        let mut unproven = Vec::new();
        let (mut first, mut may_have_triggers) = (0, false);
        for run in standard::runs(claims) {
            let written = upsert(self, tables, run, NOW)?;
            may_have_triggers |= written.is_suspect;
            let next = first + run.len();
            if !written.shows_all {
                unproven.extend(first..next);
            }
            first = next;
        }
        let table = tables.of(claims.first().map(|claim| &claim.id));
        let proves_nothing = may_have_triggers && has_triggers(self, table)?;
        Ok(if proves_nothing { (0..claims.len()).collect() } else { unproven })
    }

    /// Triggers that wait for the commit run before this, but in the transaction that an
    /// application's tests never commit.
    fn current_rows(
        &mut self,
        tables: &Tables,
        ids: &[CounterId],
    ) -> QueryResult<Vec<Option<Baseline>>> {
        let status = AnsiTransactionManager::transaction_manager_status_mut(self);
        if status.transaction_depth()?.is_some_and(|depth| depth.get() == 1) {
            self.batch_execute("SET CONSTRAINTS ALL IMMEDIATE")?;
        }
        self.baselines(tables, ids)
    }

    fn lock_rows(&mut self, tables: &Tables, ids: &[CounterId]) -> QueryResult<Option<Vec<usize>>> {
        let mut rows = many_baselines(tables, ids)?;
        rows.after.push_str(SKIP_LOCKED);
        Ok(Some(standard::places(rows.load(self)?)))
    }

    fn free_writer(
        &mut self,
        tables: &Tables,
        prefix: &str,
        store_id: &str,
    ) -> QueryResult<Option<RecordRow>> {
        let writer = standard::free_writer(tables, prefix, store_id).sql(" SKIP LOCKED");
        Ok(writer.load::<RecordRow>(self)?.into_iter().next())
    }

    fn has_table(&mut self, table: &Table) -> QueryResult<bool> {
        let found = Statement::<Bool>::new("SELECT to_regclass(")
            .text(table.quoted())
            .sql(") IS NOT NULL")
            .load::<bool>(self)?;
        Ok(found == [true])
    }

    fn has_column(&mut self, table: &Table, column: &'static str) -> QueryResult<bool> {
        let found = Statement::<BigInt>::new(
            "SELECT count(*) FROM pg_attribute WHERE NOT attisdropped AND attrelid = to_regclass(",
        );
        let found = found.text(table.quoted()).sql(") AND attname = ").text(column);
        Ok(found.load::<i64>(self)? == [1])
    }

    /// A temporary table of this name is in a schema of its own.
    fn finds(&mut self, named: &Table, schema: &str) -> QueryResult<bool> {
        let found = Statement::<Text>::new(
            "SELECT n.nspname::text FROM pg_class AS c \
             JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = to_regclass(",
        );
        Ok(found.text(named.quoted()).sql(")").load::<String>(self)? == [schema])
    }

    /// Returns the first schema of search_path that has the table, but not that of temporary
    /// tables, which are others in each session and come before all others.
    fn schema_of(&mut self, table: &Table) -> QueryResult<Option<String>> {
        let schema = Statement::<Text>::new(
            "SELECT n.nspname::text \
             FROM unnest(current_schemas(false)) WITH ORDINALITY AS s (name, place) \
             JOIN pg_namespace AS n ON n.nspname = s.name \
             JOIN pg_class AS c ON c.relnamespace = n.oid \
             WHERE c.relpersistence <> 't' AND c.relname = ",
        );
        let schema = schema.text(table.name()).sql(" ORDER BY s.place LIMIT 1");
        Ok(schema.load::<String>(self)?.into_iter().next())
    }

    /// Two processes that create the same table at the same moment disturb each other in spite of
    /// the `IF NOT EXISTS`, so this is done under the lock.
    fn create_migrations_table(&mut self, tables: &Tables) -> QueryResult<()> {
        self.batch_execute(&format!(
            "CREATE TABLE IF NOT EXISTS {} (\
             \"name\" VARCHAR(100) NOT NULL PRIMARY KEY, \
             \"run_at\" TIMESTAMP NOT NULL DEFAULT ({NOW}))",
            Self::quoted(tables.migrations())
        ))
    }

    /// A lock of this database, named after the table, until the end of the transaction.
    fn lock_migrations(&mut self, tables: &Tables) -> QueryResult<bool> {
        let lock = Statement::<Bool>::new("SELECT pg_try_advisory_xact_lock(");
        Ok(migrations_lock(lock, tables).sql(")").load::<bool>(self)? == [true])
    }

    fn migrations_holder(&mut self, tables: &Tables) -> String {
        let holder = Statement::<BigInt>::new(
            "SELECT pid::bigint FROM pg_locks WHERE locktype = 'advisory' AND granted \
             AND objsubid = 1 AND (classid::bigint << 32) | objid::bigint = ",
        );
        let holder = migrations_lock(holder, tables).sql(
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        );
        standard::holder(holder.load::<i64>(self), |pid| {
            format!(
                "the session with pid {pid} holds the lock: see it in pg_stat_activity, end it by \
                 SELECT pg_terminate_backend({pid})"
            )
        })
    }

    fn version(&mut self) -> QueryResult<ServerVersion> {
        Ok(standard::version("PostgreSQL", self.setting("server_version")?))
    }

    fn session(&mut self) -> QueryResult<Option<i64>> {
        let session = Statement::<BigInt>::new("SELECT pg_backend_pid()::bigint");
        Ok(session.load::<i64>(self)?.into_iter().next())
    }

    /// The identifier of the cluster, which a promoted standby shares, and the number of the
    /// database in it. A role may be refused the first, and must not be refused it in the middle of
    /// a transaction.
    fn identity(&mut self) -> QueryResult<Option<String>> {
        let may_ask = "SELECT has_function_privilege('pg_control_system()', 'EXECUTE')";
        if Statement::<Bool>::new(may_ask).load::<bool>(self)? != [true] {
            return Ok(None);
        }
        let identity = "SELECT system_identifier || ':' || (SELECT oid FROM pg_database \
                        WHERE datname = current_database()) FROM pg_control_system()";
        Ok(Statement::<Text>::new(identity).load::<String>(self)?.into_iter().next())
    }

    /// Names a statement that is new and looks for it in the session. A statement that fails is one
    /// whose name another client has taken there, or that was prepared in another session.
    fn pooling(&mut self) -> Pooling {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let statement = format!("SELECT {}::bigint", now.as_micros());
        let names = self.transaction(|conn| {
            Statement::<BigInt>::new(statement.clone()).named(true).load::<i64>(conn)?;
            let names = "SELECT name FROM pg_prepared_statements WHERE statement = ";
            Statement::<Text>::new(names).text(&statement).load::<String>(conn)
        });
        match names {
            Ok(names) if names.is_empty() => Pooling::Unnamed,
            // Such a pooler gives it a name of its own.
            Ok(names) if !names.iter().any(|name| name.starts_with("__diesel")) => {
                Pooling::Followed
            }
            _ => Pooling::Named,
        }
    }

    fn setting(&mut self, name: &str) -> QueryResult<String> {
        let setting = Statement::<Text>::new("SELECT current_setting(").text(name).sql(")");
        standard::only_value(setting.load(self)?)
    }

    /// Diesel does not distinguish a lock timeout from other errors, and the server's message may
    /// be in any language. So this looks up whether a session holds a lock that keeps writers out,
    /// or waits for one, because writers queue behind that too. It misses a lock that was released
    /// an instant ago.
    fn is_busy(&mut self, tables: &Tables, error: &DieselError) -> bool {
        if matches!(error, DieselError::DatabaseError(DatabaseErrorKind::ReadOnlyTransaction, _)) {
            return false;
        }
        let [counters, periods, state] =
            [tables.totals(), tables.periods(), tables.state()].map(Table::quoted);
        let locked = Statement::<Bool>::new(
            "SELECT count(*) > 0 FROM pg_locks WHERE pid IS DISTINCT FROM pg_backend_pid() \
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
             AND mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', \
             'AccessExclusiveLock') AND relation IN (to_regclass(",
        );
        let locked = locked.text(counters).sql("), to_regclass(").text(periods);
        let locked = locked.sql("), to_regclass(").text(state).sql("))");
        locked.load::<bool>(self).is_ok_and(|locked| locked == [true])
    }

    /// Diesel does not pass on the server's code, so it is judged by its words. A server that
    /// speaks another language than English is judged by the time too: what failed only after it
    /// could have waited for a lock has waited for one.
    fn limit_reached(
        &mut self,
        error: &DieselError,
        waited: Duration,
        wait: LockWait,
    ) -> Option<TimeLimit> {
        let DieselError::DatabaseError(DatabaseErrorKind::Unknown, info) = error else {
            return None;
        };
        match info.message() {
            "canceling statement due to lock timeout" => Some(TimeLimit::Lock),
            "canceling statement due to statement timeout" => Some(TimeLimit::Statement),
            _ if waited < wait.limit() || speaks_english(self) => None,
            _ => Some(TimeLimit::Lock),
        }
    }

    fn text_from_hex(hex: &str) -> String {
        format!("convert_from(decode('{hex}', 'hex'), 'UTF8')")
    }

    shared_members!(NOW);
    on_conflict_members!(NOW, "GREATEST");
}

/// Returns the statement that sets, for the rest of the transaction, what our transactions change,
/// as it is now.
fn settings_as_they_are(conn: &mut PgConnection) -> QueryResult<String> {
    let select = "SELECT 'SELECT ' || string_agg(format('set_config(%L, %L, true)', \
                  name, current_setting(name)), ', ') \
                  FROM unnest(ARRAY['lock_timeout', 'idle_in_transaction_session_timeout', \
                  'statement_timeout', 'synchronous_commit']) AS name";
    standard::only_value(Statement::<Text>::new(select).load(conn)?)
}

/// Returns the statement that limits those after it in its transaction, unless a shorter limit is
/// set already. The server measures no commit by this, so none is ended halfway.
fn limit_statements(within: Duration) -> String {
    let within = format!("{}ms", within.as_millis());
    format!(
        "SELECT set_config('statement_timeout', '{within}', true) \
         WHERE current_setting('statement_timeout')::interval NOT BETWEEN '1ms' AND '{within}'; "
    )
}

/// Returns whether the server words its messages in English. It is asked for a text that it
/// translates as it does its messages, because its settings do not show the language: its
/// environment may have a say, too.
fn speaks_english(conn: &mut PgConnection) -> bool {
    let words = "SELECT short_desc LIKE 'Sets the maximum %' FROM pg_settings \
                 WHERE name = 'lock_timeout'";
    Statement::<Bool>::new(words).load::<bool>(conn).is_ok_and(|is_english| is_english == [true])
}

/// Adds the number of the advisory lock under which the migrations of these tables are run.
fn migrations_lock<'a, Row>(statement: Statement<'a, Row>, tables: &Tables) -> Statement<'a, Row> {
    let name = format!("counter migrations: {}", tables.totals());
    statement.sql("hashtextextended(").text(name).sql(", 0)")
}

/// Returns whether the table, or one that its rows are kept in, has triggers of the application's.
/// Those of foreign keys are not. Before PostgreSQL 15 the copy of a trigger that a partition has
/// from its parent is called internal, too, so the kind of the constraint decides.
fn has_triggers(conn: &mut PgConnection, table: &Table) -> QueryResult<bool> {
    let triggers = Statement::<Bool>::new("WITH RECURSIVE tree (oid) AS (SELECT to_regclass(");
    let triggers = triggers.text(table.quoted()).sql(
        ")::oid UNION SELECT i.inhrelid FROM pg_inherits AS i JOIN tree ON i.inhparent = tree.oid) \
         SELECT bool_or(c.relkind NOT IN ('r', 'p') OR EXISTS (SELECT FROM pg_trigger AS t \
         WHERE t.tgrelid = c.oid AND NOT EXISTS (SELECT FROM pg_constraint AS k \
         WHERE k.oid = t.tgconstraint AND k.contype <> 't'))) \
         FROM tree JOIN pg_class AS c ON c.oid = tree.oid",
    );
    standard::only_value(triggers.load(conn)?)
}
