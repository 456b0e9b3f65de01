//! Statements about the rows of all owners of a type.

use std::time::Duration;

use chrono::NaiveDateTime;
use counter_core::{Baseline, ClaimSeq, CounterId, Grain, OwnerId, OwnerType, TableName};
use diesel::result::{Error, QueryResult};

use super::tables::{Table, Tables};

/// Questions about the owners of a type. It belongs to [`Dialect`], which builds on it.
///
/// [`Dialect`]: super::dialect::Dialect
pub trait OwnersDialect {
    /// The SQL for the values of a column of the application's.
    const COLUMN_SQL: ColumnSql;

    /// Returns at most so many rows of a type, in the order of owner and key: those after this key
    /// of this owner.
    fn rows_after(
        &mut self,
        tables: &Tables,
        owner_type: &OwnerType,
        after: Option<(&OwnerId, &str)>,
        limit: i64,
    ) -> QueryResult<Vec<FoundRow>>;

    /// Returns at most so many rows of buckets of a type, in the order of owner, key, grain and
    /// start: those after this place.
    fn buckets_after(
        &mut self,
        tables: &Tables,
        owner_type: &OwnerType,
        after: Option<BucketPlace<'_>>,
        limit: i64,
    ) -> QueryResult<Vec<FoundRow>>;

    /// Returns the first type in the rows of buckets, in the order of bytes: after this one.
    fn bucket_type_after(
        &mut self,
        tables: &Tables,
        after: Option<&str>,
    ) -> QueryResult<Option<String>>;

    /// Returns the start of the newest row of a counter's buckets of this grain that does not start
    /// later than this.
    fn newest_bucket(
        &mut self,
        tables: &Tables,
        total: &CounterId,
        grain: Grain,
        until: NaiveDateTime,
    ) -> QueryResult<Option<NaiveDateTime>>;

    /// Returns at most so many owners of a type that have rows in a table, in order: those after
    /// this one.
    fn owners_after(
        &mut self,
        table: &Table,
        owner_type: &OwnerType,
        after: Option<&OwnerId>,
        limit: i64,
    ) -> QueryResult<Vec<FoundOwner>>;

    /// Deletes those of these rows whose count is 0 and whose sequence is still the one given, less
    /// those that other transactions have locked. Returns how many.
    fn delete_zeros(
        &mut self,
        tables: &Tables,
        rows: &[(CounterId, ClaimSeq)],
    ) -> QueryResult<usize>;

    /// Deletes the row of a bucket if its count is 0 and its sequence is this one. Returns how many
    /// rows it deleted.
    fn delete_zero_bucket(
        &mut self,
        tables: &Tables,
        id: &CounterId,
        seq: ClaimSeq,
    ) -> QueryResult<usize>;

    /// Returns whether a table was refused to a user from whom the database hides that it is there.
    fn is_hidden(_error: &Error) -> bool {
        false
    }

    /// Returns what a column of a table of the application's holds. Of one that is not there
    /// nothing is known.
    fn kind_of(&mut self, table: &TableName, column: &str) -> QueryResult<ColumnKind>;

    /// Returns those of these ids that are in a column of a table of the application's.
    fn present_owners(
        &mut self,
        table: &TableName,
        column: &str,
        ids: &[OwnerId],
    ) -> QueryResult<Vec<OwnerId>>;
}

/// The kind of a column of the application's table, as far as it matters for looking up ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// Numbers.
    Numbers,
    /// Texts.
    Texts,
    /// Texts that are filled up with blanks.
    PaddedTexts,
    /// The database's own type for UUIDs.
    Uuids,
    /// Bytes, which cannot be compared with a text.
    Bytes,
    /// Bytes, which may be those of a text.
    BytesOrTexts,
    /// Whatever each row has there.
    Anything,
    /// Something else, or nothing is known of it.
    Other,
}

/// The SQL for the values of a column of the application's.
#[derive(Debug, Clone, Copy)]
pub struct ColumnSql {
    /// The type as which a value of any column is a text.
    pub(crate) text: &'static str,
    /// The type as which a number is an integer.
    pub(crate) integer: &'static str,
    /// The type of texts that are filled up with blanks, if a text has to be cast to it.
    pub(crate) padded: Option<&'static str>,
    /// The type of UUIDs, if a text has to be cast to it.
    pub(crate) uuid: Option<&'static str>,
    /// The digits of bytes in capitals, with the column in the place of `{}`.
    pub(crate) hex: &'static str,
}

/// A place among the rows of buckets of a type.
#[derive(Debug, Clone, Copy)]
pub struct BucketPlace<'a> {
    pub(crate) owner: &'a OwnerId,
    pub(crate) key: &'a str,
    /// The grain and the start of the row. `None` for the place after all of the key.
    pub(crate) period: Option<(&'a str, NaiveDateTime)>,
}

/// A row, and whose it is.
#[derive(Debug)]
pub struct FoundRow {
    pub(crate) owner: OwnerId,
    pub(crate) key: String,
    /// The grain and the start, of a bucket.
    pub(crate) period: Option<(String, NaiveDateTime)>,
    pub(crate) row: Baseline,
    /// How long ago it was changed, by the database's clock.
    pub(crate) idle: Duration,
}

/// An owner that has rows.
#[derive(Debug)]
pub struct FoundOwner {
    pub(crate) owner: OwnerId,
    pub(crate) rows: u64,
    /// How long ago the last of them was changed, by the database's clock.
    pub(crate) idle: Duration,
}
