//! What PostgreSQL and SQLite do where there is a row already.

use super::tables::Tables;

/// A counter that has a row: the claim is applied to it under the guard.
pub(super) fn apply(is_add: bool, now: &str) -> String {
    let count =
        if is_add { "\"row\".\"count\" + excluded.\"count\"" } else { "excluded.\"count\"" };
    format!(
        " ON CONFLICT (\"owner_type\", \"owner_id\", \"key\") DO UPDATE SET \"count\" = {count}, \
         \"claim_seq\" = excluded.\"claim_seq\", \"updated_at\" = {now} \
         WHERE \"row\".\"claim_seq\" < excluded.\"claim_seq\""
    )
}

/// A prefix that has a state row: it is replaced, but that of two passes over one store the one
/// that ends later may know the older sequence. `greatest` is the database's function for the
/// larger of two numbers.
pub(super) fn replace_state(tables: &Tables, now: &str, greatest: &str) -> String {
    let row = tables.state().quoted_name();
    format!(
        " ON CONFLICT (\"prefix\") DO UPDATE SET \"claim_seq\" = \
         CASE WHEN {row}.\"store_id\" = excluded.\"store_id\" \
         THEN {greatest}({row}.\"claim_seq\", excluded.\"claim_seq\") \
         ELSE excluded.\"claim_seq\" END, \
         \"store_id\" = excluded.\"store_id\", \"synced_at\" = {now}"
    )
}
