//! Many counters in one statement, for databases that take no arrays.

use std::borrow::Cow;

use counter_core::{Claim, CounterId};
use diesel::result::{Error, QueryResult};

use super::owner::{OwnerColumns, bind_owner_of};
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
    let mut insert = Statement::new(format!("INSERT INTO {into} ")).sql(
        "(\"owner_type\", \"owner_id\", \"owner_key\", \"key\", \"count\", \"claim_seq\") VALUES ",
    );
    for (index, claim) in claims.iter().enumerate() {
        let owner = bind_owner_of(&claim.id)?;
        insert = insert
            .sql(if index == 0 { "(" } else { ", (" })
            .text(claim.id.owner_type())
            .sql(", ")
            .big_int(owner.id)
            .sql(", ")
            .text(owner.key)
            .sql(", ")
            .text(claim.id.key())
            .sql(", ")
            .big_int(standard::value(claim))
            .sql(", ")
            .big_int(claim.seq.get())
            .sql(")");
    }
    Ok(insert)
}

/// The parts of these counters as one JSON value, which is one parameter however many they are.
pub(super) fn json(ids: &[CounterId]) -> QueryResult<String> {
    let parts = ids
        .iter()
        .map(|id| {
            let OwnerColumns { id: owner_id, key: owner_key } = bind_owner_of(id)?;
            Ok((id.owner_type(), owner_id, owner_key, id.key()))
        })
        .collect::<QueryResult<Vec<(Cow<'_, str>, i64, &str, Cow<'_, str>)>>>()?;
    serde_json::to_string(&parts).map_err(|error| Error::SerializationError(error.into()))
}
