//! Counters inside queries.

use std::borrow::Cow;
use std::marker::PhantomData;

use counter_core::{CounterKey, Invalid, OwnerType, TableName};
use diesel::backend::Backend;
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping};
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::{BigInt, HasSqlType, Integer, Nullable, SmallInt, Text};

use crate::connection::{push_quoting, quoted};
use crate::key_of::KeyOf;
use crate::owner_column::OwnerColumn;

/// The value of a counter of the row at hand, as the last sync wrote it: an expression of SQL's type `BigInt`,
/// never null, and 0 where there is no row.
///
/// It stands wherever a column can: in `select`, `filter` and `order`, in joins, boxed queries and aggregates. It
/// does not know what the store still holds; for that, [`Counters::load`](crate::Counters::load) takes the
/// rows that a query gave. Made by [`HasCounters::counter_value`](crate::HasCounters::counter_value).
///
/// ```
/// use counter_diesel::{CounterValueOf, HasCounters};
/// use diesel::prelude::*;
///
/// diesel::table! {
///     posts { id -> Integer, title -> Text, }
/// }
///
/// #[derive(Queryable, Selectable, Identifiable, HasCounters)]
/// #[diesel(table_name = posts)]
/// #[counters(keys(views, likes, downloads))]
/// struct Post {
///     id: i32,
///     title: String,
///     #[diesel(select_expression = Post::counter_value(PostCounter::Views))]
///     #[diesel(select_expression_type = CounterValueOf<Post>)]
///     views: i64,
/// }
///
/// // One query for the page: most viewed first, with the likes beside each, of those ever downloaded.
/// let page = posts::table
///     .filter(Post::counter_value(PostCounter::Downloads).gt(0))
///     .order((Post::counter_value(PostCounter::Views).desc(), posts::id))
///     .select((Post::as_select(), Post::counter_value(PostCounter::Likes)))
///     .limit(50);
/// # #[cfg(feature = "sqlite")] {
/// let sql = diesel::debug_query::<diesel::sqlite::Sqlite, _>(&page).to_string();
/// assert!(sql.starts_with("SELECT `posts`.`id`, `posts`.`title`, COALESCE((SELECT"));
/// # }
/// ```
///
/// # Cost
///
/// A look-up in the unique index for each row for which it is needed: in `select` for each row that is returned, in
/// `filter` for each that the rest of the condition lets through, in `order` for each that is sorted. An order by
/// counters therefore looks up every row that the filter leaves, whatever the limit: see
/// [`Counters::top`](crate::Counters::top) for another way to the first few.
///
/// # Text keys
///
/// A text that cannot be a key is refused when the query is run: as
/// [`SerializationError`](diesel::result::Error::SerializationError) with [`Invalid`] in it, and before anything is
/// sent. A variant of a derived enum is never refused.
///
/// # Prepared statements
///
/// Owner type and key are bound parameters, so all keys of a model share a prepared statement. With the default
/// table it is found by the query's type alone, like those of Diesel's own expressions; with another
/// ([`in_table`](Self::in_table)) by its text.
///
/// As with all parameters, PostgreSQL does not take two of these for the same expression: what `GROUP BY` or
/// `SELECT DISTINCT` lists is the owner's id.
#[derive(Debug, Clone)]
#[must_use = "an expression does nothing until it is part of a query"]
pub struct CounterValue<Id, Table = DefaultTable> {
    owner_type: OwnerType,
    id: Id,
    key: Key,
    /// Between double quotes.
    table: Cow<'static, str>,
    kind: PhantomData<Table>,
}

/// The value of a counter of the model `M` at its own primary key, where its type has to be written down.
pub type CounterValueOf<M> = CounterValue<<M as OwnerColumn>::Column>;

/// Marks a [`CounterValue`] of the table `model_counters`.
#[derive(Debug, Clone, Copy)]
pub struct DefaultTable;

/// Marks a [`CounterValue`] of a table that is known only at run time.
#[derive(Debug, Clone, Copy)]
pub struct NamedTable;

impl<Id> CounterValue<Id> {
    /// The value of the counter `key` of the owner of this type whose id the expression `id` gives, for owners
    /// that are no models.
    pub fn new(owner_type: OwnerType, id: Id, key: CounterKey) -> Self
    where
        Id: Expression,
        Id::SqlType: OwnerIdSqlType,
    {
        Self::with_key(owner_type, id, Ok(key))
    }

    pub(crate) fn of_model<M: ?Sized>(owner_type: OwnerType, id: Id, key: &impl KeyOf<M>) -> Self {
        Self::with_key(owner_type, id, key.counter_key())
    }

