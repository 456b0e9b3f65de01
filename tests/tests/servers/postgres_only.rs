//! What only PostgreSQL does.

use counter_core::Claim;
use counter_diesel::Error;
use counter_diesel::ledger::{Ledger, LockWait};
use counter_tests::database::{Database, ServerConnection};
use counter_tests::fixtures::{bucket_of, views_of};
use counter_tests::server_contract::{ServerWorld, adds, apply, ledger_of, prepare_transaction};
use counter_tests::servers::Durability;
use counter_tests::servers::postgres::Postgres;
use counter_tests::suite::Case;
use diesel::connection::SimpleConnection;
use diesel::r2d2::{ConnectionManager, Pool};
use diesel::sql_types::Text;
use diesel::{PgConnection, QueryableByName, RunQueryDsl, sql_query};

pub(crate) const CASES: &[Case<ServerWorld<PgConnection>>] = &[
    ("batches of any size share one statement for reads, and writes keep none", |world| {
        let pool = world.pool_after(1, "SELECT 1");
        let ledger = ledger_of(&pool);
        for size in [1, 2, 10, 500, 1_000] {
            apply(&ledger, &adds(0..size, size));
            ledger.baselines(&(0..=size).map(views_of).collect::<Vec<_>>()).unwrap();
        }
        assert_eq!(prepared(&pool, "INSERT INTO").len(), 0);
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
            "EXPLAIN EXECUTE \"{}\" ('{{post,post}}', '{{7,9}}', '{{\"\",\"\"}}', '{{views,views}}')",
            read.name
        );
        let plan = sql_query(explain).load::<Plan>(&mut *pool.get().unwrap()).unwrap();
        let plan = plan.iter().map(|line| line.line.as_str()).collect::<Vec<_>>();
        let plan = plan.join("\n");
        let index = "Index Scan using model_counters_owner_type_owner_id_owner_key_key_key";
        assert!(plan.contains(index) && !plan.contains("Seq Scan"), "{plan}");
        // All four columns, or it would read all counters of the owner.
        let condition = plan.split("Index Cond:").nth(1).unwrap();
        for column in ["owner_type", "owner_id", "owner_key", "key"] {
            assert!(condition.contains(&format!("w.{column}")), "{plan}");
        }
    }),
    ("a transaction waits shortly and commits durably, and leaves no setting behind", |world| {
        let settings = [
            ("synchronous_commit", "off", "local"),
            ("lock_timeout", "0", "5s"),
            ("idle_in_transaction_session_timeout", "0", "15s"),
            ("statement_timeout", "0", "25s"),
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
    ("a shorter limit for statements stays, and a longer one does not", |world| {
        let conn = &mut world.database.connect();
        // Not so short that a statement of the test may reach it.
        let settings = [("9999ms", "9999ms"), ("24s", "24s"), ("25s", "25s")];
        let longer = [("26s", "25s"), ("1min", "25s"), ("2h", "25s"), ("1d", "25s"), ("0", "25s")];
        for (setting, within) in settings.into_iter().chain(longer) {
            conn.batch_execute("BEGIN").unwrap();
            conn.batch_execute(&format!("SET LOCAL statement_timeout = '{setting}'")).unwrap();
            prepare_transaction(conn);
            assert_eq!(show(conn, "statement_timeout"), within, "{setting}");
            conn.batch_execute("ROLLBACK").unwrap();
        }
    }),
    (
        "a row that a policy keeps from being written is refused, or locked while those are skipped",
        |world| {
            apply(&ledger_of(&world.pool_after(1, "SELECT 1")), &adds(1..=4, 5));
            world.database.execute(POLICIES).unwrap();
            // A role that each server has and that owns nothing.
            let ledger = ledger_of(&world.pool_after(1, "SET ROLE pg_monitor"));
            let mut transaction = ledger.begin(LockWait::Short).unwrap();
            // The one that is seen and not to be changed. What is not seen is no row.
            assert_eq!(transaction.lock_rows(&adds(1..=5, 6)).unwrap(), [0]);
            assert!(transaction.upsert(&adds(3..=5, 6)).unwrap().is_empty());
            drop(transaction);
            for id in [1, 2] {
                let refused = ledger.begin(LockWait::Usual).unwrap().upsert(&adds([id], 6));
                assert!(matches!(refused, Err(Error::Database { .. })), "{id}: {refused:?}");
            }
        },
    ),
    ("a row that another transaction deletes is locked until it is gone, and then made", |world| {
        let ledger = ledger_of(&world.pool_after(2, "SELECT 1"));
        apply(&ledger, &adds(1..=2, 5));
        let mut other = world.database.connect();
        other.batch_execute("BEGIN; DELETE FROM model_counters WHERE owner_id = 1").unwrap();
        let mut transaction = ledger.begin(LockWait::Short).unwrap();
        assert_eq!(transaction.lock_rows(&adds(1..=2, 6)).unwrap(), [0]);
        other.batch_execute("COMMIT").unwrap();
        assert_eq!(transaction.lock_rows(&adds(1..=2, 6)).unwrap(), Vec::<usize>::new());
        assert!(transaction.upsert(&adds(1..=2, 6)).unwrap().is_empty());
        transaction.commit().unwrap();
        let rows = ledger.baselines(&[views_of(1), views_of(2)]).unwrap();
        assert_eq!(rows.iter().map(|row| row.count).collect::<Vec<_>>(), [1, 2]);
    }),
    ("a slow refusal is no lock and no statement that takes too long", |world| {
        let ledger = ledger_of(&world.pool_after(1, "SELECT 1"));
        apply(&ledger, &adds([1], 5));
        world.database.execute(SLOW_REFUSAL).unwrap();
        let refused = ledger.begin(LockWait::Short).unwrap().upsert(&adds([1], 6));
        assert!(matches!(refused, Err(Error::Database { .. })), "{refused:?}");
        let limited = ledger_of(&world.pool_after(1, "SET statement_timeout = '2s'"));
        let refused = limited.begin(LockWait::Short).unwrap().upsert(&adds([1], 7));
        assert!(matches!(refused, Err(Error::TimedOut { .. })), "{refused:?}");
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

/// Words of a lock's time-out in another language, and of a trigger that took as long.
pub(crate) fn a_lock_is_known_in_whatever_language() {
    let server = Postgres::speaking("de", Durability::Off);
    let world = ServerWorld::<PgConnection>::in_server(&server.url("postgres"));
    let ledger = ledger_of(&world.pool_after(1, "SELECT 1"));
    apply(&ledger, &adds([1], 5));
    let held = world.database.hold("UPDATE model_counters SET count = count");
    let refused = ledger.begin(LockWait::Short).unwrap().upsert(&adds([1], 6));
    assert!(matches!(refused, Err(Error::Locked { .. })), "{refused:?}");
    drop(held);
    world.database.execute(SLOW_REFUSAL).unwrap();
    let refused = ledger.begin(LockWait::Usual).unwrap().upsert(&adds([1], 6));
    assert!(matches!(refused, Err(Error::Database { .. })), "{refused:?}");
}

const POLICIES: &str = "ALTER TABLE model_counters ENABLE ROW LEVEL SECURITY; \
    CREATE POLICY seen ON model_counters FOR SELECT USING (owner_id <> 2); \
    CREATE POLICY changed ON model_counters FOR UPDATE USING (owner_id > 2); \
    CREATE POLICY made ON model_counters FOR INSERT WITH CHECK (true); \
    GRANT ALL ON ALL TABLES IN SCHEMA public TO PUBLIC; \
    GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO PUBLIC";

/// A trigger that takes longer to refuse than a transaction waits for locks that it need not have,
/// and one claim much longer.
const SLOW_REFUSAL: &str = "CREATE FUNCTION refusing() RETURNS trigger LANGUAGE plpgsql AS \
    $$ BEGIN PERFORM pg_sleep(CASE NEW.claim_seq WHEN 7 THEN 60 ELSE 0.2 END); \
    RAISE 'not this one'; END $$; \
    CREATE TRIGGER refusing BEFORE UPDATE ON model_counters \
    FOR EACH ROW EXECUTE FUNCTION refusing()";

/// In a server of its own: a transaction in whatever database of a server can keep old versions of
/// rows.
pub(crate) fn updates_stay_on_their_page() {
    let server = Postgres::new(Durability::Off);
    let world = ServerWorld::<PgConnection>::in_server(&server.url("postgres"));
    let pool = world.pool_after(1, "SELECT 1");
    let ledger = ledger_of(&pool);
    let buckets = |mut claims: Vec<Claim>| {
        claims.iter_mut().for_each(|claim| claim.id = bucket_of(&claim.id, "day:2026-11-28"));
        claims
    };
    apply(&ledger, &adds(0..2_000, 5));
    apply(&ledger, &buckets(adds(0..2_000, 5)));
    for round in 0..20 {
        let tenth = (0..2_000).filter(|id| id % 10 == round % 10);
        apply(&ledger, &adds(tenth.clone(), 6 + round));
        apply(&ledger, &buckets(adds(tenth, 6 + round)));
    }
    let mut conn = pool.get().unwrap();
    conn.batch_execute("SELECT pg_stat_force_next_flush()").unwrap();
    for table in ["model_counters", "model_counters_periods"] {
        let stat = |column: &str| {
            format!("SELECT {column} AS n FROM pg_stat_user_tables WHERE relname = '{table}'")
        };
        assert_eq!(conn.number(&stat("n_tup_upd")), 4_000, "{table}");
        assert_eq!(conn.number(&stat("n_tup_hot_upd")), 4_000, "{table}");
    }
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
