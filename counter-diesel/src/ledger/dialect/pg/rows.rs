//! Writing and reading the rows of many counters by one statement.

use std::borrow::Cow;
use std::marker::PhantomData;

use counter_core::{Claim, CounterId};
use diesel::RunQueryDsl;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::{Array, BigInt, Bool, Text};

use crate::ledger::dialect::on_conflict;
use crate::ledger::dialect::owner::{OwnerColumns, bind_owner_of};
use crate::ledger::dialect::sql::standard;
use crate::ledger::dialect::tables::Tables;

/// A row after an upsert: its owner, its key and its sequence, and whether the table may have
/// triggers.
pub(super) type Written = (String, i64, String, String, i64, bool);

type WrittenSql = (Text, BigInt, Text, Text, BigInt, Bool);

/// Returns whether a row shows a claim.
pub(super) fn shows(written: &Written, claim: &Claim) -> bool {
    let (owner_type, id, owner_key, key, seq, _) = written;
    let owner = OwnerColumns { id: *id, key: owner_key };
    *seq == claim.seq.get()
        && bind_owner_of(&claim.id).is_ok_and(|written| written == owner)
        && *key == claim.id.key()
        && *owner_type == claim.id.owner_type()
}

pub(super) fn upsert_statement<'a>(
    tables: &Tables,
    claims: &'a [Claim],
    now: &str,
) -> QueryResult<OverCounters<'a, WrittenSql>> {
    let is_add = claims.first().is_some_and(standard::is_add);
    Ok(OverCounters {
        before: format!(
            "INSERT INTO {} AS \"row\" \
             (\"owner_type\", \"owner_id\", \"owner_key\", \"key\", \"count\", \"claim_seq\") \
             SELECT * FROM ",
            tables.totals().quoted()
        ),
        numbers: vec![
            claims.iter().map(standard::value).collect(),
            claims.iter().map(|claim| claim.seq.get()).collect(),
        ],
        after: format!(
            "{} RETURNING \"owner_type\", \"owner_id\", \"owner_key\", \"key\", \"claim_seq\", \
             (SELECT relkind <> 'r' OR relhastriggers OR relhassubclass FROM pg_class \
             WHERE oid = '{}'::regclass)",
            on_conflict::apply(is_add, now),
            tables.totals().quoted().replace('\'', "''")
        ),
        ..OverCounters::new(claims.iter().map(|claim| &claim.id))?
    })
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
/// the counter, and the row's id, count and sequence.
pub(super) fn free_rows<'a>(
    tables: &Tables,
    ids: &'a [CounterId],
) -> QueryResult<OverCounters<'a, (BigInt, BigInt, BigInt, BigInt)>> {
    let columns = "w.\"number\" - 1, c.\"id\", c.\"count\", c.\"claim_seq\"";
    let mut rows = many(columns, tables, ids)?;
    rows.after.push_str(SKIP_LOCKED);
    Ok(rows)
}

fn many<'a, Row>(
    columns: &str,
    tables: &Tables,
    ids: &'a [CounterId],
) -> QueryResult<OverCounters<'a, Row>> {
    Ok(OverCounters {
        before: format!("SELECT {columns} FROM "),
        after: format!(
            " WITH ORDINALITY AS w (\"owner_type\", \"owner_id\", \"owner_key\", \"key\", \
             \"number\") JOIN {} AS c \
             USING (\"owner_type\", \"owner_id\", \"owner_key\", \"key\")",
            tables.totals().quoted()
        ),
        ..OverCounters::new(ids)?
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
    numbers: Vec<Vec<i64>>,
    pub(super) after: String,
    row: PhantomData<Row>,
}

impl<'a, Row> OverCounters<'a, Row> {
    fn new(ids: impl IntoIterator<Item = &'a CounterId> + Clone) -> QueryResult<Self> {
        let owners = ids.clone().into_iter().map(bind_owner_of);
        let owners = owners.map(|owner| owner.map(|OwnerColumns { id, key }| (id, key)));
        let (owner_ids, owner_keys) = owners.collect::<QueryResult<(Vec<_>, Vec<_>)>>()?;
        Ok(Self {
            is_named: false,
            before: String::new(),
            owner_types: ids.clone().into_iter().map(CounterId::owner_type).collect(),
            owner_ids,
            owner_keys,
            keys: ids.into_iter().map(CounterId::key).collect(),
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
        for numbers in &self.numbers {
            out.push_sql(", ");
            out.push_bind_param::<Array<BigInt>, _>(numbers)?;
        }
        out.push_sql(")");
        out.push_sql(&self.after);
        Ok(())
    }
}

// No static id: the text tells statements apart, for the table's name is in it.
impl<Row> QueryId for OverCounters<'_, Row> {
    type QueryId = ();

    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Row> Query for OverCounters<'_, Row> {
    type SqlType = Row;
}

impl<Row, Conn> RunQueryDsl<Conn> for OverCounters<'_, Row> {}
