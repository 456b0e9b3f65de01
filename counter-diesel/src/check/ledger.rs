//! What the facts about a database mean.

use counter_core::{Printable, ServerVersion};

use super::diagnosis::Diagnosis;
use super::finding::{FindingCode as Code, Severity};
use crate::ledger::dialect::pooling::Pooling;
use crate::ledger::dialect::tables::Tables;
use crate::ledger::facts::{DurabilitySetting, LedgerFacts, MigrationFacts, TableState};

/// The oldest releases that are supported, by product.
const OLDEST: [(&str, (u32, u32)); 3] =
    [("PostgreSQL", (13, 0)), ("MariaDB", (10, 6)), ("MySQL", (8, 0))];

pub(super) fn unreachable(why: &str, diagnosis: &mut Diagnosis) {
    // By which a pool asks whether a connection answers. Its name is redacted.
    if why.contains("prepared statement") {
        judge_pooling(Pooling::Named, diagnosis);
    }
    diagnosis.add(
        Severity::Error,
        Code::DatabaseUnreachable,
        why,
        "start the database, or correct its URL, the password or the rights of the user",
    );
}

pub(super) fn judge(facts: &LedgerFacts, tables: &Tables, diagnosis: &mut Diagnosis) {
    let states = [
        diagnosis.database_told(&facts.counters_table, "the counters' table"),
        diagnosis.database_told(&facts.state_table, "the table beside it"),
    ];
    if let Some(server) = diagnosis.database_told(&facts.server, "version") {
        judge_version(server, diagnosis);
    }
    for setting in &facts.durability {
        judge_durability(setting, diagnosis);
    }
    if let Some(pooling) = diagnosis.database_told(&facts.pooling, "pooler") {
        judge_pooling(*pooling, diagnosis);
    }
    let migrations = diagnosis.database_told(&facts.migrations, "migrations");
    if let [Some(counters), Some(state)] = states {
        judge_schema(tables, [counters, state], migrations, diagnosis);
    }
    if let Some(Err(why)) = diagnosis.database_told(&facts.writes, "writes") {
        diagnosis.add(
            Severity::Error,
            Code::DatabaseRefusesWrites,
            format!("the tables of the counters take no writes: {}", Printable(why)),
            "connect to the primary as a user who may insert, update and delete",
        );
    }
}

/// Migrations give the database an id, by which a store knows it.
pub(super) fn judge_id(id: &str, diagnosis: &mut Diagnosis) {
    if id.is_empty() {
        diagnosis.add(
            Severity::Error,
            Code::SchemaHalfDone,
            "the database has no id of its own, which a migration gives it",
            "restore the row with the empty prefix in the table beside the counters' from a backup",
        );
    }
}

fn judge_version(server: &ServerVersion, diagnosis: &mut Diagnosis) {
    let oldest = OLDEST.iter().find(|(product, _)| *product == server.product);
    if oldest.is_some_and(|(_, oldest)| server.release() < *oldest) {
        diagnosis.add(
            Severity::Warning,
            Code::DatabaseVersion,
            format!("{} is older than what is supported", Printable(&server.to_string())),
            "move to PostgreSQL 13, MariaDB 10.6, MySQL 8.0.19 or later",
        );
    }
}

const POOLER: &str = "a pooler shares the connections to the database between clients";

fn judge_pooling(pooling: Pooling, diagnosis: &mut Diagnosis) {
    let (severity, state, advice) = match pooling {
        Pooling::NotNoticed => return,
        Pooling::Unnamed => (
            Severity::Note,
            "this process names no prepared statements",
            "see that every other process behind it names none either",
        ),
        Pooling::Followed => (
            Severity::Note,
            "it follows the names of prepared statements",
            "nothing has to be done",
        ),
        Pooling::Named => (
            Severity::Error,
            "this process names prepared statements, so reads fail or return other values",
            "turn prepared statements off: COUNTER_PREPARED_STATEMENTS=off for the command, \
             postgres_pool_without_prepared_statements in the application; or let the pooler \
             follow them, as PgBouncer 1.21 does with max_prepared_statements",
        ),
    };
    diagnosis.add(severity, Code::DatabasePooled, format!("{POOLER}, and {state}"), advice);
}

/// A setting, the values at which it is good, and what is to be said of others.
struct Rule {
    name: &'static str,
    good: &'static [&'static str],
    severity: Severity,
    otherwise: &'static str,
    advice: &'static str,
}

