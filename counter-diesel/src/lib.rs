//! Counters of Diesel models.

#[doc(hidden)]
pub mod derive_support;
pub mod has_counters;
mod key_of;
mod owner_of;

pub use counter_core::*;
pub use counter_derive::HasCounters;
pub use has_counters::HasCounters;
pub use key_of::KeyOf;
pub use owner_of::{CounterOwner, OwnerOf};
