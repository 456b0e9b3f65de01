//! Who is counted and what, and the text form of it.

pub(crate) mod counter_id;
pub(crate) mod key;
pub(crate) mod owner;
pub(crate) mod text;
