//! The statements over all owners of a type, page by page in the order of the unique index. A page
//! begins where the last one ended, so that none reads what is before it.

use chrono::NaiveDateTime;
use counter_core::{Baseline, ClaimSeq, CounterId, OwnerId, OwnerType};
use diesel::result::QueryResult;
use diesel::sql_types::{BigInt, Nullable, Text, Timestamp};

#[cfg(any(feature = "mysql", feature = "postgres"))]
use super::present::in_list;
use super::standard::of_counter;
use super::statement::Statement;
use crate::ledger::dialect::owner::{bind_owner, read_owner};
use crate::ledger::dialect::owners;
use crate::ledger::dialect::owners::{FoundOwner, FoundRow};
use crate::ledger::dialect::tables::{Table, Tables};

type RowTypes = (BigInt, Text, Text, BigInt, BigInt, Timestamp, Timestamp);

pub(crate) type RowColumns = (i64, String, String, i64, i64, NaiveDateTime, NaiveDateTime);

/// The place after which rows are read, by the columns: those of an owner and a key, which is empty
/// before the first of its rows.
pub(crate) type Place = (i64, String, String);

/// A place among buckets, with the grain and the start of the row that it comes after. Without them
/// it comes after all buckets of its key.
pub(crate) type BucketPlace = (Place, Option<(String, NaiveDateTime)>);

/// A range of the index after a place.
#[derive(Debug, Clone, Copy)]
pub(crate) enum After<'a> {
    /// Later starts of the same grain, owner and key.
    Start(&'a Place, &'a str, NaiveDateTime),
    /// Greater grains of the same owner and key.
    Grain(&'a Place, &'a str),
    /// Greater keys of the same owner.
    Key(&'a Place),
    /// Greater texts beside the same integer, which is 0 for all texts.
    Text(&'a Place),
    /// Greater integers.
    Integer(&'a Place),
    /// Everything.
    Nothing,
}

impl<'a> After<'a> {
    /// The ranges that are, one after the other, all rows after a place. Each is one range of the
    /// index, which all of them together would not be.
    pub(crate) fn row(after: Option<&'a Place>) -> Vec<Self> {
        let ranges = |place| vec![Self::Key(place), Self::Text(place), Self::Integer(place)];
        after.map_or_else(|| vec![Self::Nothing], ranges)
    }

    /// The ranges that are, one after the other, all rows of buckets after a place.
    pub(crate) fn bucket(after: Option<&'a BucketPlace>) -> Vec<Self> {
        let mut ranges = match after {
            Some((place, Some((grain, start)))) => {
                vec![Self::Start(place, grain, *start), Self::Grain(place, grain)]
            }
            _ => Vec::new(),
        };
        ranges.extend(Self::row(after.map(|(place, _)| place)));
        ranges
    }

    /// The ranges that are, one after the other, all owners after a place.
    pub(crate) fn owner(after: Option<&'a Place>) -> Vec<Self> {
        let ranges = |place| vec![Self::Text(place), Self::Integer(place)];
        after.map_or_else(|| vec![Self::Nothing], ranges)
    }
}

/// Returns the place after a row of this owner.
pub(crate) fn place_of(owner: &OwnerId, key: &str) -> QueryResult<Place> {
    let owner = bind_owner(owner)?;
    Ok((owner.id, owner.key.to_owned(), key.to_owned()))
}

/// Returns the place after a row of a bucket.
pub(crate) fn bucket_place_of(after: owners::BucketPlace<'_>) -> QueryResult<BucketPlace> {
    let period = after.period.map(|(grain, starts_at)| (grain.to_owned(), starts_at));
    Ok((place_of(after.owner, after.key)?, period))
}

/// At most so many rows of a type, in order.
pub(crate) fn rows<'a>(
    tables: &Tables,
    owner_type: &'a OwnerType,
    after: After<'a>,
    limit: i64,
    now: &str,
) -> Statement<'a, RowTypes> {
    let columns = "\"owner_id\", \"owner_key\", \"key\", \"count\", \"claim_seq\", \"updated_at\"";
    let rows = of_type(&format!("{columns}, {now}"), tables.totals(), owner_type, after);
    rows.sql(" ORDER BY \"owner_id\", \"owner_key\", \"key\" LIMIT ").big_int(limit)
}

/// Returns the place after these rows.
pub(crate) fn after_rows(rows: &[RowColumns]) -> Option<Place> {
    rows.last().map(|(id, text, key, ..)| (*id, text.clone(), key.clone()))
}

/// Returns the rows, but for those that say both an integer and a text, as only another program
/// writes them: they belong to no owner.
pub(crate) fn found_rows(rows: Vec<RowColumns>) -> impl Iterator<Item = FoundRow> {
    rows.into_iter().filter_map(|(owner_id, owner_key, key, count, seq, updated_at, now)| {
        let row = Baseline { count, seq: ClaimSeq::new(seq) };
        let idle = (now - updated_at).to_std().unwrap_or_default();
        let owner = read_owner((owner_id, owner_key)).ok()?;
        Some(FoundRow { owner, key, period: None, row, idle })
    })
}

