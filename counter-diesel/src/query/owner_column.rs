//! The column that holds the ids of a model's instances, in a query.

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
