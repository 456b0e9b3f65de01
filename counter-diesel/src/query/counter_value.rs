//! Counters inside queries.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use counter_core::{CounterKey, Invalid, Owner, OwnerType, TableName};
use diesel::backend::Backend;
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping};
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::{BigInt, HasSqlType, Text};

use crate::ledger::dialect::sql::statement::push_quoting;
use crate::ledger::dialect::tables::Tables;
use crate::query::owner_column::{HasOwnerColumn, PrimaryKeyColumn};
use crate::query::owner_id_type::{ComparedIn, OwnerIdSqlTypeOf};

/// The value of a counter of the row at hand, as the last sync wrote it: an expression of SQL's
/// type `BigInt`, never null, and 0 where there is no row.
///
/// It stands wherever a column can: in `select`, `filter` and `order`, in joins, boxed queries and
/// aggregates. It does not know what the store still holds; for that,
/// [`Counters::load`](crate::Counters::load) takes the rows that a query gave. Made by
/// [`HasCounters::counter_value`](crate::HasCounters::counter_value).
///
/// ```
/// use counter_diesel::HasCounters;
/// use counter_diesel::query::CounterValueOf;
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
/// // One query for the page: most viewed first, with the likes beside each, of those ever
/// // downloaded.
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
/// A look-up in the unique index for each row for which it is needed: in `select` for each row that
/// is returned, in `filter` for each that the rest of the condition lets through, in `order` for
/// each that is sorted. An order by counters therefore looks up every row that the filter leaves,
/// whatever the limit (100,000 posts took 130 to 240 ms): see
/// [`Counters::top`](crate::Counters::top) for another way to the first few.
///
/// # Ids
///
/// The id is an expression of any [`OwnerIdSqlType`](crate::query::OwnerIdSqlType). Numbers are
/// compared as numbers, so an unsigned one beyond the table's column has no counter. Texts are
/// compared byte for byte, whatever the collation of their column: `a` and `A` are two owners, also
/// where the column takes them for the same. So are a text and its padding by PostgreSQL's
/// `CHAR(n)`, which the model has and the comparison does not; use `VARCHAR` or `TEXT`. A `Uuid` is
/// its lowercase text, and so is a `Binary` of a model with `#[counters(id = uuid)]`.
///
/// # Text keys
///
/// A text that cannot be a key is refused when the query is run: as
/// [`SerializationError`](diesel::result::Error::SerializationError) with [`Invalid`] in it, and
/// before anything is run. A variant of a derived enum is never refused.
///
/// # Prepared statements
///
/// A query's prepared statement is kept and found by its text, in which each key and each table
/// differs, unless it asks for a key that the model does not declare, or was made by
/// [`CounterValue::new`]: there may be any number of those.
///
/// # Another table
///
/// A query does not know the settings of [`Counters`](crate::Counters): it asks the table
/// `model_counters`. Where the table has another name, each value says so:
/// [`in_table`](CounterValue::in_table).
///
/// Owner type and key are bound parameters, so PostgreSQL does not take two of these for the same
/// expression: what `GROUP BY` or `SELECT DISTINCT` lists is the owner's id.
#[derive(Debug, Clone, diesel::sql_types::DieselNumericOps)]
#[must_use = "an expression does nothing until it is part of a query"]
pub struct CounterValue<Id> {
    owner_type: OwnerType,
    id: Id,
    key: BoundKey,
    is_declared: bool,
    /// Between double quotes.
    table: Cow<'static, str>,
}

/// The value of a counter of the model `M` at its own primary key, where its type has to be written
/// down. In the table `model_counters`, unless [`in_table`](CounterValue::in_table) names another.
pub type CounterValueOf<M> = CounterValue<PrimaryKeyColumn<<M as HasOwnerColumn>::Column>>;

impl<Id> CounterValue<Id> {
    /// The value of the counter `key` of the owner of this type whose id the expression `id` gives,
    /// for owners that are no models.
    pub fn new(owner_type: OwnerType, id: Id, key: CounterKey) -> Self
    where
        Id: Expression,
        Id::SqlType: OwnerIdSqlTypeOf<Owner>,
    {
        let (key, table) = (BoundKey(Ok(key)), DEFAULT_TABLE);
        Self { owner_type, id, key, is_declared: false, table }
    }

