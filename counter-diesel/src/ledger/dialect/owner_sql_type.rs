//! The SQL types whose values can be owner ids.

use diesel::sql_types::{BigInt, Integer, Nullable, SmallInt, SqlType};

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
