//! The statements that every database takes as they are, and what every database does with claims
//! and rows.

use chrono::NaiveDateTime;
use counter_core::{Baseline, Claim, ClaimOp, ClaimSeq, CounterId, NotedRow, Owner, ServerVersion};
#[cfg(any(feature = "mysql", feature = "sqlite"))]
use diesel::connection::SimpleConnection;
use diesel::result::{Error, QueryResult};
use diesel::sql_types::{BigInt, Nullable, Text, Timestamp};

use super::statement::Statement;
use crate::ledger::dialect::owner::{OwnerColumns, bind_owner};
use crate::ledger::dialect::period::PeriodColumns;
use crate::ledger::dialect::state_row::StateRow;
use crate::ledger::dialect::tables::Tables;

pub(crate) fn is_add(claim: &Claim) -> bool {
    matches!(claim.op, ClaimOp::Add(_))
}

/// Returns the amount that the claim adds or sets. A delete sets to 0 first, which takes the row's
/// lock.
pub(crate) fn value(claim: &Claim) -> i64 {
    match claim.op {
        ClaimOp::Add(value) | ClaimOp::Set(value) => value,
        ClaimOp::Delete => 0,
    }
}

/// A savepoint is gone with the transaction in which it was made.
#[cfg(any(feature = "mysql", feature = "sqlite"))]
pub(crate) fn mark_by_savepoint(conn: &mut impl SimpleConnection, mark: u64) -> QueryResult<()> {
    conn.batch_execute(&format!("SAVEPOINT counter_{mark}"))
}

#[cfg(any(feature = "mysql", feature = "sqlite"))]
pub(crate) fn release_mark(conn: &mut impl SimpleConnection, mark: u64) -> QueryResult<bool> {
    conn.batch_execute(&format!("RELEASE SAVEPOINT counter_{mark}"))?;
    Ok(true)
}

/// Runs of claims that are all added, or all set. The order stays, in which every sync locks the
/// rows.
pub(crate) fn runs(claims: &[Claim]) -> impl Iterator<Item = &[Claim]> {
    claims.chunk_by(|a, b| is_add(a) == is_add(b))
}

pub(crate) fn update<'a>(
    tables: &Tables,
    claim: &'a Claim,
    now: &str,
) -> QueryResult<Statement<'a>> {
    let plus = if is_add(claim) { "\"count\" + " } else { "" };
    let table = tables.of(Some(&claim.id)).quoted();
    let update = format!("UPDATE {table} SET \"count\" = {plus}");
    let update = Statement::new(update)
        .big_int(value(claim))
        .sql(", \"claim_seq\" = ")
        .big_int(claim.seq.get())
        .sql(format!(", \"updated_at\" = {now} WHERE "));
    Ok(of_counter(update, &claim.id)?.sql(" AND \"claim_seq\" < ").big_int(claim.seq.get()))
}

pub(crate) fn delete<'a>(
    tables: &Tables,
    id: &'a CounterId,
    seq: ClaimSeq,
) -> QueryResult<Statement<'a>> {
    let delete = Statement::new(format!("DELETE FROM {} WHERE ", tables.of(Some(id)).quoted()));
    Ok(of_counter(delete, id)?.sql(" AND \"claim_seq\" = ").big_int(seq.get()))
}

pub(crate) fn one_baseline<'a>(
    tables: &Tables,
    id: &'a CounterId,
) -> QueryResult<Statement<'a, (BigInt, BigInt)>> {
    let from = tables.of(Some(id)).quoted();
    let select = format!("SELECT \"count\", \"claim_seq\" FROM {from} WHERE ");
    of_counter(Statement::new(select), id)
}

/// The rows of the buckets of one counter from this one to that one, in the order of their periods.
pub(crate) fn buckets_between<'a>(
    tables: &Tables,
    first: &'a CounterId,
    last: &CounterId,
) -> QueryResult<Statement<'a, (Timestamp, BigInt, BigInt)>> {
    let from = tables.of(Some(first)).quoted();
    let select = format!("SELECT \"starts_at\", \"count\", \"claim_seq\" FROM {from} WHERE ");
    let rows = of_key(Statement::new(select), first)?;
    let Some((first, last)) = first.period().zip(last.period()) else {
        return Ok(rows.sql(" AND 1 = 0"));
    };
    let [first, last] = [first, last].map(PeriodColumns::of);
    Ok(rows
        .sql(" AND \"grain\" = ")
        .text(first.grain)
        .sql(" AND \"starts_at\" BETWEEN ")
        .date_time(first.starts_at)
        .sql(" AND ")
        .date_time(last.starts_at)
        .sql(" ORDER BY \"starts_at\""))
}

