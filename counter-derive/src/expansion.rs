//! The code that the macro writes.
//!
//! All paths in it are absolute, primitive types included, because everything may mean something
//! else where the struct stands. A deprecated model is named without a warning, because it is not
//! the macro that chose to use it.

mod fallback;
mod has_counters;
mod key_enum;
mod model;
mod owner_column;

pub(crate) use fallback::fallback;
pub(crate) use model::model;
