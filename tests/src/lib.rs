//! What the tests share: worlds to run them in, and suites that any store, ledger or pair of the
//! two can be put through.

pub mod books;
pub mod command;
pub mod database;
pub mod database_server;
pub mod effort;
pub mod every_call;
pub mod faults;
pub mod fixtures;
pub mod folder;
pub mod held;
pub mod ledger_contract;
pub mod log;
pub mod model;
pub mod patient_store;
pub mod process;
pub mod program;
pub mod proxy;
pub mod query_log;
pub mod query_world;
pub mod redis_pools;
pub mod said;

pub mod server_contract;
pub mod servers;
pub mod site;
pub mod store_contract;
pub mod store_worlds;
pub mod suite;
pub mod sync_process;
pub mod tally;
pub mod traffic;
pub mod world;
pub mod writers;

/// The Rust in README.md and in the guides, which is compiled and run. That no guide is missing
/// here, and what else is in them, is checked by the test `documents`.
#[cfg(doctest)]
pub mod documents {
    #[doc = include_str!("../../README.md")]
    pub struct Readme;
    #[doc = include_str!("../../CONTRIBUTING.md")]
    pub struct Contributing;
    #[doc = include_str!("../../docs/adopting.md")]
    pub struct Adopting;
    #[doc = include_str!("../../docs/async.md")]
    pub struct Async;
    #[doc = include_str!("../../docs/migrating.md")]
    pub struct Migrating;
    #[doc = include_str!("../../docs/operating.md")]
    pub struct Operating;
    #[doc = include_str!("../../docs/periods.md")]
    pub struct Periods;
    #[doc = include_str!("../../docs/production.md")]
    pub struct Production;
    #[doc = include_str!("../../docs/queries.md")]
    pub struct Queries;
    #[doc = include_str!("../../docs/recipes.md")]
    pub struct Recipes;
    #[doc = include_str!("../../docs/renaming.md")]
    pub struct Renaming;
    #[doc = include_str!("../../docs/testing.md")]
    pub struct Testing;
    #[doc = include_str!("../../docs/wire-format.md")]
    pub struct WireFormat;
    #[doc = include_str!("../../docs/zones.md")]
    pub struct Zones;
}
