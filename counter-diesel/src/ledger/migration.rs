//! The migrations that make the tables: their files, a source of them for an application's harness,
//! and a harness of our own.

pub(crate) mod files;
pub(crate) mod harness;
pub(crate) mod migrations;
pub(crate) mod source;
