//! Reading and locking the rows of many counters by one statement.

use counter_core::{Baseline, CounterId};
use diesel::MysqlConnection;
use diesel::RunQueryDsl;
use diesel::result::QueryResult;
use diesel::sql_types::BigInt;

use crate::ledger::dialect::period::are_buckets;
use crate::ledger::dialect::sql::standard;
use crate::ledger::dialect::sql::statement::Statement;
use crate::ledger::dialect::tables::Tables;
use crate::ledger::dialect::values;

/// Locks the rows that a `SELECT` finds: in the counters' table alone, and in a join of that table,
/// `c`, with a list. MySQL refuses to lock a list, so the table is named; MariaDB has no syntax for
/// that.
pub(super) const LOCK_ROWS: [&str; 2] =
    [" LOCK IN SHARE MODE", " /*M! LOCK IN SHARE MODE */ /*!80001 FOR SHARE OF `c` */"];

/// Bytes of the names of counters whose rows one statement reads. They are one parameter, which
/// must be smaller than the server's `max_allowed_packet`, 1 MiB at the least.
const READ_BYTES: usize = 900_000;

/// Makes a `FOR UPDATE` of one table pass over the rows that others have locked, where the server
/// can. Older ones wait.
pub(super) const SKIP_LOCKED_ROW: &str = " /*M!100600 SKIP LOCKED */ /*!80001 SKIP LOCKED */";

/// Locks the rows that a join of the counters' table, `c`, finds, less those that others have
/// locked.
pub(super) const SKIP_LOCKED: &str =
    " /*M! FOR UPDATE SKIP LOCKED */ /*!80001 FOR UPDATE OF `c` SKIP LOCKED */";

pub(super) fn read(
    conn: &mut MysqlConnection,
    tables: &Tables,
    ids: &[CounterId],
    [lock_one, lock_many]: [&'static str; 2],
) -> QueryResult<Vec<Option<Baseline>>> {
    Ok(match ids {
        [] => Vec::new(),
        [id] => standard::only(standard::one_baseline(tables, id)?.sql(lock_one).load(conn)?),
        ids => {
            let mut rows = Vec::with_capacity(ids.len());
            for ids in pieces(ids) {
                let found = many_baselines(tables, ids)?.sql(lock_many).load(conn)?;
                rows.extend(standard::in_order(ids.len(), found));
            }
            rows
        }
    })
}

/// The counters that one statement after the other reads.
pub(super) fn pieces(ids: &[CounterId]) -> impl Iterator<Item = &[CounterId]> {
    let mut bytes = 0;
    ids.chunk_by(move |id, _| {
        // JSON writes a control character in six bytes, and quotes, commas and a number.
        let owner_key = id.owner_id().as_text().unwrap_or_default();
        bytes += 6 * (id.owner_type().len() + owner_key.len() + id.key().len()) + 43;
        bytes += if id.period().is_some() { 33 } else { 0 };
        let is_full = bytes > READ_BYTES;
        if is_full {
            bytes = 0;
        }
        !is_full
    })
}

/// One parameter however many counters: the text never varies. The database is made to look up each
/// counter in the unique index: by its own lights it reads all of a table that was small a moment
/// ago, once for each counter. It can do so because the collations are those of the table.
pub(super) fn many_baselines(
    tables: &Tables,
    ids: &[CounterId],
) -> QueryResult<Statement<'static, (BigInt, BigInt, BigInt)>> {
    many("w.\"number\" - 1, c.\"count\", c.\"claim_seq\"", tables, ids)
}

/// The rows of these counters that no other transaction has locked, which this locks: the place of
/// the counter, and the row's id, count and sequence.
pub(super) fn free_rows(
    tables: &Tables,
    ids: &[CounterId],
) -> QueryResult<Statement<'static, (BigInt, BigInt, BigInt, BigInt)>> {
    let columns = "w.\"number\" - 1, c.\"id\", c.\"count\", c.\"claim_seq\"";
    Ok(many(columns, tables, ids)?.sql(SKIP_LOCKED))
}

fn many<Row>(
    columns: &str,
    tables: &Tables,
    ids: &[CounterId],
) -> QueryResult<Statement<'static, Row>> {
    let bytes = "CHARACTER SET utf8mb4 /*M! COLLATE utf8mb4_nopad_bin */ \
                 /*!80017 COLLATE utf8mb4_0900_bin */";
    let (more_columns, index, of_period) = if are_buckets(ids)? {
        let columns = format!(
            ", \"grain\" VARCHAR(10) {bytes} PATH '$[4]', \"starts_at\" DATETIME PATH '$[5]'"
        );
        let of_period = " AND c.\"grain\" = w.\"grain\" AND c.\"starts_at\" = w.\"starts_at\"";
        (columns, "PRIMARY", of_period)
    } else {
        (String::new(), "counter", "")
    };
    let select = format!("SELECT {columns} FROM JSON_TABLE(");
    Ok(Statement::new(select).text(values::json(ids)?).sql(format!(
        ", '$[*]' COLUMNS (\"number\" FOR ORDINALITY, \
             \"owner_type\" VARCHAR(255) {bytes} PATH '$[0]', \
             \"owner_id\" BIGINT PATH '$[1]', \
             \"owner_key\" VARCHAR(255) {bytes} PATH '$[2]', \
             \"key\" VARCHAR(100) {bytes} PATH '$[3]'{more_columns})) AS w \
             STRAIGHT_JOIN {} AS c FORCE INDEX (\"{index}\") \
             ON c.\"owner_type\" = w.\"owner_type\" \
             AND c.\"owner_id\" = w.\"owner_id\" \
             AND c.\"owner_key\" = w.\"owner_key\" AND c.\"key\" = w.\"key\"{of_period}",
        tables.of(ids.first()).quoted()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_piece_is_longer_as_json_than_the_server_takes() {
        let total = |n: i64| CounterId::new("\u{1}", i64::MIN + n, "\u{1}").unwrap();
        let quarter = "quarter:2026-Q4".parse().unwrap();
        for ids in [
            (0..30_000).map(total).collect::<Vec<_>>(),
            (0..30_000).map(|n| total(n).within(quarter).unwrap()).collect(),
        ] {
            let sizes = pieces(&ids).map(|ids| values::json(ids).unwrap().len());
            let sizes = sizes.collect::<Vec<_>>();
            assert!(sizes.len() > 1 && sizes.iter().all(|size| *size <= READ_BYTES), "{sizes:?}");
        }
    }
}
