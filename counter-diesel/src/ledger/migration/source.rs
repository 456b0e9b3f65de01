use std::fmt;

use counter_core::TableName;
use diesel::backend::Backend;
use diesel::connection::BoxableConnection;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
use diesel::migration::MigrationSource;
use diesel::migration::{Migration, MigrationMetadata, MigrationName, MigrationVersion, Result};

use crate::error::Error;
use crate::ledger::dialect::connection::CounterConnection;
use crate::ledger::dialect::tables::Tables;
use crate::ledger::migration::files::{MigrationFiles, files_of};

/// The migrations of the counters' tables, for the harness in which an application runs its own.
///
/// It is Diesel's [`MigrationSource`](diesel::migration::MigrationSource) for each database whose
/// feature is on. Diesel then records the migrations among the application's. Use either this or
/// [`Counters::run_pending_migrations`] for a database, not both.
///
/// Each version begins with fourteen zeros and has a fingerprint of the table's name in it. So no
/// folder with a date has the same one, and `diesel migration revert`, which takes the newest,
/// finds the application's own: it could not revert ours, which are not in its folder.
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
/// use counter_diesel::ledger::CounterMigrations;
/// use diesel::prelude::*;
/// use diesel_migrations::MigrationHarness;
///
/// let mut conn = SqliteConnection::establish(":memory:")?;
/// // Beside: conn.run_pending_migrations(MIGRATIONS)?;
/// let run = conn.run_pending_migrations(CounterMigrations::default())?;
/// assert_eq!(run.len(), 4);
/// assert!(!conn.has_pending_migration(CounterMigrations::default())?);
/// # Ok(()) }
/// # #[cfg(not(feature = "sqlite"))] fn main() {}
/// ```
///
/// [`Counters::run_pending_migrations`]: crate::Counters::run_pending_migrations
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CounterMigrations {
    tables: Tables,
}

impl CounterMigrations {
    /// Returns the migrations that make this table and those beside it.
    pub fn new(table: &TableName) -> Self {
        Self { tables: Tables::new(table) }
    }

    #[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
    fn of<C: CounterConnection>(&self) -> Vec<Box<dyn Migration<C::Backend>>> {
        let all = all_of::<C>(&self.tables);
        all.into_iter().map(|migration| Box::new(migration) as Box<_>).collect()
    }
}

/// For `model_counters`.
impl Default for CounterMigrations {
    fn default() -> Self {
        Self::new(&TableName::default())
    }
}

#[cfg(feature = "mysql")]
impl MigrationSource<diesel::mysql::Mysql> for CounterMigrations {
    fn migrations(&self) -> Result<Vec<Box<dyn Migration<diesel::mysql::Mysql>>>> {
        Ok(self.of::<diesel::MysqlConnection>())
    }
}

#[cfg(feature = "postgres")]
impl MigrationSource<diesel::pg::Pg> for CounterMigrations {
    fn migrations(&self) -> Result<Vec<Box<dyn Migration<diesel::pg::Pg>>>> {
        Ok(self.of::<diesel::PgConnection>())
    }
}

#[cfg(feature = "sqlite")]
impl MigrationSource<diesel::sqlite::Sqlite> for CounterMigrations {
    fn migrations(&self) -> Result<Vec<Box<dyn Migration<diesel::sqlite::Sqlite>>>> {
        Ok(self.of::<diesel::SqliteConnection>())
    }
}

/// Returns the migrations of these tables, oldest first.
pub(crate) fn all_of<C: CounterConnection>(tables: &Tables) -> Vec<NamedMigration> {
    let named = |files: MigrationFiles| NamedMigration {
        name: SourceName { folder: files.name, version: version(files.name, tables) },
        up: files.up,
        down: files.down,
    };
    files_of::<C>(tables).into_iter().map(named).collect()
}

/// Returns the version under which a harness of Diesel's knows the migration from this folder. It
/// fits the 50 characters of Diesel's column.
pub(crate) fn version(folder: &str, tables: &Tables) -> String {
    let date = folder.split('_').next().unwrap_or_default().replace('-', "");
    let table = fingerprint(&tables.totals().quoted()) >> 16;
    format!("00000000000000.counter.{date}.{table:012x}")
}

/// Returns FNV-1a of a text, which is the same on every machine and in every version.
fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// A migration with the table's name put in.
pub(crate) struct NamedMigration {
    name: SourceName,
    up: String,
    down: String,
}

impl NamedMigration {
    pub(crate) fn folder(&self) -> &'static str {
        self.name.folder
    }

    fn execute<DB: Backend>(&self, conn: &mut dyn BoxableConnection<DB>, sql: &str) -> Result<()> {
        let failed = |source| Error::Migration { name: self.name.folder, source };
        Ok(conn.batch_execute(sql).map_err(failed)?)
    }
}

impl<DB: Backend> Migration<DB> for NamedMigration {
    fn run(&self, conn: &mut dyn BoxableConnection<DB>) -> Result<()> {
        self.execute(conn, &self.up)
    }

    fn revert(&self, conn: &mut dyn BoxableConnection<DB>) -> Result<()> {
        self.execute(conn, &self.down)
    }

    fn metadata(&self) -> &dyn MigrationMetadata {
        &InTransaction
    }

    fn name(&self) -> &dyn MigrationName {
        &self.name
    }
}

/// Diesel's default.
struct InTransaction;

impl MigrationMetadata for InTransaction {}

/// Shown as the folder's name.
struct SourceName {
    folder: &'static str,
    version: String,
}

impl MigrationName for SourceName {
    fn version(&self) -> MigrationVersion<'_> {
        MigrationVersion::from(&self.version)
    }
}

impl fmt::Display for SourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.folder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_fits_diesel_s_column_and_is_never_a_date() {
        let version = |table: &str| {
            let tables = Tables::new(&table.parse().unwrap());
            super::version("2026-01-01-000000_create_model_counters", &tables)
        };
        assert_eq!(version("model_counters"), "00000000000000.counter.20260101000000.79cabbb91d1f");
        assert_ne!(version("hits"), version("model_counters"));
        assert_eq!(version(&format!("{}.hits", "s".repeat(63))).len(), 50);
    }
}
