//! Overviews for operators, as data: what is pending, how far a sync is, which
//! migrations were run.
//!
//! [`Counters`](crate::Counters) has the methods that compute it. The command `counter` prints
//! these types; a page for operators can show them too. With the feature `serde`,
//! [`PendingOverview`] and [`MigrationStatus`] implement `serde::Serialize`, and so do the reports
//! of syncs, conflicts and check-ups: the shapes are those that the command prints with `--json`,
//! and stay as stable.

#[cfg(feature = "serde")]
mod json;
pub(crate) mod migrations;
pub(crate) mod pending;
pub(crate) mod progress;
pub(crate) mod timestamp;

pub use self::migrations::{MigrationState, MigrationStatus};
pub use self::pending::{OldestClaim, PendingOverview, PendingSums};
pub use self::progress::SyncProgress;
pub use self::timestamp::Timestamp;
