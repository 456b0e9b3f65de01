//! A check-up of both sides: facts in, findings out.

pub(crate) mod check;
pub(crate) mod diagnosis;
pub(crate) mod finding;
pub(crate) mod generation;
pub(crate) mod ledger;
pub(crate) mod store;
pub(crate) mod survey;
