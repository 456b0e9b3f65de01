//! Many counters in one statement, for databases that take no arrays.

use std::borrow::Cow;

use counter_core::{Claim, CounterId};
use diesel::result::{Error, QueryResult};

use super::owner::{OwnerColumns, bind_owner};
use super::period::{PeriodColumns, are_buckets, key_columns};
use super::sql::standard;
use super::sql::statement::Statement;

/// Runs of one op, cut into pieces of a few fixed sizes, so that their statements are prepared once
/// and kept.
pub(super) fn pieces<'a>(
    claims: &'a [Claim],
    sizes: &'static [usize],
) -> impl Iterator<Item = &'a [Claim]> {
    standard::runs(claims).flat_map(move |run| {
        let mut rest = run;
        std::iter::from_fn(move || {
            let size = sizes.iter().find(|size| **size <= rest.len())?;
            let (piece, tail) = rest.split_at(*size);
            rest = tail;
            Some(piece)
        })
    })
}

/// `INSERT INTO ... VALUES ...`, as far as it is the same everywhere.
pub(super) fn insert<'a>(into: &str, claims: &'a [Claim]) -> QueryResult<Statement<'a>> {
    let columns = key_columns(are_buckets(claims.iter().map(|claim| &claim.id))?);
    let mut insert = Statement::new(format!("INSERT INTO {into} "))
        .sql(format!("({columns}, \"count\", \"claim_seq\") VALUES "));
    for (index, claim) in claims.iter().enumerate() {
        let owner = bind_owner(claim.id.owner_id())?;
        insert = insert
            .sql(if index == 0 { "(" } else { ", (" })
            .text(claim.id.owner_type())
            .sql(", ")
            .big_int(owner.id)
            .sql(", ")
            .text(owner.key)
            .sql(", ")
            .text(claim.id.key());
        if let Some(PeriodColumns { grain, starts_at }) = claim.id.period().map(PeriodColumns::of) {
            insert = insert.sql(", ").text(grain).sql(", ").date_time(starts_at);
        }
        insert = insert
            .sql(", ")
            .big_int(standard::value(claim))
            .sql(", ")
            .big_int(claim.seq.get())
            .sql(")");
    }
    Ok(insert)
}

/// The parts of these counters, which are all totals or all buckets, as one JSON value: that is one
/// parameter however many they are.
pub(super) fn json(ids: &[CounterId]) -> QueryResult<String> {
    let written = if are_buckets(ids)? {
        let parts = ids.iter().map(|id| {
            let (owner_type, owner_id, owner_key, key) = total_parts(id)?;
            let (grain, starts_at) = period_parts(id);
            Ok((owner_type, owner_id, owner_key, key, grain, starts_at))
        });
        serde_json::to_string(&parts.collect::<QueryResult<Vec<_>>>()?)
    } else {
        serde_json::to_string(&ids.iter().map(total_parts).collect::<QueryResult<Vec<_>>>()?)
    };
    written.map_err(|error| Error::SerializationError(error.into()))
}

fn total_parts(id: &CounterId) -> QueryResult<(Cow<'_, str>, i64, &str, Cow<'_, str>)> {
    let OwnerColumns { id: owner_id, key: owner_key } = bind_owner(id.owner_id())?;
    Ok((id.owner_type(), owner_id, owner_key, id.key()))
}

/// The start is written as every database reads it, and as SQLite has it in the column.
fn period_parts(id: &CounterId) -> (&'static str, String) {
    let period = id.period().map(PeriodColumns::of);
    let parts = |period: PeriodColumns| {
        (period.grain, period.starts_at.format("%Y-%m-%d %H:%M:%S").to_string())
    };
    period.map(parts).unwrap_or_default()
}
