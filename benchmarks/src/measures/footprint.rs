use diesel::dsl::sql;
use diesel::sql_types::BigInt;
use diesel::{Connection, PgConnection, RunQueryDsl};

use crate::bench::Bench;
use crate::stage::{Rows, Stage};
use crate::table::Row;

/// Measures the bytes of a pending counter in Redis, and of a synced one in PostgreSQL's log.
pub fn of_a_counter(bench: &Bench) -> Vec<Row> {
    let url = bench.postgres().url("postgres");
    let mut stage = Stage::<PgConnection>::new(bench, &url);
    let counters = bench.of(100_000, 10_000);
    let each = |bytes: i64| format!("{:.0} bytes", bytes as f64 / counters as f64);

    let before = used_memory(&mut stage.redis);
    stage.count(counters);
    let memory = used_memory(&mut stage.redis) - before;
    stage.lay_rows(Rows::New, counters);
    let wal = |stage: &mut Stage<_>| {
        let before = number(&url, "SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint");
        stage.sync(counters);
        number(&url, "SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint") - before
    };
    let new = wal(&mut stage);
    stage.lay_rows(Rows::Present, counters);
    let hot_before = number(&url, HOT_UPDATES);
    stage.count(counters);
    let present = wal(&mut stage);
    // A session reports when it ends.
    drop(stage);
    let hot = counter_tests::process::wait_for("PostgreSQL's statistics", || {
        let hot = number(&url, HOT_UPDATES) - hot_before;
        (number(&url, UPDATES) >= counters).then_some(hot)
    });
    let share = format!("{:.0} %", hot as f64 / counters as f64 * 100.0);
    vec![
        Row::fact("Redis memory for each counter that waits", each(memory), String::new()),
        Row::fact("WAL for each counter synced, row new", each(new), String::new()),
        Row::fact("WAL for each counter synced, row present", each(present), String::new()),
        Row::fact("HOT updates of rows present", share, String::new()),
    ]
}

const UPDATES: &str = "SELECT n_tup_upd FROM pg_stat_user_tables WHERE relname = 'model_counters'";
const HOT_UPDATES: &str =
    "SELECT n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'model_counters'";

fn number(url: &str, query: &str) -> i64 {
    let mut conn = PgConnection::establish(url).unwrap();
    sql::<BigInt>(query).get_result(&mut conn).unwrap()
}

fn used_memory(redis: &mut redis::Connection) -> i64 {
    let info: String = redis::cmd("INFO").arg("memory").query(redis).unwrap();
    let line = info.lines().find_map(|line| line.strip_prefix("used_memory:")).unwrap();
    line.parse().unwrap()
}
