use std::ops::Range;

use counter_diesel::mysql_pool;
use diesel::mysql::Mysql;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::r2d2::{ConnectionManager, Pool};
use diesel::result::QueryResult;
use diesel::{MysqlConnection, RunQueryDsl};

use super::bare_connection::BareConnection;
use super::rows::{Batch, push_values};

/// The number of rows that one statement of a sync writes.
const ROWS: usize = 500;

impl BareConnection for MysqlConnection {
    const EMPTY: &'static str = "TRUNCATE model_counters; TRUNCATE model_counters_periods";
    const SETTLE: &'static str = "FLUSH TABLES";

    fn pool(url: &str) -> Pool<ConnectionManager<Self>> {
        mysql_pool(url, 4).unwrap()
    }

    fn write(&mut self, batch: &Batch) -> usize {
        batch.pieces(ROWS).map(|rows| Upsert { batch, rows }.execute(self).unwrap()).sum()
    }
}

struct Upsert<'a> {
    batch: &'a Batch,
    rows: Range<usize>,
}

impl QueryFragment<Mysql> for Upsert<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Mysql>) -> QueryResult<()> {
        out.push_sql(
            "INSERT INTO `model_counters` \
             (`owner_type`, `owner_id`, `owner_key`, `key`, `count`, `claim_seq`) VALUES ",
        );
        push_values(&mut out, self.batch, self.rows.clone())?;
        let new_count = "/*M! VALUES(`count`) */ /*!80019 `counter_new`.`count` */";
        let new_seq = "/*M! VALUES(`claim_seq`) */ /*!80019 `counter_new`.`claim_seq` */";
        let guard = format!("`model_counters`.`claim_seq` < {new_seq}");
        out.push_sql(&format!(
            " /*!80019 AS `counter_new` */ ON DUPLICATE KEY UPDATE \
             `count` = `model_counters`.`count` + IF({guard}, {new_count}, 0), \
             `updated_at` = IF({guard}, UTC_TIMESTAMP(6), `model_counters`.`updated_at`), \
             `claim_seq` = GREATEST(`model_counters`.`claim_seq`, {new_seq})"
        ));
        Ok(())
    }
}

impl QueryId for Upsert<'_> {
    type QueryId = Upsert<'static>;

    const HAS_STATIC_QUERY_ID: bool = true;
}

impl RunQueryDsl<MysqlConnection> for Upsert<'_> {}
