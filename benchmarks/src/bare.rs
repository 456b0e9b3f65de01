//! The limit: the commands and statements of a sync, sent by the plain crates.

mod bare_connection;
mod mysql;
mod pg;
mod rows;
mod sqlite;
mod steps;
#[cfg(test)]
mod tests;

pub use bare_connection::BareConnection;
pub use pg::ValuesOf;
pub use rows::{Batch, batches};
pub use steps::{Steps, claim_name};
