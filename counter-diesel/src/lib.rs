//! Counters of Diesel models: views, downloads, likes, API calls, counted at full speed in a store and
//! folded into the database exactly once.

mod apply;
mod builder;
mod connection;
mod counters;
mod error;
mod handle;
mod has_counters;
mod key_of;
mod ledger;
mod migrations;
mod model_counter;
mod on;
mod owner_of;
mod pass;
mod pool_ledger;
mod read;
mod report;
mod retry;
pub mod schema;
mod sync_options;
mod worker;

#[doc(hidden)]
pub use diesel;

pub use builder::CountersBuilder;
pub use connection::CounterConnection;
#[cfg(feature = "mysql")]
pub use connection::mysql_pool;
#[cfg(feature = "postgres")]
pub use connection::postgres_pool;
#[cfg(feature = "sqlite")]
pub use connection::sqlite_pool;
pub use counter_core::{
    Baseline, Claim, ClaimOp, ClaimSeq, Claimed, Clock, Config, CounterId, CounterKey, Cursor,
    DeltaStore, Foreign, Generation, Held, Invalid, Look, ManualClock, MemoryStore, Operation,
    Owner, OwnerId, OwnerType, Pattern, Prefix, Replacement, ScanPage, StoreKind, SystemClock,
    TableName, ToOwnerId, Verdict,
};
pub use counters::Counters;
pub use error::{Error, LedgerStep};
pub use handle::CounterHandle;
pub use has_counters::HasCounters;
pub use key_of::KeyOf;
pub use ledger::{Ledger, LedgerState, LedgerTransaction, Newer, Recorded, Updated};
pub use model_counter::{ModelCounter, OfOwners};
pub use on::On;
pub use owner_of::{CounterOwner, OwnerOf};
pub use pool_ledger::PoolLedger;
pub use report::{Conflict, FailedClaim, Findings, LostClaim, SyncReport};
pub use sync_options::SyncOptions;
pub use worker::{SyncWorker, WorkerStatus};
