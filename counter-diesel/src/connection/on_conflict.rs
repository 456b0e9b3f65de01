//! What PostgreSQL and SQLite do where there is a row already.

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

/// A prefix that has a state row: it is replaced.
pub(super) fn replace_state(now: &str) -> String {
    format!(
        " ON CONFLICT (\"prefix\") DO UPDATE SET \"store_id\" = excluded.\"store_id\", \
         \"claim_seq\" = excluded.\"claim_seq\", \"synced_at\" = {now}"
    )
}
