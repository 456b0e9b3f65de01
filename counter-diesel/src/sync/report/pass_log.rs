use std::sync::atomic::{AtomicBool, Ordering};

use counter_core::Claim;

use super::observer::{Observer, SyncEvent};
use super::report::SyncReport;

/// What a pass writes down: the report that it returns, and the observer that hears of it at once.
pub(crate) struct PassLog<'a> {
    pub(crate) report: SyncReport,
    pub(crate) observer: Observer<'a>,
}

impl<'a> PassLog<'a> {
    pub(crate) fn new(report: SyncReport, observer: Observer<'a>) -> Self {
        Self { report, observer }
    }

    /// Notes that so many counters were found, and come next as one batch.
    pub(crate) fn found(&mut self, counters: u64) {
        self.observer.notify(SyncEvent::Found(counters));
    }

    /// Notes that these claims are in the table. No row may be locked, and no acknowledgement may
    /// wait, because an observer may be slow.
    pub(crate) fn applied(&mut self, claims: &[&Claim], is_recovered: bool) {
        for claim in claims {
            self.observer.notify(SyncEvent::Applied { claim, is_recovered });
        }
    }

    /// Returns whether the observer has asked for the end of the sync. Check this before starting
    /// any new work.
    pub(crate) fn should_stop(&mut self) -> bool {
        self.report.interrupted |= self.observer.should_stop();
        self.report.interrupted
    }

    /// Passes the observer's wish for an end on to another thread.
    pub(crate) fn pass_on_stop(&self, should_stop: &AtomicBool) {
        should_stop.fetch_or(self.observer.should_stop(), Ordering::Relaxed);
    }
}
