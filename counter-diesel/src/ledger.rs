//! The database's contract, and its implementation over a Diesel pool.

pub(crate) mod dialect;
pub(crate) mod facts;
pub(crate) mod failure;
pub(crate) mod ledger;
pub(crate) mod migrations;
pub(crate) mod pool;
pub(crate) mod retry;
pub(crate) mod transaction;
