//! Statements that take counts out of buckets.

use counter_core::{Baseline, CounterId};
use diesel::result::QueryResult;

use super::tables::Tables;

/// Statements about single buckets, outside of the protocol of claims: none of them changes a
/// sequence. Part of [`Dialect`], which builds on it.
///
/// [`Dialect`]: super::dialect::Dialect
pub trait MovesDialect {
    /// Sets the count of a bucket to 0, if its row is unchanged. Returns the number of changed
    /// rows.
    fn clear_bucket(
        &mut self,
        tables: &Tables,
        id: &CounterId,
        row: Baseline,
    ) -> QueryResult<usize>;

    /// Adds to the row of a bucket. Returns the number of changed rows.
    fn add_to_bucket(&mut self, tables: &Tables, id: &CounterId, by: i64) -> QueryResult<usize>;

    /// Makes a row of 0 for a bucket, unless it has one.
    fn make_bucket(&mut self, tables: &Tables, id: &CounterId) -> QueryResult<usize>;
}
