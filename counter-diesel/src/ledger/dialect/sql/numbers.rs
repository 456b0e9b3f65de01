//! The statements over the rows of numbers, which every database takes as they are.

use chrono::NaiveDateTime;
use counter_core::{ClaimSeq, NumberRow, StoreNumber};
use diesel::sql_types::{BigInt, Nullable, Timestamp};

use super::statement::Statement;
use crate::ledger::dialect::numbers::{NumberUse, SharedRecord};
use crate::ledger::dialect::state_row::StateRow;
use crate::ledger::dialect::tables::Tables;

pub(crate) fn all<'a>(
    tables: &Tables,
    now: &str,
) -> Statement<'a, (BigInt, Nullable<Timestamp>, Timestamp)> {
    let from = tables.state().quoted();
    of_numbers(Statement::new(format!(
        "SELECT \"writer\", \"synced_at\", {now} FROM {from} WHERE "
    )))
}

/// A number that was never used counts as used at the beginning of time.
pub(crate) fn uses(rows: Vec<(i64, Option<NaiveDateTime>, NaiveDateTime)>) -> Vec<NumberUse> {
    let number_use = |(writer, used_at, now): (i64, Option<NaiveDateTime>, NaiveDateTime)| {
        let number = StoreNumber::new(u16::try_from(writer - 1).ok()?)?;
        Some(NumberUse { number, used_at: used_at.unwrap_or(NaiveDateTime::MIN), now })
    };
    rows.into_iter().filter_map(number_use).collect()
}

pub(crate) fn one<'a>(
    tables: &Tables,
    number: StoreNumber,
    lock: &'static str,
) -> Statement<'a, (BigInt, BigInt, BigInt)> {
    let from = tables.state().quoted();
    let select = format!("SELECT \"holder\", \"claim_seq\", \"batch\" FROM {from} WHERE ");
    of_number(Statement::new(select), number).sql(lock)
}

pub(crate) fn row(rows: Vec<(i64, i64, i64)>) -> Option<NumberRow> {
    let row = rows.into_iter().next();
    row.map(|(holder, floor, batch)| NumberRow { holder, floor: ClaimSeq::new(floor), batch })
}

pub(crate) fn insert<'a>(
    tables: &Tables,
    number: StoreNumber,
    row: NumberRow,
    now: &str,
) -> Statement<'a> {
    let into = tables.state().quoted();
    let (prefix, store_id) = StateRow::NUMBERS;
    let columns = "\"prefix\", \"store_id\", \"writer\", \"claim_seq\", \"synced_at\", \
                   \"holder\", \"batch\"";
    Statement::new(format!("INSERT INTO {into} ({columns}) VALUES ('{prefix}', '{store_id}', "))
        .big_int(writer_of(number))
        .sql(", ")
        .big_int(row.floor.get())
        .sql(format!(", {now}, "))
        .big_int(row.holder)
        .sql(", ")
        .big_int(row.batch)
        .sql(")")
}

/// Writes the row only where it is still as it was when it was locked.
pub(crate) fn update<'a>(
    tables: &Tables,
    number: StoreNumber,
    (locked, row): (NumberRow, NumberRow),
    now: &str,
) -> Statement<'a> {
    let state = tables.state().quoted();
    let update = Statement::new(format!("UPDATE {state} SET \"claim_seq\" = "))
        .big_int(row.floor.get())
        .sql(", \"holder\" = ")
        .big_int(row.holder)
        .sql(", \"batch\" = ")
        .big_int(row.batch)
        .sql(format!(", \"synced_at\" = {now} WHERE "));
    let update = of_number(update, number).sql(" AND \"holder\" = ").big_int(locked.holder);
    update.sql(" AND \"batch\" = ").big_int(locked.batch)
}

fn of_number<Row>(statement: Statement<'_, Row>, number: StoreNumber) -> Statement<'_, Row> {
    of_numbers(statement).sql(" AND \"writer\" = ").big_int(writer_of(number))
}

/// The row of writer 0 would be that of passes.
fn writer_of(number: StoreNumber) -> i64 {
    1 + i64::from(number.get())
}

fn of_numbers<Row>(statement: Statement<'_, Row>) -> Statement<'_, Row> {
    let (prefix, store_id) = StateRow::NUMBERS;
    statement.sql(format!("\"prefix\" = '{prefix}' AND \"store_id\" = '{store_id}'"))
}

pub(crate) fn newest<'a>(tables: &Tables) -> Statement<'a, Nullable<BigInt>> {
    let from = tables.state().quoted();
    Statement::new(format!("SELECT MAX(\"claim_seq\") FROM {from}"))
}

/// The rows of stores that processes share are those that have a prefix.
pub(crate) fn shared<'a>(
    tables: &Tables,
    now: &str,
) -> Statement<'a, (Nullable<BigInt>, Nullable<Timestamp>, Timestamp)> {
    let from = tables.state().quoted();
    let columns = format!("MAX(\"claim_seq\"), MAX(\"synced_at\"), {now}");
    Statement::new(format!("SELECT {columns} FROM {from} WHERE \"prefix\" <> ''"))
}

pub(crate) fn shared_record(
    (newest, synced_at, now): (Option<i64>, Option<NaiveDateTime>, NaiveDateTime),
) -> SharedRecord {
    let newest = ClaimSeq::new(newest.unwrap_or_default());
    let synced_ago = synced_at.map(|synced_at| (now - synced_at).to_std().unwrap_or_default());
    SharedRecord { newest, synced_ago }
}
