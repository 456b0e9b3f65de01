//! The columns that hold an owner's id. Only here is it known of which kind an id is.

use counter_core::{CounterId, InputKind, Invalid, OwnerId, ToOwnerId};
use diesel::result::{Error, QueryResult};

/// Returns the id as the column `owner_id` takes it.
pub(crate) fn column_of(id: &OwnerId) -> Result<i64, Invalid> {
    id.as_i64().ok_or_else(|| Invalid::Malformed {
        kind: InputKind::OwnerId,
        text: id.to_string(),
        why: "the table holds 64-bit integers only",
    })
}

/// Returns the id as the column `owner_id` takes it.
pub(crate) fn bind_owner(id: &OwnerId) -> QueryResult<i64> {
    column_of(id).map_err(|invalid| Error::SerializationError(invalid.into()))
}

/// Returns the owner of a counter as the column `owner_id` takes it. The table has no rows of
/// periods.
pub(crate) fn bind_owner_of(counter: &CounterId) -> QueryResult<i64> {
    match counter.period() {
        None => bind_owner(counter.owner_id()),
        Some(_) => {
            let why = format!("counter {counter} is of a period, which the table does not hold");
            Err(Error::SerializationError(why.into()))
        }
    }
}

/// Returns the id that the column `owner_id` holds.
pub(crate) fn read_owner(owner_id: i64) -> QueryResult<OwnerId> {
    owner_id.to_owner_id().map_err(|invalid| Error::DeserializationError(invalid.into()))
}
