//! The statements over all owners of a type, page by page in the order of the unique index. A page
//! begins where the last one ended, so that none reads what is before it.

use chrono::NaiveDateTime;
#[cfg(any(feature = "mysql", feature = "postgres"))]
use counter_core::CounterId;
use counter_core::{Baseline, ClaimSeq, OwnerId, OwnerType};
use diesel::result::QueryResult;
use diesel::sql_types::{BigInt, Text, Timestamp};

#[cfg(any(feature = "mysql", feature = "postgres"))]
use super::present::in_list;
use super::statement::Statement;
use crate::ledger::dialect::owner::{bind_owner, read_owner};
use crate::ledger::dialect::owners::{FoundOwner, FoundRow};
use crate::ledger::dialect::tables::Tables;

type RowTypes = (BigInt, Text, Text, BigInt, BigInt, Timestamp, Timestamp);

type RowColumns = (i64, String, String, i64, i64, NaiveDateTime, NaiveDateTime);

/// The place after which rows are read.
#[derive(Debug, Clone, Copy)]
pub(crate) enum After<'a> {
    /// The row of this key, among the rows of the same owner.
    Key(&'a OwnerId, &'a str),
    /// This owner, among the owners with the same integer, which is 0 for all texts.
    Text(&'a OwnerId),
    /// All owners with the same integer.
    Integer(&'a OwnerId),
    /// None: from the first.
    Nothing,
}

impl<'a> After<'a> {
    /// The places whose rows, one after the other, are all rows after this key of this owner. Each
    /// is one range of the index, which all of them together would not be.
    pub(crate) fn row(after: Option<(&'a OwnerId, &'a str)>) -> Vec<Self> {
        let places =
            |(owner, key)| vec![Self::Key(owner, key), Self::Text(owner), Self::Integer(owner)];
        after.map_or_else(|| vec![Self::Nothing], places)
    }

    /// The same of owners.
    pub(crate) fn owner(after: Option<&'a OwnerId>) -> Vec<Self> {
        let places = |owner| vec![Self::Text(owner), Self::Integer(owner)];
        after.map_or_else(|| vec![Self::Nothing], places)
    }
}

/// At most so many rows of a type, in order.
pub(crate) fn rows<'a>(
    tables: &Tables,
    owner_type: &'a OwnerType,
    after: After<'a>,
    limit: i64,
    now: &str,
) -> QueryResult<Statement<'a, RowTypes>> {
    let columns = "\"owner_id\", \"owner_key\", \"key\", \"count\", \"claim_seq\", \"updated_at\"";
    let rows = of_type(&format!("{columns}, {now}"), tables, owner_type, after)?;
    Ok(rows.sql(" ORDER BY \"owner_id\", \"owner_key\", \"key\" LIMIT ").big_int(limit))
}

pub(crate) fn found_rows(rows: Vec<RowColumns>) -> QueryResult<Vec<FoundRow>> {
    let found = rows.into_iter().map(|(owner_id, owner_key, key, count, seq, updated_at, now)| {
        let row = Baseline { count, seq: ClaimSeq::new(seq) };
        let idle = (now - updated_at).to_std().unwrap_or_default();
        Ok(FoundRow { owner: read_owner((owner_id, owner_key))?, key, row, idle })
    });
    found.collect()
}

type OwnerTypes = (BigInt, Text, BigInt, Timestamp, Timestamp);

type OwnerColumns = (i64, String, i64, NaiveDateTime, NaiveDateTime);

/// At most so many owners, in order, with the number of their rows and when the last of these
/// changed.
pub(crate) fn owners<'a>(
    tables: &Tables,
    owner_type: &'a OwnerType,
    after: After<'a>,
    limit: i64,
    now: &str,
) -> QueryResult<Statement<'a, OwnerTypes>> {
    let columns = format!("\"owner_id\", \"owner_key\", COUNT(*), MAX(\"updated_at\"), {now}");
    let owners = of_type(&columns, tables, owner_type, after)?;
    let owners = owners.sql(" GROUP BY \"owner_id\", \"owner_key\"");
    Ok(owners.sql(" ORDER BY \"owner_id\", \"owner_key\" LIMIT ").big_int(limit))
}

