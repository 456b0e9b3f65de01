//! The migrations of the counters' tables, compiled in.
//!
//! They are recorded in a table of their own, `{table_name}_migrations`: recorded among the
//! application's they would make `diesel migration revert` fail, which does not find them in its
//! folder.

use counter_core::TableName;
use diesel::result::{Error as DieselError, QueryResult};

use crate::error::Error;
use crate::ledger::dialect::connection::CounterConnection;
use crate::ledger::dialect::migration::Migration;
use crate::ledger::dialect::tables::Tables;

/// A migration of the counters' tables as an application would have it in its own folder.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MigrationFiles {
    /// The name of its folder, in Diesel's form: `2026-01-01-000000_create_model_counters`.
    pub name: &'static str,
    /// What `up.sql` has in it.
    pub up: String,
    /// What `down.sql` has in it.
    pub down: String,
}

/// All migrations of the counters' tables for the database of these connections, oldest first, with
/// this table's name put in: for an application that keeps them among its own, instead of calling
/// [`run_pending_migrations`](crate::Counters::run_pending_migrations).
///
/// ```
/// # #[cfg(feature = "sqlite")] {
/// use counter_diesel::ledger::{TableName, migration_files};
/// use diesel::SqliteConnection;
///
/// let files = migration_files::<SqliteConnection>(&TableName::default());
/// assert!(files[0].up.contains("CREATE TABLE \"model_counters\""));
/// # }
/// ```
pub fn migration_files<C: CounterConnection>(table: &TableName) -> Vec<MigrationFiles> {
    let tables = Tables::new(table);
    let files_of = |migration: &Migration| MigrationFiles {
        name: migration.name,
        up: with_table_name::<C>(migration.up, &tables),
        down: with_table_name::<C>(migration.down, &tables),
    };
    C::MIGRATIONS.iter().map(files_of).collect()
}

/// The names of the migrations that were not run yet. Changes nothing.
pub(crate) fn pending<C: CounterConnection>(
    conn: &mut C,
    tables: &Tables,
) -> QueryResult<Vec<&'static str>> {
    let done = if conn.has_table(tables.migrations())? {
        conn.run_migrations(tables)?
    } else {
        Vec::new()
    };
    Ok(not_in::<C>(&done).map(|migration| migration.name).collect())
}

fn not_in<C: CounterConnection>(done: &[String]) -> impl Iterator<Item = &'static Migration> {
    C::MIGRATIONS.iter().filter(|migration| !done.iter().any(|name| name == migration.name))
}

/// Runs the migrations that were not run yet and returns their names: all or none of them, but on
/// MySQL, where the next call goes on with the one that failed.
pub(crate) fn run_pending<C: CounterConnection>(
    conn: &mut C,
    tables: &Tables,
) -> Result<Vec<&'static str>, Error> {
    let mut attempted = C::MIGRATIONS.first().map_or("", |migration| migration.name);
    let run_all = |conn: &mut C| {
        conn.lock_migrations(tables)?;
        let done = conn.run_migrations(tables)?;
        let mut run = Vec::new();
        for migration in not_in::<C>(&done) {
            attempted = migration.name;
            conn.batch_execute(&with_table_name::<C>(migration.up, tables))?;
            conn.record_migration(tables, migration.name)?;
            run.push(migration.name);
        }
        Ok(run)
    };
    let result = conn.create_migrations_table(tables).and_then(|()| conn.transaction(run_all));
    let unlocked = conn.unlock_migrations(tables);
    let result = result.and_then(|run| unlocked.map(|()| run));
    result.map_err(|source: DieselError| match conn.ping() {
        Ok(()) => Error::Migration { name: attempted, source },
        Err(_) => Error::Unreachable { source: source.into() },
    })
}

/// The files are written for the default name; here is the one place where another is put in. All
/// old names are taken out before the first new one comes, for that may contain an old one.
fn with_table_name<C: CounterConnection>(sql: &str, tables: &Tables) -> String {
    let default = Tables::new(&TableName::default());
    let places =
        [(default.state(), "\u{1}", tables.state()), (default.totals(), "\u{2}", tables.totals())];
    let emptied = places
        .iter()
        .fold(sql.to_owned(), |sql, (old, place, _)| sql.replace(&C::quoted(old), place));
    places.iter().fold(emptied, |sql, (_, place, new)| sql.replace(place, &C::quoted(new)))
}
