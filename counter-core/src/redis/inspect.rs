//! Questions to a server that change nothing.

mod facts;
mod info;
mod misplaced;
mod rights;

pub(super) use facts::inspect;
pub(super) use misplaced::misplaced;
