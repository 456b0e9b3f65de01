use std::fmt;

use counter_core::{CounterId, CounterKey, Fact, Owner};

use crate::engine::engine::Engine;
use crate::error::Error;
use crate::ledger::facts::{MigrationFacts, TableState};
use crate::ledger::migration::files::MigrationFiles;

/// A migration of the counters' tables, and whether it was run: see
/// [`Counters::migration_status`](crate::Counters::migration_status).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MigrationStatus {
    /// The migration's name, which is that of its folder.
    pub name: &'static str,
    /// Whether it was run.
    pub state: MigrationState,
}

/// Whether a migration was run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MigrationState {
    /// It was run and is recorded.
    Run,
    /// The next [`run_pending_migrations`](crate::Counters::run_pending_migrations) runs it.
    Pending,
    /// Not recorded, but the tables are complete. The application's own migrations made them, so
    /// there is nothing to run.
    ByApplication,
}

impl MigrationState {
    /// Returns the word that the command prints: `run`, `pending` or `by-application`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Pending => "pending",
            Self::ByApplication => "by-application",
        }
    }
}

impl fmt::Display for MigrationState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Compares the migrations of these files with what the database has recorded. Changes nothing.
pub(crate) fn status(
    engine: &Engine,
    files: &[MigrationFiles],
) -> Result<Vec<MigrationStatus>, Error> {
    let pending = engine.ledger().pending_migrations()?;
    let is_none_run = pending.len() == files.len();
    let not_run = if is_none_run && has_complete_tables(engine)? {
        MigrationState::ByApplication
    } else {
        MigrationState::Pending
    };
    let status_of = |files: &MigrationFiles| MigrationStatus {
        name: files.name,
        state: if pending.contains(&files.name) { not_run } else { MigrationState::Run },
    };
    Ok(files.iter().map(status_of).collect())
}

/// Returns whether the tables are as they should be, and no migration was begun without being
/// recorded.
fn has_complete_tables(engine: &Engine) -> Result<bool, Error> {
    let probe = CounterId::of(&Owner::global(), &CounterKey::from_static("counter-probe"));
    match engine.baseline(&probe) {
        Ok(_) => {}
        Err(Error::NotMigrated { .. }) => return Ok(false),
        Err(error) => return Err(error),
    }
    let facts = engine.ledger().inspect()?;
    let is_begun = |migrations: &Fact<_>| match migrations.known() {
        Some(MigrationFacts { has_table, .. }) => *has_table,
        None => false,
    };
    let is_broken = |table: &Fact<TableState>| {
        matches!(table.known(), Some(TableState::Missing | TableState::Unusable(_)))
    };
    let tables = [&facts.counters_table, &facts.state_table];
    // What a user may not read can be there.
    let has_no_periods = [&facts.periods_table, &facts.kept_table]
        .into_iter()
        .any(|table| table.known() == Some(&TableState::Missing));
    if is_begun(&facts.migrations) || tables.into_iter().any(is_broken) || has_no_periods {
        return Ok(false);
    }
    let is_readable = matches!(facts.state_table, Fact::None | Fact::Known(TableState::Usable));
    // A migration gives the database an id.
    Ok(!is_readable || !engine.ledger().state(engine.prefix())?.database.is_empty())
}
