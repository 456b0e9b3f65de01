use std::fmt;

use counter_core::TableName;
use diesel::connection::TransactionManager;
use diesel::migration::{Migration, MigrationVersion, Result};
use diesel_migrations::MigrationHarness;

use crate::ledger::dialect::connection::{CounterConnection, LendConnection};
use crate::ledger::dialect::tables::Tables;
use crate::ledger::migration::source;

/// Diesel's harness over the table in which [`Counters::run_pending_migrations`] records what was
/// run, `{table_name}_migrations`.
///
/// It is for what `Counters` has no call for, such as reverting everything. Unlike
/// `run_pending_migrations` it takes no lock, so it must be the only one that migrates. It runs
/// [`CounterMigrations`](crate::ledger::CounterMigrations) of the same table and nothing else. A
/// name without a schema means what the connection makes of it;
/// [`Counters::table_name`](crate::Counters::table_name) has the schema that counters keep to.
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
/// # use counter_diesel::{Counters, sqlite_pool};
/// # let pool = sqlite_pool(":memory:", 1)?;
/// # let counters = Counters::builder(pool.clone()).memory().build()?;
/// use counter_diesel::ledger::{CounterHarness, CounterMigrations};
/// use diesel_migrations::MigrationHarness;
///
/// counters.run_pending_migrations()?;
/// // Drops the tables and what was counted.
/// let mut conn = pool.get()?;
/// let table = counters.table_name();
/// let mut harness = CounterHarness::new(&mut conn, &table);
/// harness.revert_all_migrations(CounterMigrations::new(&table))?;
/// # Ok(()) }
/// # #[cfg(not(feature = "sqlite"))] fn main() {}
/// ```
///
/// [`Counters::run_pending_migrations`]: crate::Counters::run_pending_migrations
pub struct CounterHarness<'a, C> {
    conn: &'a mut C,
    tables: Tables,
}

impl<'a, C: CounterConnection> CounterHarness<'a, C> {
    /// Returns the harness for the tables of this name, on a connection of the caller's.
    pub fn new<L>(conn: &'a mut L, table: &TableName) -> Self
    where
        L: LendConnection<Connection = C>,
    {
        Self { conn: conn.lend_connection(), tables: Tables::new(table) }
    }

    pub(crate) fn of(conn: &'a mut C, tables: &Tables) -> Self {
        Self { conn, tables: tables.clone() }
    }

    /// Returns the names of the migrations that were run.
    pub(crate) fn names(&mut self) -> diesel::QueryResult<Vec<String>> {
        if self.conn.has_table(self.tables.migrations())? {
            self.conn.run_migrations(&self.tables)
        } else {
            Ok(Vec::new())
        }
    }

    /// Runs this in a transaction: in the one that is open, if there is one. A savepoint in it
    /// would not survive a MySQL statement that changes a table.
    fn in_transaction<T>(&mut self, run: impl FnOnce(&mut C, &Tables) -> Result<T>) -> Result<T> {
        let status = C::TransactionManager::transaction_manager_status_mut(self.conn);
        match status.transaction_depth()? {
            Some(_) => run(self.conn, &self.tables),
            None => self.conn.transaction(|conn| run(conn, &self.tables)),
        }
    }
}

impl<C: CounterConnection> MigrationHarness<C::Backend> for CounterHarness<'_, C> {
    fn run_migration(
        &mut self,
        migration: &dyn Migration<C::Backend>,
    ) -> Result<MigrationVersion<'static>> {
        self.in_transaction(|conn, tables| {
            conn.create_migrations_table(tables)?;
            migration.run(conn)?;
            conn.record_migration(tables, &migration.name().to_string())?;
            Ok(migration.name().version().as_owned())
        })
    }

    fn revert_migration(
        &mut self,
        migration: &dyn Migration<C::Backend>,
    ) -> Result<MigrationVersion<'static>> {
        self.in_transaction(|conn, tables| {
            migration.revert(conn)?;
            conn.forget_migration(tables, &migration.name().to_string())?;
            Ok(migration.name().version().as_owned())
        })
    }

    /// The newest first, as Diesel's own has them.
    fn applied_migrations(&mut self) -> Result<Vec<MigrationVersion<'static>>> {
        let names = self.names()?;
        let versions = names.iter().map(|name| source::version(name, &self.tables));
        let mut versions = versions.map(MigrationVersion::from).collect::<Vec<_>>();
        versions.sort_unstable_by(|a, b| b.cmp(a));
        Ok(versions)
    }
}

impl<C> fmt::Debug for CounterHarness<'_, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CounterHarness").field("tables", &self.tables).finish_non_exhaustive()
    }
}
