//! Counters that are kept hot in a *store* until a database takes them over, exactly once.
//!
//! This crate knows no database. It has the ids and their text form, the configuration, the rules
//! of the protocol as pure functions, and the stores. A service that only counts needs nothing
//! else; an application with a database uses `counter-diesel`, which re-exports all of this.
//!
//! ```
//! use counter_core::{CounterId, DeltaStore, MemoryStore};
//!
//! let store = MemoryStore::new();
//! let views = CounterId::new("post", 42, "views")?;
//! store.increment(&views, 1)?;
//! store.increment(&views, 2)?;
//!
//! let snapshot = store.look(&[views])?;
//! assert_eq!(snapshot.held[0].as_ref().map(|held| held.pending), Ok(3));
//! # Ok::<(), counter_core::Error>(())
//! ```
//!
//! With the feature `redis`, the store can be in Redis:
//!
//! ```no_run
//! # #[cfg(feature = "redis")] {
//! use counter_core::{CounterId, DeltaStore, RedisStore};
//!
//! let store = RedisStore::builder("redis://127.0.0.1/").connect_lazily().build()?;
//! store.increment(&CounterId::new("post", 42, "views")?, 1)?;
//! # }
//! # Ok::<(), counter_core::Error>(())
//! ```
//!
//! # Reading order
//!
//! - [`owner`](Owner), [`key`](CounterKey), [`counter_id`](CounterId): who is counted, and what.
//! - [`calendar`](Zone): in which periods an instant is, and which ones a read asks for ([`Span`]).
//! - [`prefix`](Prefix) and [`pattern`](Pattern): the names under which a store keeps it all.
//! - [`claim`](Claim) and [`protocol`](value): a delta on its way to the database; what a read
//!   returns.
//! - [`store`](DeltaStore): the contract; [`memory`](MemoryStore): its reference implementation;
//!   [`facts`](StoreFacts): what a store reports about its server.
//! - [`config`](Config) and [`error`](Error).
//!
//! # Features
//!
//! None is on by default.
//!
//! - `redis`: `RedisStore`, on a pool of its own or an application's.
//! - `redis-tls`: `rediss://` URLs, through rustls. Needs a C compiler.
//! - `r2d2-redis`: an application's pool of the crate `r2d2_redis`.
//! - `uuid`: `uuid::Uuid` as the id of an owner.
//! - `chrono-tz`: zones by their names, such as `Europe/Berlin`.

mod batch_size;
mod calendar;
mod clock;
mod config;
mod confirmation;
mod error;
mod id;
mod interval;
mod invalid;
mod memory;
mod names;
#[cfg(feature = "redis")]
mod no_connection;
mod printable;
mod protocol;
pub mod redact;
#[cfg(feature = "redis")]
mod redis;
mod store;
mod table_name;
mod url_encoding;

pub use batch_size::BatchSize;
pub use calendar::{Retention, Span, Step, ToZone, Zone};
pub use clock::{Clock, ManualClock, SystemClock};
pub use config::{Config, ConfigOverrides, RedisUrl, StoreKind};
pub use confirmation::Confirmation;
pub use error::{BoxError, Error, Operation, StoreStep};
pub use id::{
    CounterId, CounterKey, Grain, Owner, OwnerId, OwnerText, OwnerType, Period, ToOwnerId,
};
pub use invalid::{InputKind, Invalid};
pub use memory::MemoryStore;
pub use names::{Foreign, Pattern, Prefix, StoreName};
pub use printable::Printable;
pub use protocol::{
    Baseline, Claim, ClaimOp, ClaimSeq, Generation, Holding, Kinship, MalformedMark, Mark, Marks,
    NoteOutcome, Overflow, Seen, StoreNumber, ValueError, value,
};
#[cfg(feature = "redis")]
pub use redis::{RedisCredentials, RedisStore, RedisStoreBuilder, RedisTimeouts};
pub use store::{
    Claimed, ClockReading, ClusterFacts, CommitOutcome, CountMove, CountTogether, Cursor,
    DeltaStore, Fact, ForgottenPart, HeldNumber, IndexEntry, IndexPage, InspectStore,
    JointIncrement, KeyIndex, LastGeneration, MemoryFacts, MoveCounts, MoveOutcome, NotedRow,
    NumberRow, Numbered, PartSeq, PartsRecall, PendingIndex, PersistenceFacts, PrivateStore,
    Reading, Recall, RecordGauges, Repair, Replacement, ScanPage, SeenReplacement, SentinelFacts,
    ServerVersion, Snapshot, StoreFacts, StoreGeneration, StoreNotices, StoreParts, Verdict,
};
pub use table_name::TableName;
pub use url_encoding::encoding_hint;
