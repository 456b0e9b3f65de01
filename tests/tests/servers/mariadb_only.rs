//! What only MySQL and MariaDB do.

use counter_diesel::Error;
use counter_diesel::ledger::{Ledger, LockWait};
use counter_tests::database::{Database, ServerConnection};
use counter_tests::every_call::make_every_call;
use counter_tests::fixtures::views_of;
use counter_tests::server_contract::{ServerWorld, adds, apply, ledger_of, prepare_transaction};
use counter_tests::servers::Durability;
use counter_tests::servers::mariadb::MariaDb;
use counter_tests::suite::Case;
use diesel::connection::SimpleConnection as _;
use diesel::dsl::sql;
use diesel::r2d2::{ConnectionManager, Pool};
use diesel::sql_types::Text;
use diesel::{MysqlConnection, QueryableByName, RunQueryDsl as _, sql_query};

pub(crate) const CASES: &[Case<ServerWorld<MysqlConnection>>] = &[
    ("reads of many look each counter up in the unique index", |world| {
        let pool = world.pool_after(1, "SELECT 1");
        let ledger = ledger_of(&pool);
        // What the database knows of the table stays what it knew when it was empty.
        let keep = "ALTER TABLE \"model_counters\" STATS_PERSISTENT = 1, STATS_AUTO_RECALC = 0";
        world.database.execute(keep).unwrap();
        world.database.execute("ANALYZE TABLE \"model_counters\"").unwrap();
        apply(&ledger, &adds(0..5_000, 5));
        let before = handler_reads(&pool);
        let ids = (1_000..1_100).map(views_of).collect::<Vec<_>>();
        assert!(ledger.baselines(&ids).unwrap().iter().all(|row| row.count == 1));
        let after = handler_reads(&pool);
        let (by_key, in_scans) = (after.0 - before.0, after.1 - before.1);
        // The list of what is asked is scanned; the table is not.
        assert!((100..150).contains(&by_key), "{by_key} rows by key");
        assert!(in_scans < 250, "{in_scans} rows in scans");
    }),
    ("batches of any size share a few statements", |world| {
        let pool = world.pool_after(1, "SELECT 1");
        let ledger = ledger_of(&pool);
        let prepared = || status(&pool, "Com_stmt_prepare");
        let write = |size: i64| {
            apply(&ledger, &adds(0..size, size));
            ledger.baselines(&(0..=size).map(views_of).collect::<Vec<_>>()).unwrap();
        };
        [1, 2, 4, 8, 15, 30, 60, 125, 250, 500].into_iter().for_each(write);
        let before = prepared();
        (957..970).for_each(write);
        // The statements of this test's own questions, and one in each transaction for the current
        // database.
        assert!(prepared() - before <= 2 + 13);
    }),
    ("settings are the application's own again, however the transaction ends", |world| {
        let set = "SET lock_wait_timeout = 71, innodb_lock_wait_timeout = 72, wait_timeout = 73, \
                   lc_messages = 'de_DE'";
        let pool = world.pool_after(1, set);
        let ledger = ledger_of(&pool);
        let assert_restored = || {
            let settings = ["lock_wait_timeout", "innodb_lock_wait_timeout", "wait_timeout"];
            let values = settings.map(|setting| number(&pool, &format!("@@{setting}")));
            assert_eq!(values, [71, 72, 73]);
            assert_eq!(number(&pool, "/*M! @@max_statement_time + */ 7"), 7);
            assert_eq!(number(&pool, "@@lc_messages = 'de_DE'"), 1);
        };
        apply(&ledger, &adds([1], 5));
        assert_restored();
        ledger.begin(LockWait::Usual).unwrap().upsert(&adds([1], 6)).unwrap();
        assert_restored();
        world
            .database
            .execute("UPDATE \"model_counters\" SET \"count\" = 9223372036854775807")
            .unwrap();
        ledger.begin(LockWait::Usual).unwrap().upsert(&adds([1], 7)).unwrap_err();
        assert_restored();
    }),
    ("a transaction waits shortly, for locks and for its next statement", |world| {
        let conn = &mut world.database.connect();
        prepare_transaction(conn);
        let mut setting = |name: &str| conn.number(&format!("SELECT @@{name} AS n"));
        assert_eq!(setting("lock_wait_timeout"), 5);
        assert_eq!(setting("innodb_lock_wait_timeout"), 5);
        assert_eq!(setting("wait_timeout"), 15);
    }),
    ("a shorter limit for statements stays, and a longer one does not, but on MySQL", |world| {
        let conn = &mut world.database.connect();
        let limit = "/*M! CAST(@@max_statement_time * 1000 AS SIGNED) */";
        for (set, within) in [("0", 25_000), ("0.5", 500), ("25", 25_000), ("26", 25_000)] {
            conn.batch_execute(&format!("/*M! SET max_statement_time = {set} */ /*!80001 DO 0 */"))
                .unwrap();
            prepare_transaction(conn);
            // MySQL has none.
            let limit = conn.number(&format!("SELECT COALESCE({limit} /*M! , */ -1) AS n"));
            assert!([within, -1].contains(&limit), "{limit} after {set}");
        }
    }),
    ("a statement that takes too long is distinguished from one that is refused", |world| {
        // The limit of a server that has one.
        let limit = "/*M! SET max_statement_time = 2 */ /*!80001 DO 0 */";
        let ledger = ledger_of(&world.pool_after(1, limit));
        apply(&ledger, &adds([1], 5));
        let slow = "CREATE TRIGGER slow BEFORE UPDATE ON model_counters FOR EACH ROW BEGIN \
                    DO SLEEP(5); SIGNAL SQLSTATE '45000' \
                    SET MESSAGE_TEXT = 'no Lock wait timeout exceeded'; END";
        world.database.execute(slow).unwrap();
        let refused = ledger.begin(LockWait::Short).unwrap().upsert(&adds([1], 6)).unwrap_err();
        let version = world.database.connect().number("SELECT /*M! 1 */ /*!80001 0 */ AS n");
        let is_expected = match version {
            1 => matches!(refused, Error::TimedOut { .. }),
            _ => matches!(refused, Error::Database { .. }),
        };
        assert!(is_expected, "{refused:?}");
    }),
    ("no sql_mode makes an overflow pass or a name mean something", |world| {
        // MySQL has no MSSQL.
        let last = "/*M! 'MSSQL' */ /*!80001 'PAD_CHAR_TO_FULL_LENGTH' */";
        for (mode, id) in
            ["''", "'ANSI'", "'TRADITIONAL'", "'NO_BACKSLASH_ESCAPES'", last].into_iter().zip(1..)
        {
            let ledger = ledger_of(&world.pool_after(1, &format!("SET sql_mode = {mode}")));
            let full = counter_diesel::store::Claim {
                op: counter_diesel::store::ClaimOp::Set(i64::MAX),
                ..adds([id], 5).remove(0)
            };
            apply(&ledger, &[full]);
            ledger.begin(LockWait::Usual).unwrap().upsert(&adds([id], 6)).unwrap_err();
            ledger.begin(LockWait::Usual).unwrap().update(&adds([id], 6)[0]).unwrap_err();
            let rows = ledger.baselines(&[views_of(id), views_of(id)]).unwrap();
            assert_eq!((rows[1].count, rows[1].seq.get()), (i64::MAX, 5), "{mode}");
            let odd = counter_diesel::CounterId::new("\\'\"`", id, "\\").unwrap();
            let claim = counter_diesel::store::Claim { id: odd.clone(), ..adds([id], 5).remove(0) };
            apply(&ledger, &[claim]);
            assert_eq!(ledger.baselines(&[odd.clone(), odd]).unwrap()[1].count, 1, "{mode}");
        }
    }),
    ("a transaction locks no gaps between rows", |world| {
        let (ours, theirs) =
            (ledger_of(&world.database.pool(1)), ledger_of(&world.database.pool(1)));
        apply(&ours, &adds([0, 100], 5));
        let mut transaction = ours.begin(LockWait::Usual).unwrap();
        assert!(transaction.lock_rows(&adds(20..60, 6)).unwrap().is_empty());
        apply(&theirs, &adds([40], 6));
        transaction.upsert(&adds([30], 6)).unwrap();
        transaction.commit().unwrap();
    }),
    ("sessions that open transactions by themselves take writes", |world| {
        let other = world.database.ledger("model_counters");
        for (setting, id) in [("autocommit = 0", 1), ("completion_type = 'CHAIN'", 2)] {
            let ledger = ledger_of(&world.pool_after(1, &format!("SET {setting}")));
            for seq in [5, 6] {
                ledger.baselines(&[views_of(id)]).unwrap();
                apply(&ledger, &adds([id], seq));
            }
            let rows = other.baselines(&[views_of(id)]).unwrap();
            assert_eq!(rows[0].count, 2, "{setting}");
        }
    }),
    ("a migration that was cut short is finished by the next", |world| {
        world.database.execute("DROP TABLE \"model_counters_state\"").unwrap();
        world.database.execute("DELETE FROM \"model_counters_migrations\"").unwrap();
        let ledger = world.database.ledger("model_counters");
        assert_eq!(ledger.run_pending_migrations().unwrap().len(), 4);
        let state = ledger.state(&counter_diesel::store::Prefix::default()).unwrap();
        assert!(!state.database.is_empty());
        world.database.execute("DELETE FROM \"model_counters_migrations\"").unwrap();
        assert_eq!(ledger.run_pending_migrations().unwrap().len(), 4);
        let again = ledger.state(&counter_diesel::store::Prefix::default()).unwrap();
        assert_eq!(again, state);
    }),
    ("a failed migration lets the next in", |world| {
        world.database.execute("CREATE TABLE \"hits\" (\"count\" INTEGER)").unwrap();
        let (one, other) = (world.database.ledger("hits"), world.database.ledger("hits"));
        one.run_pending_migrations().unwrap_err();
        world.database.execute("DROP TABLE \"hits\"").unwrap();
        let started = std::time::Instant::now();
        assert_eq!(other.run_pending_migrations().unwrap().len(), 4);
        assert!(started.elapsed() < std::time::Duration::from_secs(30));
    }),
];

