//! Counters of Diesel models (views, downloads, likes, API calls) that are incremented at full
//! speed in a store and folded into the database in batches, exactly once.
//!
#![cfg_attr(feature = "sqlite", doc = "```")]
#![cfg_attr(not(feature = "sqlite"), doc = "```ignore")]
#![doc = include_str!("../quickstart.rs")]
//! ```
//!
//! # Tour
//!
//! What most code needs is here, at the root, and in the [`prelude`]:
//!
//! - [`HasCounters`], derived, makes a model an owner of counters and gives it its methods. The
//!   operations accept what implements [`CounterOwner`] and [`KeyOf`](query::KeyOf): a model, its
//!   id alone, or an [`Owner`] known by text.
//! - [`Counters`] has the operations. Make it once with [`Counters::builder`], clone it everywhere.
//!   [`CounterHandle`] is one counter, named once; [`CountersOn`] reads on a connection that you
//!   hold.
//! - [`Counters::at`] counts what happened before, in the periods of that time, and
//!   [`Counters::in_zone`] says whose days they are.
//! - [`Counters::load`] returns the exact values for a page of models, [`Counters::top`] the models
//!   with the highest.
//! - [`Counters::during`] and [`Counters::series`] return what was counted in a period, or in each
//!   of several, of keys that their model counts by periods.
//! - [`Counters::record`], [`Counters::latest`] and [`Counters::readings`] are for gauges, which
//!   are read off and not added to.
//! - [`Counters::transaction`] counts what belongs to a transaction of yours once that is
//!   committed.
//! - [`Counters::sync`] moves what is pending into the table and returns a [`SyncReport`];
//!   [`Counters::spawn_sync`] leaves that to a thread, the [`SyncWorker`].
//! - [`Counters::delete_all`], [`Counters::merge`], [`Counters::rename_owner_type`] and
//!   [`Counters::orphans`] are for owners that go, move or merge.
//! - [`Counters::prune`] removes buckets of periods that ended long ago, and [`Counters::kept`]
//!   says since when they are kept.
//! - [`Counters::run_pending_migrations`] makes the tables. In an application's own harness
//!   [`ledger::CounterMigrations`] does.
//! - [`Counters::check`] returns what is wrong with both sides, or could go wrong.
//!
//! The modules have the rest, by topic:
//!
//! - [`error`]: what fails, and the predicates that callers branch on.
//! - [`query`]: counters inside of Diesel queries, as the table has them, such as
//!   [`HasCounters::counter_value`] returns.
//! - [`schema`]: Diesel's view of the tables; [`model_counters!`] and [`model_counters_periods!`]
//!   are for tables of another name.
//! - [`sync`]: options, reports, the events of a sync while it runs, and conflicts.
//! - [`check`]: the findings of a check-up, and the facts that they are made of.
//! - [`overview`]: what operators look at, as data: what is pending, how far a sync is.
//! - [`telemetry`]: every event, span and metric, and what to alarm on.
//! - [`store`] and [`ledger`]: the contracts of the two sides. Both can be wrapped or written anew
//!   and put together with [`Counters::from_parts`].
//!
//! What the values, reads and errors promise is said at each; the whole is in the repository's
//! README, with guides beside it: putting it into an application, operating, migrating, testing,
//! async services, recipes, the wire format.
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
//! - `redis`: Redis as the store, with a pool of our own or the application's. Adds `redis`,
//!   without async.
//! - `redis-tls`: `rediss://` URLs. Needs a C compiler. Adds `rustls` with `ring`.
//! - `r2d2-redis`: an application's pool of the crate `r2d2_redis`, which adds `redis` 0.20.
//! - `uuid`: `uuid::Uuid` as the key of a model, and as an owner's id. Adds `uuid`.
//! - `chrono-tz`: zones by their names, such as `Europe/Berlin`: see [`query::Zone`]. Adds
//!   `chrono-tz` with the time zone database.
//! - `metrics`: what syncs do and find, as metrics: see [`telemetry`]. Adds `metrics`.
//! - `serde`: `serde::Serialize` for reports, check-ups and overviews, in the shapes of the
//!   command's JSON: see [`overview`]. Adds `serde`.
//!
//! Always there are `diesel` with `r2d2`, `diesel_migrations`, `chrono`, `thiserror`, `tracing`,
//! and the derive macro's `syn`, which Diesel's own derives use too.
//!
//! The command `counter` is a crate of its own, `counter-cli`.

mod causes;
pub mod check;
mod counters;
#[doc(hidden)]
pub mod derive_support;
mod engine;
pub mod error;
pub mod ledger;
pub mod overview;
mod owner;
pub mod prelude;
pub mod query;
mod random;
mod rows;
pub mod store;
pub mod sync;
mod targets;

#[doc = include_str!("../observing.md")]
pub mod telemetry {}

/// Diesel's view of the counters' tables: the types of rows, and the `table!`s of the default name.
pub mod schema {
    pub use crate::rows::model_counter::{ModelCounter, RowsOfOwners};
    pub use crate::rows::owned_by_any::OwnedByAny;
    pub use crate::rows::period_count::{PeriodCount, PeriodsOfOwner};
    pub use crate::rows::schema::{model_counters, model_counters_periods};
}

#[doc(hidden)]
pub use diesel;

#[cfg(feature = "redis")]
pub use counter_core::RedisStore;
pub use counter_core::{
    Config, CounterId, CounterKey, MemoryStore, Owner, OwnerId, Pattern, ToOwnerId,
};
pub use counter_derive::HasCounters;
pub use counters::after_commit::{AfterCommit, CountingAfterCommit};
pub use counters::builder::CountersBuilder;
pub use counters::counters::Counters;
pub use counters::counting::Counting;
pub use counters::during::During;
pub use counters::handle::CounterHandle;
pub use counters::has_counters::HasCounters;
pub use counters::on::CountersOn;
pub use counters::orphans::Orphans;
pub use counters::readings::Readings;
pub use counters::series::{Series, Trend};
pub use error::Error;
#[cfg(feature = "mysql")]
pub use ledger::dialect::pools::mysql::mysql_pool;
#[cfg(feature = "postgres")]
pub use ledger::dialect::pools::postgres::{
    postgres_pool, postgres_pool_without_prepared_statements,
};
#[cfg(feature = "sqlite")]
pub use ledger::dialect::sqlite::sqlite_pool;
pub use owner::counter_owner::CounterOwner;
pub use sync::options::SyncOptions;
pub use sync::report::report::SyncReport;
pub use sync::worker::SyncWorker;
