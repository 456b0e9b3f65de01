//! The columns that hold an owner's id. Only here is it known of which kind an id is.

use counter_core::{OwnerId, ToOwnerId};
use diesel::result::{Error, QueryResult};

/// Returns the id as the column `owner_id` takes it.
pub(crate) fn bind_owner(id: &OwnerId) -> QueryResult<i64> {
    id.as_i64()
        .ok_or_else(|| Error::SerializationError(format!("owner id {id} is not an integer").into()))
}

/// Returns the id that the column `owner_id` holds.
pub(crate) fn read_owner(owner_id: i64) -> QueryResult<OwnerId> {
    owner_id.to_owner_id().map_err(|invalid| Error::DeserializationError(invalid.into()))
}
