//! The structure of the sources: no circles of files or folders, imports that point one way, and
//! sizes that fit.
//!
//! Reads the sources as text: `use` lines, and paths that begin with `crate`, `super` or `self`.

mod circles;
mod graph;
mod imports;
mod layers;
mod sizes;
mod source;
