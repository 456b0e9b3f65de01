//! The statements over all owners of a type, page by page in the order of the unique index. A page
//! begins where the last one ended, so that none reads what is before it.

use std::borrow::Cow;

use chrono::NaiveDateTime;
use counter_core::{Baseline, ClaimSeq, OwnerId, OwnerType, TableName};
use diesel::result::QueryResult;
use diesel::sql_types::{BigInt, Text, Timestamp};

use super::statement::Statement;
use crate::ledger::dialect::owner::{bind_owner, read_owner};
use crate::ledger::dialect::owners::{FoundOwner, FoundRow};
use crate::ledger::dialect::tables::Tables;

type RowTypes = (BigInt, Text, Text, BigInt, BigInt);

type RowColumns = (i64, String, String, i64, i64);

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
) -> QueryResult<Statement<'a, RowTypes>> {
    let columns = "\"owner_id\", \"owner_key\", \"key\", \"count\", \"claim_seq\"";
    let rows = of_type(columns, tables, owner_type, after)?;
    Ok(rows.sql(" ORDER BY \"owner_id\", \"owner_key\", \"key\" LIMIT ").big_int(limit))
}

pub(crate) fn found_rows(rows: Vec<RowColumns>) -> QueryResult<Vec<FoundRow>> {
    let found = rows.into_iter().map(|(owner_id, owner_key, key, count, seq)| {
        let row = Baseline { count, seq: ClaimSeq::new(seq) };
        Ok(FoundRow { owner: read_owner((owner_id, owner_key))?, key, row })
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

fn of_type<'a, Row>(
    columns: &str,
    tables: &Tables,
    owner_type: &'a OwnerType,
    after: After<'a>,
) -> QueryResult<Statement<'a, Row>> {
    let from = tables.totals().quoted();
    let rows = Statement::new(format!("SELECT {columns} FROM {from} WHERE \"owner_type\" = "))
        .text(owner_type.as_str());
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

/// Numbers of ids in one statement: a few, so that each is prepared once and kept.
const SIZES: [usize; 3] = [10, 100, MOST_PRESENT];

/// The greatest number of ids that [`present`] takes.
pub(crate) const MOST_PRESENT: usize = 1000;

/// Those of these ids, none of them missing, that are in a column of a table of the application's,
/// as texts. An id that is no integer is compared as a text, which no index helps.
pub(crate) fn present<'a>(
    table: &TableName,
    column: &str,
    ids: &'a [OwnerId],
    as_text: &str,
) -> Statement<'a, Text> {
    let column = quoted(column);
    let texts = format!("CAST({column} AS {as_text})");
    let are_integers = ids.iter().all(|id| id.as_i64().is_some());
    let compared = if are_integers { &column } else { &texts };
    let present = Statement::new(format!("SELECT {texts} FROM {} WHERE {compared}", name(table)));
    in_list(present, ids, |present, id| match id.as_i64() {
        Some(number) if are_integers => present.big_int(number),
        _ => present.text(id.as_text().map_or_else(|| id.to_string().into(), Cow::Borrowed)),
    })
}

/// Those of these UUIDs whose bytes are in a column of a table of the application's, the most
/// significant first, as hexadecimal digits. Compared as such, which no index helps.
pub(crate) fn present_bytes<'a>(
    table: &TableName,
    column: &str,
    digits: &'a [String],
) -> Statement<'a, Text> {
    let hex = format!("HEX({})", quoted(column));
    let present = Statement::new(format!("SELECT {hex} FROM {} WHERE {hex}", name(table)));
    in_list(present, digits, |present, digits| present.text(digits.as_str()))
}

fn quoted(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('"', "\"\""))
}

fn name(table: &TableName) -> String {
    let parts = [table.schema(), Some(table.table())].into_iter().flatten();
    parts.map(quoted).collect::<Vec<_>>().join(".")
}

/// Adds `IN` with a list of one of a few lengths, in which the last value may be repeated.
fn in_list<'a, T>(
    mut statement: Statement<'a, Text>,
    values: &'a [T],
    push: impl Fn(Statement<'a, Text>, &'a T) -> Statement<'a, Text>,
) -> Statement<'a, Text> {
    let size = SIZES.into_iter().find(|size| *size >= values.len()).unwrap_or(values.len());
    let last = values.last().into_iter();
    for (place, value) in values.iter().chain(last.cycle()).take(size).enumerate() {
        statement = push(statement.sql(if place == 0 { " IN (" } else { ", " }), value);
    }
    statement.sql(")")
}

/// Returns the digits of a UUID in capitals, if the id is the text of one.
pub(crate) fn digits_of_uuid(id: &OwnerId) -> Option<String> {
    let text = id.as_text()?;
    let digits = text.replace('-', "").to_ascii_uppercase();
    (uuid_of_digits(&digits).as_deref() == Some(text)).then_some(digits)
}

/// Returns the text of the UUID that has these digits, or `None` if they are not 32.
pub(crate) fn uuid_of_digits(digits: &str) -> Option<String> {
    let is_digit = |digit: u8| matches!(digit, b'0'..=b'9' | b'A'..=b'F');
    if digits.len() != 32 || !digits.bytes().all(is_digit) {
        return None;
    }
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| digits.get(part));
    let parts = parts.into_iter().flatten().collect::<Vec<_>>();
    Some(parts.join("-").to_ascii_lowercase())
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
                    rows.extend(owners::rows(tables, owner_type, after, left)?.load(self)?);
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
        ) -> QueryResult<Vec<String>> {
            let mut present = Vec::new();
            for ids in ids.chunks(owners::MOST_PRESENT) {
                present.extend(owners::present(table, column, ids, Self::TEXT).load(self)?);
            }
            if Self::HAS_UUID_BYTES {
                let digits = ids.iter().filter_map(owners::digits_of_uuid).collect::<Vec<_>>();
                for digits in digits.chunks(owners::MOST_PRESENT) {
                    let bytes = owners::present_bytes(table, column, digits);
                    let bytes = bytes.load::<String>(self)?;
                    present
                        .extend(bytes.iter().filter_map(|digits| owners::uuid_of_digits(digits)));
                }
            }
            Ok(present)
        }
    };
}
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
pub(crate) use owners_members;

#[cfg(test)]
mod tests {
    use counter_core::ToOwnerId;

    use super::*;

    #[test]
    fn only_the_lowercase_text_of_a_uuid_has_digits_and_comes_back() {
        let uuid = "6fa459ea-ee8a-3ca4-894e-db77e160355e";
        let digits = digits_of_uuid(&uuid.to_owner_id().unwrap()).unwrap();
        assert_eq!(digits, "6FA459EAEE8A3CA4894EDB77E160355E");
        assert_eq!(uuid_of_digits(&digits).as_deref(), Some(uuid));
        let others = [uuid.to_uppercase(), uuid.replace('-', ""), uuid.replace('6', "g")];
        for other in others.iter().map(String::as_str).chain(["a", "42"]) {
            assert_eq!(digits_of_uuid(&other.to_owner_id().unwrap()), None, "{other}");
        }
        assert_eq!(uuid_of_digits("6fa459"), None);
    }
}
