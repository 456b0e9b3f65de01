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

    /// Returns the rows of a key, or all of them, in order, each with when its roll-up was noted.
    fn kept(
        &mut self,
        tables: &Tables,
        of: Option<(&OwnerType, &CounterKey)>,
    ) -> QueryResult<Vec<(KeptColumns, Option<NaiveDateTime>)>>;

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

    /// Changes the time since when buckets are kept in existing rows. Returns how many rows were
    /// found.
    fn update_kept(
        &mut self,
        tables: &Tables,
        row: &KeptColumns,
        which: Which,
    ) -> QueryResult<usize>;

    /// Moves until when buckets are rolled up in an existing row that says an earlier time, and
    /// notes when this was. Returns how many rows were found.
    fn roll_kept(&mut self, tables: &Tables, row: &KeptColumns) -> QueryResult<usize>;

    /// Moves until when buckets stay in an existing row that says an earlier time. Returns how many
    /// rows were found.
    fn hold_kept(&mut self, tables: &Tables, row: &KeptColumns) -> QueryResult<usize>;

    /// Marks an existing row's key as that of a gauge. Returns how many rows were found.
    fn mark_gauge(&mut self, tables: &Tables, row: &KeptColumns) -> QueryResult<usize>;
}

/// Written in place of the grain that is rolled up, if the key is that of a gauge.
pub(crate) const GAUGE: &str = "gauge";

/// Which rows of a grain of a key are changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// That with the same roll-up.
    Any,
    /// That, if it says an earlier time.
    Earlier,
    /// Those of all roll-ups.
    RolledUp,
}

/// A row of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptColumns {
    /// The type of the owners.
    pub(crate) owner_type: String,
    /// The counter's key.
    pub(crate) key: String,
    /// The grain of the buckets.
    pub(crate) grain: String,
    /// The start of the first period that is kept.
    pub(crate) since: Option<NaiveDateTime>,
    /// The grain that is rolled up into this one, or [`GAUGE`].
    pub(crate) rolled_from: String,
    /// See [`Kept::rolled_until`](crate::ledger::kept::Kept::rolled_until).
    pub(crate) rolled_until: Option<NaiveDateTime>,
    /// The start before which later ones stay.
    pub(crate) kept_until: Option<NaiveDateTime>,
}
