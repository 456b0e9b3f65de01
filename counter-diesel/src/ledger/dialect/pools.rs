//! Pools as an application that counts wants them.

#[cfg(feature = "mysql")]
pub(crate) mod mysql;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
pub(crate) mod open;
#[cfg(feature = "postgres")]
pub(crate) mod postgres;
