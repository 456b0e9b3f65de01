//! Moving what is pending into the table: once, and by a worker.

use std::ops::ControlFlow;
use std::time::Duration;

use super::counters::Counters;
use crate::error::Error;
use crate::sync::options::SyncOptions;
use crate::sync::passes::pass;
use crate::sync::report::observer::{Observer, SyncEvent};
use crate::sync::report::report::SyncReport;
use crate::sync::worker::SyncWorker;

impl Counters {
    /// Moves everything that is pending into the table, once, and returns what was done and found.
    ///
    /// Blocks; an application usually leaves this to [`spawn_sync`](Self::spawn_sync). Any number
    /// of syncs may run at once, in any number of processes.
    ///
    /// ```
    /// # use counter_diesel::{Counters, Error, SyncOptions};
    /// # fn sync(counters: &Counters) -> Result<(), Error> {
    /// let report = counters.sync(&SyncOptions::default())?;
    /// if !report.is_clean() {
    ///     eprintln!("needs attention: {report}");
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Only if nothing could be done at all. What ended a sync later is in its report.
    pub fn sync(&self, options: &SyncOptions) -> Result<SyncReport, Error> {
        pass::sync(self.engine(), options, Observer::none())
    }

    /// Like [`sync`](Self::sync), but calls an observer after each event, which can end the sync:
    /// after [`ControlFlow::Break`] the sync applies what it has claimed already, at most three
    /// batches, and begins nothing more. The rest stays in the store, and the report says
    /// `interrupted`.
    ///
    /// The observer is called in this thread, and never while rows are locked, so a slow observer
    /// delays only this sync.
    ///
    /// ```
    /// # use std::ops::ControlFlow;
    /// # use counter_diesel::{Counters, Error, SyncOptions};
    /// # use counter_diesel::sync::SyncEvent;
    /// # fn observe(counters: &Counters) -> Result<(), Error> {
    /// let report = counters.sync_observed(&SyncOptions::default(), &mut |event| {
    ///     if let SyncEvent::Applied { claim, .. } = event {
    ///         println!("{}: {}", claim.id, claim.op); // post:42:views: add:5
    ///     }
    ///     ControlFlow::Continue(())
    /// })?;
    /// # assert!(report.is_clean());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`sync`](Self::sync).
    pub fn sync_observed(
        &self,
        options: &SyncOptions,
        observer: &mut dyn FnMut(SyncEvent<'_>) -> ControlFlow<()>,
    ) -> Result<SyncReport, Error> {
        pass::sync(self.engine(), options, Observer::new(observer))
    }

    /// Starts a thread that syncs each `interval`, the first time after half of it or more.
    ///
    /// Its syncs look only at what the store's index names, and cost what has changed; one of all
    /// workers of a store scans everything every
    /// [`full_scan_every`](crate::CountersBuilder::full_scan_every).
    ///
    /// Each wait is up to a fifth shorter than the interval, at random, so workers that are started
    /// together do not all sync at the same time. If a
    /// [retention](crate::CountersBuilder::retention) is configured, the worker
    /// [prunes](Self::prune) after syncs that need no attention, and pauses for an hour when it has
    /// been through the table. While syncs fail it waits longer and longer, up to a minute or, if
    /// that is longer, the interval. A panic in a sync does not end it. An interval of zero counts
    /// as a millisecond.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use counter_diesel::{Counters, Error};
    /// # fn run(counters: &Counters) -> Result<(), Error> {
    /// let worker = counters.spawn_sync(Duration::from_secs(10))?; // kept: dropped, it would stop
    /// // The application runs.
    /// let status = worker.stop()?;
    /// println!("{} counters in {} syncs", status.applied, status.passes);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Thread`] if the operating system gives no thread.
    pub fn spawn_sync(&self, interval: Duration) -> Result<SyncWorker, Error> {
        SyncWorker::spawn(self.engine(), self.shared_calendar(), interval)
    }
}
