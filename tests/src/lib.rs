//! What the tests share: worlds to run them in, and suites that any store, ledger or pair of the two can be
//! put through.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

pub mod database;
pub mod ledger_contract;
pub mod process;
pub mod server_contract;
pub mod servers;
pub mod suite;
pub mod world;
