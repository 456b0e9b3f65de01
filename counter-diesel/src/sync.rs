//! Moving what is pending into the table, once.

pub(crate) mod apply;
pub(crate) mod claimer;
pub(crate) mod identity;
pub(crate) mod options;
pub(crate) mod pass;
pub(crate) mod report;
pub(crate) mod reported;
pub(crate) mod set;
pub(crate) mod sweep;
pub mod telemetry;
pub(crate) mod unsettled;
pub(crate) mod worker;
