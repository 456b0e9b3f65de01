//! What counters counted in periods, inside queries.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use counter_core::{
    Clock as _, CounterKey, Grain, InputKind, Invalid, OwnerType, Period, Span, SystemClock,
    TableName, Zone,
};
use diesel::backend::Backend;
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping};
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::{BigInt, HasSqlType, Text};

use crate::engine::buckets::{Steps, zone_needed};
use crate::error::Error;
use crate::ledger::dialect::sql::statement::push_quoting;
use crate::ledger::dialect::tables::Tables;
use crate::query::adds_periods::AddsPeriods;
use crate::query::owner_column::{HasOwnerColumn, PrimaryKeyColumn};
use crate::query::owner_id_type::ComparedIn;

/// What a counter of the row at hand counted in the periods of a span, as the last sync wrote it:
/// an expression of SQL's type `BigInt`, never null, and 0 where there are no rows.
///
/// It stands wherever a [`CounterValue`](crate::query::CounterValue) can, and knows as little of
/// what the store still holds: the exact figures of a page are those of
/// [`During::load`](crate::During::load). Made by
/// [`HasCounters::counter_in`](crate::HasCounters::counter_in).
///
/// ```
/// use counter_diesel::HasCounters;
/// use counter_diesel::query::{Grain, Span};
/// use diesel::prelude::*;
///
/// diesel::table! {
///     posts { id -> Integer, title -> Text, }
/// }
///
/// #[derive(HasCounters)]
/// #[diesel(table_name = posts)]
/// #[counters(keys(views(every(day))))]
/// struct Post {
///     id: i32,
/// }
///
/// let this_week = || Post::counter_in(PostCounter::Views, Span::last(7, Grain::Day));
/// let trending = posts::table
///     .order((this_week().desc(), posts::id))
///     .select((posts::title, this_week()))
///     .limit(10);
/// # #[cfg(feature = "sqlite")] {
/// let sql = diesel::debug_query::<diesel::sqlite::Sqlite, _>(&trending).to_string();
/// assert!(sql.contains("SUM("));
/// # }
/// ```
///
/// # Which rows
///
/// Those of the grain by which the model counts the key, or of one that adds up to that of the
/// span, as [`During`](crate::During) says. Which periods a span has is decided when the expression
/// is made: the present is that of the system's clock, in the zone that the [span was
/// given](Span::zone), else in UTC. Where owners have zones of their own the span has to name one,
/// unless it is a [`Period`](crate::query::Period). Hours are in UTC.
///
/// Where no grain of the key adds up to that of the span, or the span or the key is impossible, the
/// query is refused when it is run, as
/// [`SerializationError`](diesel::result::Error::SerializationError) with [`Error::NotKept`] or
/// [`Invalid`] in it.
///
/// # Cost
///
/// For each row for which it is needed, one range of the primary key of the table of periods: 30
/// rows for the last 30 days. Its prepared statement is not kept, because the text differs by span.
///
/// A sum that does not fit into 64 bits is an error of PostgreSQL and SQLite, and the greatest
/// number on MySQL and MariaDB.
#[derive(Debug, Clone, diesel::sql_types::DieselNumericOps)]
#[must_use = "an expression does nothing until it is part of a query"]
pub struct CounterIn<Id> {
    owner_type: OwnerType,
    id: Id,
    key: ReadableKey,
    grain: &'static str,
    from: NaiveDateTime,
    /// The start of the last row, or a time before the first one if there are no rows.
    to: NaiveDateTime,
    /// Between double quotes.
    table: Cow<'static, str>,
}

/// What a counter of the model `M` counted at its own primary key, where its type has to be written
/// down. In the table `model_counters_periods`, unless [`in_table`](CounterIn::in_table) names
/// another.
pub type CounterInOf<M> = CounterIn<PrimaryKeyColumn<<M as HasOwnerColumn>::Column>>;

impl<Id> CounterIn<Id> {
    /// What the counter `key`, which is counted by these grains, counted in a span: of the owner of
    /// this type whose id the expression `id` gives.
    pub(crate) fn of(
        owner_type: OwnerType,
        id: Id,
        key: Result<CounterKey, Invalid>,
        stored: impl FnOnce(&CounterKey) -> &'static [Grain],
        zone: Option<Zone>,
        span: Span,
    ) -> Self {
        let found = key.map_err(Unreadable::Invalid).and_then(|key| {
            let range = range_of(&key, stored(&key), zone, span)?;
            Ok((key, range))
        });
        let epoch = NaiveDateTime::default();
        let nothing = (Grain::Day.as_str(), epoch + TimeDelta::days(1), epoch);
        let (key, (grain, from, to)) = match found {
            Ok((key, range)) => (Ok(key), range.unwrap_or(nothing)),
            Err(why) => (Err(why), nothing),
        };
        let table = Cow::Borrowed("\"model_counters_periods\"");
        Self { owner_type, id, key: ReadableKey(key), grain, from, to, table }
    }

    /// Reads the buckets beside another table of counters: `Post::counter_in(key,
    /// span).in_table(&counters.config().table_name)`.
    pub fn in_table(self, table: &TableName) -> Self {
        Self { table: Cow::Owned(Tables::new(table).periods().quoted()), ..self }
    }

