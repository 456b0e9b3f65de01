//! Moving what is pending into the table, once: its options, its report, what it says while it
//! runs, and the conflicts that it leaves to an operator.

pub(crate) mod batches;
pub(crate) mod clearing;
pub(crate) mod control;
pub(crate) mod identity;
pub(crate) mod named;
pub(crate) mod options;
pub(crate) mod owners;
pub(crate) mod passes;
pub(crate) mod prune;
pub(crate) mod prune_options;
pub(crate) mod pruner;
pub(crate) mod reach;
pub(crate) mod record;
pub(crate) mod report;
pub(crate) mod reported;
pub(crate) mod rolling;
pub(crate) mod set;
pub(crate) mod set_many;
mod spread;
pub(crate) mod sweep;
pub(crate) mod telemetry;
pub(crate) mod unsettled;
pub(crate) mod worker;

pub use counter_core::{BatchSize, Retention};

pub use self::control::WorkerStatus;
pub use self::identity::adoption::Adoption;
pub use self::identity::conflicts::{Conflict, Conflicts, WentBack};
pub use self::options::OnConflict;
pub use self::owners::merged::{FailedMerge, Merged};
pub use self::owners::orphaned::{FailedOrphan, Orphaned};
pub use self::prune_options::{FailedPrune, PruneOptions, Pruned};
pub use self::reach::Reach;
pub use self::report::capped::Capped;
pub use self::report::claims::{
    ConflictingClaim, FailedClaim, HeldCause, HeldCounter, LostClaim, PostponedCause,
    PostponedClaim,
};
pub use self::report::observer::SyncEvent;
pub use self::report::times::SyncTimes;
