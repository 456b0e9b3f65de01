//! What is sent to PostgreSQL, as its log has it.

use std::collections::HashSet;

use counter_diesel::{postgres_pool, postgres_pool_without_prepared_statements};
use counter_tests::every_call::make_every_call;
use counter_tests::servers::Durability;
use counter_tests::servers::postgres::Postgres;
use diesel::connection::SimpleConnection as _;

#[test]
fn only_reads_outside_of_transactions_are_named_and_only_without_the_switch() {
    let server = Postgres::new(Durability::Off);
    let url = server.url("postgres");
    let mut admin = postgres_pool(&url, 1).unwrap().get().unwrap();
    for set in [
        "ALTER SYSTEM SET log_min_duration_statement = 0",
        "ALTER SYSTEM SET log_line_prefix = '|%p|'",
        "SELECT pg_reload_conf()",
    ] {
        admin.batch_execute(set).unwrap();
    }
    drop(admin);
    make_every_call(&postgres_pool(&url, 2).unwrap());
    let named = check_each(&server.log());
    assert!(named.iter().any(|sql| sql.contains("\"claim_seq\" FROM")), "reads: {named:?}");
    let before = server.log().len();
    make_every_call(&postgres_pool_without_prepared_statements(&url, 2).unwrap());
    let log = server.log();
    assert!(log[before..].contains("INSERT INTO \"public\".\"model_counters\""), "{log}");
    assert_eq!(check_each(&log[before..]), Vec::<String>::new());
}

/// Checks that what writes and what sets something is in a transaction, and that nothing in one has
/// a name. Returns the texts of what has one.
fn check_each(log: &str) -> Vec<String> {
    let mut in_transaction = HashSet::new();
    let mut named = Vec::new();
    let mut seen = 0;
    for Sent { process, name, sql } in log.lines().filter_map(Sent::read) {
        seen += 1;
        match sql.split([' ', ';']).next().unwrap() {
            "BEGIN" => assert!(in_transaction.insert(process), "{sql}"),
            "COMMIT" | "ROLLBACK" => assert!(in_transaction.remove(process), "{sql}"),
            // By Diesel, when it opens a connection. Poolers know these two.
            "SET" if sql.starts_with("SET TIME ZONE ") => {}
            "SET" if sql.starts_with("SET CLIENT_ENCODING ") => {}
            // By the test.
            "ALTER" if sql.starts_with("ALTER SYSTEM") => {}
            "SELECT" if !sql.contains("set_config") && !sql.contains("_xact_lock") => {}
            _ => assert!(in_transaction.contains(process), "outside of a transaction: {sql}"),
        }
        if name.starts_with("__diesel") {
            assert!(!in_transaction.contains(process), "named in a transaction: {sql}");
            named.push(sql.to_owned());
        }
    }
    assert!(seen > 100, "{seen}: {log}");
    named
}

/// A statement that was sent.
struct Sent<'a> {
    process: &'a str,
    name: &'a str,
    sql: &'a str,
}

impl<'a> Sent<'a> {
    /// Reads it from a line of the log, if there is one in it.
    fn read(line: &'a str) -> Option<Self> {
        let (process, line) = line.strip_prefix('|')?.split_once("|LOG:  duration: ")?;
        let (_, line) = line.split_once(" ms  ")?;
        let (kind, sql) = line.split_once(": ")?;
        match kind.split_once(' ') {
            None if kind == "statement" => Some(Self { process, name: "", sql }),
            Some(("execute", name)) => Some(Self { process, name, sql }),
            _ => None,
        }
    }
}
