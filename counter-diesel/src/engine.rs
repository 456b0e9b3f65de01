//! Store and ledger joined, by counter id.

pub(crate) mod read;
