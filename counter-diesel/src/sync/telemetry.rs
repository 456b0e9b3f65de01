#![doc = include_str!("../../observing.md")]

#[cfg(feature = "metrics")]
pub(crate) mod metrics;
pub(crate) mod telemetry;
