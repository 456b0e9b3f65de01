use std::borrow::Cow;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use counter_core::{
    Baseline, Claim, ClaimSeq, CounterId, CounterKey, NumberRow, Owner, OwnerId, OwnerType,
    Printable, ServerVersion, StoreNumber, TableName,
};
use diesel::connection::SimpleConnection;
use diesel::r2d2::{ConnectionManager, CustomizeConnection, Pool};
use diesel::result::{Error as DieselError, QueryResult};
use diesel::sql_types::{BigInt, Text};
use diesel::sqlite::Sqlite;
use diesel::{RunQueryDsl, SqliteConnection};
use diesel_migrations::{EmbeddedMigrations, embed_migrations};

use super::dialect::Dialect;
use super::kept::KeptDialect;
use super::lock_wait::LockWait;
use super::moves::MovesDialect;
use super::owner::read_owner;
use super::owners::{ColumnKind, ColumnSql, OwnersDialect};
use super::period::{are_buckets, key_columns};
use super::pools::open;
use super::sql::kept::kept_members;
use super::sql::moves::moves_members;
use super::sql::owners::owners_members;
use super::sql::shared::{on_conflict_members, shared_members};
use super::sql::statement::Statement;
use super::sql::{highest, kept, moves, numbers, owners, present, standard};
use super::state_row::{RecordRow, StateRow};
use super::tables::{Table, Tables};
use super::time_limit::TimeLimit;
use super::{on_conflict, values};
use crate::error::{BuildProblem, Error};
use crate::ledger::dialect::migration::Migration;

/// The time, UTC.
const NOW: &str = "CURRENT_TIMESTAMP";

/// Rows written by one statement: a few fixed sizes, so that each is prepared once and kept.
const CHUNK_SIZES: [usize; 3] = [100, 10, 1];

impl Dialect for SqliteConnection {
    const IS_SERVER: bool = false;

    const WRITERS: i64 = 1;

