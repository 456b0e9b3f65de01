use diesel::MysqlConnection as Connection;
use diesel::mysql::Mysql as Backend;

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
#[path = "transactions.rs"]
mod transactions;
#[path = "values.rs"]
mod values;

use counter_diesel::{Error, HasCounters, Owner};
use counter_tests::database::ServerConnection as _;
use counter_tests::process::wait_for;
use counter_tests::query_world::{QueryWorld, sync};
use counter_tests::suite::Case;
use diesel::connection::SimpleConnection as _;
use diesel::deserialize::FromSqlRow;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::query_builder::QueryFragment;
use diesel::sql_types::Text;

use explain::{Asked, Explain, assert_looked_up, explained, load_plan};
use transactions::{Failed, assert_kept_and_counted, run};

pub(crate) fn cases() -> Vec<Case<QueryWorld<Connection>>> {
    let shared =
        [values::CASES, kinds::CASES, binary::CASES, pages::CASES, owner_pages::CASES].concat();
    [&shared, transactions::CASES, CASES].concat()
}

const EXPLAIN: &str = "EXPLAIN FORMAT=JSON /*!80100 INTO @plan */ ";

/// The name of a column that is a word of SQL.
const KEY_COLUMN: &str = "`key`";
type Plan = Text;

/// The tables of models of other keys.
const KINDS: &str = "CREATE TABLE text_posts (id VARCHAR(100), other VARCHAR(100)) \
                     CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci";

fn assert_index(plan: &[String]) {
    let plan = plan.join("\n");
    let of_counters = plan.split("\"table_name\": \"counter_").skip(1);
    let of_counters = of_counters.collect::<Vec<_>>();
    assert!(!of_counters.is_empty(), "{plan}");
    for plan in of_counters {
        assert!(plan.contains("\"key\": \"counter\""), "{plan}");
        let parts = plan.split("\"used_key_parts\":").nth(1).unwrap();
        let parts = parts.split(']').next().unwrap();
        assert_looked_up(&parts.replace('\n', ""));
    }
}

fn prepare_to_explain(world: &QueryWorld<Connection>) {
    let conn = &mut world.connect();
    conn.batch_execute("ANALYZE TABLE model_counters, posts, text_ids").unwrap();
}

fn assert_no_scan(statement: &str, plan: &[String]) {
    let plan = plan.join("\n");
    assert!(plan.contains("\"access_type\""), "{plan}");
    assert!(!plan.contains("\"access_type\": \"ALL\""), "{statement}: {plan}");
}

fn is_sorted(plan: &[String]) -> bool {
    plan.iter().any(|plan| plan.contains("filesort\": {") || plan.contains("temporary_table"))
}

/// MySQL returns no plan to a prepared statement, but keeps it in a variable, in the form of
/// MariaDB.
fn explain<Q, Row>(conn: &mut Connection, query: Explain<Q>) -> QueryResult<Vec<Row>>
where
    Q: QueryFragment<Backend>,
    Row: FromSqlRow<Plan, Backend> + 'static,
{
    if conn.number("SELECT VERSION() LIKE '%MariaDB%' AS n") == 1 {
        return load_plan(conn, query);
    }
    conn.batch_execute("SET explain_json_format_version = 1")?;
    query.execute(conn)?;
    diesel::select(sql::<Plan>("@plan")).load(conn)
}

