use diesel::SqliteConnection as Connection;
use diesel::sqlite::Sqlite as Backend;

#[path = "binary.rs"]
mod binary;
#[path = "explain.rs"]
mod explain;
#[path = "kinds.rs"]
mod kinds;
#[path = "models.rs"]
mod models;
#[path = "owner_pages.rs"]
mod owner_pages;
#[path = "pages.rs"]
mod pages;
#[path = "returning.rs"]
mod returning;
#[path = "transactions.rs"]
mod transactions;
#[path = "values.rs"]
mod values;

use counter_tests::query_world::QueryWorld;
use counter_tests::suite::Case;
use diesel::sql_types::{Integer, Text};

use explain::{Asked, assert_looked_up, explained, load_plan as explain};

pub(crate) fn cases() -> Vec<Case<QueryWorld<Connection>>> {
    let shared =
        [values::CASES, kinds::CASES, returning::CASES, pages::CASES, owner_pages::CASES].concat();
    [&shared, binary::CASES, transactions::CASES, CASES].concat()
}

const EXPLAIN: &str = "EXPLAIN QUERY PLAN ";

/// The name of a column that is a word of SQL.
const KEY_COLUMN: &str = "\"key\"";
type Plan = (Integer, Integer, Integer, Text);

/// The tables of models of other keys.
const KINDS: &str =
    "CREATE TABLE text_posts (id VARCHAR(100) COLLATE NOCASE, other VARCHAR(100) COLLATE NOCASE)";

fn assert_index(plan: &[(i32, i32, i32, String)]) {
    let steps = plan.iter().map(|(.., step)| step.as_str());
    let of_counters = steps.filter(|step| step.contains(" counter_"));
    let of_counters = of_counters.collect::<Vec<_>>();
    assert!(!of_counters.is_empty(), "{plan:?}");
    for step in of_counters {
        assert!(step.starts_with("SEARCH counter_") && step.contains("USING INDEX"), "{plan:?}");
        assert_looked_up(step);
    }
}

fn prepare_to_explain(world: &QueryWorld<Connection>) {
    world.run("ANALYZE");
}

fn assert_no_scan(statement: &str, plan: &[(i32, i32, i32, String)]) {
    let is_scan = |(.., step): &(i32, i32, i32, String)| step.starts_with("SCAN");
    assert!(!plan.iter().any(is_scan), "{statement}: {plan:?}");
}

fn is_sorted(plan: &[(i32, i32, i32, String)]) -> bool {
    plan.iter().any(|(.., step)| step.contains("TEMP B-TREE"))
}

const CASES: &[Case<QueryWorld<Connection>>] = &[
    ("a value is looked up in the unique index", |world| {
        explain::fill(world);
        for asked in Asked::ALL {
            assert_index(&explained::<(i32, i32, i32, String)>(world, asked));
        }
    }),
    ("a constraint that fails at the commit keeps anything from being counted", |world| {
        transactions::violate_deferred_constraint(world);
    }),
];
