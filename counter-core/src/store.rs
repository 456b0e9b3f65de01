//! The contract of a store, and its answers.

mod answers;
mod delta_store;
mod facts;
mod foreign;
mod snapshot;

pub use answers::{Claimed, Cursor, ScanPage, Verdict};
pub use delta_store::{Assurance, DeltaStore, Replacement};
pub use facts::{ClockReading, Fact, MemoryFacts, PersistenceFacts, ServerVersion, StoreFacts};
pub use foreign::Foreign;
pub use snapshot::Look;
