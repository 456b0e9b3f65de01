//! The names that a store keeps counters under, and globs over them.

mod foreign;
mod pattern;
mod prefix;

pub use foreign::Foreign;
pub use pattern::Pattern;
pub use prefix::{Prefix, StoreName};
