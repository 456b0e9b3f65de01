//! The database's side: its contract, and the implementation over a Diesel pool.

pub(crate) mod bounded_transaction;
pub(crate) mod bucket_move;
pub(crate) mod by_table;
pub(crate) mod demotion;
pub(crate) mod dialect;
pub(crate) mod facts;
pub(crate) mod failure;
pub(crate) mod kept;
pub(crate) mod kept_rows;
pub(crate) mod kept_tables;
pub(crate) mod ledger;
pub(crate) mod limits;
pub(crate) mod migration;
pub(crate) mod moves;
pub(crate) mod number_hold;
pub(crate) mod owner_pages;
pub(crate) mod parts;
pub(crate) mod pool;
pub(crate) mod pool_ledger;
pub(crate) mod prepared_read;
pub(crate) mod records;
pub(crate) mod retry;
pub(crate) mod state;
pub(crate) mod suspension;
pub(crate) mod threads;
pub(crate) mod transaction;

pub use counter_core::TableName;

pub use self::bucket_move::BucketMove;
pub use self::dialect::connection::{CounterConnection, LendConnection};
pub use self::dialect::lock_wait::LockWait;
pub use self::dialect::numbers::SharedRecord;
pub use self::dialect::period::BucketRange;
#[cfg(feature = "postgres")]
pub use self::dialect::pools::postgres::WithoutPreparedStatements;
pub use self::kept::{Kept, KeptChange};
pub use self::ledger::{
    CounterRow, Ledger, LedgerTransaction, LockedRecord, OwnerWithRows, RowPage, RowPlace,
    Unapplied, UnappliedCause, UpdateOutcome,
};
#[doc(hidden)]
pub use self::limits::LedgerLimits;
pub use self::migration::files::{MigrationFiles, migration_files};
pub use self::migration::harness::CounterHarness;
pub use self::migration::source::CounterMigrations;
pub use self::pool_ledger::PoolLedger;
pub use self::prepared_read::PreparedRead;
pub use self::state::{LedgerState, StoreRecord, SyncRecord, SyncedPrefix};
