//! Runs the migrations of the counters' tables.
//!
//! They are recorded in a table of their own, `{table_name}_migrations`: recorded among the
//! application's they would make `diesel migration revert` fail, which does not find them in its
//! folder.

use std::thread;
use std::time::{Duration, Instant};

use diesel::connection::TransactionManager;
use diesel::migration;
use diesel::result::{Error as DieselError, QueryResult};
use diesel_migrations::MigrationHarness as _;

use crate::causes::one_line;
use crate::error::Error;
use crate::ledger::dialect::connection::CounterConnection;
use crate::ledger::dialect::empty_text::is_empty_text;
use crate::ledger::dialect::lock_wait::LockWait;
use crate::ledger::dialect::tables::Tables;
use crate::ledger::failure::contained;
use crate::ledger::migration::harness::CounterHarness;
use crate::ledger::migration::source::{self, NamedMigration};
use crate::ledger::retry;
use crate::ledger::state::LedgerState;

/// How long it waits before it looks again whether the other one is done.
const PAUSE: Duration = Duration::from_millis(50);

/// Returns the names of the migrations that were not run yet. Changes nothing.
pub(crate) fn pending<C: CounterConnection>(
    conn: &mut C,
    tables: &Tables,
) -> QueryResult<Vec<&'static str>> {
    let done = CounterHarness::of(conn, tables).names()?;
    let is_pending = |name: &&str| !done.iter().any(|done| done == name);
    Ok(C::migrations().iter().map(|migration| &*migration.name).filter(is_pending).collect())
}

/// Runs the migrations that were not run yet and returns their names: all or none of them, but on
/// MySQL, where the next call goes on with the one that failed.
///
/// The caller has found that there are some. Waits for another process that runs them.
pub(crate) fn run_pending<C: CounterConnection>(
    conn: &mut C,
    tables: &Tables,
    longest_wait: Duration,
) -> Result<Vec<&'static str>, Error> {
    let begun = Instant::now();
    loop {
        if let Some(run) = retry::with_backoff(|| run_if_alone(conn, tables))? {
            return Ok(run);
        }
        if begun.elapsed() > longest_wait {
            let holder = conn.migrations_holder(tables);
            let table = tables.totals().to_string();
            return Err(Error::MigrationsLocked { table, waited: begun.elapsed(), holder });
        }
        thread::sleep(PAUSE);
    }
}

/// Returns `None` if another process runs them.
fn run_if_alone<C: CounterConnection>(
    conn: &mut C,
    tables: &Tables,
) -> Result<Option<Vec<&'static str>>, Error> {
    let mut attempted = C::migrations().first().map_or("", |migration| &migration.name);
    // Checked before the lock, which on SQLite makes the table that records migrations. If the
    // check fails, so do the migrations, which say why.
    if contained(conn, |conn| are_of_application(conn, tables)).unwrap_or(false) {
        return Ok(Some(Vec::new()));
    }
    let mut put_back = None;
    let result = conn.transaction(|conn| -> migration::Result<_> {
        put_back = conn.prepare_transaction(LockWait::Usual, None)?;
        if !conn.lock_migrations(tables)? {
            return Ok(None);
        }
        let mut harness = CounterHarness::of(conn, tables);
        let done = harness.names()?;
        let mut all = source::all_of::<C>(tables);
        all.retain(|migration| !done.iter().any(|name| name == migration.folder()));
        for migration in &all {
            attempted = migration.folder();
            harness.run_migration(migration)?;
        }
        Ok(Some(all.iter().map(NamedMigration::folder).collect()))
    });
    let finished = conn
        .unlock_migrations(tables)
        .and_then(|()| put_back.map_or(Ok(()), |put_back| conn.finish_transaction(&put_back)));
    if let Err(error) = finished {
        tracing::debug!(
            error = one_line(&error),
            "a connection keeps the settings of a transaction"
        );
        C::TransactionManager::transaction_manager_status_mut(conn).set_in_error();
    }
    result.map_err(|error| match database_error(error) {
        Ok(source) if is_empty_text(&source) => Error::EmptyTexts { source },
        Ok(source) if conn.batch_execute("SELECT 1").is_ok() => {
            Error::Migration { name: attempted, source }
        }
        Ok(source) => Error::Unreachable { source: source.into() },
        Err(source) => Error::Unreachable { source },
    })
}

/// Returns whether the application's own migrations have made the tables: all tables exist, and
/// none of our migrations is recorded, not even as begun.
fn are_of_application<C: CounterConnection>(conn: &mut C, tables: &Tables) -> QueryResult<bool> {
    if conn.has_table(tables.migrations())? {
        return Ok(false);
    }
    for table in [tables.totals(), tables.periods(), tables.kept(), tables.state()] {
        if !conn.has_table(table)? {
            return Ok(false);
        }
    }
    // Complete migrations have given the database an id.
    Ok(!LedgerState::of_rows(conn.state(tables, "")?).database.is_empty())
}

/// Returns what the database said. Every error in a migration's transaction is one of its.
fn database_error(
    error: Box<dyn std::error::Error + Send + Sync>,
) -> Result<DieselError, Box<dyn std::error::Error + Send + Sync>> {
    match error.downcast::<Error>() {
        Ok(error) => match *error {
            Error::Migration { source, .. } => Ok(source),
            error => Err(error.into()),
        },
        Err(error) => error.downcast::<DieselError>().map(|error| *error),
    }
}
