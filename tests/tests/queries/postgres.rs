use diesel::PgConnection as Connection;
use diesel::pg::Pg as Backend;

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

use counter_diesel::error::LedgerStep;
use counter_diesel::{Error, HasCounters, Owner};
use counter_tests::database::ServerConnection as _;
use counter_tests::query_world::{QueryWorld, sync};
use counter_tests::suite::Case;
use diesel::connection::{Connection as _, SimpleConnection as _};
use diesel::prelude::*;
use diesel::sql_types::Text;

use explain::{Asked, Explain, assert_looked_up, explained, load_plan as explain};

pub(crate) fn cases() -> Vec<Case<QueryWorld<Connection>>> {
    let shared =
        [values::CASES, kinds::CASES, returning::CASES, pages::CASES, owner_pages::CASES].concat();
    [&shared, transactions::CASES, CASES].concat()
}

const EXPLAIN: &str = "EXPLAIN ";

/// The name of a column that is a word of SQL.
const KEY_COLUMN: &str = "\"key\"";
type Plan = Text;

/// The tables of models of other keys.
const KINDS: &str = "CREATE TABLE text_posts (id VARCHAR(100) COLLATE \"POSIX\", other VARCHAR(100) COLLATE \"POSIX\")";

fn assert_index(plan: &[String]) {
    let plan = plan.join("\n");
    let index = "Index Scan using model_counters_owner_type_owner_id_owner_key_key_key on";
    let of_counters = plan.split(index).skip(1).collect::<Vec<_>>();
    assert!(!of_counters.is_empty(), "{plan}");
    for plan in of_counters {
        assert_looked_up(plan.split("Index Cond:").nth(1).unwrap());
    }
    assert!(!plan.contains("Seq Scan on model_counters"), "{plan}");
}

fn prepare_to_explain(world: &QueryWorld<Connection>) {
    world.run("ANALYZE");
}

fn assert_no_scan(statement: &str, plan: &[String]) {
    let plan = plan.join("\n");
    assert!(!plan.contains("Seq Scan"), "{statement}: {plan}");
}

fn is_sorted(plan: &[String]) -> bool {
    plan.iter().any(|step| step.contains("Sort"))
}

const CASES: &[Case<QueryWorld<Connection>>] = &[
    ("a value is looked up in the unique index", |world| {
        explain::fill(world);
        world.run("ANALYZE");
        for asked in Asked::ALL {
            assert_index(&explained::<String>(world, asked));
        }
    }),
    ("a connection lost in a commit leaves the outcome unknown, and nothing counted", |world| {
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
    ("keys that are UUIDs find their counters by the unique index", |world| {
        diesel::table! {
            uuid_posts { id -> Uuid, parent -> Nullable<Uuid>, }
        }

        #[derive(Queryable, HasCounters)]
        #[diesel(table_name = uuid_posts)]
        #[counters(owner_type = "post", keys(views))]
        struct UuidPost {
            id: uuid::Uuid,
            parent: Option<uuid::Uuid>,
        }

        let ids = [1, u128::MAX].map(uuid::Uuid::from_u128);
        world.run("CREATE TABLE uuid_posts (id UUID PRIMARY KEY, parent UUID)");
        world.run(&format!(
            "INSERT INTO uuid_posts VALUES ('{}', NULL), ('{}', '{}')",
            ids[0], ids[1], ids[0]
        ));
        let page = uuid_posts::table.order(uuid_posts::id).load::<UuidPost>(&mut world.connect());
        let page = page.unwrap();
        for (post, n) in page.iter().zip(1..) {
            world.counters.increment(post, UuidPostCounter::Views, n).unwrap();
            assert_eq!(post.parent.is_some(), n == 2);
        }
        let many = (0..5_000).map(|id| (Owner::new("post", format!("n{id}")).unwrap(), "views", 1));
        world.counters.increment_many(many).unwrap();
        sync(&world.counters);
        let conn = &mut world.connect();
        let views = || UuidPost::counter_value(UuidPostCounter::Views);
        let parents = || UuidPost::counter_value_of(uuid_posts::parent, UuidPostCounter::Views);
        let read = uuid_posts::table.select((views(), parents())).order(uuid_posts::id);
        assert_eq!(read.load::<(i64, i64)>(conn).unwrap(), [(1, 0), (2, 1)]);
        assert_eq!(world.counters.load(&page, ["views"]).unwrap(), [[1], [2]]);
        let top = world.counters.top::<UuidPost>(UuidPostCounter::Views, 1).unwrap();
        assert_eq!(top[0].0.id().as_text(), Some(&*ids[1].to_string()));
        world.run("ANALYZE");
        assert_index(&explain(conn, Explain(uuid_posts::table.select(views()))).unwrap());
        assert_index(&explain(conn, Explain(uuid_posts::table.select(parents()))).unwrap());
    }),
    ("a constraint that fails at the commit keeps anything from being counted", |world| {
        transactions::violate_deferred_constraint(world);
    }),
];
