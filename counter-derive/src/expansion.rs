//! Writes the code of the macro.
//!
//! All its paths are absolute, those of primitive types included, because any name can mean
//! something else where the struct stands. Warnings about a deprecated model are off, because the
//! user did not write that code.

mod fallback;
mod has_counters;
mod has_owner_column;
mod key_enum;
mod model;

pub(crate) use fallback::fallback;
pub(crate) use model::model;