/// A proxy cannot follow a setting that comes from a session variable, and then ties the connection
/// to one server.
pub(crate) fn no_statement_uses_a_variable_of_the_session() {
    let server = MariaDb::new(Durability::Off);
    let world = ServerWorld::<MysqlConnection>::in_server(&server.url("mysql"));
    let mut operator = world.database.connect();
    operator.batch_execute("SET GLOBAL log_output = 'TABLE', GLOBAL general_log = ON").unwrap();
    make_every_call(&world.database.pool(2));
    operator.batch_execute("SET GLOBAL general_log = OFF").unwrap();
    let sent = "SELECT CONVERT(argument USING utf8mb4) FROM mysql.general_log \
                WHERE command_type IN ('Query', 'Prepare', 'Execute')";
    let sent = sql::<Text>(sent).load::<String>(&mut operator).unwrap();
    assert!(sent.iter().any(|sql| sql.contains("lock_wait_timeout = 5")), "{sent:#?}");
    let of_session = |sql: &&String| sql.replace("@@", "").contains('@');
    assert_eq!(sent.iter().filter(of_session).collect::<Vec<_>>(), Vec::<&String>::new());
}

/// Settings are given back by a statement that has to be prepared, which the server is set to
/// refuse.
pub(crate) fn a_connection_that_keeps_the_settings_of_a_transaction_is_thrown_away() {
    let server = MariaDb::new(Durability::Off);
    let world = ServerWorld::<MysqlConnection>::in_server(&server.url("mysql"));
    let pool = world.pool_after(1, "SET lock_wait_timeout = 71");
    let mut operator = world.database.connect();
    let mut allow = |statements: u32| {
        operator
            .batch_execute(&format!("SET GLOBAL max_prepared_stmt_count = {statements}"))
            .unwrap();
    };
    let ledger = ledger_of(&pool);
    let transaction = ledger.begin(LockWait::Usual).unwrap();
    allow(0);
    transaction.commit().unwrap();
    allow(1000);
    assert_eq!(number(&pool, "@@lock_wait_timeout"), 71, "after a commit");
    let transaction = ledger.begin(LockWait::Usual).unwrap();
    allow(0);
    drop(transaction);
    allow(1000);
    assert_eq!(number(&pool, "@@lock_wait_timeout"), 71, "after a rollback");
}

type MysqlPool = Pool<ConnectionManager<MysqlConnection>>;

fn number(pool: &MysqlPool, expression: &str) -> i64 {
    pool.get().unwrap().number(&format!("SELECT CAST({expression} AS SIGNED) AS n"))
}

fn status(pool: &MysqlPool, name: &str) -> i64 {
    let show = format!("SHOW SESSION STATUS LIKE '{name}'");
    let shown = sql_query(show).get_result::<Status>(&mut pool.get().unwrap()).unwrap();
    shown.value.parse().unwrap()
}

#[derive(QueryableByName)]
struct Status {
    #[diesel(sql_type = Text, column_name = "Value")]
    value: String,
}

/// Rows found by a key, and rows found by going through a table, so far.
fn handler_reads(pool: &MysqlPool) -> (i64, i64) {
    (status(pool, "Handler_read_key"), status(pool, "Handler_read_rnd_next"))
}
