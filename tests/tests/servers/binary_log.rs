//! MySQL and MariaDB with a binary log, and a replica that repeats it.

use counter_tests::database::{OwnDatabase, ServerConnection as _};
use counter_tests::every_call::make_every_call;
use counter_tests::process::wait_for;
use counter_tests::server_contract::{ServerWorld, adds, apply, ledger_of};
use counter_tests::servers::mariadb::{MariaDb, is_mysql};
use counter_tests::servers::{Durability, Port};
use diesel::connection::SimpleConnection as _;
use diesel::dsl::sql;
use diesel::sql_types::Text;
use diesel::{Connection as _, MysqlConnection, RunQueryDsl as _};

/// Also with applications whose sessions have an isolation that InnoDB refuses where the log has
/// statements.
pub(crate) fn is_repeated_by_a_replica_in_each_format() {
    let port = Port::claim();
    let source = source(&port);
    let replica = MariaDb::with_options(Durability::Off, &["--server-id=2"]);
    let mut operator = MysqlConnection::establish(&source.url("mysql")).unwrap();
    let mut on_replica = MysqlConnection::establish(&replica.url("mysql")).unwrap();
    operator
        .batch_execute("CREATE USER 'replica'; GRANT REPLICATION SLAVE ON *.* TO 'replica'")
        .unwrap();
    on_replica.batch_execute(&follow(&port)).unwrap();

    let worlds = ["STATEMENT", "MIXED", "ROW"].map(|format| {
        operator.batch_execute(&format!("SET GLOBAL binlog_format = {format}")).unwrap();
        let world = ServerWorld::<MysqlConnection>::in_server(&source.url("mysql"));
        write(&world);
        world
    });
    operator.batch_execute("CREATE DATABASE all_is_written").unwrap();
    wait_for("the replica to repeat all", || {
        let schemas = "SELECT COUNT(*) AS n FROM information_schema.schemata \
                       WHERE schema_name = 'all_is_written'";
        (on_replica.number(schemas) == 1).then_some(())
    });
    for world in worlds {
        let rows = rows(&mut operator, &world.database);
        assert!(rows.len() > 50, "{rows:#?}");
        let of_gauge = rows.iter().filter(|row| row.contains("size day ")).count();
        assert_eq!(of_gauge, 2, "its reading and since when it is kept: {rows:#?}");
        assert_eq!(self::rows(&mut on_replica, &world.database), rows);
    }
}

fn source(port: &Port) -> MariaDb {
    let port = format!("--port={}", port.number());
    let network = ["--skip-networking=0", "--bind-address=127.0.0.1", &port];
    let options = [&["--server-id=1", "--log-bin=binlog"], &network[..]].concat();
    MariaDb::with_options(Durability::Off, &options)
}

/// The statements that make a server a replica of the one with this port.
fn follow(port: &Port) -> String {
    let port = port.number();
    if is_mysql() {
        return format!(
            "CHANGE REPLICATION SOURCE TO SOURCE_HOST = '127.0.0.1', SOURCE_PORT = {port}, \
             SOURCE_USER = 'replica', SOURCE_LOG_FILE = 'binlog.000001', SOURCE_LOG_POS = 4; \
             START REPLICA"
        );
    }
    format!(
        "CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = {port}, \
         MASTER_USER = 'replica', MASTER_LOG_FILE = 'binlog.000001', MASTER_LOG_POS = 4; \
         START SLAVE"
    )
}

/// Makes every call and leaves rows.
fn write(world: &ServerWorld<MysqlConnection>) {
    make_every_call(&world.database.pool(2));
    for isolation in ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"] {
        let set = format!("SET SESSION TRANSACTION ISOLATION LEVEL {isolation}");
        let pool = world.pool_after(1, &set);
        apply(&ledger_of(&pool), &adds(0..50, i64::MAX / 2));
        apply(&ledger_of(&pool), &adds(40..90, i64::MAX / 2 + 1));
        let of_session = "/*M! @@tx_isolation */ /*!80001 @@transaction_isolation */";
        let after = sql::<Text>(&format!("SELECT {of_session}"));
        let after = after.get_result::<String>(&mut pool.get().unwrap()).unwrap();
        assert_eq!(after.replace('-', " "), isolation);
    }
}

/// Everything that is in the counters' tables of a database.
fn rows(conn: &mut MysqlConnection, database: &OwnDatabase<MysqlConnection>) -> Vec<String> {
    let tables = [
        (
            "model_counters",
            "id, owner_type, owner_id, owner_key, `key`, count, claim_seq, created_at, updated_at",
        ),
        (
            "model_counters_periods",
            "owner_type, owner_id, owner_key, `key`, grain, starts_at, count, claim_seq, updated_at",
        ),
        (
            "model_counters_kept",
            "owner_type, `key`, grain, since, rolled_from, rolled_until, kept_until, noted_at",
        ),
        ("model_counters_state", "prefix, store_id, writer, claim_seq, synced_at, marks"),
        ("model_counters_migrations", "name, run_at"),
    ];
    let mut rows = Vec::new();
    for (table, columns) in tables {
        let name = database.name();
        let select = format!("SELECT CONCAT_WS(' ', {columns}) FROM {name}.{table} ORDER BY 1");
        rows.extend(sql::<Text>(&select).load::<String>(conn).unwrap());
    }
    rows
}
