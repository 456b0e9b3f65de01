//! Whether the store is the one that was synced last.

pub(crate) mod absence;
pub(crate) mod adoption;
pub(crate) mod compare;
pub(crate) mod conflicts;
pub(crate) mod record;
