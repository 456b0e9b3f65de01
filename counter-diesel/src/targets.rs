//! The targets of what is logged, apart from the code that logs, so that no file imports another
//! for its target.

/// Passes.
pub(crate) const SYNC: &str = "counter_diesel::sync";

/// Workers.
pub(crate) const WORKER: &str = "counter_diesel::worker";

/// Sets and deletes.
pub(crate) const SET: &str = "counter_diesel::set";

/// Pools of connections.
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
pub(crate) const POOL: &str = "counter_diesel::pool";
