//! The column that holds the ids of a model's instances, in a query.

use counter_core::{Invalid, TableName};
use diesel::backend::Backend;
use diesel::expression::{AppearsOnTable, Expression, ValidGrouping};
use diesel::query_builder::{AstPass, QueryFragment};
use diesel::query_source::{AppearsInFromClause, Column, Once};
use diesel::result::QueryResult;

/// A model whose table Diesel knows: where the ids of its instances are in a query.
///
/// `#[derive(HasCounters)]` implements it for a struct with `#[diesel(table_name = ...)]`, as the
/// column of its primary key. The column holds what
/// [`counter_owner_id`](crate::HasCounters::counter_owner_id) returns: a key with a
/// [`ToOwnerId`](crate::ToOwnerId) of its own that makes another id of it cannot be used in
/// queries.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say in which table its rows are",
    label = "no column is known that holds the ids of `{Self}`",
    note = "add `#[diesel(table_name = ...)]` to the struct beside `#[derive(HasCounters)]`, or \
         name the column: `counter_value_of(posts::id, key)`"
)]
pub trait HasOwnerColumn {
    /// The column of the primary key.
    type Column;

    /// The column of the primary key, as a value.
    const COLUMN: Self::Column;
}

/// A column whose table is known by its name, as that of each `table!` is.
#[diagnostic::on_unimplemented(
    message = "the name of the table of `{Self}` is not known",
    label = "not a column of a `table!`"
)]
pub trait NamedColumn {
    /// Returns the names of the table and of the column.
    ///
    /// # Errors
    ///
    /// [`Invalid`] if the table's name is no [`TableName`].
    #[doc(hidden)]
    fn place(&self) -> Result<(TableName, String), Invalid>;
}

/// A database to write the name for. All databases write the same identifiers.
#[cfg(feature = "sqlite")]
type AnyDatabase = diesel::sqlite::Sqlite;
#[cfg(all(feature = "postgres", not(feature = "sqlite")))]
type AnyDatabase = diesel::pg::Pg;
#[cfg(all(feature = "mysql", not(any(feature = "postgres", feature = "sqlite"))))]
type AnyDatabase = diesel::mysql::Mysql;

#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
impl<C: Column + QueryFragment<AnyDatabase>> NamedColumn for C {
    fn place(&self) -> Result<(TableName, String), Invalid> {
        let sql = diesel::debug_query::<AnyDatabase, C>(self).to_string();
        let table = identifiers(&sql).split_last().map(|(_, table)| {
            let parts = table.iter().map(|part| format!("\"{}\"", part.replace('"', "\"\"")));
            parts.collect::<Vec<_>>().join(".")
        });
        Ok((table.unwrap_or_default().parse()?, C::NAME.to_owned()))
    }
}

/// Returns the quoted identifiers, separated by dots, with which a text begins.
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
fn identifiers(sql: &str) -> Vec<String> {
    let (mut identifiers, mut rest) = (Vec::new(), sql);
    while let Some(quote) = rest.chars().next().filter(|quote| matches!(quote, '"' | '`')) {
        let mut identifier = String::new();
        let mut chars = rest.char_indices().skip(1).peekable();
        let mut end = rest.len();
        while let Some((at, c)) = chars.next() {
            if c != quote {
                identifier.push(c);
            } else if chars.next_if(|(_, next)| *next == quote).is_some() {
                identifier.push(quote);
            } else {
                end = at + 1;
                break;
            }
        }
        identifiers.push(identifier);
        rest = rest.get(end..).unwrap_or_default().strip_prefix('.').unwrap_or_default();
    }
    identifiers
}

/// The column of a model's own primary key, inside of a
/// [`CounterValue`](crate::query::CounterValue): a query that does not have its table is refused
/// with that reason.
#[derive(Debug, Clone, Copy)]
pub struct PrimaryKeyColumn<C>(pub(crate) C);

impl<C: Expression> Expression for PrimaryKeyColumn<C> {
    type SqlType = C::SqlType;
}

impl<C, QS> AppearsOnTable<QS> for PrimaryKeyColumn<C>
where
    C: Column,
    QS: AppearsInFromClause<C::Table>,
    QS::Count: HasOneRowOf<C::Table, QS>,
{
}

impl<C: ValidGrouping<GroupBy>, GroupBy> ValidGrouping<GroupBy> for PrimaryKeyColumn<C> {
    type IsAggregate = C::IsAggregate;
}

impl<C: QueryFragment<DB>, DB: Backend> QueryFragment<DB> for PrimaryKeyColumn<C> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.0.walk_ast(out)
    }
}

/// How often `Table` is in `Query`, where that is once.
#[diagnostic::on_unimplemented(
    message = "the counter belongs to rows of `{Table}`, which a query of `{Query}` does not have, \
         or has twice",
    label = "no row of `{Table}` is at hand here",
    note = "join the table; or name the column that holds its ids, such as a foreign key or the \
         column of an alias: `counter_value_of(comments::post_id, key)`"
)]
pub trait HasOneRowOf<Table, Query> {}

impl<Table, Query> HasOneRowOf<Table, Query> for Once {}

#[cfg(all(test, any(feature = "mysql", feature = "postgres", feature = "sqlite")))]
mod tests {
    use super::*;

    diesel::table! { posts (id) { id -> BigInt, } }
    diesel::table! { #[sql_name = "weird \"posts\" of `2026`.x"] weird (id) { id -> BigInt, } }
    diesel::table! { blog.notes (id) { #[sql_name = "the.id"] id -> BigInt, } }

    #[test]
    fn a_column_knows_the_names_of_its_table_and_of_itself() {
        let names = |(table, column): (TableName, String)| (table.to_string(), column);
        assert_eq!(names(posts::id.place().unwrap()), ("posts".to_owned(), "id".to_owned()));
        let (table, _) = weird::id.place().unwrap();
        assert_eq!(table.table(), "weird \"posts\" of `2026`.x");
        let (table, column) = notes::id.place().unwrap();
        assert_eq!((table.schema(), table.table(), &*column), (Some("blog"), "notes", "the.id"));
    }
}
