//! Counters of Diesel models (views, downloads, likes, API calls) that are incremented at full speed in a
//! store and folded into the database in batches, exactly once.
//!
#![cfg_attr(feature = "sqlite", doc = "```")]
#![cfg_attr(not(feature = "sqlite"), doc = "```ignore")]
#![doc = include_str!("../quickstart.rs")]
//! ```
//!
//! # Tour
//!
//! - [`HasCounters`], derived, makes a model an owner of counters and gives it its methods. [`CounterOwner`] and
//!   [`KeyOf`] are what the operations accept: a model, its id alone, or an [`Owner`] known by text.
//! - [`Counters`] has the operations. Make it once with [`Counters::builder`], clone it everywhere.
//!   [`CounterHandle`] is one counter, named once; [`CountersOn`] reads on a connection that you hold.
//! - [`HasCounters::counter_value`] is a counter inside of a Diesel query, as the table has it; [`Counters::load`]
//!   has the exact values for a page of models after one, [`Counters::top`] the models with the highest.
//! - [`Counters::transaction`] counts what belongs to a transaction of yours once that is committed.
//! - [`Counters::sync`] moves what is pending into the table and returns a [`SyncReport`];
//!   [`Counters::spawn_sync`] leaves that to a thread, the [`SyncWorker`]. [`Counters::sync_observed`] tells what
//!   happens while it happens, as [`SyncEvent`]s.
//! - [`Counters::run_pending_migrations`] makes the tables; [`migration_files`] are for applications that keep
//!   them among their own.
//! - [`Counters::check`] says what is wrong with both sides, or could go wrong: a [`CheckUp`].
//! - [`overview`] is what operators look at, as data: what is pending, how far a sync is.
//! - [`telemetry`] lists what is told of all this to `tracing` and `metrics`, and what to alarm on.
//! - [`ModelCounter`] and [`schema`] are Diesel's view of the table, [`model_counters!`] that of a table of
//!   another name.
//! - [`DeltaStore`] and [`Ledger`] are the two sides of a sync. Both can be wrapped or written anew and put
//!   together with [`Counters::from_parts`].
//!
//! What the values, reads and errors promise is said at each; the whole is in the repository's README, with guides
//! beside it: putting it into an application, operating, migrating, testing, async services, recipes, the wire format.
//!
//! # Features
//!
//! None is on by default. An application turns on its database and its store.
//!
//! - `sqlite`: SQLite, compiled in, which needs a C compiler. Adds `serde_json` and
//!   `libsqlite3-sys` with SQLite's source, which takes most of the time to compile.
//! - `postgres`: PostgreSQL. Needs libpq installed (Debian: `libpq-dev`). Adds `pq-sys`.
//! - `mysql`: MariaDB and MySQL. Needs libmariadb or libmysqlclient installed (Debian:
//!   `libmariadb-dev`). Adds `mysqlclient-sys` and `serde_json`.
//! - `redis`: Redis as the store, with a pool of our own or the application's. Adds `redis`, without
//!   async.
//! - `redis-tls`: `rediss://` URLs. Needs a C compiler. Adds `rustls` with `ring`.
//! - `r2d2_redis`: an application's pool of the crate `r2d2_redis`, which adds `redis` 0.20.
//! - `metrics`: what syncs do and find, as metrics: see [`telemetry`]. Adds `metrics`.
//! - `serde`: `serde::Serialize` for reports, check-ups and overviews, in the shapes of the command's
//!   JSON: see [`overview`]. Adds `serde`.
//!
//! Always there are `diesel` with `r2d2`, `chrono`, `thiserror`, `tracing`, and the derive macro's
//! `syn`, which Diesel's own derives use too.
//!
//! The command `counter` is a crate of its own, `counter-cli`.

#![cfg_attr(
    not(feature = "sqlite"),
    allow(dead_code, unused_macros, unused_imports, reason = "every database may be turned off")
)]

mod causes;
mod check;
mod counters;
#[doc(hidden)]
pub mod derive_support;
mod engine;
mod error;
mod ledger;
pub mod overview;
mod owner;
mod query;
mod rows;
mod sync;
mod targets;

pub use counter_core;
#[doc(hidden)]
pub use diesel;

pub use check::finding::{CheckUp, Finding, FindingCode, Severity};
pub use counter_core::{
    Baseline, BoxError, Claim, ClaimOp, ClaimSeq, Claimed, Clock, ClockReading, Config,
    ConfigOverrides, CounterId, CounterKey, Cursor, DeltaStore, Fact, Foreign, Generation, Held,
    InspectStore, Invalid, KeyIndex, Look, ManualClock, MemoryFacts, MemoryStore, Operation,
    Overflow, Owner, OwnerId, OwnerType, Part, Pattern, PersistenceFacts, Prefix, Printable,
    PrivateStore, RedisUrl, Repair, Replacement, ScanPage, ServerVersion, StoreFacts,
    StoreGeneration, StoreKind, StoreStep, SystemClock, TableName, ToOwnerId, Verdict,
};
#[cfg(feature = "redis")]
pub use counter_core::{Confirmation, RedisStore, RedisStoreBuilder, RedisTimeouts};
pub use counter_derive::HasCounters;
pub use counters::after_commit::AfterCommit;
pub use counters::builder::CountersBuilder;
pub use counters::counters::Counters;
pub use counters::handle::CounterHandle;
pub use counters::has_counters::HasCounters;
pub use counters::on::CountersOn;
pub use error::{CommittedNotCounted, Error, LedgerStep, Uncounted};
pub use ledger::dialect::connection::{CounterConnection, LendConnection};
#[cfg(feature = "mysql")]
pub use ledger::dialect::mysql::mysql_pool;
#[cfg(feature = "postgres")]
pub use ledger::dialect::pg::postgres_pool;
#[cfg(feature = "sqlite")]
pub use ledger::dialect::sqlite::sqlite_pool;
pub use ledger::facts::{DurabilitySetting, LedgerFacts, MigrationFacts, TableState};
pub use ledger::ledger::{
    Ledger, LedgerState, LedgerTransaction, NewerRow, SyncRecord, UpdateOutcome,
};
pub use ledger::migrations::{MigrationFiles, migration_files};
pub use ledger::pool::PoolLedger;
pub use owner::counter_owner::CounterOwner;
pub use owner::key_of::KeyOf;
pub use owner::owner_of::OwnerOf;
pub use query::counter_value::{CounterValue, CounterValueOf, OwnerIdSqlType};
pub use query::owner_column::{HasOneRowOf, HasOwnerColumn, PrimaryKeyColumn};
pub use rows::model_counter::{ModelCounter, RowsOfOwners};
pub use rows::schema;
pub use sync::identity::conflicts::{Conflict, Conflicts, WentBack};
pub use sync::options::{OnConflict, SyncOptions};
pub use sync::report::capped::Capped;
pub use sync::report::claims::{ConflictingClaim, FailedClaim, LostClaim};
pub use sync::report::observer::SyncEvent;
pub use sync::report::report::SyncReport;
pub use sync::report::times::SyncTimes;
pub use sync::telemetry;
pub use sync::worker::{SyncWorker, WorkerStatus};