/// The least, the greatest and a usual key of a type, of which those that fit the table's column
/// have counters. So have the integers that a wrap would make of a key.
macro_rules! assert_width {
    ($world:expr, $sql:ty, $rust:ty, $column:literal) => {{
        diesel::table! {
            wide_posts { id -> $sql, }
        }

        #[derive(HasCounters)]
        #[diesel(table_name = wide_posts)]
        #[counters(owner_type = "post", keys(views))]
        struct WidePost {
            id: $rust,
        }

        let world = $world;
        world.run("DROP TABLE IF EXISTS wide_posts; DELETE FROM model_counters");
        world.run(concat!("CREATE TABLE wide_posts (id ", $column, " NOT NULL PRIMARY KEY)"));
        let ids = [<$rust>::MIN, 7, <$rust>::MAX];
        world.run(&format!(
            "INSERT INTO wide_posts VALUES ({}), ({}), ({})",
            ids[0], ids[1], ids[2]
        ));
        let mut expected = Vec::new();
        for (id, n) in ids.into_iter().zip(1..) {
            let counted = WidePost { id }.increment_counter(&world.counters, "views", n);
            assert_eq!(counted.is_ok(), i64::try_from(id).is_ok(), "{id}");
            expected.push(if counted.is_ok() { n } else { 0 });
        }
        let wrapped = [-1, i64::MIN].map(|id| Owner::new("post", id).unwrap());
        world.counters.increment_many(wrapped.iter().map(|owner| (owner, "views", 99))).unwrap();
        sync(&world.counters);
        let views = || WidePost::counter_value(WidePostCounter::Views);
        let values = wide_posts::table.select(views()).order(wide_posts::id);
        let conn = &mut world.connect();
        assert_eq!(values.load::<i64>(conn).unwrap(), expected, $column);
        world.count((100..2_000).map(|id| ("post", id, "likes", 1)));
        assert_index(&explain(conn, Explain(wide_posts::table.select(views()))).unwrap());
    }};
}

const CASES: &[Case<QueryWorld<Connection>>] = &[
    ("a value is looked up in the unique index", |world| {
        // What the database knows of the table stays what it knew when it was empty.
        world.run(
            "ALTER TABLE model_counters STATS_PERSISTENT = 1, STATS_AUTO_RECALC = 0; \
             ANALYZE TABLE model_counters",
        );
        explain::fill(world);
        for asked in Asked::ALL {
            assert_index(&explained::<String>(world, asked));
        }
    }),
    ("a connection lost in a commit leaves the outcome unknown, and nothing counted", |world| {
        transactions::lose_connection_in_work(world, || world.connect().end_others());
        let other = std::sync::Mutex::new(world.connect());
        transactions::lose_connection_in_commit(world, move || other.lock().unwrap().end_others());
    }),
    ("a deadlock that the work passes over keeps anything from being counted", |world| {
        world.add_posts("posts", 2..=200);
        let mut other = world.connect();
        let title = "UPDATE posts FORCE INDEX (PRIMARY) SET title = 'Theirs' WHERE id";
        other.batch_execute(&format!("BEGIN; {title} > 2")).unwrap();
        let done = run(world, &mut world.connect(), |conn, _| {
            conn.batch_execute(
                &title.replace("Theirs", "Ours").replace("WHERE id", "WHERE id = 2"),
            )?;
            let theirs = std::thread::spawn(move || {
                other.batch_execute(&format!("{title} = 2")).unwrap();
                other
            });
            let mut watcher = world.connect();
            wait_for("the other to wait", || (watcher.waiting() == 1).then_some(()));
            let ours = conn.batch_execute("UPDATE posts SET title = 'Ours' WHERE id = 3");
            assert!(ours.is_err(), "the smaller transaction is ended");
            theirs.join().unwrap().batch_execute("COMMIT").unwrap();
            Ok(())
        });
        assert!(matches!(done, Err(Failed::Counters(Error::Database { .. }))), "{done:?}");
        assert_kept_and_counted(world, 199, 0);
    }),
    ("a statement that commits by itself is found out", |world| {
        let done = run(world, &mut world.connect(), |conn, _| {
            Ok(conn.batch_execute("CREATE TABLE others (id INTEGER)")?)
        });
        assert!(matches!(done, Err(Failed::Counters(Error::Database { .. }))), "{done:?}");
        assert_kept_and_counted(world, 1, 0);
    }),
    ("keys of every width find their counters by the unique index", |world| {
        assert_width!(world, TinyInt, i8, "TINYINT");
        assert_width!(world, Unsigned<TinyInt>, u8, "TINYINT UNSIGNED");
        assert_width!(world, Unsigned<SmallInt>, u16, "SMALLINT UNSIGNED");
        assert_width!(world, Unsigned<Integer>, u32, "INTEGER UNSIGNED");
        assert_width!(world, Unsigned<BigInt>, u64, "BIGINT UNSIGNED");
    }),
];