pub(super) fn of_counter<'a, Row>(
    statement: Statement<'a, Row>,
    id: &'a CounterId,
) -> QueryResult<Statement<'a, Row>> {
    let statement = of_key(statement, id)?;
    Ok(match id.period().map(PeriodColumns::of) {
        None => statement,
        Some(PeriodColumns { grain, starts_at }) => {
            let statement = statement.sql(" AND \"grain\" = ").text(grain);
            statement.sql(" AND \"starts_at\" = ").date_time(starts_at)
        }
    })
}

fn of_key<'a, Row>(
    statement: Statement<'a, Row>,
    id: &'a CounterId,
) -> QueryResult<Statement<'a, Row>> {
    let statement = statement.sql("\"owner_type\" = ").text(id.owner_type());
    let statement = of_owner(statement, bind_owner(id.owner_id())?);
    Ok(statement.sql(" AND \"key\" = ").text(id.key()))
}

fn of_owner<'a, Row>(statement: Statement<'a, Row>, owner: OwnerColumns<'a>) -> Statement<'a, Row> {
    let statement = statement.sql(" AND \"owner_id\" = ").big_int(owner.id);
    statement.sql(" AND \"owner_key\" = ").text(owner.key)
}

/// The row of one counter, if there is one.
pub(crate) fn only(rows: Vec<(i64, i64)>) -> Vec<Option<Baseline>> {
    let row = rows.into_iter().next();
    vec![row.map(|(count, seq)| baseline(count, seq))]
}

/// Puts the rows that were found, with the places of their counters, into the order of the counters
/// asked for.
pub(crate) fn in_order(asked: usize, rows: Vec<(i64, i64, i64)>) -> Vec<Option<Baseline>> {
    let mut found = vec![None; asked];
    for (index, count, seq) in rows {
        if let Some(place) = usize::try_from(index).ok().and_then(|index| found.get_mut(index)) {
            *place = Some(baseline(count, seq));
        }
    }
    found
}

/// Returns the places of the counters whose rows were found.
#[cfg(any(feature = "postgres", feature = "mysql"))]
pub(crate) fn places(rows: Vec<(i64, i64, i64)>) -> Vec<usize> {
    rows.into_iter().filter_map(|(index, ..)| usize::try_from(index).ok()).collect()
}

pub(crate) fn rows_of<'a>(
    tables: &Tables,
    owner: &'a Owner,
) -> QueryResult<Statement<'a, (Text, BigInt, BigInt)>> {
    let from = tables.totals().quoted();
    let select = format!("SELECT \"key\", \"count\", \"claim_seq\" FROM {from}");
    let select = Statement::new(select).sql(" WHERE \"owner_type\" = ");
    Ok(of_owner(select.text(owner.owner_type().as_str()), bind_owner(owner.id())?))
}

pub(crate) fn rows_with_keys(rows: Vec<(String, i64, i64)>) -> Vec<(String, Baseline)> {
    rows.into_iter().map(|(key, count, seq)| (key, baseline(count, seq))).collect()
}

fn baseline(count: i64, seq: i64) -> Baseline {
    Baseline { count, seq: ClaimSeq::new(seq) }
}

const STATE_COLUMNS: &str =
    "\"prefix\", \"store_id\", \"writer\", \"claim_seq\", \"synced_at\", \"marks\"";

pub(crate) fn state<'a>(tables: &Tables, prefix: &'a str) -> Statement<'a, StateTypes> {
    let from = tables.state().quoted();
    let columns = STATE_COLUMNS;
    let newest = format!("(SELECT MAX(\"claim_seq\") FROM {from})");
    Statement::new(format!("SELECT {columns}, {newest} FROM {from} WHERE \"prefix\" = "))
        .text(prefix)
        .sql(format!(" AND \"store_id\" NOT LIKE '%{OF_PARTS}'"))
        .sql(" OR \"prefix\" = '' AND \"writer\" = 0")
}

