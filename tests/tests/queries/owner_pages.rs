//! How a database finds the owners of a type, their rows, and those of them that an application's
//! table has.

use std::time::Duration;

use counter_diesel::query::OwnerType;
use counter_diesel::{Counters, Owner};
use counter_tests::query_log::QueryLog;
use counter_tests::query_world::{QueryWorld, sync};
use counter_tests::suite::Case;
use diesel::r2d2::{ConnectionManager, Pool};
use diesel::sql_query;

use super::explain::Explain;
use super::{Connection, KEY_COLUMN, assert_no_scan, explain, is_sorted, prepare_to_explain};

pub(super) const CASES: &[Case<QueryWorld<Connection>>] = &[
    ("owners of a type are read page by page by the unique index, and in its order", |world| {
        let (counters, log) = filled(world);
        search(&counters, "many", "posts");
        let (old, new) = (OwnerType::new("many").unwrap(), OwnerType::new("more").unwrap());
        let pages = statements(&log, "model_counters");
        assert!(pages.len() >= 7, "{pages:?}");
        assert_explained(world, &pages);
        assert!(counters.rename_owner_type(&old, &new).unwrap().is_complete());
        let rows = statements(&log, "model_counters").into_iter();
        let rows = rows.filter(|sql| sql.contains("LIMIT")).collect::<Vec<_>>();
        assert!(rows.len() >= 14, "{rows:?}");
        assert_explained(world, &rows);
    }),
    ("owners are looked up in a table of the application's by its index", |world| {
        let (counters, log) = filled(world);
        for table in ["posts", "text_ids"] {
            search(&counters, "few", table);
            let lookups = statements(&log, table);
            assert!(!lookups.is_empty());
            assert_explained(world, &lookups);
        }
    }),
    ("the owners with the highest counts come from an index of counts, if there is one", |world| {
        let (counters, log) = filled(world);
        world.run(&format!(
            "CREATE INDEX model_counters_top ON model_counters \
             (owner_type, {KEY_COLUMN}, count DESC, owner_key, owner_id)"
        ));
        prepare_to_explain(world);
        drop(log.take());
        let top = counters.top_of(&OwnerType::new("many").unwrap(), "views", 3).unwrap();
        let top = top.into_iter().map(|(owner, views)| (owner.to_string(), views));
        let expected = ["many:1", "many:2", "many:3"].map(|owner| (owner.to_owned(), 1));
        assert_eq!(top.collect::<Vec<_>>(), expected);
        let query = statements(&log, "model_counters").remove(0);
        assert!(query.contains("LIMIT 3"), "{query}");
        assert_explained(world, &[query]);
    }),
];

/// A type of many owners of both kinds, one of few, and tables with many ids; and what its only
/// connection is asked.
fn filled(world: &QueryWorld<Connection>) -> (Counters, QueryLog) {
    world.add_posts("posts", 1..=20_000);
    world.run("CREATE TABLE text_ids (id VARCHAR(100) NOT NULL PRIMARY KEY)");
    let ids = (0..20_000).map(|id| format!("('post {id}')")).collect::<Vec<_>>();
    world.run(&format!("INSERT INTO text_ids VALUES {}", ids.join(", ")));
    let many = |id: i64| {
        let text = Owner::new("many", format!("post {id}")).unwrap();
        [Owner::new("many", id).unwrap(), text]
    };
    let few = |id: i64| {
        [Owner::new("few", id).unwrap(), Owner::new("few", format!("post {id}")).unwrap()]
    };
    let owners = (1..=2_100).flat_map(many).chain((1..=4).flat_map(few));
    // Most of the table is others'.
    let owners = owners.chain((1..=20_000).map(|id| Owner::new("other", id).unwrap()));
    world.counters.increment_many(owners.map(|owner| (owner, "views", 1))).unwrap();
    sync(&world.counters);
    prepare_to_explain(world);
    let pool = Pool::builder()
        .max_size(1)
        .build(ConnectionManager::<Connection>::new(world.url()))
        .unwrap();
    let log = QueryLog::on(&mut *pool.get().unwrap());
    (Counters::builder(pool).memory().build().unwrap(), log)
}

fn search(counters: &Counters, owner_type: &'static str, table: &str) {
    let orphans = counters.orphans_of(&OwnerType::new(owner_type).unwrap());
    drop(orphans.older_than(Duration::ZERO).find_in(&table.parse().unwrap(), "id").unwrap());
}

/// The queries of a table that were logged, with the values in their places.
fn statements(log: &QueryLog, table: &str) -> Vec<String> {
    let queries = log.take().into_iter().filter(|query| query.starts_with("SELECT"));
    let of_table = queries.filter(|query| {
        let from = query.split(" FROM ").nth(1).unwrap_or_default();
        let name = from.split(' ').next().unwrap_or_default().replace(['"', '`'], "");
        name.rsplit('.').next() == Some(table)
    });
    of_table.map(|query| with_values(&query)).collect()
}

fn with_values(query: &str) -> String {
    let (sql, binds) = query.split_once(" -- binds: ").unwrap();
    let values = serde_json::from_str::<Vec<serde_json::Value>>(binds).unwrap();
    let literal = |value: &serde_json::Value| match value {
        serde_json::Value::String(text) => format!("'{}'", text.replace('\'', "''")),
        other => other.to_string(),
    };
    let mut filled = String::new();
    let mut values = values.iter().map(literal);
    let mut rest = sql;
    while let Some(at) = rest.find(['?', '$']) {
        filled.push_str(&rest[..at]);
        filled.push_str(&values.next().unwrap());
        rest = rest[at + 1..].trim_start_matches(|digit: char| digit.is_ascii_digit());
    }
    filled + rest
}

/// An index answers every page. The few rows left for a later page may be sorted, but not those of
/// the first page.
fn assert_explained(world: &QueryWorld<Connection>, statements: &[String]) {
    let conn = &mut world.connect();
    for (page, statement) in statements.iter().enumerate() {
        let plan = explain(conn, Explain(sql_query(statement))).unwrap();
        assert_no_scan(statement, &plan);
        assert!(page > 0 || !is_sorted(&plan), "{statement}: {plan:?}");
    }
}
