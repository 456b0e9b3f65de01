//! Questions to a server that change nothing.

mod cluster;
mod expiring;
mod facts;
mod info;
mod misplaced;
mod notices;
mod rights;
mod sentinel;

pub(super) use expiring::expiring;
pub(super) use facts::inspect;
pub(super) use misplaced::misplaced;
pub(super) use notices::notices;
