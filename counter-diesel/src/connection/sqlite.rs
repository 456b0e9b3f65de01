use std::borrow::Cow;

use chrono::NaiveDateTime;
use counter_core::{Baseline, Claim, ClaimOp, ClaimSeq, CounterId, Generation, Owner, TableName};
use diesel::r2d2::{ConnectionManager, CustomizeConnection, Pool};
use diesel::sql_types::{BigInt, Text, Timestamp};
use diesel::{QueryResult, RunQueryDsl, SqliteConnection, connection::SimpleConnection};

use super::statement::Statement;
use super::{CounterConnection, StateRow, owner_id};
use crate::error::Error;
use crate::migrations::{Migration, migration};

/// Rows written by one statement: a few fixed sizes, so that each is prepared once and kept.
const CHUNK_SIZES: [usize; 3] = [100, 10, 1];

impl CounterConnection for SqliteConnection {
    const MIGRATIONS: &'static [Migration] =
        &[migration!("sqlite", "2026-01-01-000000_create_model_counters")];

    fn check_pool(pool: &Pool<ConnectionManager<Self>>) -> Result<(), Error> {
        if pool.max_size() > 1 && is_in_memory(pool)? {
            return Err(Error::Build(
                "each connection to an in-memory SQLite database has a database of its own: \
                 give the pool a max_size of 1, or keep the database in a file",
            ));
        }
        Ok(())
    }

    /// Waits and durability are settings of the whole connection here, so they are the application's;
    /// [`sqlite_pool`] makes good ones.
    fn prepare_transaction(&mut self) -> QueryResult<()> {
        Ok(())
    }

    fn upsert(&mut self, table: &TableName, claims: &[Claim]) -> QueryResult<usize> {
        let mut let_through = 0;
        // Runs of one op keep the order of the rows, in which every sync locks them.
        for run in claims.chunk_by(|a, b| is_add(a) == is_add(b)) {
            let mut rest = run;
            while let Some(size) = CHUNK_SIZES.iter().find(|size| **size <= rest.len()) {
                let (chunk, tail) = rest.split_at(*size);
                let_through += upsert_statement(table, chunk)?.execute(self)?;
                rest = tail;
            }
        }
        Ok(let_through)
    }

    fn update(&mut self, table: &TableName, claim: &Claim) -> QueryResult<usize> {
        let count = if is_add(claim) { "\"count\" + " } else { "" };
        let update = Statement::<()>::new(format!(
            "UPDATE {} SET \"count\" = {count}",
            Self::quoted(table, "")
        ))
        .big_int(value(claim))
        .sql(", \"claim_seq\" = ")
        .big_int(claim.seq.get())
        .sql(", \"updated_at\" = CURRENT_TIMESTAMP WHERE ");
        let guarded =
            of_counter(update, &claim.id)?.sql(" AND \"claim_seq\" < ").big_int(claim.seq.get());
        guarded.execute(self)
    }

    fn delete(&mut self, table: &TableName, id: &CounterId, seq: ClaimSeq) -> QueryResult<usize> {
        let delete =
            Statement::<()>::new(format!("DELETE FROM {} WHERE ", Self::quoted(table, "")));
        of_counter(delete, id)?.sql(" AND \"claim_seq\" = ").big_int(seq.get()).execute(self)
    }

    fn baselines(
        &mut self,
        table: &TableName,
        ids: &[CounterId],
    ) -> QueryResult<Vec<Option<Baseline>>> {
        let rows = match ids {
            [] => Vec::new(),
            [id] => one_baseline(table, id)?.load(self)?,
            ids => many_baselines(table, ids)?.load::<(i64, i64, i64)>(self)?,
        };
        let mut found = vec![None; ids.len()];
        for (index, count, seq) in rows {
            if let Some(place) = usize::try_from(index).ok().and_then(|index| found.get_mut(index))
            {
                *place = Some(Baseline { count, seq: ClaimSeq::new(seq) });
            }
        }
        Ok(found)
    }

    fn rows_of(
        &mut self,
        table: &TableName,
        owner: &Owner,
    ) -> QueryResult<Vec<(String, Baseline)>> {
        let select =
            format!("SELECT \"key\", \"count\", \"claim_seq\" FROM {}", Self::quoted(table, ""));
        let rows = Statement::<(Text, BigInt, BigInt)>::new(select)
            .sql(" WHERE \"owner_type\" = ")
            .text(owner.owner_type().as_str())
            .sql(" AND \"owner_id\" = ")
            .big_int(owner_id(owner.id())?)
            .load::<(String, i64, i64)>(self)?;
        let baseline = |count, seq| Baseline { count, seq: ClaimSeq::new(seq) };
        Ok(rows.into_iter().map(|(key, count, seq)| (key, baseline(count, seq))).collect())
    }