    /// A name for the rows inside that no other such expression has: see
    /// [`CounterValue`](crate::query::CounterValue), which has one for the same reason.
    fn alias(&self) -> String {
        let mut hasher = DefaultHasher::new();
        let key = self.key.0.as_ref().map_or("", CounterKey::as_str);
        (self.owner_type.as_str(), key, self.grain, self.from, self.to).hash(&mut hasher);
        format!("counter_{:016x}", hasher.finish())
    }
}

/// The grain of rows, their first start, and their last one.
type RowRange = (&'static str, NaiveDateTime, NaiveDateTime);

/// Returns the rows that add up to a span; `None` if it has no periods.
fn range_of(
    key: &CounterKey,
    stored: &[Grain],
    zone: Option<Zone>,
    span: Span,
) -> Result<Option<RowRange>, Unreadable> {
    let micros = SystemClock.now_micros();
    let now = DateTime::<Utc>::from_timestamp_micros(micros).ok_or_else(|| {
        let why = "the clock shows no time of the calendar";
        Invalid::Malformed { kind: InputKind::Period, text: micros.to_string(), why }
    })?;
    let steps = Steps::at(now, span, zone).ok_or_else(zone_needed)??;
    let Some(parts) = steps.parts(stored) else {
        let grain = span.step();
        return Err(Unreadable::NotKept { key: key.clone(), grain, stored: stored.to_vec() });
    };
    if steps.needs_zone(parts) {
        return Err(zone_needed().into());
    }
    let ends = steps.ends(parts);
    // A year that begins in April can end after the last date that the databases have.
    if let Some((_, last)) = ends {
        Period::starting(parts, last.start())?;
    }
    Ok(ends.map(|(first, last)| (parts.as_str(), first.start(), last.start())))
}

impl<Id, DB> QueryFragment<DB> for CounterIn<Id>
where
    Id: QueryFragment<DB> + Expression,
    Id::SqlType: ComparedIn<DB>,
    DB: AddsPeriods + HasSqlType<Text>,
    str: ToSql<Text, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.unsafe_to_cache_prepared();
        let (row, from, integer) = (self.alias(), &self.table, DB::INTEGER);
        let select = format!(
            "COALESCE((SELECT CAST(SUM(\"{row}_count\") AS {integer}) FROM (\
             SELECT \"count\" AS \"{row}_count\", \"owner_type\" AS \"{row}_type\", \
             \"owner_id\" AS \"{row}_id\", \"owner_key\" AS \"{row}_text\", \
             \"key\" AS \"{row}_key\", \"grain\" AS \"{row}_grain\", \
             \"starts_at\" AS \"{row}_start\" FROM {from} AS \"{row}\") AS \"{row}\" \
             WHERE \"{row}_type\" = "
        );
        push_quoting(&mut out, &select)?;
        out.push_bind_param::<Text, str>(self.owner_type.as_str())?;
        out.push_sql(" AND ");
        Id::SqlType::push_condition(&self.id, &row, out.reborrow())?;
        push_quoting(&mut out, &format!(" AND \"{row}_key\" = "))?;
        out.push_bind_param::<Text, ReadableKey>(&self.key)?;
        push_quoting(&mut out, &format!(" AND \"{row}_grain\" = "))?;
        out.push_bind_param::<Text, str>(self.grain)?;
        push_quoting(&mut out, &format!(" AND \"{row}_start\" >= "))?;
        DB::push_start(&self.from, out.reborrow())?;
        push_quoting(&mut out, &format!(" AND \"{row}_start\" <= "))?;
        DB::push_start(&self.to, out.reborrow())?;
        out.push_sql("), 0)");
        Ok(())
    }
}

/// The names of the rows and of the table are in the text, and not in the type.
impl<Id> QueryId for CounterIn<Id> {
    type QueryId = ();

    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Id: Expression> Expression for CounterIn<Id> {
    type SqlType = BigInt;
}

impl<Id: AppearsOnTable<QS>, QS> AppearsOnTable<QS> for CounterIn<Id> {}

/// Where a join finds no row the id is null, and the sum 0: it may be selected as it is.
impl<Id: AppearsOnTable<QS>, QS> SelectableExpression<QS> for CounterIn<Id> {}

impl<Id: ValidGrouping<GroupBy>, GroupBy> ValidGrouping<GroupBy> for CounterIn<Id> {
    type IsAggregate = Id::IsAggregate;
}

/// A key, or why the query that it is a parameter of cannot be run.
#[derive(Debug, Clone)]
struct ReadableKey(Result<CounterKey, Unreadable>);

#[derive(Debug, Clone)]
enum Unreadable {
    Invalid(Invalid),
    NotKept { key: CounterKey, grain: Grain, stored: Vec<Grain> },
}

impl From<Invalid> for Unreadable {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(invalid)
    }
}

impl<DB> ToSql<Text, DB> for ReadableKey
where
    DB: Backend,
    str: ToSql<Text, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        match &self.0 {
            Ok(key) => <str as ToSql<Text, DB>>::to_sql(key.as_str(), out),
            Err(Unreadable::Invalid(invalid)) => Err(invalid.clone().into()),
            Err(Unreadable::NotKept { key, grain, stored }) => {
                let (key, grain, stored) = (key.clone(), *grain, stored.clone());
                Err(Error::NotKept { key, grain, stored, since: None }.into())
            }
        }
    }
}
