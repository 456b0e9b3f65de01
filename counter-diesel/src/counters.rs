//! The types that users hold and call: typed owners and keys in, one call of the engine out. Only
//! this folder names `Counters`.

pub(crate) mod after_commit;
pub(crate) mod builder;
pub(crate) mod caller_transaction;
pub(crate) mod clock;
pub(crate) mod counters;
pub(crate) mod counting;
pub(crate) mod during;
mod gauges;
pub(crate) mod handle;
pub(crate) mod has_counters;
pub(crate) mod kept;
pub(crate) mod load;
pub(crate) mod on;
pub(crate) mod operator;
pub(crate) mod orphans;
pub(crate) mod owners;
mod prune;
pub(crate) mod readings;
pub(crate) mod series;
pub(crate) mod set_many;
pub(crate) mod sync;
pub(crate) mod top;
