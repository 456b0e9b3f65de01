//! What only PostgreSQL does.

use counter_diesel::ledger::Ledger;
use counter_tests::database::ServerConnection;
use counter_tests::fixtures::views_of;
use counter_tests::server_contract::{ServerWorld, adds, apply, ledger_of, prepare_transaction};
use counter_tests::servers::Durability;
use counter_tests::servers::postgres::Postgres;
use counter_tests::suite::Case;
use diesel::connection::SimpleConnection;
use diesel::r2d2::{ConnectionManager, Pool};
use diesel::sql_types::Text;
use diesel::{PgConnection, QueryableByName, RunQueryDsl, sql_query};

pub(crate) const CASES: &[Case<ServerWorld<PgConnection>>] = &[
    ("batches of any size share one statement for each op", |world| {
        let pool = world.pool_after(1, "SELECT 1");
        let ledger = ledger_of(&pool);
        for size in [1, 2, 10, 500, 1_000] {
            apply(&ledger, &adds(0..size, size));
            ledger.baselines(&(0..=size).map(views_of).collect::<Vec<_>>()).unwrap();
        }
        assert_eq!(prepared(&pool, "INSERT INTO").len(), 1);
        assert_eq!(prepared(&pool, "SELECT w.").len(), 1);
    }),
    ("reads of many look each counter up in the unique index", |world| {
        let pool = world.pool_after(1, "SELECT 1");
        let ledger = ledger_of(&pool);
        apply(&ledger, &adds(0..20_000, 5));
        ledger.baselines(&[views_of(7), views_of(9)]).unwrap();
        pool.get().unwrap().batch_execute("ANALYZE").unwrap();
        let read = prepared(&pool, "SELECT w.").remove(0);
        let explain = format!(
            "EXPLAIN EXECUTE \"{}\" ('{{post,post}}', '{{7,9}}', '{{views,views}}')",
            read.name
        );
        let plan = sql_query(explain).load::<Plan>(&mut *pool.get().unwrap()).unwrap();
        let plan = plan.iter().map(|line| line.line.as_str()).collect::<Vec<_>>();
        let plan = plan.join("\n");
        let index = "Index Scan using model_counters_owner_type_owner_id_key_key";
        assert!(plan.contains(index) && !plan.contains("Seq Scan"), "{plan}");
        // All three columns, or it would read all counters of the owner.
        let condition = plan.split("Index Cond:").nth(1).unwrap();
        for column in ["owner_type", "owner_id", "key"] {
            assert!(condition.contains(&format!("w.{column}")), "{plan}");
        }
    }),
    ("a transaction waits shortly and commits durably, and leaves no setting behind", |world| {
        let settings = [
            ("synchronous_commit", "off", "local"),
            ("lock_timeout", "0", "5s"),
            ("idle_in_transaction_session_timeout", "0", "15s"),
        ];
        let conn = &mut world.database.connect();
        conn.batch_execute("SET synchronous_commit = off; BEGIN").unwrap();
        prepare_transaction(conn);
        for (setting, _, within) in settings {
            assert_eq!(show(conn, setting), within, "{setting}");
        }
        conn.batch_execute("COMMIT").unwrap();
        for (setting, outside, _) in settings {
            assert_eq!(show(conn, setting), outside, "{setting}");
        }
    }),
    ("what a commit waits for stays, unless it waits for nothing", |world| {
        let conn = &mut world.database.connect();
        for setting in ["local", "remote_write", "on", "remote_apply"] {
            conn.batch_execute(&format!("SET synchronous_commit = {setting}; BEGIN")).unwrap();
            prepare_transaction(conn);
            assert_eq!(show(conn, "synchronous_commit"), setting);
            conn.batch_execute("ROLLBACK").unwrap();
        }
    }),
];

/// In a server of its own: a transaction in whatever database of a server can keep old versions of rows.
pub(crate) fn updates_stay_on_their_page() {
    let server = Postgres::new(Durability::Off);
    let world = ServerWorld::<PgConnection>::in_server(&server.url("postgres"));
    let pool = world.pool_after(1, "SELECT 1");
    let ledger = ledger_of(&pool);
    apply(&ledger, &adds(0..2_000, 5));
    for round in 0..20 {
        let tenth = (0..2_000).filter(|id| id % 10 == round % 10);
        apply(&ledger, &adds(tenth, 6 + round));
    }
    let mut conn = pool.get().unwrap();
    conn.batch_execute("SELECT pg_stat_force_next_flush()").unwrap();
    let stat = |column: &str| {
        format!("SELECT {column} AS n FROM pg_stat_user_tables WHERE relname = 'model_counters'")
    };
    assert_eq!(conn.number(&stat("n_tup_upd")), 4_000);
    assert_eq!(conn.number(&stat("n_tup_hot_upd")), 4_000);
}

#[derive(QueryableByName)]
struct Prepared {
    #[diesel(sql_type = Text)]
    name: String,
}

#[derive(QueryableByName)]
struct Plan {
    #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
    line: String,
}

#[derive(QueryableByName)]
struct Setting {
    #[diesel(sql_type = Text)]
    setting: String,
}

/// The statements that the pool's one connection has prepared and that begin like this.
fn prepared(pool: &Pool<ConnectionManager<PgConnection>>, start: &str) -> Vec<Prepared> {
    sql_query("SELECT name FROM pg_prepared_statements WHERE statement LIKE $1 || '%'")
        .bind::<Text, _>(start)
        .load(&mut *pool.get().unwrap())
        .unwrap()
}

fn show(conn: &mut PgConnection, setting: &str) -> String {
    let query = sql_query("SELECT current_setting($1) AS setting").bind::<Text, _>(setting);
    query.get_result::<Setting>(conn).unwrap().setting
}