pub(crate) fn found_owners(rows: Vec<OwnerColumns>) -> QueryResult<Vec<FoundOwner>> {
    let found = rows.into_iter().map(|(owner_id, owner_key, rows, updated_at, now)| {
        let idle = (now - updated_at).to_std().unwrap_or_default();
        let rows = u64::try_from(rows).unwrap_or_default();
        Ok(FoundOwner { owner: read_owner((owner_id, owner_key))?, rows, idle })
    });
    found.collect()
}

/// Rows of a type. One that says both an integer and a text, as only another program writes it, is
/// nobody's: it would keep those after it from being read.
fn of_type<'a, Row>(
    columns: &str,
    tables: &Tables,
    owner_type: &'a OwnerType,
    after: After<'a>,
) -> QueryResult<Statement<'a, Row>> {
    let from = tables.totals().quoted();
    let rows = Statement::new(format!("SELECT {columns} FROM {from} WHERE \"owner_type\" = "))
        .text(owner_type.as_str())
        .sql(" AND (\"owner_id\" = 0 OR \"owner_key\" = '')");
    Ok(match after {
        After::Key(owner, key) => {
            let owner = bind_owner(owner)?;
            let rows = rows.sql(" AND \"owner_id\" = ").big_int(owner.id);
            let rows = rows.sql(" AND \"owner_key\" = ").text(owner.key);
            rows.sql(" AND \"key\" > ").text(key)
        }
        After::Text(owner) => {
            let owner = bind_owner(owner)?;
            let rows = rows.sql(" AND \"owner_id\" = ").big_int(owner.id);
            rows.sql(" AND \"owner_key\" > ").text(owner.key)
        }
        After::Integer(owner) => rows.sql(" AND \"owner_id\" > ").big_int(bind_owner(owner)?.id),
        After::Nothing => rows,
    })
}

/// Returns the ids of those of the rows that were found which are 0 and have the sequence asked
/// for. Each is found with the place of its counter.
#[cfg(any(feature = "mysql", feature = "postgres"))]
pub(crate) fn zeros(asked: &[(CounterId, ClaimSeq)], found: Vec<(i64, i64, i64, i64)>) -> Vec<i64> {
    let is_zero = |(place, _, count, seq): &(i64, i64, i64, i64)| {
        let asked = usize::try_from(*place).ok().and_then(|place| asked.get(place));
        *count == 0 && asked.is_some_and(|(_, asked)| asked.get() == *seq)
    };
    found.into_iter().filter(is_zero).map(|(_, id, ..)| id).collect()
}

/// How many rows one statement deletes.
#[cfg(any(feature = "mysql", feature = "postgres"))]
pub(crate) const MOST_DELETED: usize = 1000;

/// Deletes rows by their generated ids.
#[cfg(any(feature = "mysql", feature = "postgres"))]
pub(crate) fn delete(tables: &Tables, ids: &[i64]) -> Statement<'static> {
    let delete = Statement::new(format!("DELETE FROM {} WHERE \"id\"", tables.totals().quoted()));
    in_list(delete, ids, |delete, id| delete.big_int(*id))
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
            let mut rows = Vec::new();
            for after in owners::After::row(after) {
                let left = limit - i64::try_from(rows.len()).unwrap_or(limit);
                if left > 0 {
                    rows.extend(owners::rows(tables, owner_type, after, left, $now)?.load(self)?);
                }
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
            let mut found = Vec::new();
            for after in owners::After::owner(after) {
                let left = limit - i64::try_from(found.len()).unwrap_or(limit);
                if left > 0 {
                    let owners = owners::owners(tables, owner_type, after, left, $now)?;
                    found.extend(owners.load(self)?);
                }
            }
            owners::found_owners(found)
        }

        fn present_owners(
            &mut self,
            table: &counter_core::TableName,
            column: &str,
            ids: &[OwnerId],
        ) -> QueryResult<Vec<OwnerId>> {
            let mut present = Vec::new();
            for lookup in present::lookups(self.kind_of(table, column)?, ids) {
                for statement in lookup.statements(table, column, Self::COLUMN_SQL) {
                    let returned = statement.load::<String>(self)?;
                    present.extend(returned.iter().flat_map(|form| lookup.ids_of(form)).cloned());
                }
            }
            Ok(present)
        }
    };
}
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
pub(crate) use owners_members;