    const DURABILITY: &'static [&'static str] = &["synchronous"];

    const LOCK_ROW: &'static str = "";

    const LOCK_FREE_ROW: &'static str = "";

    fn migrations() -> &'static [Migration] {
        const EMBEDDED: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
        static ALL: LazyLock<Vec<Migration>> =
            LazyLock::new(|| Migration::read::<Sqlite>(&EMBEDDED));
        &ALL
    }

    fn check_pool(pool: &Pool<ConnectionManager<Self>>) -> Result<(), Error> {
        if pool.max_size() > 1 && is_in_memory(pool)? {
            return Err(Error::Build(BuildProblem::SharedMemoryDatabase));
        }
        Ok(())
    }

    /// Waits and durability are settings of the whole connection here, so they are the
    /// application's; [`sqlite_pool`] makes good ones.
    fn prepare_transaction(
        &mut self,
        _wait: LockWait,
        _statement_within: Option<Duration>,
    ) -> QueryResult<Option<String>> {
        Ok(None)
    }

    /// A transaction that was ended takes its savepoint along. It locks nothing.
    fn mark_transaction(&mut self, mark: u64) -> QueryResult<()> {
        standard::mark_by_savepoint(self, mark)
    }

    fn is_marked_transaction(&mut self, mark: u64) -> QueryResult<bool> {
        standard::release_mark(self, mark)
    }

    /// A row counts if it was written, and a trigger cannot change what is written before it is. It
    /// can afterwards, and what it writes, to whichever table, counts only in the total.
    fn upsert(&mut self, tables: &Tables, claims: &[Claim]) -> QueryResult<Vec<usize>> {
        let mut unproven = Vec::new();
        let (mut place, mut written) = (0, total_changes(self)?);
        for piece in values::pieces(claims, &CHUNK_SIZES) {
            let places = place..place + piece.len();
            place = places.end;
            let rows = upsert_statement(tables, piece)?.execute(self)?;
            written += i64::try_from(rows).unwrap_or(i64::MAX);
            if rows != piece.len() {
                unproven.extend(places);
            }
        }
        let is_only_ours = total_changes(self)? == written;
        Ok(if is_only_ours { unproven } else { (0..claims.len()).collect() })
    }

    /// A transaction that has read waits for no writer.
    fn begin_writing(&mut self, tables: &Tables) -> QueryResult<()> {
        let state = Self::quoted(tables.state());
        let write = format!("UPDATE {state} SET \"holder\" = 0 WHERE \"store_id\" = ''");
        self.batch_execute(&write)
    }

    fn has_table(&mut self, table: &Table) -> QueryResult<bool> {
        let probe = format!("SELECT 1 FROM {} LIMIT 0", Self::quoted(table));
        match self.batch_execute(&probe) {
            Ok(()) => Ok(true),
            Err(DieselError::DatabaseError(_, info)) if info.message().starts_with("no such ") => {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// A name in quotes that is no column would be a text, unless the table is named beside it.
    fn has_column(&mut self, table: &Table, column: &'static str) -> QueryResult<bool> {
        let probe = format!("SELECT c.\"{column}\" FROM {} AS c LIMIT 0", Self::quoted(table));
        match self.batch_execute(&probe) {
            Ok(()) => Ok(true),
            Err(DieselError::DatabaseError(_, info)) if info.message().starts_with("no such ") => {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Looks where SQLite looks: among what is temporary first, then in the file, then in those
    /// that are attached. A database in memory has no file.
    fn place_of(&mut self, table: &Table) -> QueryResult<String> {
        let select = "SELECT file FROM pragma_database_list AS d WHERE EXISTS \
                      (SELECT 1 FROM pragma_table_info(";
        let select = Statement::<Text>::new(select).text(table.name().to_owned());
        let select = select.sql(", d.name)) AND d.name = COALESCE(NULLIF(");
        let select = select.text(table.schema().unwrap_or_default().to_owned());
        let files = select.sql(", ''), d.name) ORDER BY d.name <> 'temp', d.seq").load(self)?;
        let file = files.into_iter().next().filter(|file: &String| !file.is_empty());
        Ok(file.map_or_else(|| table.to_string(), |file| format!("{table} in {file}")))
    }

    fn create_migrations_table(&mut self, tables: &Tables) -> QueryResult<()> {
        self.batch_execute(&format!(
            "CREATE TABLE IF NOT EXISTS {} (\
             \"name\" VARCHAR(100) NOT NULL PRIMARY KEY, \
             \"run_at\" TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP)",
            Self::quoted(tables.migrations())
        ))
    }

    /// The first statements of the transaction write, which takes the lock of the whole file; a
    /// read would leave it to be taken later, when others may have it.
    fn lock_migrations(&mut self, tables: &Tables) -> QueryResult<bool> {
        let migrations = Self::quoted(tables.migrations());
        let write = format!("UPDATE {migrations} SET \"name\" = \"name\" WHERE \"name\" = ''");
        let written =
            self.create_migrations_table(tables).and_then(|()| self.batch_execute(&write));
        match written {
            Ok(()) => Ok(true),
            Err(error) if self.is_busy(tables, &error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn migrations_holder(&mut self, _tables: &Tables) -> String {
        "another connection is writing to the file: see who has it open, such as by fuser"
            .to_owned()
    }

    fn version(&mut self) -> QueryResult<ServerVersion> {
        let number = Statement::<Text>::new("SELECT sqlite_version()").load(self)?;
        Ok(standard::version("SQLite", standard::only_value(number)?))
    }

    /// That of this connection, as a number: each has its own.
    fn setting(&mut self, name: &str) -> QueryResult<String> {
        let select = format!("SELECT CAST(\"{name}\" AS TEXT) FROM pragma_{name}");
        standard::only_value(Statement::<Text>::new(select).load(self)?)
    }

    fn is_busy(&mut self, _tables: &Tables, error: &DieselError) -> bool {
        says_locked(error)
    }

    fn limit_reached(
        &mut self,
        error: &DieselError,
        _waited: Duration,
        _wait: LockWait,
    ) -> Option<TimeLimit> {
        says_locked(error).then_some(TimeLimit::Lock)
    }

    fn text_from_hex(hex: &str) -> String {
        format!("CAST(x'{hex}' AS TEXT)")
    }

    shared_members!(NOW);
    on_conflict_members!(NOW, "max");
}

impl OwnersDialect for SqliteConnection {
    const COLUMN_SQL: ColumnSql =
        ColumnSql { text: "TEXT", integer: "INTEGER", padded: None, uuid: None, hex: "hex({})" };

    fn delete_zeros(
        &mut self,
        tables: &Tables,
        rows: &[(CounterId, ClaimSeq)],
    ) -> QueryResult<usize> {
        let mut deleted = 0;
        for (id, seq) in rows {
            let delete = standard::delete(tables, id, *seq)?.sql(" AND \"count\" = 0");
            deleted += delete.execute(self)?;
        }
        Ok(deleted)
    }

    /// The type that a column is declared with binds no value of it.
    fn kind_of(&mut self, _table: &TableName, _column: &str) -> QueryResult<ColumnKind> {
        Ok(ColumnKind::Anything)
    }

    owners_members!(NOW);
}

impl MovesDialect for SqliteConnection {
    moves_members!(NOW);
}

impl KeptDialect for SqliteConnection {
    kept_members!(NOW);
}

/// Returns whether SQLite itself says that a file or a table is locked, in English everywhere. A
/// trigger that refuses has words of its own, which may speak of locks too.
fn says_locked(error: &DieselError) -> bool {
    let words = error.to_string();
    ["database is locked", "database table is locked"].iter().any(|says| words.starts_with(says))
}

/// Returns how many rows this connection has written since it was opened, by triggers too.
fn total_changes(conn: &mut SqliteConnection) -> QueryResult<i64> {
    standard::only_value(Statement::<BigInt>::new("SELECT total_changes()").load(conn)?)
}

fn upsert_statement<'a>(tables: &Tables, claims: &'a [Claim]) -> QueryResult<Statement<'a>> {
    let first = claims.first().map(|claim| &claim.id);
    let into = format!("{} AS \"row\"", tables.of(first).quoted());
    let is_add = claims.first().is_some_and(standard::is_add);
    let key = key_columns(first.is_some_and(|id| id.period().is_some()));
    Ok(values::insert(&into, claims)?.sql(on_conflict::apply(key, is_add, NOW)))
}

/// One parameter however many counters: the text never varies, and no limit of parameters is met.
/// The cross join makes SQLite look up each counter in the unique index.
fn many_baselines<'a>(
    tables: &Tables,
    ids: &[CounterId],
) -> QueryResult<Statement<'a, (BigInt, BigInt, BigInt)>> {
    let from = tables.of(ids.first()).quoted();
    let of_period = if are_buckets(ids)? {
        " AND c.\"grain\" = json_extract(w.\"value\", '$[4]') \
         AND c.\"starts_at\" = json_extract(w.\"value\", '$[5]')"
    } else {
        ""
    };
    let select = "SELECT w.\"key\", c.\"count\", c.\"claim_seq\" FROM json_each(";
    Ok(Statement::new(select).text(values::json(ids)?).sql(format!(
        ") AS w CROSS JOIN {from} AS c \
             WHERE c.\"owner_type\" = json_extract(w.\"value\", '$[0]') \
             AND c.\"owner_id\" = json_extract(w.\"value\", '$[1]') \
             AND c.\"owner_key\" = json_extract(w.\"value\", '$[2]') \
             AND c.\"key\" = json_extract(w.\"value\", '$[3]'){of_period}"
    )))
}

fn is_in_memory(pool: &Pool<ConnectionManager<SqliteConnection>>) -> Result<bool, Error> {
    let mut conn = pool.get().map_err(|source| Error::Unreachable { source: source.into() })?;
    let files = Statement::<Text>::new("SELECT file FROM pragma_database_list WHERE name = 'main'")
        .load::<String>(&mut *conn)
        .map_err(|source| Error::Unreachable { source: source.into() })?;
    Ok(files.iter().all(String::is_empty))
}

/// A pool of connections to a SQLite file, with the settings that counters and other writers want:
/// write-ahead log, 5 seconds of patience with a locked file, and commits that survive a power cut.
///
/// Waits for a connection at most 1 second. `max_size` is the most connections there are at a time;
/// as many as that are made at once. `:memory:` needs a `max_size` of 1.
///
/// `database` is a path or a URI, `file:PATH` or `sqlite://PATH`. In a URI the characters `?`, `#`
/// and `%` of a path are written `%3F`, `%23` and `%25`, and parameters follow a `?`.
///
/// The file keeps its journal mode, which this sets once, while it makes the pool. A file that may
/// not be written to is opened for reading, and keeps the mode that it has. `file:PATH?mode=ro`
/// leaves every file as it is.
///
/// ```
/// let pool = counter_diesel::sqlite_pool(":memory:", 1)?;
/// # Ok::<(), counter_diesel::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Unreachable`] if the file cannot be opened, [`Error::Build`] if it is the URL of
/// another database.
pub fn sqlite_pool(
    database: &str,
    max_size: u32,
) -> Result<Pool<ConnectionManager<SqliteConnection>>, Error> {
    let path = database.strip_prefix("sqlite://");
    if path.is_none() && open::scheme(database).is_some_and(|scheme| scheme != "file") {
        return Err(Error::Build(BuildProblem::SqliteUrl));
    }
    // Diesel understands both alike.
    let uri = path.map_or(Cow::Borrowed(database), |path| Cow::Owned(format!("file:{path}")));
    let opened = open::open(&uri, max_size, |pool| {
        pool.connection_customizer(Box::new(SqlitePragmas::default()))
    });
    opened.map_err(|error| match error {
        // SQLite itself never says which file.
        Error::Unreachable { source } => {
            let path = Printable(path.unwrap_or(database));
            Error::Unreachable { source: format!("{path}: {source}").into() }
        }
        error => error,
    })
}

#[derive(Debug, Default)]
struct SqlitePragmas {
    /// The mode is the file's, so one connection sets it for all. Later ones must not: they may be
    /// opened by what only reads.
    has_set_journal_mode: AtomicBool,
}

impl CustomizeConnection<SqliteConnection, diesel::r2d2::Error> for SqlitePragmas {
    fn on_acquire(&self, conn: &mut SqliteConnection) -> Result<(), diesel::r2d2::Error> {
        self.set(conn).map_err(diesel::r2d2::Error::QueryError)
    }
}

impl SqlitePragmas {
    fn set(&self, conn: &mut SqliteConnection) -> QueryResult<()> {
        conn.batch_execute("PRAGMA busy_timeout = 5000; PRAGMA synchronous = FULL;")?;
        if self.has_set_journal_mode.load(Ordering::Relaxed) {
            return Ok(());
        }
        match conn.batch_execute("PRAGMA journal_mode = WAL") {
            // What writes is refused later, in the same words.
            Err(error) if error.to_string().contains("readonly database") => {}
            set => set?,
        }
        self.has_set_journal_mode.store(true, Ordering::Relaxed);
        Ok(())
    }
}
