//! Reports of a pass, while it runs and at its end.

pub(crate) mod capped;
pub(crate) mod claims;
pub(crate) mod observer;
pub(crate) mod outcome;
pub(crate) mod pass_log;
pub(crate) mod report;
pub(crate) mod times;
