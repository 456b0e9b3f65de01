//! The names that a store keeps counters under, and globs over them.

mod dirty;
mod foreign;
mod pattern;
mod prefix;
mod slots;

#[cfg(feature = "redis")]
pub(crate) use dirty::{DIRTY_HASHES, dirty_hash_of};
pub use foreign::Foreign;
pub use pattern::Pattern;
pub use prefix::{Prefix, StoreName};
#[cfg(feature = "redis")]
pub(crate) use slots::{SLOTS, Slot, slot_of};