    fn with_key(owner_type: OwnerType, id: Id, key: Result<CounterKey, Invalid>) -> Self {
        let table = Cow::Borrowed("\"model_counters\"");
        Self { owner_type, id, key: Key(key), table, kind: PhantomData }
    }
}

impl<Id, Table> CounterValue<Id, Table> {
    /// The same in another table: `Post::counter_value(key).in_table(&counters.config().table_name)`.
    pub fn in_table(self, table: &TableName) -> CounterValue<Id, NamedTable> {
        let Self { owner_type, id, key, .. } = self;
        let table = Cow::Owned(quoted(table, ""));
        CounterValue { owner_type, id, key, table, kind: PhantomData }
    }
}

/// The index hint is in a comment that only MySQL and MariaDB read. By their own lights they go through all of a
/// table that was small a moment ago, for each row of the query.
impl<Id, Table, DB> QueryFragment<DB> for CounterValue<Id, Table>
where
    Id: QueryFragment<DB>,
    DB: Backend + HasSqlType<Text>,
    str: ToSql<Text, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        // The alias keeps a query over the counters' table itself from being taken for the inner one.
        push_quoting(&mut out, "COALESCE((SELECT \"counter_of_row\".\"count\" FROM ")?;
        push_quoting(&mut out, &self.table)?;
        out.push_sql(" AS ");
        out.push_identifier("counter_of_row")?;
        out.push_sql(" /*! FORCE INDEX (counter) */");
        push_quoting(&mut out, " WHERE \"counter_of_row\".\"owner_type\" = ")?;
        out.push_bind_param::<Text, str>(self.owner_type.as_str())?;
        push_quoting(&mut out, " AND \"counter_of_row\".\"owner_id\" = ")?;
        self.id.walk_ast(out.reborrow())?;
        push_quoting(&mut out, " AND \"counter_of_row\".\"key\" = ")?;
        out.push_bind_param::<Text, Key>(&self.key)?;
        out.push_sql("), 0)");
        Ok(())
    }
}

/// The text is always the same, but for that of the id.
impl<Id: QueryId> QueryId for CounterValue<Id, DefaultTable> {
    type QueryId = CounterValue<Id::QueryId, DefaultTable>;

    const HAS_STATIC_QUERY_ID: bool = Id::HAS_STATIC_QUERY_ID;
}

/// The table's name is in the text, and not in the type.
impl<Id> QueryId for CounterValue<Id, NamedTable> {
    type QueryId = ();

    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Id, Table> Expression for CounterValue<Id, Table>
where
    Id: Expression,
{
    type SqlType = BigInt;
}

impl<Id, Table, QS> AppearsOnTable<QS> for CounterValue<Id, Table>
where
    Id: AppearsOnTable<QS>,
    Self: Expression,
{
}

/// Where a join finds no row the id is null, and the value 0: it may be selected as it is.
impl<Id, Table, QS> SelectableExpression<QS> for CounterValue<Id, Table>
where
    Id: AppearsOnTable<QS>,
    Self: AppearsOnTable<QS>,
{
}

impl<Id, Table, GroupBy> ValidGrouping<GroupBy> for CounterValue<Id, Table>
where
    Id: ValidGrouping<GroupBy>,
{
    type IsAggregate = Id::IsAggregate;
}

/// A key, or why the query that it is a parameter of cannot be run.
#[derive(Debug, Clone)]
struct Key(Result<CounterKey, Invalid>);

impl<DB> ToSql<Text, DB> for Key
where
    DB: Backend,
    str: ToSql<Text, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        match &self.0 {
            Ok(key) => <str as ToSql<Text, DB>>::to_sql(key.as_str(), out),
            Err(invalid) => Err(invalid.clone().into()),
        }
    }
}

/// A SQL type whose values can be owner ids.
#[diagnostic::on_unimplemented(
    message = "a column of the SQL type `{Self}` cannot be the id of a counter's owner",
    label = "not an owner id in a query",
    note = "`SmallInt`, `Integer` and `BigInt` can, on MySQL also `Unsigned<Integer>`, and each of them if it may be \
            null"
)]
pub trait OwnerIdSqlType {}

impl OwnerIdSqlType for SmallInt {}
impl OwnerIdSqlType for Integer {}
impl OwnerIdSqlType for BigInt {}
#[cfg(feature = "mysql")]
impl OwnerIdSqlType for diesel::sql_types::Unsigned<Integer> {}
impl<ST: OwnerIdSqlType + diesel::sql_types::SqlType> OwnerIdSqlType for Nullable<ST> {}
