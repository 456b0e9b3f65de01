//! The SQL types of owner ids, and how each is compared with the columns of the table.

use diesel::backend::Backend;
use diesel::query_builder::{AstPass, QueryFragment};
use diesel::result::QueryResult;
#[cfg(feature = "mysql")]
use diesel::sql_types::Unsigned;
use diesel::sql_types::{BigInt, Binary, Integer, Nullable, SmallInt, SqlType, Text};

use self::sealed::Sealed;
use crate::ledger::dialect::sql::statement::push_quoting;

/// A SQL type whose values can be owner ids.
#[diagnostic::on_unimplemented(
    message = "a column of the SQL type `{Self}` cannot be the id of a counter's owner",
    label = "not an owner id in a query",
    note = "`SmallInt`, `Integer`, `BigInt` and `Text` can, on PostgreSQL also `Uuid`, on MySQL \
         also `TinyInt` and unsigned integers, on MySQL and SQLite also `Binary`; and each of them \
         if it may be null"
)]
pub trait OwnerIdSqlType: Sealed {}

/// A SQL type in which a query can compare an id with the owner's of the model `M`.
///
/// That is every [`OwnerIdSqlType`] but `Binary`, of which the model has to say what it is: see the
/// option `id = uuid` of `#[derive(HasCounters)]`.
#[diagnostic::on_unimplemented(
    message = "a column of the SQL type `{Self}` cannot be the id of a counter's owner",
    label = "not an owner id in a query",
    note = "`SmallInt`, `Integer`, `BigInt` and `Text` can, on PostgreSQL also `Uuid`, on MySQL \
         also `TinyInt` and unsigned integers, on MySQL and SQLite also `Binary`; and each of them \
         if it may be null"
)]
pub trait OwnerIdSqlTypeOf<M: ?Sized>: OwnerIdSqlType {}

/// A model whose column of ids is `Binary` and holds UUIDs, the most significant byte first.
/// `#[derive(HasCounters)]` implements it for a struct with `#[counters(id = uuid)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say what its binary ids are",
    label = "binary ids of an unknown kind",
    note = "if they are UUIDs of 16 bytes, the most significant first, add \
         `#[counters(id = uuid)]` to the struct"
)]
pub trait HasUuidBytes {}

/// An [`OwnerIdSqlType`] that the database `DB` has.
#[diagnostic::on_unimplemented(
    message = "a column of the SQL type `{Self}` cannot be the id of a counter's owner in a query \
               on `{DB}`",
    label = "not an owner id on this database"
)]
pub trait ComparedIn<DB: Backend>: OwnerIdSqlType {
    /// Writes the condition that the row `row` has the id that the expression `id` gives.
    #[doc(hidden)]
    fn push_condition<'b, Id: QueryFragment<DB>>(
        id: &'b Id,
        row: &str,
        out: AstPass<'_, 'b, DB>,
    ) -> QueryResult<()>;
}

mod sealed {
    /// No other crate has a type of owner ids, because each is compared in a way of its own.
    pub trait Sealed {}
}

impl<ST: Sealed + SqlType> Sealed for Nullable<ST> {}
impl<ST: OwnerIdSqlType + SqlType> OwnerIdSqlType for Nullable<ST> {}
impl<M: ?Sized, ST: OwnerIdSqlTypeOf<M> + SqlType> OwnerIdSqlTypeOf<M> for Nullable<ST> {}

impl<DB: Backend, ST: ComparedIn<DB> + SqlType> ComparedIn<DB> for Nullable<ST> {
    fn push_condition<'b, Id: QueryFragment<DB>>(
        id: &'b Id,
        row: &str,
        out: AstPass<'_, 'b, DB>,
    ) -> QueryResult<()> {
        ST::push_condition(id, row, out)
    }
}

/// Any model has ids of this type.
macro_rules! plain {
    ($ty:ty) => {
        impl Sealed for $ty {}
        impl OwnerIdSqlType for $ty {}
        impl<M: ?Sized> OwnerIdSqlTypeOf<M> for $ty {}
    };
}

/// Numbers are compared as they are. No number beyond the column's is equal to one in it.
macro_rules! number {
    ($ty:ty, [$($generics:tt)*], $db:ty) => {
        plain!($ty);

        impl<$($generics)*> ComparedIn<$db> for $ty {
            fn push_condition<'b, Id: QueryFragment<$db>>(
                id: &'b Id,
                row: &str,
                mut out: AstPass<'_, 'b, $db>,
            ) -> QueryResult<()> {
                push_quoting(&mut out, &format!("\"{row}_text\" = '' AND \"{row}_id\" = "))?;
                id.walk_ast(out)
            }
        }
    };
}

