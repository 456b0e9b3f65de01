//! The derive macro of `counter-diesel`, which re-exports it. Depend on that crate instead.
//!
//! [`HasCounters`](macro@HasCounters) makes a Diesel model an owner of counters. Its documentation
//! has the options and examples. The crate has no features.
//!
//! # Reading order
//!
//! The item that the compiler passes to the macro goes through these files, in this order:
//!
//! - `input`: the struct as it was written, with what `attr` and `diesel` read from its attributes
//!   (`item` is the form that all entries of an attribute have);
//! - `valid`: the model, free of mistakes, or all the mistakes there are;
//! - `expansion`: the code for a model, or for mistakes (`fallback`).

mod attr;
mod diesel;
mod expansion;
mod input;
mod item;
mod mistakes;
mod root;
#[cfg(test)]
mod snapshots;
mod valid;

use proc_macro2::TokenStream;
use syn::{DeriveInput, Path, parse_macro_input};

use crate::input::Input;
use crate::mistakes::Mistakes;

// The package tests/derive runs the examples, because they need counter-diesel, which cannot be a
// dependency here, not even of tests: Cargo selects features for the dependencies of a macro
// separately, so Diesel might lack the backend that its derives write code for.
#[cfg_attr(not(doctest), doc = include_str!("has_counters.md"))]
#[proc_macro_derive(HasCounters, attributes(counters, diesel))]
pub fn derive_has_counters(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let item = parse_macro_input!(input as DeriveInput);
    match root::find() {
        Ok(root) => derive(&item, &root).into(),
        Err(unknown) => unknown.into_compile_error().into(),
    }
}

/// Returns the code for `item`. `root` is the path of `counter-diesel`.
fn derive(item: &DeriveInput, root: &Path) -> TokenStream {
    let mut mistakes = Mistakes::default();
    let input = Input::read(item, &mut mistakes);
    let model = valid::check(&input, &mut mistakes);
    match model.id {
        Some(id) if mistakes.is_empty() => expansion::model(&model, id, root),
        _ => expansion::fallback(&model, mistakes, root),
    }
}
