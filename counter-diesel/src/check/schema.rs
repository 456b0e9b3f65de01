//! Judges the facts about the tables and their migrations.

use counter_core::{Fact, Printable};

use super::diagnosis::Diagnosis;
use super::finding::{FindingCode as Code, Severity};
use crate::ledger::dialect::tables::{Table, Tables};
use crate::ledger::facts::{LedgerFacts, MigrationFacts, TableState};

pub(super) const MIGRATE: &str = "run the migrations: `counter migrate`, or \
                                  run_pending_migrations() when the application starts";

/// Where none is recorded, they are among those of the application.
pub(super) const MIGRATE_WITH_OWN: &str =
    "run its migration: with those of the application if it runs ours, else by `counter migrate`";

/// A migration that is recorded is not run again.
pub(super) const RESTORE: &str =
    "restore it from a backup: the migration that makes it was run before";

pub(super) fn judge_schema(
    tables: &Tables,
    states: [&TableState; 2],
    migrations: Option<&MigrationFacts>,
    diagnosis: &mut Diagnosis,
) {
    if states == [&TableState::Missing; 2] {
        let (totals, state) = (tables.totals(), tables.state());
        let message = format!("the tables {totals} and {state} are not in the database");
        return diagnosis.add(Severity::Error, Code::SchemaMissing, message, MIGRATE);
    }
    for (state, table) in states.into_iter().zip([tables.totals(), tables.state()]) {
        match state {
            TableState::Missing => {
                let message =
                    format!("the table {table} is missing, but the one beside it is there");
                let is_pending = migrations.is_none_or(|known| !known.pending.is_empty());
                let advice = if is_pending { MIGRATE } else { RESTORE };
                diagnosis.add(Severity::Error, Code::SchemaHalfDone, message, advice);
            }
            TableState::Unusable(why) => {
                let message = format!("the table {table} cannot be read: {}", Printable(why));
                let advice = "let the user read it, see who has locked it, or compare it with this \
                     library's migrations";
                diagnosis.add(Severity::Error, Code::SchemaUnusable, message, advice);
            }
            TableState::Usable => {}
        }
    }
    if let Some(migrations) = migrations {
        judge_migrations(migrations, states == [&TableState::Usable; 2], diagnosis);
    }
}

/// Counters without periods are synced without the tables of periods. If it is known that their
/// migrations were not run, the finding says so.
pub(super) fn judge_periods(
    tables: &Tables,
    facts: &LedgerFacts,
    migrations: Option<&MigrationFacts>,
    diagnosis: &mut Diagnosis,
) {
    let of_periods = [
        (tables.periods(), &facts.periods_table, "no counts of periods are synced"),
        (tables.kept(), &facts.kept_table, "it is not known since when counts of periods are kept"),
    ];
    for (table, state, so) in of_periods {
        judge_of_periods((table, so), state, migrations, diagnosis);
    }
}

fn judge_of_periods(
    (table, so): (&Table, &str),
    state: &Fact<TableState>,
    migrations: Option<&MigrationFacts>,
    diagnosis: &mut Diagnosis,
) {
    match diagnosis.database_reported(state, "the tables of periods") {
        Some(TableState::Missing) if migrations.is_none_or(|known| known.pending.is_empty()) => {
            let message = format!("the table {table} is missing: {so}");
            let was_run = migrations.is_some_and(|known| known.has_table);
            let advice = if was_run { RESTORE } else { MIGRATE_WITH_OWN };
            diagnosis.add(Severity::Warning, Code::SchemaHalfDone, message, advice);
        }
        Some(TableState::Unusable(why)) => {
            let message = format!("the table {table} cannot be used, so {so}: {}", Printable(why));
            let advice = "let the user select, insert, update and delete in it, run the migrations \
                          if it is not there, or compare it with them";
            diagnosis.add(Severity::Warning, Code::SchemaUnusable, message, advice);
        }
        _ => {}
    }
}

/// The tables may be among the application's own migrations; then none is recorded here.
fn judge_migrations(migrations: &MigrationFacts, is_usable: bool, diagnosis: &mut Diagnosis) {
    if !migrations.unknown.is_empty() {
        let names = migrations.unknown.join(", ");
        diagnosis.add(
            Severity::Warning,
            Code::SchemaNewer,
            format!("this version does not know the migrations {}", Printable(&names)),
            "move this application to the version of counter-diesel that made them",
        );
    }
    if migrations.has_table && !migrations.pending.is_empty() {
        let severity = if is_usable { Severity::Warning } else { Severity::Error };
        let message = format!("not finished: the migrations {}", migrations.pending.join(", "));
        diagnosis.add(severity, Code::SchemaHalfDone, message, MIGRATE);
    }
}
