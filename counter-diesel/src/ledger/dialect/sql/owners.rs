//! The statements over all owners of a type, page by page in the order of the unique index. A page
//! begins where the last one ended, so that none reads what is before it.

use chrono::NaiveDateTime;
use counter_core::{Baseline, ClaimSeq, OwnerId, OwnerType, TableName};
use diesel::result::QueryResult;
use diesel::sql_types::{BigInt, Text, Timestamp};

use super::statement::Statement;
use crate::ledger::dialect::owner::{bind_owner, read_owner};
use crate::ledger::dialect::owners::{FoundOwner, FoundRow};
use crate::ledger::dialect::tables::Tables;

type RowTypes = (BigInt, Text, BigInt, BigInt);

type RowColumns = (i64, String, i64, i64);

const ROW_COLUMNS: &str = "\"owner_id\", \"key\", \"count\", \"claim_seq\"";

/// The rows of one owner after this key.
pub(crate) fn rows_of_same<'a>(
    tables: &Tables,
    owner_type: &'a OwnerType,
    (owner, key): (&OwnerId, &'a str),
    limit: i64,
) -> QueryResult<Statement<'a, RowTypes>> {
    Ok(of_type(ROW_COLUMNS, tables, owner_type)
        .sql(" AND \"owner_id\" = ")
        .big_int(bind_owner(owner)?)
        .sql(" AND \"key\" > ")
        .text(key)
        .sql(" ORDER BY \"key\" LIMIT ")
        .big_int(limit))
}

/// The rows of the owners after this one.
pub(crate) fn rows_of_next<'a>(
    tables: &Tables,
    owner_type: &'a OwnerType,
    after: Option<&OwnerId>,
    limit: i64,
) -> QueryResult<Statement<'a, RowTypes>> {
    let rows = after_owner(of_type(ROW_COLUMNS, tables, owner_type), after)?;
    Ok(rows.sql(" ORDER BY \"owner_id\", \"key\" LIMIT ").big_int(limit))
}

pub(crate) fn found_rows(rows: Vec<RowColumns>) -> QueryResult<Vec<FoundRow>> {
    let found = rows.into_iter().map(|(owner_id, key, count, seq)| {
        let row = Baseline { count, seq: ClaimSeq::new(seq) };
        Ok(FoundRow { owner: read_owner(owner_id)?, key, row })
    });
    found.collect()
}

type OwnerTypes = (BigInt, BigInt, Timestamp, Timestamp);

type OwnerColumns = (i64, i64, NaiveDateTime, NaiveDateTime);

/// The owners after this one, with the number of their rows and when the last of these changed.
pub(crate) fn owners_after<'a>(
    tables: &Tables,
    owner_type: &'a OwnerType,
    after: Option<&OwnerId>,
    limit: i64,
    now: &str,
) -> QueryResult<Statement<'a, OwnerTypes>> {
    let columns = format!("\"owner_id\", COUNT(*), MAX(\"updated_at\"), {now}");
    let owners = after_owner(of_type(&columns, tables, owner_type), after)?;
    Ok(owners.sql(" GROUP BY \"owner_id\" ORDER BY \"owner_id\" LIMIT ").big_int(limit))
}

pub(crate) fn found_owners(rows: Vec<OwnerColumns>) -> QueryResult<Vec<FoundOwner>> {
    let found = rows.into_iter().map(|(owner_id, rows, updated_at, now)| {
        let idle = (now - updated_at).to_std().unwrap_or_default();
        let rows = u64::try_from(rows).unwrap_or_default();
        Ok(FoundOwner { owner: read_owner(owner_id)?, rows, idle })
    });
    found.collect()
}

fn of_type<'a, Row>(
    columns: &str,
    tables: &Tables,
    owner_type: &'a OwnerType,
) -> Statement<'a, Row> {
    let from = tables.totals().quoted();
    Statement::new(format!("SELECT {columns} FROM {from} WHERE \"owner_type\" = "))
        .text(owner_type.as_str())
}

fn after_owner<'a, Row>(
    rows: Statement<'a, Row>,
    after: Option<&OwnerId>,
) -> QueryResult<Statement<'a, Row>> {
    Ok(match after {
        Some(owner) => rows.sql(" AND \"owner_id\" > ").big_int(bind_owner(owner)?),
        None => rows,
    })
}

/// Numbers of ids in one statement: a few, so that each is prepared once and kept.
const SIZES: [usize; 3] = [10, 100, 1000];

/// The greatest number of ids that [`present`] takes.
pub(crate) const MOST_PRESENT: usize = SIZES[SIZES.len() - 1];

/// Those of these ids, none of them missing, that are in a column of a table of the application's,
/// as texts. An id that is no integer is compared as a text, which no index helps.
pub(crate) fn present<'a>(
    table: &TableName,
    column: &str,
    ids: &'a [OwnerId],
    as_text: &str,
) -> Statement<'a, Text> {
    let column = format!("\"{}\"", column.replace('"', "\"\""));
    let parts = [table.schema(), Some(table.table())].into_iter().flatten();
    let parts = parts.map(|part| format!("\"{}\"", part.replace('"', "\"\"")));
    let from = parts.collect::<Vec<_>>().join(".");
    let texts = format!("CAST({column} AS {as_text})");
    let are_integers = ids.iter().all(|id| id.as_i64().is_some());
    let compared = if are_integers { &column } else { &texts };
    let select = format!("SELECT {texts} FROM {from} WHERE {compared} IN (");
    let mut present = Statement::new(select);
    let size = SIZES.into_iter().find(|size| *size >= ids.len()).unwrap_or(ids.len());
    for place in 0..size {
        let Some(id) = ids.get(place).or(ids.last()) else { break };
        present = present.sql(if place == 0 { "" } else { ", " });
        present = match id.as_i64() {
            Some(number) if are_integers => present.big_int(number),
            _ => present.text(id.to_string()),
        };
    }
    present.sql(")")
}

/// The bodies, which are equal everywhere, for use inside of `impl OwnersDialect for ...`.
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
macro_rules! owners_members {
    ($now:expr) => {
        fn rows_after(
            &mut self,
            tables: &Tables,
            owner_type: &OwnerType,
            after: Option<(&OwnerId, &str)>,
            limit: i64,
        ) -> QueryResult<Vec<$crate::ledger::dialect::owners::FoundRow>> {
            let mut rows = match after {
                Some(after) => {
                    owners::rows_of_same(tables, owner_type, after, limit)?.load(self)?
                }
                None => Vec::new(),
            };
            let left = limit - i64::try_from(rows.len()).unwrap_or(limit);
            if left > 0 {
                let owner = after.map(|(owner, _)| owner);
                let next = owners::rows_of_next(tables, owner_type, owner, left)?;
                rows.extend(next.load(self)?);
            }
            owners::found_rows(rows)
        }

        fn owners_after(
            &mut self,
            tables: &Tables,
            owner_type: &OwnerType,
            after: Option<&OwnerId>,
            limit: i64,
        ) -> QueryResult<Vec<$crate::ledger::dialect::owners::FoundOwner>> {
            let found = owners::owners_after(tables, owner_type, after, limit, $now)?;
            owners::found_owners(found.load(self)?)
        }

        fn present_owners(
            &mut self,
            table: &counter_core::TableName,
            column: &str,
            ids: &[OwnerId],
        ) -> QueryResult<Vec<String>> {
            let mut present = Vec::new();
            for ids in ids.chunks(owners::MOST_PRESENT) {
                present.extend(owners::present(table, column, ids, Self::TEXT).load(self)?);
            }
            Ok(present)
        }
    };
}
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
pub(crate) use owners_members;
