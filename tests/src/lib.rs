//! What the tests share: worlds to run them in, and suites that any store, ledger or pair of the two can be
//! put through.

pub mod books;
pub mod command;
pub mod database;
pub mod effort;
pub mod faults;
pub mod ledger_contract;
pub mod log;
pub mod model;
pub mod process;
pub mod program;
pub mod proxy;
pub mod query_world;
pub mod said;
pub mod seen;
pub mod server_contract;
pub mod servers;
pub mod site;
pub mod store_contract;
pub mod store_worlds;
pub mod suite;
pub mod sync_process;
pub mod traffic;
pub mod world;
pub mod writers;

/// The examples of README.md, which are compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
