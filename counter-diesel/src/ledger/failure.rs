//! Errors of statements: what they say about the connection and the tables.

use diesel::connection::TransactionManager;
use diesel::result::{DatabaseErrorKind, Error as DieselError, QueryResult};

use crate::error::{Error, LedgerStep};
use crate::ledger::dialect::connection::CounterConnection;
use crate::ledger::dialect::empty_text::is_empty_text;
use crate::ledger::dialect::tables::{Table, Tables};

/// Runs a query so that its failure leaves the connection usable, also in the transaction that an
/// application's tests keep open: a savepoint keeps that alive, where PostgreSQL would answer
/// nothing more.
pub(crate) fn contained<C: CounterConnection, T>(
    conn: &mut C,
    query: impl FnOnce(&mut C) -> QueryResult<T>,
) -> QueryResult<T> {
    let status = C::TransactionManager::transaction_manager_status_mut(conn);
    match status.transaction_depth()? {
        Some(_) => conn.transaction(query),
        None => query(conn),
    }
}

/// Converts a database's error into its cause: the connection, the tables, or the statement.
pub(crate) fn as_ledger_error<C: CounterConnection>(
    conn: &mut C,
    tables: &Tables,
    step: LedgerStep,
    source: DieselError,
) -> Error {
    if is_empty_text(&source) {
        return Error::EmptyTexts { source };
    }
    if is_lost(conn, &source) {
        let source = source.into();
        return Error::Unreachable { source };
    }
    if C::is_read_only(&source) {
        return read_only(conn, step, source);
    }
    match missing_table(conn, tables, &source) {
        Ok(Some(table)) => Error::NotMigrated { table: table.to_string(), source },
        _ => Error::Database { step, source },
    }
}

/// Returns the table that a statement lacked. The tables of buckets and of what is kept count only
/// if the error names them. Before their migrations totals are synced as usual, and errors about
/// totals concern the table of totals. None is missing where the user may not use one: MySQL does
/// not show that user whether it is there.
fn missing_table<'a, C: CounterConnection>(
    conn: &mut C,
    tables: &'a Tables,
    error: &DieselError,
) -> QueryResult<Option<&'a Table>> {
    if !C::is_hidden(error) && !conn.has_tables(tables)? {
        return Ok(Some(tables.totals()));
    }
    for table in [tables.periods(), tables.kept()] {
        if lacks(conn, table, error)? {
            return Ok(Some(table));
        }
    }
    Ok(None)
}

/// Returns whether a statement failed because a table does not exist, and not because the user may
/// not see it.
pub(crate) fn lacks<C: CounterConnection>(
    conn: &mut C,
    table: &Table,
    error: &DieselError,
) -> QueryResult<bool> {
    let is_named = error.to_string().contains(table.name());
    Ok(is_named && !C::is_hidden(error) && !conn.has_table(table)?)
}

/// Returns what a query finds in the table of the buckets. Before the migration that makes the
/// table there are no buckets, so that is nothing.
pub(crate) fn of_buckets<C: CounterConnection, T: Default>(
    conn: &mut C,
    tables: &Tables,
    query: impl FnOnce(&mut C) -> QueryResult<T>,
) -> QueryResult<T> {
    match contained(conn, query) {
        Err(error) if lacks(conn, tables.periods(), &error).unwrap_or(false) => Ok(T::default()),
        done => done,
    }
}

/// Closes a connection on which a write was refused as read-only: its server was demoted, and
/// another connection may lead to the one that took its place. In the transaction that an
/// application's tests keep open, it is kept.
fn read_only<C: CounterConnection>(conn: &mut C, step: LedgerStep, source: DieselError) -> Error {
    let status = C::TransactionManager::transaction_manager_status_mut(conn);
    if status.transaction_depth().is_ok_and(|depth| depth.is_none()) {
        status.set_in_error();
    }
    // Some databases have no name for it.
    let source = match source {
        DieselError::DatabaseError(_, info) => {
            DieselError::DatabaseError(DatabaseErrorKind::ReadOnlyTransaction, info)
        }
        other => other,
    };
    Error::Database { step, source }
}

/// Returns whether a write was refused because the server or the session is read-only.
pub(crate) fn is_read_only(error: &Error) -> bool {
    use DatabaseErrorKind::ReadOnlyTransaction;
    let Error::Database { source, .. } = error else { return false };
    matches!(source, DieselError::DatabaseError(ReadOnlyTransaction, _))
}

/// Whether a connection is unusable, after this error outside of a transaction.
pub(crate) fn is_lost<C: CounterConnection>(conn: &mut C, error: &DieselError) -> bool {
    // Not the ping of Diesel, which PostgreSQL keeps as a prepared statement under a name.
    let is_lost = says_closed(error) || conn.batch_execute("SELECT 1").is_err();
    if is_lost {
        // So that no pool hands it out again, not even one that does not test connections.
        C::TransactionManager::transaction_manager_status_mut(conn).set_in_error();
    }
    is_lost
}

/// Whether the error itself says that the connection is unusable. Other errors may come from a lost
/// connection too.
pub(crate) fn says_closed(error: &DieselError) -> bool {
    use DatabaseErrorKind::{ClosedConnection, UnableToSendCommand};
    matches!(
        error,
        DieselError::BrokenTransactionManager
            | DieselError::DatabaseError(ClosedConnection | UnableToSendCommand, _)
    )
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use diesel::{Connection as _, SqliteConnection};

    use super::*;
    use crate::ledger::dialect::empty_text::not_empty;

    #[test]
    fn texts_that_are_read_as_empty_ones_are_an_error_that_names_the_client_library() {
        let mut conn = SqliteConnection::establish(":memory:").unwrap();
        let tables = Tables::new(&"model_counters".parse().unwrap());
        let source = not_empty("DATABASE()", "").unwrap_err();
        let error = as_ledger_error(&mut conn, &tables, LedgerStep::Begin, source);
        assert!(matches!(error, Error::EmptyTexts { .. }), "{error:?}");
        let text = format!("{error:?}");
        assert!(text.contains("client library") && text.contains("3.3.19"), "{text}");
        assert!(text.ends_with("DATABASE() was read as an empty text"), "{text}");
    }
}
