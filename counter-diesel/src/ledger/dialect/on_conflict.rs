//! Upserts of PostgreSQL and SQLite.

use super::sql::standard;
use super::tables::Tables;

/// A counter that has a row: the claim is applied to it under the guard. `key` are the columns by
/// which the table knows a counter.
pub(super) fn apply(key: &str, is_add: bool, now: &str) -> String {
    let count =
        if is_add { "\"row\".\"count\" + excluded.\"count\"" } else { "excluded.\"count\"" };
    format!(
        " ON CONFLICT ({key}) \
         DO UPDATE SET \"count\" = {count}, \
         \"claim_seq\" = excluded.\"claim_seq\", \"updated_at\" = {now} \
         WHERE \"row\".\"claim_seq\" < excluded.\"claim_seq\""
    )
}

/// A state row that is there already: of two passes over one store, the one that ends later may
/// know the older sequence. `greatest` is the database's function for the larger of two numbers.
pub(super) fn replace_state(tables: &Tables, greatest: &str) -> String {
    let row = tables.state().quoted_name();
    let keeps = standard::keeps_marks(&row, "excluded.\"marks\"");
    format!(
        " ON CONFLICT (\"prefix\", \"store_id\", \"writer\") DO UPDATE SET \"claim_seq\" = \
         {greatest}({row}.\"claim_seq\", excluded.\"claim_seq\"), \
         \"synced_at\" = excluded.\"synced_at\", \"marks\" = \
         CASE WHEN {keeps} THEN {row}.\"marks\" ELSE excluded.\"marks\" END"
    )
}
