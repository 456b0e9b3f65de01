//! Writing and reading the rows of many counters by one statement.

use std::borrow::Cow;
use std::marker::PhantomData;

use chrono::NaiveDateTime;
use counter_core::{Claim, CounterId};
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::{Array, BigInt, Bool, Text, Timestamp};
use diesel::{PgConnection, RunQueryDsl};

use crate::ledger::dialect::on_conflict;
use crate::ledger::dialect::owner::{OwnerColumns, bind_owner};
use crate::ledger::dialect::period::{PeriodColumns, are_buckets, key_columns};
use crate::ledger::dialect::sql::standard;
use crate::ledger::dialect::tables::Tables;

/// What an upsert says of its rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Written {
    /// Whether the rows that were written are those of all claims, and show their sequences.
    pub(super) shows_all: bool,
    /// Whether the table may have triggers, which may change the rows afterwards.
    pub(super) is_suspect: bool,
}

/// Upserts a run of claims of one table. A row that refuses its claim is not written.
///
/// The server compares what it wrote with what it was given, because to return all rows makes a
/// sync a tenth slower. They come in the order of the claims.
pub(super) fn upsert(
    conn: &mut PgConnection,
    tables: &Tables,
    claims: &[Claim],
    now: &str,
) -> QueryResult<Written> {
    let is_add = claims.first().is_some_and(standard::is_add);
    let over = OverCounters::<(Bool, Bool)>::new(claims.iter().map(|claim| &claim.id))?;
    let table = tables.of(claims.first().map(|claim| &claim.id)).quoted();
    let key = key_columns(over.periods.is_some());
    let upsert = OverCounters {
        before: format!(
            "WITH \"written\" AS (INSERT INTO {table} AS \"row\" \
             ({key}, \"count\", \"claim_seq\") SELECT * FROM "
        ),
        numbers: vec![
            claims.iter().map(standard::value).collect(),
            claims.iter().map(|claim| claim.seq.get()).collect(),
        ],
        after: format!(
            "{} RETURNING {key}, \"claim_seq\") SELECT coalesce({}, false), \
             (SELECT relkind <> 'r' OR relhastriggers OR relhassubclass FROM pg_class \
             WHERE oid = '{}'::regclass) FROM \"written\"",
            on_conflict::apply(key, is_add, now),
            are_as_given(over.periods.is_some()),
            table.replace('\'', "''")
        ),
        ..over
    };
    let (shows_all, is_suspect) = standard::only_value(upsert.load::<(bool, bool)>(conn)?)?;
    Ok(Written { shows_all, is_suspect })
}

/// Returns the condition that all rows of an upsert are the ones given, byte for byte, by the
/// places of the arrays among what [`OverCounters`] binds. An index of the application's may have
/// found the row of another counter.
fn are_as_given(of_periods: bool) -> String {
    const TEXT: &str = "text COLLATE \"C\"";
    const OWNER: [(&str, &str); 4] =
        [("owner_type", TEXT), ("owner_id", "bigint"), ("owner_key", TEXT), ("key", TEXT)];
    const PERIOD: [(&str, &str); 2] = [("grain", TEXT), ("starts_at", "timestamp")];
    let mut bound = OWNER.map(Some).to_vec();
    bound.extend(PERIOD.map(Some).into_iter().filter(|_| of_periods));
    // Of the counts nothing is known: they are added to those of the rows.
    bound.extend([None, Some(("claim_seq", "bigint"))]);
    let is_given = |(place, column): (usize, Option<(&str, &str)>)| {
        let (column, of_type) = column?;
        Some(format!("array_agg(\"{column}\"::{of_type}) = ${place}"))
    };
    (1..).zip(bound).filter_map(is_given).collect::<Vec<_>>().join(" AND ")
}

pub(super) fn many_baselines<'a>(
    tables: &Tables,
    ids: &'a [CounterId],
) -> QueryResult<OverCounters<'a, (BigInt, BigInt, BigInt)>> {
    many("w.\"number\" - 1, c.\"count\", c.\"claim_seq\"", tables, ids)
}

/// Locks, of the rows that a join finds, those that no other transaction has locked.
pub(super) const SKIP_LOCKED: &str = " FOR NO KEY UPDATE OF c SKIP LOCKED";

