//! A check-up of both sides: facts in, findings out. See
//! [`Counters::check`](crate::Counters::check).

pub(crate) mod check;
mod cluster;
pub(crate) mod diagnosis;
mod expiries;
pub(crate) mod finding;
pub(crate) mod generation;
pub(crate) mod ledger;
pub(crate) mod listed;
mod nodes;
mod prefixes;
mod replicas;
mod schema;
mod sentinel;
pub(crate) mod store;
pub(crate) mod survey;

pub use counter_core::{
    ClockReading, ClusterFacts, Fact, MemoryFacts, PersistenceFacts, SentinelFacts, ServerVersion,
    StoreFacts,
};

pub use self::finding::{CheckUp, Finding, FindingCode, PrefixUse, Severity};
#[doc(hidden)]
pub use self::survey::SurveyBounds;
pub use crate::ledger::dialect::pooling::Pooling;
pub use crate::ledger::facts::{DurabilitySetting, LedgerFacts, MigrationFacts, TableState};