    /// The value of a counter of a model that declares these keys.
    pub(crate) fn of_model(
        owner_type: OwnerType,
        declared: &[CounterKey],
        id: Id,
        key: Result<CounterKey, Invalid>,
    ) -> Self {
        let is_declared = key.as_ref().is_ok_and(|key| declared.contains(key));
        Self { owner_type, id, key: BoundKey(key), is_declared, table: DEFAULT_TABLE }
    }

    /// Reads from another table:
    /// `Post::counter_value(key).in_table(&counters.config().table_name)`.
    pub fn in_table(self, table: &TableName) -> Self {
        Self { table: Cow::Owned(Tables::new(table).totals().quoted()), ..self }
    }

    /// A name for the row inside that no other counter's value has.
    ///
    /// It is what keeps MariaDB from ordering by the wrong counter. It takes `ORDER BY` for an
    /// expression of the `SELECT` if their texts are the same, and in a prepared statement `?` is
    /// the same text as any other `?`. It also keeps a query over the counters' table from being
    /// taken for the one inside.
    fn alias(&self) -> String {
        let mut hasher = DefaultHasher::new();
        (self.owner_type.as_str(), self.key.0.as_ref().map_or("", CounterKey::as_str))
            .hash(&mut hasher);
        format!("counter_{:016x}", hasher.finish())
    }
}

const DEFAULT_TABLE: Cow<'static, str> = Cow::Borrowed("\"model_counters\"");

/// No database needs a hint for the index: all columns of a unique one are given.
///
/// The columns have our own names where the id stands, because the id may be a bare name, which
/// would otherwise be taken for one of our columns: in SQLite's `RETURNING`, where Diesel leaves
/// the table out, and in raw SQL. Every database merges the inner `SELECT` into the outer one.
impl<Id, DB> QueryFragment<DB> for CounterValue<Id>
where
    Id: QueryFragment<DB> + Expression,
    Id::SqlType: ComparedIn<DB>,
    DB: Backend + HasSqlType<Text>,
    str: ToSql<Text, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        if !self.is_declared {
            out.unsafe_to_cache_prepared();
        }
        let (row, from) = (self.alias(), &self.table);
        let select = format!(
            "COALESCE((SELECT \"{row}_count\" FROM (SELECT \"count\" AS \"{row}_count\", \
             \"owner_type\" AS \"{row}_type\", \"owner_id\" AS \"{row}_id\", \
             \"owner_key\" AS \"{row}_text\", \"key\" AS \"{row}_key\" \
             FROM {from} AS \"{row}\") AS \"{row}\" \
             WHERE \"{row}_type\" = "
        );
        push_quoting(&mut out, &select)?;
        out.push_bind_param::<Text, str>(self.owner_type.as_str())?;
        out.push_sql(" AND ");
        Id::SqlType::push_condition(&self.id, &row, out.reborrow())?;
        push_quoting(&mut out, &format!(" AND \"{row}_key\" = "))?;
        out.push_bind_param::<Text, BoundKey>(&self.key)?;
        out.push_sql("), 0)");
        Ok(())
    }
}

/// The names of the row and of the table are in the text, and not in the type.
impl<Id> QueryId for CounterValue<Id> {
    type QueryId = ();

    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Id: Expression> Expression for CounterValue<Id> {
    type SqlType = BigInt;
}

impl<Id: AppearsOnTable<QS>, QS> AppearsOnTable<QS> for CounterValue<Id> {}

/// Where a join finds no row the id is null, and the value 0: it may be selected as it is.
impl<Id: AppearsOnTable<QS>, QS> SelectableExpression<QS> for CounterValue<Id> {}

impl<Id: ValidGrouping<GroupBy>, GroupBy> ValidGrouping<GroupBy> for CounterValue<Id> {
    type IsAggregate = Id::IsAggregate;
}

/// A key, or why the query that it is a parameter of cannot be run.
#[derive(Debug, Clone)]
struct BoundKey(Result<CounterKey, Invalid>);

impl<DB> ToSql<Text, DB> for BoundKey
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
