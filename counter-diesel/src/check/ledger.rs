//! Judges the facts about a database.

use counter_core::{Printable, ServerVersion};

use super::diagnosis::Diagnosis;
use super::finding::{FindingCode as Code, Severity};
use super::schema::{judge_periods, judge_schema};
use crate::causes::one_line;
use crate::error::Error;
use crate::ledger::dialect::pooling::Pooling;
use crate::ledger::dialect::tables::Tables;
use crate::ledger::facts::{DurabilitySetting, LedgerFacts, TableState};

/// The oldest releases that are supported, by product.
const OLDEST: [(&str, (u32, u32)); 3] =
    [("PostgreSQL", (13, 0)), ("MariaDB", (10, 6)), ("MySQL", (8, 0))];

pub(super) fn unreachable(error: &Error, diagnosis: &mut Diagnosis) {
    let why = one_line(error);
    let advice = match error {
        Error::EmptyTexts { .. } => "docs/features.md says which versions work",
        _ => "start the database, or correct its URL, the password or the rights of the user",
    };
    // A pool asks by a prepared statement whether a connection answers. Its name is redacted.
    if why.contains("prepared statement") {
        judge_pooling(Pooling::Named, diagnosis);
    }
    diagnosis.add(Severity::Error, Code::DatabaseUnreachable, why, advice);
}

pub(super) fn judge(facts: &LedgerFacts, tables: &Tables, diagnosis: &mut Diagnosis) {
    let states = [
        diagnosis.database_reported(&facts.counters_table, "the counters' table"),
        diagnosis.database_reported(&facts.state_table, "the table beside it"),
    ];
    if let Some(server) = diagnosis.database_reported(&facts.server, "version") {
        judge_version(server, diagnosis);
    }
    for setting in &facts.durability {
        judge_durability(setting, diagnosis);
    }
    if let Some(pooling) = diagnosis.database_reported(&facts.pooling, "pooler") {
        judge_pooling(*pooling, diagnosis);
    }
    let migrations = diagnosis.database_reported(&facts.migrations, "migrations");
    if let [Some(counters), Some(state)] = states {
        judge_schema(tables, [counters, state], migrations, diagnosis);
    }
    if states == [Some(&TableState::Usable); 2] {
        judge_periods(tables, facts, migrations, diagnosis);
    }
    if let Some(Err(why)) = diagnosis.database_reported(&facts.writes, "writes") {
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

/// A setting, its good values, and what to report about others.
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
        otherwise: "a crash forgets the last commits; syncs ask for `local` themselves",
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
    let Some(value) = diagnosis.database_reported(&setting.value, setting.name) else {
        return;
    };
    let rule = RULES.iter().find(|rule| rule.name == setting.name);
    if let Some(rule) = rule.filter(|rule| !rule.good.contains(&value.as_str())) {
        let message = format!("{} is {}: {}", rule.name, Printable(value), rule.otherwise);
        diagnosis.add(rule.severity, Code::DatabaseDurability, message, rule.advice);
    }
}

#[cfg(test)]
mod tests {
    use counter_core::{Fact, TableName};

    use super::*;
    use crate::check::finding::Finding;
    use crate::check::schema::{MIGRATE, MIGRATE_WITH_OWN, RESTORE};
    use crate::ledger::facts::MigrationFacts;

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
    fn a_ledger_that_reports_nothing_is_not_found_fault_with() {
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
    fn a_table_of_periods_that_cannot_be_used_is_warned_of_where_its_migration_does_not_wait() {
        let of = |periods: TableState, migrations: MigrationFacts| {
            let findings = judged(|facts| {
                facts.periods_table = Fact::Known(periods);
                facts.migrations = Fact::Known(migrations);
            });
            let [finding] = findings.as_slice() else { panic!("{findings:?}") };
            assert_eq!(finding.severity, Severity::Warning);
            (finding.code, finding.advice.clone())
        };
        let run = MigrationFacts { has_table: true, ..Default::default() };
        let waits = MigrationFacts { pending: vec!["create".to_owned()], ..run.clone() };
        let unrecorded = MigrationFacts::default();
        for (migrations, advice) in
            [(run.clone(), RESTORE), (waits, MIGRATE), (unrecorded, MIGRATE_WITH_OWN)]
        {
            let found = of(TableState::Missing, migrations);
            assert_eq!(found, (Code::SchemaHalfDone, advice.into()));
        }
        let (code, advice) = of(TableState::Unusable("denied".to_owned()), run);
        assert_eq!(code, Code::SchemaUnusable);
        assert!(advice.contains("select, insert, update and delete"), "{advice}");
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
