//! How the counts of periods are added up, on each database.

use chrono::NaiveDateTime;
use diesel::backend::Backend;
use diesel::query_builder::AstPass;
use diesel::result::QueryResult;

use self::sealed::Sealed;

/// A database in whose queries the counts of periods can be added up: PostgreSQL, MySQL, MariaDB
/// and SQLite, each with its feature.
#[diagnostic::on_unimplemented(
    message = "counts of periods cannot be added up in a query on `{Self}`",
    label = "not a database whose feature is on"
)]
pub trait AddsPeriods: Backend + Sealed {
    /// The integer of 64 bits that a sum is cast to, because a sum of those is of another type.
    #[doc(hidden)]
    const INTEGER: &'static str;

    /// Writes the start of a period.
    #[doc(hidden)]
    fn push_start<'b>(start: &'b NaiveDateTime, out: AstPass<'_, 'b, Self>) -> QueryResult<()>;
}

mod sealed {
    /// No other crate has a database, because each adds up in a way of its own.
    pub trait Sealed {}
}

#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
macro_rules! adds_periods {
    ($db:ty, $integer:literal, $date_time:ty) => {
        impl Sealed for $db {}

        impl AddsPeriods for $db {
            const INTEGER: &'static str = $integer;

            fn push_start<'b>(
                start: &'b NaiveDateTime,
                mut out: AstPass<'_, 'b, Self>,
            ) -> QueryResult<()> {
                out.push_bind_param::<$date_time, _>(start)
            }
        }
    };
}

#[cfg(feature = "mysql")]
adds_periods!(diesel::mysql::Mysql, "SIGNED", diesel::sql_types::Datetime);
#[cfg(feature = "postgres")]
adds_periods!(diesel::pg::Pg, "BIGINT", diesel::sql_types::Timestamp);
#[cfg(feature = "sqlite")]
adds_periods!(diesel::sqlite::Sqlite, "BIGINT", diesel::sql_types::Timestamp);
