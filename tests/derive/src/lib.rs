//! Tests of `#[derive(HasCounters)]` from the outside.
//!
//! - `tests/behaviour`: what the derived code does;
//! - this file: the examples in its documentation;
//! - `tests/ui`: the compiler's messages for each mistake;
//! - `hostile` and `renamed`: packages that only have to compile, under conditions that break
//!   careless macros.

#[doc = include_str!("../../../counter-derive/src/has_counters.md")]
pub mod documentation {}
