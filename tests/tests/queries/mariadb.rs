use diesel::MysqlConnection as Connection;
use diesel::mysql::Mysql as Backend;

#[path = "explain.rs"]
mod explain;
#[path = "models.rs"]
mod models;
#[path = "pages.rs"]
mod pages;
#[path = "transactions.rs"]
mod transactions;
#[path = "values.rs"]
mod values;

use counter_diesel::{Error, HasCounters};
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
    [values::CASES, pages::CASES, transactions::CASES, CASES].concat()
}

const EXPLAIN: &str = "EXPLAIN FORMAT=JSON /*!80100 INTO @plan */ ";
type Plan = Text;

/// MySQL returns no plan to a prepared statement, but keeps it in a variable, in the form of MariaDB.
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

const CASES: &[Case<QueryWorld<Connection>>] = &[
    ("a value is looked up in the unique index", |world| {
        // What the database knows of the table stays what it knew when it was empty.
        world.run(
            "ALTER TABLE model_counters STATS_PERSISTENT = 1, STATS_AUTO_RECALC = 0; \
             ANALYZE TABLE model_counters",
        );
        explain::fill(world);
        for asked in Asked::ALL {
            let plan = explained::<String>(world, asked).join("\n");
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
    }),
    ("a connection lost in a commit leaves nobody knowing, and nothing counted", |world| {
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
    ("unsigned keys find their counters", |world| {
        diesel::table! {
            unsigned_posts { id -> Unsigned<Integer>, }
        }

        #[derive(HasCounters)]
        #[diesel(table_name = unsigned_posts)]
        #[counters(owner_type = "post", keys(views))]
        struct UnsignedPost {
            id: u32,
        }

        world.run(
            "CREATE TABLE unsigned_posts (id INTEGER UNSIGNED NOT NULL PRIMARY KEY); \
             INSERT INTO unsigned_posts VALUES (0), (4294967295)",
        );
        let last = UnsignedPost { id: u32::MAX };
        world.counters.increment(&last, UnsignedPostCounter::Views, 5).unwrap();
        sync(&world.counters);
        let views = UnsignedPost::counter_value(UnsignedPostCounter::Views);
        let values = unsigned_posts::table.select(views).order(unsigned_posts::id);
        assert_eq!(values.load::<i64>(&mut world.connect()).unwrap(), [0, 5]);
    }),
];
