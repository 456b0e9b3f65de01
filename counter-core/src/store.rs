//! The contract of a store, and its answers.

mod answers;
mod capabilities;
mod delta_store;
mod facts;
mod gauges;
mod numbered;
mod parts;
mod replacement;
mod snapshot;

pub use answers::{
    Claimed, Cursor, IndexEntry, IndexPage, MoveOutcome, NotedRow, Recall, ScanPage, Verdict,
};
pub use capabilities::{
    CountMove, CountTogether, InspectStore, JointIncrement, KeyIndex, MoveCounts, PendingIndex,
    PrivateStore, Repair, StoreGeneration,
};
pub use delta_store::DeltaStore;
pub use facts::{
    ClockReading, ClusterFacts, Fact, MemoryFacts, PersistenceFacts, SentinelFacts, ServerVersion,
    StoreFacts, StoreNotices,
};
pub use gauges::{Reading, RecordGauges, SeenReplacement};
pub use numbered::{CommitOutcome, HeldNumber, NumberRow, Numbered};
pub use parts::{ForgottenPart, LastGeneration, PartSeq, PartsRecall, StoreParts};
pub use replacement::Replacement;
pub use snapshot::Snapshot;
