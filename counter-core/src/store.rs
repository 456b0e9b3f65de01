//! The contract of a store, and its answers.

pub(crate) mod delta_store;
pub(crate) mod facts;
