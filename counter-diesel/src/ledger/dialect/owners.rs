//! What is asked of the rows of all owners of a type.

use std::time::Duration;

use counter_core::{Baseline, OwnerId, OwnerType, TableName};
use diesel::result::QueryResult;

use super::tables::Tables;

/// What databases answer about the owners of a type. It belongs to [`Dialect`], which builds on it.
///
/// [`Dialect`]: super::dialect::Dialect
pub trait OwnersDialect {
    /// The type as which a value of any column is a text.
    const TEXT: &'static str = "TEXT";

    /// Whether an application keeps UUIDs as bytes, because the database has no type for them.
    const HAS_UUID_BYTES: bool = true;

    /// Returns at most so many rows of a type, in the order of owner and key: those after this key
    /// of this owner.
    fn rows_after(
        &mut self,
        tables: &Tables,
        owner_type: &OwnerType,
        after: Option<(&OwnerId, &str)>,
        limit: i64,
    ) -> QueryResult<Vec<FoundRow>>;

    /// Returns at most so many owners of a type that have rows, in order: those after this one.
    fn owners_after(
        &mut self,
        tables: &Tables,
        owner_type: &OwnerType,
        after: Option<&OwnerId>,
        limit: i64,
    ) -> QueryResult<Vec<FoundOwner>>;

    /// Returns those of these ids that are in a column of a table of the application's, as texts.
    fn present_owners(
        &mut self,
        table: &TableName,
        column: &str,
        ids: &[OwnerId],
    ) -> QueryResult<Vec<String>>;
}

/// A row, and whose it is.
#[derive(Debug)]
pub struct FoundRow {
    pub(crate) owner: OwnerId,
    pub(crate) key: String,
    pub(crate) row: Baseline,
}

/// An owner that has rows.
#[derive(Debug)]
pub struct FoundOwner {
    pub(crate) owner: OwnerId,
    pub(crate) rows: u64,
    /// How long ago the last of them was changed, by the database's clock.
    pub(crate) idle: Duration,
}