const RULES: [Rule; 7] = [
    Rule {
        name: "fsync",
        good: &["on"],
        severity: Severity::Error,
        otherwise: "a crash of the machine can destroy the database",
        advice: "set fsync to on",
    },
    Rule {
        name: "full_page_writes",
        good: &["on"],
        severity: Severity::Warning,
        otherwise: "a crash of the machine can leave pages that are half written",
        advice: "set full_page_writes to on, unless the file system writes whole pages",
    },
    Rule {
        name: "synchronous_commit",
        good: &["on", "remote_apply", "remote_write", "local"],
        severity: Severity::Note,
        otherwise: "a crash forgets the last commits; syncs ask for `on` themselves",
        advice: "nothing has to be done for the counters",
    },
    Rule {
        name: "innodb_flush_log_at_trx_commit",
        good: &["1", "3"],
        severity: Severity::Warning,
        otherwise: "a power cut forgets the last second of what was synced",
        advice: "set innodb_flush_log_at_trx_commit to 1",
    },
    Rule {
        name: "innodb_doublewrite",
        good: &["1", "ON", "DETECT_AND_RECOVER"],
        severity: Severity::Warning,
        otherwise: "a power cut can leave pages that are half written",
        advice: "set innodb_doublewrite to ON, unless the file system writes whole pages",
    },
    Rule {
        name: "sync_binlog",
        good: &["1"],
        severity: Severity::Warning,
        otherwise: "a power cut forgets what was synced and is not in the binary log yet",
        advice: "set sync_binlog to 1",
    },
    Rule {
        name: "synchronous",
        good: &["2", "3"],
        severity: Severity::Warning,
        otherwise: "a power cut forgets the last of what was synced, or at 0 breaks the file",
        advice: "set PRAGMA synchronous = FULL on each connection, as sqlite_pool does",
    },
];

fn judge_durability(setting: &DurabilitySetting, diagnosis: &mut Diagnosis) {
    let Some(value) = diagnosis.database_told(&setting.value, setting.name) else {
        return;
    };
    let rule = RULES.iter().find(|rule| rule.name == setting.name);
    if let Some(rule) = rule.filter(|rule| !rule.good.contains(&value.as_str())) {
        let message = format!("{} is {}: {}", rule.name, Printable(value), rule.otherwise);
        diagnosis.add(rule.severity, Code::DatabaseDurability, message, rule.advice);
    }
}

const MIGRATE: &str = "run the migrations: `counter migrate`, or run_pending_migrations() when the \
     application starts";

/// A migration that is recorded is not run again.
const RESTORE: &str = "restore it from a backup: the migration that makes it was run before";

