//! The tables, on each database.

use counter_diesel::check::FindingCode as Code;
use counter_diesel::check::Severity::{Error, Warning};
use counter_diesel::check::{CheckUp, Severity};
use counter_tests::database::{self, Database};
use counter_tests::servers::RedisServer;
use diesel::{Connection, RunQueryDsl};

use super::{CheckSite, DURABLE};

type MakeDatabase = fn() -> Box<dyn Database>;

const DATABASES: [(&str, MakeDatabase); 3] = [
    ("sqlite", database::sqlite),
    ("postgres", database::postgres),
    ("mariadb", database::mariadb),
];

/// Checks the findings on each database after this SQL, without those about the durability of
/// shared servers.
fn after(sql: &[&str], check: impl Fn(&str, &CheckUp, &[(Severity, Code)])) {
    for (name, make) in DATABASES {
        let site = CheckSite::with(RedisServer::start_with(&DURABLE), make());
        for statement in sql {
            site.sql(statement);
        }
        let check_up = site.check();
        let codes = super::found(&check_up);
        let codes = codes.into_iter().filter(|(_, code)| *code != Code::DatabaseDurability);
        check(name, &check_up, &codes.collect::<Vec<_>>());
    }
}

fn assert_found(sql: &[&str], expected: &[(Severity, Code)]) {
    after(sql, |name, check_up, codes| assert_eq!(codes, expected, "{name}: {check_up}"));
}

#[test]
fn migrated_tables_are_fine_and_so_are_those_of_the_application_s_own_migrations() {
    assert_found(&[], &[]);
    assert_found(&["DROP TABLE \"model_counters_migrations\""], &[]);
}

#[test]
fn the_place_of_the_table_is_named_when_all_is_well() {
    for (name, make) in DATABASES {
        let site = CheckSite::with(RedisServer::start_with(&DURABLE), make());
        let check_up = site.check();
        let table = check_up.table.clone().unwrap();
        let url = site.database.url();
        let schema = url.split('?').next().unwrap().rsplit('/').next().unwrap();
        let expected = match name {
            "sqlite" => format!("model_counters in {url}"),
            "postgres" => "public.model_counters".to_owned(),
            _ => format!("{schema}.model_counters"),
        };
        assert_eq!(table, expected, "{name}: {url}");
        let first = check_up.to_string().lines().next().unwrap().to_owned();
        assert!(first.contains(&format!(" ({table}): ")), "{first}");
    }
    after(&["DROP TABLE \"model_counters\""], |name, check_up, _| {
        assert_eq!(check_up.table, None, "{name}");
    });
}

#[test]
fn tables_that_are_not_there_are_an_error() {
    let drop = ["", "_state", "_migrations"].map(|s| format!("DROP TABLE \"model_counters{s}\""));
    let drop = drop.iter().map(String::as_str).collect::<Vec<_>>();
    assert_found(&drop, &[(Error, Code::SchemaMissing)]);
}

#[test]
fn a_migration_that_is_half_done_is_an_error() {
    let unrecord = "DELETE FROM \"model_counters_migrations\"";
    assert_found(&["DROP TABLE \"model_counters_state\""], &[(Error, Code::SchemaHalfDone)]);
    assert_found(&["DROP TABLE \"model_counters\""], &[(Error, Code::SchemaHalfDone)]);
    let empty = "DELETE FROM \"model_counters_state\"";
    assert_found(&[empty], &[(Error, Code::SchemaHalfDone)]);
    assert_found(&[unrecord], &[(Warning, Code::SchemaHalfDone)]);
}

#[test]
fn a_half_done_migration_is_finished_as_the_advice_says_where_that_can_be() {
    let site = CheckSite::with(RedisServer::start_with(&DURABLE), database::mariadb());
    site.sql("DELETE FROM \"model_counters_migrations\"");
    site.sql("DROP TABLE \"model_counters_state\"");
    assert!(site.check().worst() == Some(Error));
    site.ledger.run_pending_migrations().unwrap();
    let codes = super::found(&site.check());
    assert!(codes.iter().all(|(_, code)| *code == Code::DatabaseDurability), "{codes:?}");
}

#[test]
fn a_table_that_lacks_a_column_is_an_error_that_says_which() {
    let rename = "ALTER TABLE \"model_counters\" RENAME COLUMN \"claim_seq\" TO \"other\"";
    after(&[rename], |name, check_up, codes| {
        assert_eq!(codes, [(Error, Code::SchemaUnusable)], "{name}: {check_up}");
        assert!(check_up.to_string().contains("claim_seq"), "{name}: {check_up}");
    });
}

/// On one database, because the names are the same on all.
#[test]
fn each_column_of_our_tables_is_missed() {
    for table in ["model_counters", "model_counters_state"] {
        let columns = columns_of(table);
        assert!(columns.len() >= 5, "{columns:?}");
        for column in columns {
            let site = CheckSite::new();
            site.sql(&format!("ALTER TABLE \"{table}\" RENAME COLUMN \"{column}\" TO \"other\""));
            let check_up = site.check();
            let unusable = check_up.findings.iter().find(|it| it.code == Code::SchemaUnusable);
            let is_named = unusable.is_some_and(|it| it.to_string().contains(&column));
            assert!(is_named, "{table}.{column}: {check_up}");
        }
    }
}

/// The names of the columns that the migrations make.
fn columns_of(table: &str) -> Vec<String> {
    #[derive(diesel::QueryableByName)]
    struct Column {
        #[diesel(sql_type = diesel::sql_types::Text)]
        name: String,
    }
    let site = CheckSite::new();
    let mut conn = diesel::SqliteConnection::establish(&site.database.url()).unwrap();
    let asked = diesel::sql_query(format!("SELECT name FROM pragma_table_info('{table}')"));
    let columns = asked.load::<Column>(&mut conn).unwrap();
    columns.into_iter().map(|column| column.name).collect()
}

#[test]
fn a_migration_of_a_newer_version_is_a_warning() {
    let newer =
        "INSERT INTO \"model_counters_migrations\" (\"name\") VALUES ('2099-01-01-000000_more')";
    after(&[newer], |name, check_up, codes| {
        assert_eq!(codes, [(Warning, Code::SchemaNewer)], "{name}: {check_up}");
        assert!(check_up.to_string().contains("2099-01-01-000000_more"), "{name}: {check_up}");
    });
}
