//! The report of a pass as events and metrics.

#[cfg(feature = "metrics")]
pub(crate) mod metrics;
pub(crate) mod telemetry;