    fn state(&mut self, table: &TableName, prefix: &str) -> QueryResult<Vec<StateRow>> {
        let from = Self::quoted(table, "_state");
        let rows = Statement::<(Text, Text, BigInt, Timestamp)>::new("SELECT ")
            .sql("\"prefix\", \"store_id\", \"claim_seq\", \"synced_at\"")
            .sql(format!(" FROM {from} WHERE \"prefix\" IN ('', "))
            .text(prefix)
            .sql(")")
            .load::<(String, String, i64, NaiveDateTime)>(self)?;
        let state_row = |(prefix, store_id, seq, synced_at)| StateRow {
            prefix,
            store_id,
            seq: ClaimSeq::new(seq),
            synced_at,
        };
        Ok(rows.into_iter().map(state_row).collect())
    }

    fn record(
        &mut self,
        table: &TableName,
        prefix: &str,
        generation: &Generation,
    ) -> QueryResult<()> {
        let insert = format!("INSERT INTO {} ", Self::quoted(table, "_state"));
        Statement::<()>::new(insert)
            .sql("(\"prefix\", \"store_id\", \"claim_seq\") VALUES (")
            .text(prefix)
            .sql(", ")
            .text(generation.store_id.as_str())
            .sql(", ")
            .big_int(generation.high_water.get())
            .sql(") ON CONFLICT (\"prefix\") DO UPDATE SET \"store_id\" = excluded.\"store_id\"")
            .sql(", \"claim_seq\" = excluded.\"claim_seq\", \"synced_at\" = CURRENT_TIMESTAMP")
            .execute(self)?;
        Ok(())
    }

    fn has_tables(&mut self, table: &TableName) -> bool {
        let (counters, state) = (Self::quoted(table, ""), Self::quoted(table, "_state"));
        let probe = format!(
            "SELECT \"claim_seq\" FROM {counters} UNION SELECT \"claim_seq\" FROM {state} LIMIT 0"
        );
        self.batch_execute(&probe).is_ok()
    }

    fn create_migrations_table(&mut self, table: &TableName) -> QueryResult<()> {
        self.batch_execute(&format!(
            "CREATE TABLE IF NOT EXISTS {} (\
             \"name\" VARCHAR(100) NOT NULL PRIMARY KEY, \
             \"run_at\" TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP)",
            Self::quoted(table, "_migrations")
        ))
    }

    /// The first statement of the transaction is a write, which takes the lock of the whole file; a read
    /// would leave it to be taken later, when others may have it.
    fn lock_migrations(&mut self, table: &TableName) -> QueryResult<()> {
        let migrations = Self::quoted(table, "_migrations");
        self.batch_execute(&format!(
            "UPDATE {migrations} SET \"name\" = \"name\" WHERE \"name\" = ''"
        ))
    }

    fn run_migrations(&mut self, table: &TableName) -> QueryResult<Vec<String>> {
        let select = format!("SELECT \"name\" FROM {}", Self::quoted(table, "_migrations"));
        Statement::<Text>::new(select).load(self)
    }

    fn record_migration(&mut self, table: &TableName, name: &str) -> QueryResult<()> {
        let insert =
            format!("INSERT INTO {} (\"name\") VALUES (", Self::quoted(table, "_migrations"));
        Statement::<()>::new(insert).text(name).sql(")").execute(self)?;
        Ok(())
    }

    fn quoted(table: &TableName, suffix: &str) -> String {
        let schema = table.schema().map(|schema| format!("\"{schema}\".")).unwrap_or_default();
        format!("{schema}\"{}{suffix}\"", table.table())
    }
}

fn is_add(claim: &Claim) -> bool {
    matches!(claim.op, ClaimOp::Add(_))
}

/// What the claim adds or sets; a delete sets to 0 first, which takes the row's lock.
fn value(claim: &Claim) -> i64 {
    match claim.op {
        ClaimOp::Add(value) | ClaimOp::Set(value) => value,
        ClaimOp::Delete => 0,
    }
}