type StateTypes = (Text, Text, BigInt, BigInt, Nullable<Timestamp>, Text, BigInt);

type StateColumns = (String, String, i64, i64, Option<NaiveDateTime>, String, i64);

pub(crate) fn state_rows(rows: Vec<StateColumns>) -> Vec<(StateRow, ClaimSeq)> {
    let state_row = |(prefix, store_id, writer, seq, synced_at, marks, newest)| {
        let seq = ClaimSeq::new(seq);
        (StateRow { prefix, store_id, writer, seq, synced_at, marks }, ClaimSeq::new(newest))
    };
    rows.into_iter().map(state_row).collect()
}

pub(crate) fn prefixes<'a>(tables: &Tables) -> Statement<'a, (Text, Nullable<Timestamp>)> {
    let from = tables.state().quoted();
    let select = format!("SELECT \"prefix\", MAX(\"synced_at\") FROM {from}");
    Statement::new(select).sql(" WHERE \"prefix\" <> '' GROUP BY \"prefix\" ORDER BY \"prefix\"")
}

/// State rows as they are to be, as far as writing them is the same everywhere. That of a pass says
/// that it ended just now.
pub(crate) fn record<'a>(tables: &Tables, rows: &'a [StateRow], now: &str) -> Statement<'a> {
    let into = tables.state().quoted();
    let columns = STATE_COLUMNS;
    let mut insert = Statement::new(format!("INSERT INTO {into} ({columns}) VALUES "));
    for (place, row) in rows.iter().enumerate() {
        let synced_at = if row.writer == StateRow::PASSES { now } else { "NULL" };
        insert = insert
            .sql(if place == 0 { "(" } else { ", (" })
            .text(row.prefix.as_str())
            .sql(", ")
            .text(row.store_id.as_str())
            .sql(", ")
            .big_int(row.writer)
            .sql(", ")
            .big_int(row.seq.get())
            .sql(format!(", {synced_at}, "))
            .text(row.marks.as_str())
            .sql(")");
    }
    insert
}

/// Fails if the statement that records did not write these rows. An old copy of a store would not
/// be noticed where a claim is in the table and not recorded.
pub(crate) fn are_recorded(rows: &[StateRow], written: usize) -> QueryResult<()> {
    if written >= rows.len() {
        return Ok(());
    }
    let why = "its row was not written, although the statement did not fail: look for triggers \
               that drop it";
    Err(Error::QueryBuilderError(why.into()))
}

pub(crate) fn forget_passes<'a>(
    tables: &Tables,
    prefix: &'a str,
    store_id: &'a str,
) -> Statement<'a> {
    let state = tables.state().quoted();
    let update = format!("UPDATE {state} SET \"synced_at\" = NULL WHERE \"synced_at\" IS NOT NULL");
    Statement::new(update)
        .sql(" AND \"prefix\" = ")
        .text(prefix)
        .sql(" AND \"store_id\" <> ")
        .text(store_id)
}

#[cfg(any(feature = "postgres", feature = "mysql"))]
pub(crate) fn free_writer<'a>(
    tables: &Tables,
    prefix: &'a str,
    store_id: &'a str,
) -> Statement<'a, RecordColumns> {
    let writers = of_store(RECORD_COLUMNS, tables, prefix, store_id);
    writers.sql(format!(" AND \"writer\" > {} LIMIT 1 FOR UPDATE", StateRow::PASSES))
}

pub(crate) fn record_rows<'a>(
    tables: &Tables,
    prefix: &'a str,
    store_id: &'a str,
    writer: Option<i64>,
) -> Statement<'a, RecordColumns> {
    let rows = of_store(RECORD_COLUMNS, tables, prefix, store_id);
    match writer {
        Some(writer) => rows.sql(" AND \"writer\" = ").big_int(writer),
        None => rows.sql(format!(" AND \"writer\" <> {} ORDER BY 1", StateRow::PASSES)),
    }
}

