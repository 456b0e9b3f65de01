//! The owners whose counters are the highest in the table.

use counter_core::{CounterKey, OwnerType};
use diesel::sql_types::{BigInt, Text};

use super::statement::Statement;
use crate::ledger::dialect::period::BucketRange;
use crate::ledger::dialect::tables::Tables;

/// The owners whose counts in the table of totals are the highest.
pub(crate) fn top<'a>(
    tables: &Tables,
    owner_type: &'a OwnerType,
    key: &'a CounterKey,
    limit: i64,
) -> Statement<'a, (BigInt, Text)> {
    let from = tables.totals().quoted();
    let select = format!("SELECT \"owner_id\", \"owner_key\" FROM {from}");
    Statement::new(select)
        .sql(" WHERE \"owner_type\" = ")
        .text(owner_type.as_str())
        .sql(" AND \"key\" = ")
        .text(key.as_str())
        // Integers before texts, because the empty text is the first. An index can have this order.
        .sql(" ORDER BY \"count\" DESC, \"owner_key\", \"owner_id\" LIMIT ")
        .big_int(limit)
}

/// The owners whose buckets in these ranges add up to the most.
pub(crate) fn top_in<'a>(
    tables: &Tables,
    owner_type: &'a OwnerType,
    key: &'a CounterKey,
    ranges: &[BucketRange],
    limit: i64,
) -> Statement<'a, (BigInt, Text)> {
    let from = tables.periods().quoted();
    let select = format!("SELECT \"owner_id\", \"owner_key\" FROM {from}");
    let mut buckets = Statement::new(select)
        .sql(" WHERE \"owner_type\" = ")
        .text(owner_type.as_str())
        .sql(" AND \"key\" = ")
        .text(key.as_str());
    for (place, BucketRange { first, last }) in ranges.iter().enumerate() {
        buckets = buckets
            .sql(if place == 0 { " AND (" } else { " OR " })
            .sql("\"grain\" = ")
            .text(first.grain().as_str())
            .sql(" AND \"starts_at\" >= ")
            .date_time(first.start())
            .sql(" AND \"starts_at\" <= ")
            .date_time(last.start());
    }
    buckets
        .sql(") GROUP BY \"owner_id\", \"owner_key\" ORDER BY SUM(\"count\") DESC,")
        .sql(" \"owner_key\", \"owner_id\" LIMIT ")
        .big_int(limit)
}
