//! A store and a ledger that fail, or kill their process, at a chosen step.
//!
//! Every call that a pass makes to either of them is a step; the steps of a pass are counted first,
//! and then the pass is stopped at each.

mod capabilities;
mod ledger;
mod plan;
mod store;

pub use ledger::FaultyLedger;
pub use plan::{Fault, Faults};
pub use store::FaultyStore;
