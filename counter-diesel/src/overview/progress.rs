use std::time::{Duration, Instant};

use counter_core::Pattern;

use crate::engine::engine::Engine;
use crate::engine::pages::pages;
use crate::error::Error;
use crate::sync::report::observer::SyncEvent;

/// How far a sync is: counts what [`Counters::sync_observed`](crate::Counters::sync_observed)
/// reports while it runs.
///
/// ```
/// # use std::ops::ControlFlow;
/// # use std::time::Instant;
/// # use counter_diesel::overview::SyncProgress;
/// # use counter_diesel::{Counters, Error, Pattern, SyncOptions};
/// # fn sync(counters: &Counters) -> Result<(), Error> {
/// let mut progress = SyncProgress::new(None);
/// let report = counters.sync_observed(&SyncOptions::default(), &mut |event| {
///     progress.observe(&event);
///     println!("{} applied, {:.0}/s", progress.applied, progress.rate(Instant::now()));
///     ControlFlow::Continue(())
/// })?;
/// # assert!(report.is_clean());
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SyncProgress {
    /// When the sync began.
    pub started: Instant,
    /// About how many counters there are to apply, if that is known.
    pub expected: Option<u64>,
    /// How many counters were found so far.
    pub found: u64,
    /// How many claims were applied so far. In a dry run: how many counters would be applied.
    pub applied: u64,
}

impl SyncProgress {
    /// Begins now. Pass what [`Counters::pending_count`](crate::Counters::pending_count) returned
    /// to learn how much of the sync is done.
    pub fn new(expected: Option<u64>) -> Self {
        Self { started: Instant::now(), expected, found: 0, applied: 0 }
    }

    /// Adds what an event reports.
    pub fn observe(&mut self, event: &SyncEvent<'_>) {
        match event {
            SyncEvent::Found(counters) => self.found += counters,
            SyncEvent::Applied { .. } | SyncEvent::WouldApply { .. } => self.applied += 1,
            SyncEvent::Scanned => {}
        }
    }

    /// Returns how many counters there are to apply, or `None` if that is not known.
    ///
    /// At least as many as were found, because applications may count more of them meanwhile.
    pub fn total(&self) -> Option<u64> {
        Some(self.expected?.max(self.found).max(self.applied).max(1))
    }

    /// Returns how much of `whole` is done, such as of 100 for a percentage, or `None` if the total
    /// is not known.
    pub fn done_of(&self, whole: u64) -> Option<u64> {
        Some(self.applied.saturating_mul(whole) / self.total()?)
    }

    /// Returns how many counters were applied in a second, on average until `now`.
    pub fn rate(&self, now: Instant) -> f64 {
        self.applied as f64 / now.duration_since(self.started).as_secs_f64().max(0.001)
    }
}

/// Counts the counters that match, or returns `None` once it took longer than `within`.
pub(crate) fn pending_count(
    engine: &Engine,
    pattern: &Pattern,
    within: Duration,
) -> Result<Option<u64>, Error> {
    let started = Instant::now();
    let mut count = 0;
    for page in pages(engine.store(), pattern.clone(), engine.config().sync_batch_size.get()) {
        let page = page?;
        count += page.ids.len() as u64;
        if page.next.is_some() && started.elapsed() >= within {
            return Ok(None);
        }
    }
    Ok(Some(count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_much_is_done_as_was_applied_of_what_was_expected_or_found() {
        let done = |found, applied| {
            let progress = SyncProgress { found, applied, ..SyncProgress::new(Some(40)) };
            (progress.total(), progress.done_of(100), progress.done_of(20))
        };
        assert_eq!(done(10, 0), (Some(40), Some(0), Some(0)));
        assert_eq!(done(10, 10), (Some(40), Some(25), Some(5)));
        assert_eq!(done(50, 50), (Some(50), Some(100), Some(20)));
    }
}
