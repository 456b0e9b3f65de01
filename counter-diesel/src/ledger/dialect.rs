//! The differences between databases: one file for each, the same functions in the same order.

pub(crate) mod connection;
pub(crate) mod dialect;
pub(crate) mod empty_text;
pub(crate) mod isolation;
pub(crate) mod kept;
pub(crate) mod lock_wait;
#[cfg_attr(
    not(any(feature = "mysql", feature = "postgres", feature = "sqlite")),
    allow(dead_code, reason = "only a database uses it, and all may be off")
)]
pub(crate) mod migration;
pub(crate) mod moves;
#[cfg(feature = "mysql")]
pub(crate) mod mysql;
pub(crate) mod numbers;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub(crate) mod on_conflict;
#[cfg_attr(
    not(any(feature = "mysql", feature = "postgres", feature = "sqlite")),
    allow(dead_code, reason = "only a database uses it, and all may be off")
)]
pub(crate) mod owner;
pub(crate) mod owners;
#[cfg_attr(
    not(any(feature = "mysql", feature = "postgres", feature = "sqlite")),
    allow(dead_code, reason = "only a database uses it, and all may be off")
)]
pub(crate) mod period;
#[cfg(feature = "postgres")]
pub(crate) mod pg;
pub(crate) mod pooling;
pub(crate) mod pools;
#[cfg_attr(
    not(any(feature = "mysql", feature = "postgres", feature = "sqlite")),
    allow(dead_code, reason = "only a database uses it, and all may be off")
)]
pub(crate) mod sql;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite;
pub(crate) mod state_row;
pub(crate) mod tables;
pub(crate) mod time_limit;
#[cfg(any(feature = "mysql", feature = "sqlite"))]
pub(crate) mod values;
