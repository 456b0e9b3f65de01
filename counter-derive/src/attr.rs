//! Reads `#[counters(...)]`.

mod attr_name;
mod enum_name;
mod key_attr;
mod options;

pub(crate) use enum_name::EnumName;
pub(crate) use key_attr::KeyAttr;
pub(crate) use options::{Options, read, refuse};
