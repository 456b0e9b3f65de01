//! The names that a store keeps counters under, and globs over them.

pub(crate) mod pattern;
pub(crate) mod prefix;
