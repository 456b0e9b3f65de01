//! Tests of `#[derive(HasCounters)]` from the outside.
//!
//! - `tests/behaviour`: what the derived code does;
//! - this file: that the examples in its documentation are right;

#[doc = include_str!("../../../counter-derive/src/has_counters.md")]
pub mod documentation {}
