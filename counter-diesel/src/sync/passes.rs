//! How a pass finds what is pending, claims it ahead of the database, and works through it batch by
//! batch.

pub(crate) mod claimer;
pub(crate) mod folding;
mod held;
pub(crate) mod leftovers;
mod old_copies;
mod parts;
pub(crate) mod pass;
mod sweeping;