fn upsert_statement<'a>(table: &TableName, claims: &'a [Claim]) -> QueryResult<Statement<'a>> {
    let into = SqliteConnection::quoted(table, "");
    let columns = "\"owner_type\", \"owner_id\", \"key\", \"count\", \"claim_seq\"";
    let mut statement =
        Statement::new(format!("INSERT INTO {into} AS \"row\" ({columns}) VALUES "));
    for (index, claim) in claims.iter().enumerate() {
        statement = statement
            .sql(if index == 0 { "(" } else { ", (" })
            .text(claim.id.owner_type())
            .sql(", ")
            .big_int(owner_id(claim.id.owner_id())?)
            .sql(", ")
            .text(claim.id.key())
            .sql(", ")
            .big_int(value(claim))
            .sql(", ")
            .big_int(claim.seq.get())
            .sql(")");
    }
    let count = match claims.first().is_some_and(is_add) {
        true => "\"row\".\"count\" + excluded.\"count\"",
        false => "excluded.\"count\"",
    };
    Ok(statement.sql(format!(
        " ON CONFLICT (\"owner_type\", \"owner_id\", \"key\") DO UPDATE SET \"count\" = {count}, \
         \"claim_seq\" = excluded.\"claim_seq\", \"updated_at\" = CURRENT_TIMESTAMP \
         WHERE \"row\".\"claim_seq\" < excluded.\"claim_seq\""
    )))
}

fn of_counter<'a, Row>(
    statement: Statement<'a, Row>,
    id: &'a CounterId,
) -> QueryResult<Statement<'a, Row>> {
    Ok(statement
        .sql("\"owner_type\" = ")
        .text(id.owner_type())
        .sql(" AND \"owner_id\" = ")
        .big_int(owner_id(id.owner_id())?)
        .sql(" AND \"key\" = ")
        .text(id.key()))
}

/// Index among the counters asked for, count, sequence.
type IndexedRow = (BigInt, BigInt, BigInt);

fn one_baseline<'a>(
    table: &TableName,
    id: &'a CounterId,
) -> QueryResult<Statement<'a, IndexedRow>> {
    let from = SqliteConnection::quoted(table, "");
    of_counter(Statement::new(format!("SELECT 0, \"count\", \"claim_seq\" FROM {from} WHERE ")), id)
}

/// One parameter however many counters: the text never varies, and no limit of parameters is met. The
/// cross join makes SQLite look up each counter in the unique index.
fn many_baselines<'a>(
    table: &TableName,
    ids: &[CounterId],
) -> QueryResult<Statement<'a, IndexedRow>> {
    let wanted = ids
        .iter()
        .map(|id| Ok((id.owner_type(), owner_id(id.owner_id())?, id.key())))
        .collect::<QueryResult<Vec<(Cow<'_, str>, i64, Cow<'_, str>)>>>()?;
    let wanted = serde_json::to_string(&wanted)
        .map_err(|error| diesel::result::Error::SerializationError(error.into()))?;
    let from = SqliteConnection::quoted(table, "");
    Ok(Statement::new("SELECT w.\"key\", c.\"count\", c.\"claim_seq\" FROM json_each(")
        .text(wanted)
        .sql(format!(
            ") AS w CROSS JOIN {from} AS c \
             WHERE c.\"owner_type\" = json_extract(w.\"value\", '$[0]') \
             AND c.\"owner_id\" = json_extract(w.\"value\", '$[1]') \
             AND c.\"key\" = json_extract(w.\"value\", '$[2]')"
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
/// Waits for a connection at most 1 second. `:memory:` needs a `max_size` of 1.
///
/// # Errors
///
/// [`Error::Unreachable`] if the file cannot be opened.
pub fn sqlite_pool(
    database: &str,
    max_size: u32,
) -> Result<Pool<ConnectionManager<SqliteConnection>>, Error> {
    let path = database.strip_prefix("sqlite://").unwrap_or(database);
    Pool::builder()
        .max_size(max_size)
        .connection_timeout(std::time::Duration::from_secs(1))
        .connection_customizer(Box::new(Settings))
        .build(ConnectionManager::new(path))
        .map_err(|source| Error::Unreachable { source: source.into() })
}

#[derive(Debug)]
struct Settings;

impl CustomizeConnection<SqliteConnection, diesel::r2d2::Error> for Settings {
    fn on_acquire(&self, conn: &mut SqliteConnection) -> Result<(), diesel::r2d2::Error> {
        conn.batch_execute(
            "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;",
        )
        .map_err(diesel::r2d2::Error::QueryError)
    }
}
