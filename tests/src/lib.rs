//! What the tests share: worlds to run them in, and suites that any store, ledger or pair of the two can be
//! put through.

pub mod faults;
pub mod suite;
pub mod world;
