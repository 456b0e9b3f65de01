use std::sync::Arc;

use counter_core::{Baseline, CounterId};

use crate::error::Error;

/// A read whose connection is got in the background. If it is dropped, it reads nothing.
pub trait PreparedRead {
    /// As [`Ledger::baselines`](super::Ledger::baselines): the rows are those of this call, not of
    /// an earlier one.
    ///
    /// # Errors
    ///
    /// As [`Ledger::baselines`](super::Ledger::baselines).
    fn baselines(self: Box<Self>, ids: Arc<[CounterId]>) -> Result<Vec<Baseline>, Error>;
}
