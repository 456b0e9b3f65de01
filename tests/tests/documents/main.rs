//! What README.md and the guides say: their links lead somewhere, and their blocks do what is said
//! of them. Rust is compiled and run by the documentation tests of this package.

#![allow(clippy::unwrap_used)]

mod blocks;
mod commands;
mod document;
mod languages;
mod links;
mod sessions;
mod sql;
mod tables;
