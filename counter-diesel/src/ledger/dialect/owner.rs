//! The columns that hold an owner's id. Only here is it known of which kind an id is.

use counter_core::{InputKind, Invalid, OwnerId, OwnerText};
use diesel::result::{Error, QueryResult};

/// An owner's id as the table has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct OwnerColumns<'a> {
    /// The column `owner_id`: the integer, or 0 for a text.
    pub(crate) id: i64,
    /// The column `owner_key`: the text, or the empty one for an integer.
    pub(crate) key: &'a str,
}

impl<'a> OwnerColumns<'a> {
    /// Returns the id as the columns hold it.
    pub(crate) fn of(id: &'a OwnerId) -> Result<Self, Invalid> {
        match id {
            OwnerId::Integer(id) => Ok(Self { id: *id, key: "" }),
            OwnerId::Text(text) => Ok(Self { id: 0, key: text.as_str() }),
            other => Err(Invalid::Malformed {
                kind: InputKind::OwnerId,
                text: other.to_string(),
                why: "the table holds integers and texts only",
            }),
        }
    }

    /// Returns the id that the columns hold. Those that a sync writes always hold one.
    pub(crate) fn owner_id(self) -> Result<OwnerId, Invalid> {
        match self {
            Self { id, key: "" } => Ok(OwnerId::Integer(id)),
            Self { id: 0, key } => OwnerText::new(key).map(OwnerId::Text),
            Self { id, key } => Err(Invalid::Malformed {
                kind: InputKind::OwnerId,
                text: format!("{id}, {key}"),
                why: "a row has an owner_id other than 0 beside an owner_key",
            }),
        }
    }
}

/// Returns the id as the columns take it.
pub(crate) fn bind_owner(id: &OwnerId) -> QueryResult<OwnerColumns<'_>> {
    OwnerColumns::of(id).map_err(|invalid| Error::SerializationError(invalid.into()))
}

/// Returns the id that the columns hold.
pub(crate) fn read_owner((id, key): (i64, String)) -> QueryResult<OwnerId> {
    let read = OwnerColumns { id, key: &key }.owner_id();
    read.map_err(|invalid| Error::DeserializationError(invalid.into()))
}

#[cfg(test)]
mod tests {
    use counter_core::ToOwnerId;

    use super::*;

    #[test]
    fn each_id_has_columns_of_its_own_and_comes_back() {
        for id in
            [0_i64.to_owner_id(), (-1_i64).to_owner_id(), "0".to_owner_id(), "a".to_owner_id()]
        {
            let id = id.unwrap();
            let columns = OwnerColumns::of(&id).unwrap();
            assert_eq!(columns.owner_id().as_ref(), Ok(&id));
            assert_eq!(read_owner((columns.id, columns.key.to_owned())).unwrap(), id);
        }
    }

    #[test]
    fn a_row_that_is_of_both_kinds_is_refused_by_its_values() {
        let refused = read_owner((7, "abc".to_owned())).unwrap_err().to_string();
        assert!(refused.contains("7, abc"), "{refused}");
    }
}
