//! SQL that is the same in every database.

pub(crate) mod highest;
pub(crate) mod kept;
pub(crate) mod moves;
pub(crate) mod numbers;
pub(crate) mod owners;
pub(crate) mod present;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
pub(crate) mod shared;
pub(crate) mod standard;
pub(crate) mod statement;