type BucketTypes = (BigInt, Text, Text, Text, Timestamp, BigInt, BigInt, Timestamp, Timestamp);

pub(crate) type BucketColumns =
    (i64, String, String, String, NaiveDateTime, i64, i64, NaiveDateTime, NaiveDateTime);

/// At most so many rows of buckets of a type, in order.
pub(crate) fn buckets<'a>(
    tables: &Tables,
    owner_type: &'a OwnerType,
    after: After<'a>,
    limit: i64,
    now: &str,
) -> Statement<'a, BucketTypes> {
    let key = "\"owner_id\", \"owner_key\", \"key\", \"grain\", \"starts_at\"";
    let columns = format!("{key}, \"count\", \"claim_seq\", \"updated_at\", {now}");
    let rows = of_type(&columns, tables.periods(), owner_type, after);
    rows.sql(format!(" ORDER BY {key} LIMIT ")).big_int(limit)
}

/// The first type in the rows of buckets after this one.
pub(crate) fn bucket_type<'a>(tables: &Tables, after: Option<&'a str>) -> Statement<'a, Text> {
    let from = tables.periods().quoted();
    let types = Statement::new(format!("SELECT \"owner_type\" FROM {from}"));
    let types = match after {
        Some(after) => types.sql(" WHERE \"owner_type\" > ").text(after),
        None => types,
    };
    types.sql(" ORDER BY \"owner_type\" LIMIT 1")
}

/// The start of the newest row of buckets of this grain that does not start later than this.
pub(crate) fn newest_bucket<'a>(
    tables: &Tables,
    total: &'a CounterId,
    grain: &'a str,
    until: NaiveDateTime,
) -> QueryResult<Statement<'a, Nullable<Timestamp>>> {
    let from = tables.periods().quoted();
    let newest = Statement::new(format!("SELECT MAX(\"starts_at\") FROM {from} WHERE "));
    let newest = of_counter(newest, total)?.sql(" AND \"grain\" = ").text(grain);
    Ok(newest.sql(" AND \"starts_at\" <= ").date_time(until))
}

/// Returns the place after these rows of buckets.
pub(crate) fn after_buckets(rows: &[BucketColumns]) -> Option<BucketPlace> {
    let (id, text, key, grain, starts_at, ..) = rows.last()?;
    Some(((*id, text.clone(), key.clone()), Some((grain.clone(), *starts_at))))
}

/// Returns the rows of buckets, as [`found_rows`] does those of totals.
pub(crate) fn found_buckets(rows: Vec<BucketColumns>) -> impl Iterator<Item = FoundRow> {
    rows.into_iter().filter_map(|(id, text, key, grain, starts_at, count, seq, updated_at, now)| {
        let row = Baseline { count, seq: ClaimSeq::new(seq) };
        let idle = (now - updated_at).to_std().unwrap_or_default();
        let owner = read_owner((id, text)).ok()?;
        Some(FoundRow { owner, key, period: Some((grain, starts_at)), row, idle })
    })
}

type OwnerTypes = (BigInt, Text, BigInt, Timestamp, Timestamp);

pub(crate) type OwnerColumns = (i64, String, i64, NaiveDateTime, NaiveDateTime);

/// At most so many owners, in order, with the number of their rows and when the last of these
/// changed.
pub(crate) fn owners<'a>(
    table: &Table,
    owner_type: &'a OwnerType,
    after: After<'a>,
    limit: i64,
    now: &str,
) -> Statement<'a, OwnerTypes> {
    let columns = format!("\"owner_id\", \"owner_key\", COUNT(*), MAX(\"updated_at\"), {now}");
    let owners = of_type(&columns, table, owner_type, after);
    let owners = owners.sql(" GROUP BY \"owner_id\", \"owner_key\"");
    owners.sql(" ORDER BY \"owner_id\", \"owner_key\" LIMIT ").big_int(limit)
}

/// Returns the place after these owners.
pub(crate) fn after_owners(owners: &[OwnerColumns]) -> Option<Place> {
    owners.last().map(|(id, text, ..)| (*id, text.clone(), String::new()))
}

/// Returns the owners, as [`found_rows`] does the rows.
pub(crate) fn found_owners(rows: Vec<OwnerColumns>) -> impl Iterator<Item = FoundOwner> {
    rows.into_iter().filter_map(|(owner_id, owner_key, rows, updated_at, now)| {
        let idle = (now - updated_at).to_std().unwrap_or_default();
        let rows = u64::try_from(rows).unwrap_or_default();
        Some(FoundOwner { owner: read_owner((owner_id, owner_key)).ok()?, rows, idle })
    })
}