/// The rows of these counters that no other transaction has locked, which this locks: the place of
/// the counter, and the row's id, count and sequence. They are totals, for buckets have no id.
pub(super) fn free_rows<'a>(
    tables: &Tables,
    ids: &'a [CounterId],
) -> QueryResult<OverCounters<'a, (BigInt, BigInt, BigInt, BigInt)>> {
    let columns = "w.\"number\" - 1, c.\"id\", c.\"count\", c.\"claim_seq\"";
    let mut rows = many(columns, tables, ids)?;
    rows.after.push_str(" FOR UPDATE OF c SKIP LOCKED");
    Ok(rows)
}

fn many<'a, Row>(
    columns: &str,
    tables: &Tables,
    ids: &'a [CounterId],
) -> QueryResult<OverCounters<'a, Row>> {
    let over = OverCounters::new(ids)?;
    let key = key_columns(over.periods.is_some());
    Ok(OverCounters {
        before: format!("SELECT {columns} FROM "),
        after: format!(
            " WITH ORDINALITY AS w ({key}, \"number\") JOIN {} AS c USING ({key})",
            tables.of(ids.first()).quoted()
        ),
        ..over
    })
}

/// A statement over counters that come in arrays, one for each column: the text never varies, so a
/// read is prepared once for any number of them.
pub(super) struct OverCounters<'a, Row> {
    is_named: bool,
    before: String,
    owner_types: Vec<Cow<'a, str>>,
    owner_ids: Vec<i64>,
    owner_keys: Vec<&'a str>,
    keys: Vec<Cow<'a, str>>,
    /// The grains and the starts of buckets.
    periods: Option<(Vec<&'static str>, Vec<NaiveDateTime>)>,
    numbers: Vec<Vec<i64>>,
    pub(super) after: String,
    row: PhantomData<Row>,
}

impl<'a, Row> OverCounters<'a, Row> {
    fn new(ids: impl IntoIterator<Item = &'a CounterId> + Clone) -> QueryResult<Self> {
        let owners = ids.clone().into_iter().map(|id| bind_owner(id.owner_id()));
        let owners = owners.map(|owner| owner.map(|OwnerColumns { id, key }| (id, key)));
        let (owner_ids, owner_keys) = owners.collect::<QueryResult<(Vec<_>, Vec<_>)>>()?;
        let periods = ids.clone().into_iter().filter_map(CounterId::period);
        let periods = periods.map(PeriodColumns::of).map(|period| (period.grain, period.starts_at));
        let periods = are_buckets(ids.clone())?.then(|| periods.unzip());
        Ok(Self {
            is_named: false,
            before: String::new(),
            owner_types: ids.clone().into_iter().map(CounterId::owner_type).collect(),
            owner_ids,
            owner_keys,
            keys: ids.into_iter().map(CounterId::key).collect(),
            periods,
            numbers: Vec::new(),
            after: String::new(),
            row: PhantomData,
        })
    }

    /// As [`Statement::named`].
    pub(super) fn named(mut self, is_named: bool) -> Self {
        self.is_named = is_named;
        self
    }
}

impl<Row> QueryFragment<Pg> for OverCounters<'_, Row> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        if !self.is_named {
            out.unsafe_to_cache_prepared();
        }
        out.push_sql(&self.before);
        out.push_sql("unnest(");
        out.push_bind_param::<Array<Text>, _>(&self.owner_types)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.owner_ids)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&self.owner_keys)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&self.keys)?;
        if let Some((grains, starts)) = &self.periods {
            out.push_sql(", ");
            out.push_bind_param::<Array<Text>, _>(grains)?;
            out.push_sql(", ");
            out.push_bind_param::<Array<Timestamp>, _>(starts)?;
        }
        for numbers in &self.numbers {
            out.push_sql(", ");
            out.push_bind_param::<Array<BigInt>, _>(numbers)?;
        }
        out.push_sql(")");
        out.push_sql(&self.after);
        Ok(())
    }
}

// No static id: statements differ by their text, which contains the table's name.
impl<Row> QueryId for OverCounters<'_, Row> {
    type QueryId = ();

    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Row> Query for OverCounters<'_, Row> {
    type SqlType = Row;
}

impl<Row, Conn> RunQueryDsl<Conn> for OverCounters<'_, Row> {}
