//! What the tests of this workspace share: servers of their own, and suites that every implementation
//! of a contract has to pass.
//!
//! Everything in here is a part of tests, so whatever goes wrong in it panics with what to do about it.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

pub mod servers;
pub mod store_contract;
pub mod store_worlds;
pub mod wait;
