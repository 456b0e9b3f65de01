//! The names that most files of an application import: `use counter_diesel::prelude::*`.

pub use counter_derive::HasCounters;

pub use crate::counters::counters::Counters;
pub use crate::counters::has_counters::HasCounters;
pub use crate::owner::counter_owner::CounterOwner;
pub use crate::query::CounterValue;
pub use crate::sync::options::SyncOptions;
pub use counter_core::Owner;