fn judge_schema(
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

#[cfg(test)]
mod tests {
    use counter_core::{Fact, TableName};

    use super::*;
    use crate::check::finding::Finding;

    fn judged(change: impl FnOnce(&mut LedgerFacts)) -> Vec<Finding> {
        let mut facts = LedgerFacts {
            counters_table: Fact::Known(TableState::Usable),
            state_table: Fact::Known(TableState::Usable),
            writes: Fact::Known(Ok(())),
            ..LedgerFacts::default()
        };
        change(&mut facts);
        let mut diagnosis = Diagnosis::default();
        judge(&facts, &Tables::new(&TableName::default()), &mut diagnosis);
        diagnosis.into_findings()
    }

    fn found(change: impl FnOnce(&mut LedgerFacts)) -> Vec<(Severity, Code)> {
        judged(change).iter().map(|finding| (finding.severity, finding.code)).collect()
    }

    fn with(name: &'static str, value: &str) -> Vec<(Severity, Code)> {
        let value = Fact::Known(value.to_owned());
        found(|facts| facts.durability = vec![DurabilitySetting { name, value }])
    }

    #[test]
    fn a_ledger_that_tells_nothing_is_not_found_fault_with() {
        assert_eq!(found(|facts| *facts = LedgerFacts::default()), []);
        assert_eq!(found(|_| {}), []);
    }

    #[test]
    fn a_pooler_is_a_note_unless_it_meets_names_that_it_does_not_follow() {
        for (pooling, expected) in [
            (Pooling::NotNoticed, None),
            (Pooling::Unnamed, Some(Severity::Note)),
            (Pooling::Followed, Some(Severity::Note)),
            (Pooling::Named, Some(Severity::Error)),
        ] {
            let findings = found(|facts| facts.pooling = Fact::Known(pooling));
            let expected = expected.map(|severity| (severity, Code::DatabasePooled));
            assert_eq!(findings, Vec::from_iter(expected), "{pooling:?}");
        }
    }

    #[test]
    fn every_setting_has_values_that_are_good_and_others_are_not() {
        for rule in &RULES {
            for good in rule.good {
                assert_eq!(with(rule.name, good), [], "{} {good}", rule.name);
            }
            let bad = [(rule.severity, Code::DatabaseDurability)];
            for value in ["off", "0", "", "OFF"] {
                assert_eq!(with(rule.name, value), bad, "{} {value}", rule.name);
            }
        }
        assert_eq!(with("another", "off"), []);
    }

    #[test]
    fn every_setting_that_a_database_is_asked_for_has_a_rule() {
        let has_rule = |name: &&str| RULES.iter().any(|rule| rule.name == *name);
        #[cfg(feature = "postgres")]
        assert!(
            <diesel::PgConnection as crate::ledger::dialect::dialect::Dialect>::DURABILITY
                .iter()
                .all(has_rule)
        );
        #[cfg(feature = "mysql")]
        assert!(
            <diesel::MysqlConnection as crate::ledger::dialect::dialect::Dialect>::DURABILITY
                .iter()
                .all(has_rule)
        );
        #[cfg(feature = "sqlite")]
        assert!(
            <diesel::SqliteConnection as crate::ledger::dialect::dialect::Dialect>::DURABILITY
                .iter()
                .all(has_rule)
        );
        assert!(!has_rule(&"another"));
    }

    #[test]
    fn releases_before_the_oldest_supported_are_warned_of() {
        let of = |product: &str, number: &str| {
            let server = ServerVersion { product: product.into(), number: number.into() };
            found(|facts| facts.server = Fact::Known(server))
        };
        let old = [(Severity::Warning, Code::DatabaseVersion)];
        for (product, too_old, oldest) in [
            ("PostgreSQL", "12.19", "13.0"),
            ("MariaDB", "10.5.27-MariaDB", "10.6.1-MariaDB"),
            ("MySQL", "5.7.44", "8.0.19"),
        ] {
            assert_eq!(of(product, too_old), old, "{product}");
            assert_eq!(of(product, oldest), [], "{product}");
        }
        assert_eq!(of("SQLite", "3.0"), []);
    }

    #[test]
    fn a_missing_table_is_to_be_made_by_its_migration_or_restored_where_that_was_run() {
        let advice = |pending: &[&str]| {
            let pending = pending.iter().map(|&name| name.to_owned()).collect();
            let migrations = MigrationFacts { has_table: true, pending, ..Default::default() };
            let findings = judged(|facts| {
                facts.state_table = Fact::Known(TableState::Missing);
                facts.migrations = Fact::Known(migrations);
            });
            findings[0].advice.clone()
        };
        assert_eq!(advice(&["create"]), MIGRATE);
        assert_eq!(advice(&[]), RESTORE);
    }

    #[test]
    fn tables_are_missing_half_done_or_unusable_and_migrations_too_new() {
        use TableState::{Missing, Usable};
        let of = |counters: TableState, state: TableState, pending: &[&str], unknown: &[&str]| {
            let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
            let mut migrations = MigrationFacts { has_table: true, ..Default::default() };
            (migrations.pending, migrations.unknown) = (names(pending), names(unknown));
            found(|facts| {
                facts.counters_table = Fact::Known(counters);
                facts.state_table = Fact::Known(state);
                facts.migrations = Fact::Known(migrations);
            })
        };
        let half_done = (Severity::Error, Code::SchemaHalfDone);
        assert_eq!(of(Usable, Usable, &[], &[]), []);
        let missing = [(Severity::Error, Code::SchemaMissing)];
        assert_eq!(of(Missing, Missing, &["create"], &[]), missing);
        assert_eq!(of(Usable, Missing, &[], &[]), [half_done]);
        assert_eq!(of(Missing, Usable, &[], &[]), [half_done]);
        // As MySQL leaves it, which commits after each statement.
        assert_eq!(of(Usable, Missing, &["create"], &[]), [half_done; 2]);
        let warning = [(Severity::Warning, Code::SchemaHalfDone)];
        assert_eq!(of(Usable, Usable, &["create"], &[]), warning);
        let unusable = TableState::Unusable("no such column".to_owned());
        let error = [(Severity::Error, Code::SchemaUnusable)];
        assert_eq!(of(unusable, Usable, &[], &[]), error);
        let newer = [(Severity::Warning, Code::SchemaNewer)];
        assert_eq!(of(Usable, Usable, &[], &["more"]), newer);
    }

    #[test]
    fn what_the_database_says_cannot_forge_a_line() {
        let refusal = Err("no\nerror all is lost".to_owned());
        let findings = judged(|facts| facts.writes = Fact::Known(refusal));
        assert!(findings[0].message.ends_with("no\\nerror all is lost"), "{findings:?}");
        let migrations =
            MigrationFacts { has_table: true, unknown: vec!["a\nb".into()], ..Default::default() };
        let findings = judged(|facts| facts.migrations = Fact::Known(migrations));
        assert!(findings[0].message.ends_with("a\\nb"), "{findings:?}");
    }
}