fn of_type<'a, Row>(
    columns: &str,
    table: &Table,
    owner_type: &'a OwnerType,
    after: After<'a>,
) -> Statement<'a, Row> {
    let from = table.quoted();
    let rows = Statement::new(format!("SELECT {columns} FROM {from} WHERE \"owner_type\" = "))
        .text(owner_type.as_str());
    let of_owner = |rows: Statement<'a, Row>, (id, text, _): &'a Place| {
        let rows = rows.sql(" AND \"owner_id\" = ").big_int(*id);
        rows.sql(" AND \"owner_key\" = ").text(text)
    };
    match after {
        After::Start(place, grain, start) => {
            let rows = of_owner(rows, place).sql(" AND \"key\" = ").text(&place.2);
            rows.sql(" AND \"grain\" = ").text(grain).sql(" AND \"starts_at\" > ").date_time(start)
        }
        After::Grain(place, grain) => {
            let rows = of_owner(rows, place).sql(" AND \"key\" = ").text(&place.2);
            rows.sql(" AND \"grain\" > ").text(grain)
        }
        After::Key(place) => of_owner(rows, place).sql(" AND \"key\" > ").text(&place.2),
        After::Text((id, text, _)) => {
            let rows = rows.sql(" AND \"owner_id\" = ").big_int(*id);
            rows.sql(" AND \"owner_key\" > ").text(text)
        }
        After::Integer((id, ..)) => rows.sql(" AND \"owner_id\" > ").big_int(*id),
        After::Nothing => rows,
    }
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
            let mut place = after.map(|(owner, key)| owners::place_of(owner, key)).transpose()?;
            let (mut found, most) = (Vec::new(), usize::try_from(limit).unwrap_or_default());
            loop {
                let (mut rows, wanted) = (Vec::new(), most - found.len());
                for after in owners::After::row(place.as_ref()) {
                    let left = i64::try_from(wanted - rows.len()).unwrap_or(limit);
                    if left > 0 {
                        let next = owners::rows(tables, owner_type, after, left, $now);
                        rows.extend(next.load::<owners::RowColumns>(self)?);
                    }
                }
                let is_over = rows.len() < wanted;
                place = owners::after_rows(&rows);
                found.extend(owners::found_rows(rows));
                if is_over || found.len() == most {
                    return Ok(found);
                }
            }
        }

        fn buckets_after(
            &mut self,
            tables: &Tables,
            owner_type: &OwnerType,
            after: Option<$crate::ledger::dialect::owners::BucketPlace<'_>>,
            limit: i64,
        ) -> QueryResult<Vec<$crate::ledger::dialect::owners::FoundRow>> {
            let mut place = after.map(|after| owners::bucket_place_of(after)).transpose()?;
            let (mut found, most) = (Vec::new(), usize::try_from(limit).unwrap_or_default());
            loop {
                let (mut rows, wanted) = (Vec::new(), most - found.len());
                for after in owners::After::bucket(place.as_ref()) {
                    let left = i64::try_from(wanted - rows.len()).unwrap_or(limit);
                    if left > 0 {
                        let next = owners::buckets(tables, owner_type, after, left, $now);
                        rows.extend(next.load::<owners::BucketColumns>(self)?);
                    }
                }
                let is_over = rows.len() < wanted;
                place = owners::after_buckets(&rows);
                found.extend(owners::found_buckets(rows));
                if is_over || found.len() == most {
                    return Ok(found);
                }
            }
        }

        fn bucket_type_after(
            &mut self,
            tables: &Tables,
            after: Option<&str>,
        ) -> QueryResult<Option<String>> {
            Ok(owners::bucket_type(tables, after).load::<String>(self)?.into_iter().next())
        }

        fn newest_bucket(
            &mut self,
            tables: &Tables,
            total: &CounterId,
            grain: counter_core::Grain,
            until: chrono::NaiveDateTime,
        ) -> QueryResult<Option<chrono::NaiveDateTime>> {
            let newest = owners::newest_bucket(tables, total, grain.as_str(), until)?;
            let found = newest.load::<Option<chrono::NaiveDateTime>>(self)?;
            Ok(found.into_iter().next().flatten())
        }

        fn delete_zero_bucket(
            &mut self,
            tables: &Tables,
            id: &CounterId,
            seq: ClaimSeq,
        ) -> QueryResult<usize> {
            let delete = $crate::ledger::dialect::sql::standard::delete(tables, id, seq)?;
            delete.sql(" AND \"count\" = 0").execute(self)
        }

        fn owners_after(
            &mut self,
            table: &$crate::ledger::dialect::tables::Table,
            owner_type: &OwnerType,
            after: Option<&OwnerId>,
            limit: i64,
        ) -> QueryResult<Vec<$crate::ledger::dialect::owners::FoundOwner>> {
            let mut place = after.map(|owner| owners::place_of(owner, "")).transpose()?;
            let (mut found, most) = (Vec::new(), usize::try_from(limit).unwrap_or_default());
            loop {
                let (mut rows, wanted) = (Vec::new(), most - found.len());
                for after in owners::After::owner(place.as_ref()) {
                    let left = i64::try_from(wanted - rows.len()).unwrap_or(limit);
                    if left > 0 {
                        let next = owners::owners(table, owner_type, after, left, $now);
                        rows.extend(next.load::<owners::OwnerColumns>(self)?);
                    }
                }
                let is_over = rows.len() < wanted;
                place = owners::after_owners(&rows);
                found.extend(owners::found_owners(rows));
                if is_over || found.len() == most {
                    return Ok(found);
                }
            }
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
