//! The steps of counting and of a sync: one file for each, with its Lua beside it.

pub(crate) mod ack;
pub(crate) mod claim;
pub(crate) mod discard;
pub(crate) mod found;
pub(crate) mod generation;
pub(crate) mod increment;
pub(crate) mod look;
pub(crate) mod raise;
pub(crate) mod renumber;
pub(crate) mod replace;
pub(crate) mod scan;
pub(crate) mod script;
pub(crate) mod verify;
