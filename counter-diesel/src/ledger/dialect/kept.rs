//! Statements about since when buckets are kept.

use chrono::NaiveDateTime;
use counter_core::{CounterKey, OwnerType};
use diesel::result::QueryResult;

use super::moves::MovesDialect;
use super::tables::Tables;

/// Statements about the table that says since when buckets are kept. Part of [`Dialect`], which
/// builds on it.
///
/// [`Dialect`]: super::dialect::Dialect
pub trait KeptDialect: MovesDialect {
    /// The end of an `INSERT` that leaves an existing row unchanged.
    const IF_ABSENT: &'static str = " ON CONFLICT DO NOTHING";

    /// Returns the database's time, UTC.
    fn now(&mut self) -> QueryResult<NaiveDateTime>;

    /// Returns the rows of a key, or all of them, in order.
    fn kept(
        &mut self,
        tables: &Tables,
        of: Option<(&OwnerType, &CounterKey)>,
    ) -> QueryResult<Vec<KeptColumns>>;

    /// Returns whether a row of the totals of this key was made before this time.
    fn has_older_total(
        &mut self,
        tables: &Tables,
        owner_type: &OwnerType,
        key: &CounterKey,
        than: NaiveDateTime,
    ) -> QueryResult<bool>;

    /// Makes a row, unless there is one. Returns how many rows the database says that it made.
    fn insert_kept(&mut self, tables: &Tables, row: &KeptColumns) -> QueryResult<usize>;

    /// Changes the time since when buckets are kept in an existing row: in any case, or only to a
    /// later one. Returns how many rows were found.
    fn update_kept(
        &mut self,
        tables: &Tables,
        row: &KeptColumns,
        only_forward: bool,
    ) -> QueryResult<usize>;

    /// Marks an existing row's key as that of a gauge, unless it is rolled up.
    fn mark_gauge(&mut self, tables: &Tables, row: &KeptColumns) -> QueryResult<usize>;
}

/// Written in place of the grain that is rolled up, if the key is that of a gauge.
pub(crate) const GAUGE: &str = "gauge";

/// A row of the table: the type of the owners, the key, the grain, since when, and the grain that
/// is rolled up into this one, or [`GAUGE`].
pub(crate) type KeptColumns = (String, String, String, Option<NaiveDateTime>, String);
