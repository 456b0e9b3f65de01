//! Models where every name means something else, in a crate whose lints tolerate nothing.
//!
//! That this compiles is the test.
#![deny(
    warnings,
    missing_docs,
    missing_copy_implementations,
    missing_debug_implementations,
    unreachable_pub,
    unused_qualifications,
    unused_lifetimes,
    unused_results,
    single_use_lifetimes,
    elided_lifetimes_in_paths,
    trivial_casts,
    trivial_numeric_casts,
    non_ascii_idents,
    let_underscore_drop,
    clippy::all,
    clippy::pedantic,
    clippy::nursery
)]
#![deny(
    clippy::absolute_paths,
    clippy::exhaustive_structs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]
#![forbid(unsafe_code)]
#![allow(clippy::redundant_pub_crate, reason = "contradicts `unreachable_pub`")]

mod deprecated;
mod names;
mod no_prelude;
mod own_members;
mod quiet;

pub use names::{Post, PostCounter};
pub use quiet::owners;
