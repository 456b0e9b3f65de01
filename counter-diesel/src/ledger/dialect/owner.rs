//! The columns that hold an owner's id. Only here is it known of which kind an id is.

use counter_core::{CounterId, InputKind, Invalid, OwnerId, ToOwnerId};
use diesel::result::{Error, QueryResult};
use diesel::sql_types::{BigInt, Integer, Nullable, SmallInt, SqlType};

/// What the column `owner_id` holds.
pub(crate) type OwnerIdColumn = i64;

/// A SQL type whose values can be owner ids.
#[diagnostic::on_unimplemented(
    message = "a column of the SQL type `{Self}` cannot be the id of a counter's owner",
    label = "not an owner id in a query",
    note = "`SmallInt`, `Integer` and `BigInt` can, on MySQL also `Unsigned<Integer>`, and each of \
         them if it may be null"
)]
pub trait OwnerIdSqlType: sealed::Sealed {}

mod sealed {
    use super::{BigInt, Integer, Nullable, SmallInt, SqlType};

    /// No other crate has a type of owner ids: what they are compared with is the column.
    pub trait Sealed {}

    impl Sealed for SmallInt {}
    impl Sealed for Integer {}
    impl Sealed for BigInt {}
    #[cfg(feature = "mysql")]
    impl Sealed for diesel::sql_types::Unsigned<Integer> {}
    impl<ST: Sealed + SqlType> Sealed for Nullable<ST> {}
}

impl OwnerIdSqlType for SmallInt {}
impl OwnerIdSqlType for Integer {}
impl OwnerIdSqlType for BigInt {}
#[cfg(feature = "mysql")]
impl OwnerIdSqlType for diesel::sql_types::Unsigned<Integer> {}
impl<ST: OwnerIdSqlType + SqlType> OwnerIdSqlType for Nullable<ST> {}

/// Returns the id as the column `owner_id` takes it.
pub(crate) fn column_of(id: &OwnerId) -> Result<OwnerIdColumn, Invalid> {
    id.as_i64().ok_or_else(|| Invalid::Malformed {
        kind: InputKind::OwnerId,
        text: id.to_string(),
        why: "the table holds 64-bit integers only",
    })
}

/// Returns the id as the column `owner_id` takes it.
pub(crate) fn bind_owner(id: &OwnerId) -> QueryResult<OwnerIdColumn> {
    column_of(id).map_err(|invalid| Error::SerializationError(invalid.into()))
}

/// Returns the owner of a counter as the column `owner_id` takes it. The table has no rows of
/// periods.
pub(crate) fn bind_owner_of(counter: &CounterId) -> QueryResult<OwnerIdColumn> {
    match counter.period() {
        None => bind_owner(counter.owner_id()),
        Some(_) => {
            let why = format!("counter {counter} is of a period, which the table does not hold");
            Err(Error::SerializationError(why.into()))
        }
    }
}

/// Returns the id that the column `owner_id` holds.
pub(crate) fn read_owner(owner_id: OwnerIdColumn) -> QueryResult<OwnerId> {
    owner_id.to_owner_id().map_err(|invalid| Error::DeserializationError(invalid.into()))
}
