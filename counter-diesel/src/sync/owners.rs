//! Owners that go, move or merge: all counters of an owner or of a type are found, in the store
//! first and then in the table, and each is deleted as a delete does it or moved through the store.

pub(crate) mod delete_all;
pub(crate) mod find;
mod gauges;
pub(crate) mod merge;
pub(crate) mod merged;
mod moving;
pub(crate) mod orphaned;
pub(crate) mod orphans;
mod renaming;
mod rows;
pub(crate) mod zeros;
