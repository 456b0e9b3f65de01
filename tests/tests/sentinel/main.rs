//! A store that follows the master that sentinels name, while masters and sentinels fail.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

mod confirmations;
mod demotions;
mod doctor;
mod failovers;
mod logins;
mod slow;
