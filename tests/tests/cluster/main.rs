//! A store on a cluster, while slots move and nodes fail.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

mod answers;
mod away;
mod copies;
mod cost;
mod faults;
mod found;
mod marks;
mod moved_claims;
mod moving;
mod old_copies;
mod owners;
mod urls;
