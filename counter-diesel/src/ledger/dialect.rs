//! What differs between databases: one file for each, the same functions in the same order.

pub(crate) mod connection;
pub(crate) mod dialect;
pub(crate) mod migration;
#[cfg(feature = "mysql")]
pub(crate) mod mysql;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub(crate) mod on_conflict;
pub(crate) mod owner;
#[cfg(feature = "postgres")]
pub(crate) mod pg;
pub(crate) mod pools;
pub(crate) mod secrets;
pub(crate) mod sql;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite;
pub(crate) mod tables;
#[cfg(any(feature = "mysql", feature = "sqlite"))]
pub(crate) mod values;