number!(SmallInt, [DB: Backend], DB);
number!(Integer, [DB: Backend], DB);
number!(BigInt, [DB: Backend], DB);
#[cfg(feature = "mysql")]
number!(diesel::sql_types::TinyInt, [], diesel::mysql::Mysql);
#[cfg(feature = "mysql")]
number!(Unsigned<diesel::sql_types::TinyInt>, [], diesel::mysql::Mysql);
#[cfg(feature = "mysql")]
number!(Unsigned<SmallInt>, [], diesel::mysql::Mysql);
#[cfg(feature = "mysql")]
number!(Unsigned<Integer>, [], diesel::mysql::Mysql);
#[cfg(feature = "mysql")]
number!(Unsigned<BigInt>, [], diesel::mysql::Mysql);

/// Texts are compared byte for byte, whatever the collation of the id. The empty text is no id,
/// and the integer 0 has it in its column.
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
macro_rules! text {
    ($ty:ty, $db:ty, $before:literal, $after:literal) => {
        impl ComparedIn<$db> for $ty {
            fn push_condition<'b, Id: QueryFragment<$db>>(
                id: &'b Id,
                row: &str,
                mut out: AstPass<'_, 'b, $db>,
            ) -> QueryResult<()> {
                let condition = format!(
                    "\"{row}_id\" = 0 AND \"{row}_text\" <> '' AND \"{row}_text\" = {}",
                    $before
                );
                push_quoting(&mut out, &condition)?;
                id.walk_ast(out.reborrow())?;
                push_quoting(&mut out, $after)
            }
        }
    };
}

plain!(Text);
#[cfg(feature = "postgres")]
text!(Text, diesel::pg::Pg, "(", ") COLLATE \"C\"");
#[cfg(feature = "sqlite")]
text!(Text, diesel::sqlite::Sqlite, "(", ") COLLATE BINARY");
// MariaDB keeps the values of a sub-query by what it refers to outside, and finds them again by the
// collation of that, which takes `a` for `A`. It keeps none that depend on chance.
#[cfg(feature = "mysql")]
text!(
    Text,
    diesel::mysql::Mysql,
    "CONVERT(",
    " USING utf8mb4) /*M! COLLATE utf8mb4_nopad_bin */ /*!80017 COLLATE utf8mb4_0900_bin */ \
     /*M! AND RAND() < 2 */"
);

#[cfg(feature = "postgres")]
plain!(diesel::sql_types::Uuid);
#[cfg(feature = "postgres")]
text!(diesel::sql_types::Uuid, diesel::pg::Pg, "CAST(", " AS TEXT) COLLATE \"C\"");

impl Sealed for Binary {}
impl OwnerIdSqlType for Binary {}
impl<M: HasUuidBytes + ?Sized> OwnerIdSqlTypeOf<M> for Binary {}

/// The places of the parts of a UUID in its 32 hexadecimal digits. The last takes the rest, so that
/// more bytes than a UUID has are none.
#[cfg(any(feature = "mysql", feature = "sqlite"))]
const PARTS: [&str; 5] = ["1, 8", "9, 4", "13, 4", "17, 4", "21"];

/// The text of a UUID is made of its bytes, the most significant first.
#[cfg(any(feature = "mysql", feature = "sqlite"))]
macro_rules! uuid_bytes {
    ($db:ty, $before:literal, $between:literal, $after:literal) => {
        impl ComparedIn<$db> for Binary {
            fn push_condition<'b, Id: QueryFragment<$db>>(
                id: &'b Id,
                row: &str,
                mut out: AstPass<'_, 'b, $db>,
            ) -> QueryResult<()> {
                let condition =
                    format!("\"{row}_id\" = 0 AND \"{row}_text\" <> '' AND \"{row}_text\" = ");
                push_quoting(&mut out, &condition)?;
                let mut separator = $before;
                for part in PARTS {
                    out.push_sql(separator);
                    out.push_sql("SUBSTR(HEX(");
                    id.walk_ast(out.reborrow())?;
                    out.push_sql("), ");
                    out.push_sql(part);
                    out.push_sql(")");
                    separator = $between;
                }
                out.push_sql($after);
                Ok(())
            }
        }
    };
}

#[cfg(feature = "sqlite")]
uuid_bytes!(diesel::sqlite::Sqlite, "LOWER(", " || '-' || ", ") COLLATE BINARY");
#[cfg(feature = "mysql")]
uuid_bytes!(
    diesel::mysql::Mysql,
    "CONVERT(LOWER(CONCAT(",
    ", '-', ",
    ")) USING utf8mb4) /*M! COLLATE utf8mb4_nopad_bin */ /*!80017 COLLATE utf8mb4_0900_bin */"
);
