//! The rules of counting exactly once, as pure data and functions. No I/O may enter here.

pub(crate) mod claim;
pub(crate) mod rules;
