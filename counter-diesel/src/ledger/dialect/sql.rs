//! What is the same in every database's SQL.

pub(crate) mod standard;
pub(crate) mod statement;
