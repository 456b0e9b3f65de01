//! Counters as Diesel expressions.

pub(crate) mod counter_value;
pub(crate) mod owner_column;
