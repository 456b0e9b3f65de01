//! The machine and the servers on which the numbers were measured.

use std::fs;

use diesel::connection::LoadConnection;
use diesel::dsl::sql;
use diesel::sql_types::Text;
use diesel::{Connection, MysqlConnection, PgConnection, RunQueryDsl, SqliteConnection};

use crate::bench::Bench;
use crate::cores::CORES;

/// Returns the average number of runnable threads over the last minute. Above the number of cores,
/// other programs were waiting too.
pub fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap();
    load.split(' ').next().unwrap().to_owned()
}

/// Returns all of it as a list in Markdown. `load_before` is the load before the first measure.
pub fn in_markdown(bench: &Bench, load_before: &str) -> String {
    let (cores, model) = (CORES.len(), value_in("/proc/cpuinfo", "model name"));
    let memory = value_in("/proc/meminfo", "MemTotal");
    let pinned = if cores > 1 { "client on the first, servers on the others" } else { "shared" };
    let redis = bench.redis();
    let info: String = redis::cmd("INFO").arg("server").query(&mut redis.bare()).unwrap();
    let redis = info.lines().find_map(|line| line.strip_prefix("redis_version:")).unwrap();
    let postgres = PgConnection::establish(&bench.postgres().url("postgres")).unwrap();
    let postgres = text(postgres, "SELECT current_setting('server_version')");
    let mariadb = MysqlConnection::establish(&bench.mariadb().url("mysql")).unwrap();
    let mariadb = text(mariadb, "SELECT VERSION()");
    let sqlite = text(SqliteConnection::establish(":memory:").unwrap(), "SELECT sqlite_version()");
    let effort = bench.of("full", "`--quick`, which says nothing about speed");
    format!(
        "- {cores} cores ({model}): {pinned}. Memory: {memory}. Effort: {effort}.\n\
         - Load, over the last minute: {load_before} before the first measure, {} after the last; in the table after \
         each measure. The program itself makes 1 to 2 of it.\n\
         - Redis {redis} on TCP, nothing kept on disk.\n\
         - PostgreSQL {postgres} on a Unix socket: fsync on, synchronous_commit on, shared_buffers 64 MB, autovacuum off.\n\
         - MariaDB {mariadb} on a Unix socket: innodb_flush_log_at_trx_commit 1, no binary log, buffer pool 64 MB, \
         log 32 MB.\n\
         - SQLite {sqlite} in a file: WAL, synchronous FULL.",
        load()
    )
}

fn text<C>(mut conn: C, query: &str) -> String
where
    C: LoadConnection,
    diesel::expression::SqlLiteral<Text>:
        for<'a> diesel::query_dsl::methods::LoadQuery<'a, C, String>,
{
    sql::<Text>(query).get_result(&mut conn).unwrap()
}

fn value_in(file: &str, name: &str) -> String {
    let text = fs::read_to_string(file).unwrap();
    let line = text.lines().find(|line| line.starts_with(name));
    line.and_then(|line| line.split_once(':'))
        .map_or("unknown", |(_, value)| value.trim())
        .to_owned()
}
