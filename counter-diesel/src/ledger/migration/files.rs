use counter_core::TableName;

use crate::ledger::dialect::connection::CounterConnection;
use crate::ledger::dialect::migration::Migration;
use crate::ledger::dialect::tables::Tables;

/// A migration of the counters' tables as an application would have it in its own folder.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MigrationFiles {
    /// The name of its folder, in Diesel's form: `2026-01-01-000000_create_model_counters`.
    pub name: &'static str,
    /// The text of `up.sql`.
    pub up: String,
    /// The text of `down.sql`.
    pub down: String,
}

/// All migrations of the counters' tables for the database of these connections, oldest first, with
/// this table's name put in: for an application that keeps them among its own, instead of calling
/// [`run_pending_migrations`](crate::Counters::run_pending_migrations).
///
/// A folder of this name may have the version of another in the application's folder, of which
/// Diesel would run one. `counter migrate --copy` dates it after all that are there;
/// [`CounterMigrations`](crate::ledger::CounterMigrations) needs no folder.
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
    files_of::<C>(&Tables::new(table))
}

/// Returns the migrations of these tables, oldest first.
pub(crate) fn files_of<C: CounterConnection>(tables: &Tables) -> Vec<MigrationFiles> {
    let files = |migration: &'static Migration| MigrationFiles {
        name: &migration.name,
        up: with_table_name::<C>(&migration.up, tables),
        down: with_table_name::<C>(&migration.down, tables),
    };
    C::migrations().iter().map(files).collect()
}

/// The files are written for the default name; here is the one place where another is put in. All
/// old names are removed before the first new one is inserted, because the new one may contain an
/// old one. Between single quotes a name is a text, from which a statement is made.
fn with_table_name<C: CounterConnection>(sql: &str, tables: &Tables) -> String {
    let default = Tables::new(&TableName::default());
    let quoted = |tables: &Tables| {
        [tables.state(), tables.kept(), tables.periods(), tables.totals()].map(C::quoted)
    };
    let [[old_state, old_kept, old_periods, old_totals], [state, kept, periods, totals]] =
        [quoted(&default), quoted(tables)];
    let places = [
        (format!("'{old_totals}'"), "\u{1}", as_text::<C>(&totals)),
        (old_state, "\u{2}", state),
        (old_totals, "\u{3}", totals),
        (old_periods, "\u{4}", periods),
        (old_kept, "\u{5}", kept),
    ];
    let emptied =
        places.iter().fold(sql.to_owned(), |sql, (old, place, _)| sql.replace(old, place));
    places.iter().fold(emptied, |sql, (_, place, new)| sql.replace(place, new))
}

/// Returns a constant of SQL with this text. What could mean something inside of one is left to the
/// database to decode, because that depends on its settings.
fn as_text<C: CounterConnection>(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_.\"`".contains(c);
    if text.chars().all(is_plain) {
        return format!("'{text}'");
    }
    let hex = text.bytes().map(|byte| format!("{byte:02x}"));
    C::text_from_hex(&hex.collect::<String>())
}
