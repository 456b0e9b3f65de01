//! The names that a store keeps counters under, and globs over them.

mod pattern;
mod prefix;

pub use pattern::Pattern;
pub use prefix::{Prefix, StoreName};