pub(crate) fn replace_identity<'a>(
    tables: &Tables,
    (prefix, store_id): (&'a str, &'a str),
    identity: &'a str,
) -> Statement<'a> {
    let state = tables.state().quoted();
    Statement::new(format!("UPDATE {state} SET \"marks\" = "))
        .text(identity)
        .sql(format!(" WHERE \"writer\" = {} AND \"prefix\" = ", StateRow::PASSES))
        .text(prefix)
        .sql(" AND \"store_id\" = ")
        .text(store_id)
}

/// Returns the condition on which a state row keeps the marks that it has, though it is written:
/// there are no new ones, or they are the identity that the row of passes has already. `new` are
/// the new ones, and `row` is the row.
pub(crate) fn keeps_marks(row: &str, new: &str) -> String {
    let is_of_passes = format!("{row}.\"writer\" = {}", StateRow::PASSES);
    format!("{new} = '' OR {is_of_passes} AND {row}.\"marks\" <> ''")
}

pub(crate) fn recorded<'a>(
    tables: &Tables,
    prefix: &'a str,
    store_id: &'a str,
) -> Statement<'a, RecordColumns> {
    let decisions = NotedRow::DECISIONS;
    let marks = format!("CASE \"writer\" WHEN {decisions} THEN \"marks\" ELSE '' END");
    let columns = format!("\"writer\", \"claim_seq\", {marks}");
    of_store(&columns, tables, prefix, store_id)
}

/// Returns the rows from each of these writers to the other, or all rows of the store.
pub(crate) fn recorded_by<'a>(
    tables: &Tables,
    prefix: &'a str,
    store_id: &'a str,
    writers: &[(i64, i64)],
) -> Statement<'a, RecordColumns> {
    let mut rows = of_store(RECORD_COLUMNS, tables, prefix, store_id);
    for (place, (from, to)) in writers.iter().enumerate() {
        rows = rows.sql(if place == 0 { " AND (" } else { " OR " }).sql("\"writer\" BETWEEN ");
        rows = rows.big_int(*from).sql(" AND ").big_int(*to);
    }
    if writers.is_empty() { rows } else { rows.sql(")") }
}

/// The end of a store's id in the rows that its parts have. No id has a colon.
pub(crate) const OF_PARTS: &str = ":parts";

/// The columns of a row of the record.
pub(crate) type RecordColumns = (BigInt, BigInt, Text);

const RECORD_COLUMNS: &str = "\"writer\", \"claim_seq\", \"marks\"";

fn of_store<'a, Row>(
    columns: &str,
    tables: &Tables,
    prefix: &'a str,
    store_id: &'a str,
) -> Statement<'a, Row> {
    let from = tables.state().quoted();
    Statement::new(format!("SELECT {columns} FROM {from} WHERE \"prefix\" = "))
        .text(prefix)
        .sql(" AND \"store_id\" = ")
        .text(store_id)
}

pub(crate) fn run_migrations<'a>(tables: &Tables) -> Statement<'a, Text> {
    let from = tables.migrations().quoted();
    Statement::new(format!("SELECT \"name\" FROM {from}"))
}

pub(crate) fn record_migration<'a>(tables: &Tables, name: &'a str) -> Statement<'a> {
    let into = tables.migrations().quoted();
    Statement::new(format!("INSERT INTO {into} (\"name\") VALUES (")).text(name).sql(")")
}

pub(crate) fn forget_migration<'a>(tables: &Tables, name: &'a str) -> Statement<'a> {
    let from = tables.migrations().quoted();
    Statement::new(format!("DELETE FROM {from} WHERE \"name\" = ")).text(name)
}

/// Says which session holds the lock, if it still does and the database reports it.
#[cfg(any(feature = "mysql", feature = "postgres"))]
pub(crate) fn holder(found: QueryResult<Vec<i64>>, say: impl FnOnce(i64) -> String) -> String {
    match found.map(|sessions| sessions.into_iter().next()) {
        Ok(Some(session)) => say(session),
        Ok(None) => "it has just ended, so try again".to_owned(),
        Err(error) => format!("the database does not say which ({error})"),
    }
}

pub(crate) fn version(product: &str, number: String) -> ServerVersion {
    ServerVersion { product: product.to_owned(), number }
}

/// The value of a query that has one row.
pub(crate) fn only_value<T>(rows: Vec<T>) -> QueryResult<T> {
    rows.into_iter().next().ok_or(Error::NotFound)
}
