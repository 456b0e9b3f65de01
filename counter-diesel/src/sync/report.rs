//! What a pass says, while it runs and at its end.

pub(crate) mod observer;
pub(crate) mod outcome;
pub(crate) mod report;
