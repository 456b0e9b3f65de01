use diesel::PgConnection as Connection;
use diesel::pg::Pg as Backend;

#[path = "explain.rs"]
mod explain;
#[path = "models.rs"]
mod models;
#[path = "pages.rs"]
mod pages;
#[path = "returning.rs"]
mod returning;
#[path = "transactions.rs"]
mod transactions;
#[path = "values.rs"]
mod values;

use counter_diesel::Error;
use counter_diesel::error::LedgerStep;
use counter_tests::database::ServerConnection as _;
use counter_tests::query_world::QueryWorld;
use counter_tests::suite::Case;
use diesel::connection::{Connection as _, SimpleConnection as _};
use diesel::sql_types::Text;

use explain::{Asked, assert_looked_up, explained, load_plan as explain};

pub(crate) fn cases() -> Vec<Case<QueryWorld<Connection>>> {
    [values::CASES, returning::CASES, pages::CASES, transactions::CASES, CASES].concat()
}

const EXPLAIN: &str = "EXPLAIN ";
type Plan = Text;

const CASES: &[Case<QueryWorld<Connection>>] = &[
    ("a value is looked up in the unique index", |world| {
        explain::fill(world);
        world.run("ANALYZE");
        for asked in Asked::ALL {
            let plan = explained::<String>(world, asked).join("\n");
            let index = "Index Scan using model_counters_owner_type_owner_id_owner_key_key_key on";
            let of_counters = plan.split(index).skip(1).collect::<Vec<_>>();
            assert!(!of_counters.is_empty(), "{plan}");
            for plan in of_counters {
                assert_looked_up(plan.split("Index Cond:").nth(1).unwrap());
            }
            assert!(!plan.contains("Seq Scan on model_counters"), "{plan}");
        }
    }),
    ("a connection lost in a commit leaves nobody knowing, and nothing counted", |world| {
        transactions::lose_connection_in_work(world, || world.connect().end_others());
        let other = std::sync::Mutex::new(world.connect());
        transactions::lose_connection_in_commit(world, move || other.lock().unwrap().end_others());
    }),
    ("the failed transaction of an application's tests is no lost connection", |world| {
        let conn = &mut world.connect();
        conn.begin_test_transaction().unwrap();
        conn.batch_execute("SELECT 1 FROM nowhere").unwrap_err();
        let done = transactions::run(world, conn, |_, _| panic!("it must not run"));
        let Err(transactions::Failed::Counters(error)) = done else { panic!("{done:?}") };
        let is_told = matches!(error, Error::Database { step: LedgerStep::Begin, .. });
        assert!(is_told, "{error:?}");
    }),
    ("a constraint that fails at the commit keeps anything from being counted", |world| {
        transactions::violate_deferred_constraint(world);
    }),
];
