use std::ops::Range;

use counter_diesel::sqlite_pool;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::r2d2::{ConnectionManager, Pool};
use diesel::result::QueryResult;
use diesel::sqlite::Sqlite;
use diesel::{RunQueryDsl, SqliteConnection};

use super::bare_connection::BareConnection;
use super::rows::{Batch, push_values};

/// The number of rows that one statement of a sync writes.
const ROWS: usize = 100;

impl BareConnection for SqliteConnection {
    const EMPTY: &'static str = "DELETE FROM model_counters; DELETE FROM model_counters_periods";
    const SETTLE: &'static str = "PRAGMA wal_checkpoint(TRUNCATE)";

    fn pool(url: &str) -> Pool<ConnectionManager<Self>> {
        sqlite_pool(url, 4).unwrap()
    }

    fn write(&mut self, batch: &Batch) -> usize {
        batch.pieces(ROWS).map(|rows| Upsert { batch, rows }.execute(self).unwrap()).sum()
    }
}

struct Upsert<'a> {
    batch: &'a Batch,
    rows: Range<usize>,
}

impl QueryFragment<Sqlite> for Upsert<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql(
            "INSERT INTO `model_counters` AS `row` \
             (`owner_type`, `owner_id`, `owner_key`, `key`, `count`, `claim_seq`) VALUES ",
        );
        push_values(&mut out, self.batch, self.rows.clone())?;
        out.push_sql(
            " ON CONFLICT (`owner_type`, `owner_id`, `owner_key`, `key`) DO UPDATE SET \
             `count` = `row`.`count` + excluded.`count`, \
             `claim_seq` = excluded.`claim_seq`, `updated_at` = CURRENT_TIMESTAMP \
             WHERE `row`.`claim_seq` < excluded.`claim_seq`",
        );
        Ok(())
    }
}

impl QueryId for Upsert<'_> {
    type QueryId = Upsert<'static>;

    const HAS_STATIC_QUERY_ID: bool = true;
}

impl RunQueryDsl<SqliteConnection> for Upsert<'_> {}
