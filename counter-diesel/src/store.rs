//! The store's side: its contract, what it answers, and the settings of the Redis store.
//!
//! [`DeltaStore`] is the contract of every store; what only some can do are capabilities, such as
//! [`Repair`]. [`MemoryStore`](crate::MemoryStore) and `RedisStore` implement it. All of this is
//! defined in the crate `counter-core`, which a service that only counts can use by itself.

pub use counter_core::{
    Baseline, Claim, ClaimOp, ClaimSeq, Claimed, Clock, CommitOutcome, ConfigOverrides,
    Confirmation, CountMove, CountTogether, Cursor, DeltaStore, Foreign, ForgottenPart, Generation,
    HeldNumber, Holding, IndexEntry, IndexPage, InspectStore, JointIncrement, KeyIndex, Kinship,
    LastGeneration, MalformedMark, ManualClock, Mark, Marks, MoveCounts, MoveOutcome, NoteOutcome,
    NotedRow, NumberRow, Numbered, PartSeq, PartsRecall, PendingIndex, Prefix, PrivateStore,
    Reading, Recall, RecordGauges, RedisUrl, Repair, Replacement, ScanPage, Seen, SeenReplacement,
    Snapshot, StoreGeneration, StoreKind, StoreName, StoreNotices, StoreNumber, StoreParts,
    SystemClock, Verdict, value,
};
#[cfg(feature = "redis")]
pub use counter_core::{RedisCredentials, RedisStoreBuilder, RedisTimeouts};
