//! The state that a worker's owner and its thread share.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::sync::prune_options::Pruned;
use crate::sync::report::report::SyncReport;

/// How a worker is doing.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct WorkerStatus {
    /// When the sync began that is being made, or `None` between two. One that takes much longer
    /// than others waits for something.
    pub running_since: Option<Instant>,
    /// How many syncs it has made, failed ones included.
    pub passes: u64,
    /// How many claims its syncs have applied in all.
    pub applied: u64,
    /// How many of the last syncs failed in a row; 0 after one that came to its end.
    pub consecutive_failures: u32,
    /// The report of the last sync that made one.
    pub last_report: Option<Arc<SyncReport>>,
    /// The error of the last sync, if it failed before it had anything to report.
    pub last_error: Option<Arc<Error>>,
    /// What the worker's last successful [prune](crate::Counters::prune) did. It prunes only if a
    /// retention is configured.
    pub last_pruned: Option<Arc<Pruned>>,
}

/// The shared state.
#[derive(Debug, Default)]
pub(crate) struct Control {
    state: Mutex<WorkerState>,
    pub(crate) changed: Condvar,
}

#[derive(Debug, Default)]
pub(crate) struct WorkerState {
    pub(crate) sync_wanted: bool,
    stopping: Option<Haste>,
    pub(crate) has_ended: bool,
    pub(crate) status: WorkerStatus,
}

/// How long the last sync waits for locks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Haste {
    /// As long as any.
    Usual,
    /// Not at all, but what is locked is tried again until this time, `None` for no end.
    Until(Option<Instant>),
}

/// Which sync comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    Usual,
    Last(Haste),
}

impl Control {
    /// Every change of the state is one assignment, so a panic leaves nothing half done.
    pub(crate) fn lock(&self) -> MutexGuard<'_, WorkerState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn wait<'a>(
        &self,
        state: MutexGuard<'a, WorkerState>,
        at_most: Duration,
    ) -> MutexGuard<'a, WorkerState> {
        self.changed.wait_timeout(state, at_most).unwrap_or_else(PoisonError::into_inner).0
    }

    /// Asks for the last sync. What was said first about its haste stays.
    pub(crate) fn stop(&self, haste: Haste) {
        self.lock().stopping.get_or_insert(haste);
        self.changed.notify_all();
    }

    /// Returns whether the last sync was requested.
    pub(crate) fn is_stopping(&self) -> bool {
        self.lock().stopping.is_some()
    }

    /// Returns whether the thread ends in time.
    pub(crate) fn wait_for_end(&self, timeout: Duration) -> bool {
        let deadline = Instant::now().checked_add(timeout);
        let mut state = self.lock();
        while !state.has_ended {
            let left = time_until(deadline);
            if left.is_zero() {
                return false;
            }
            state = self.wait(state, left);
        }
        true
    }

    /// Waits until a sync is due or wanted.
    pub(crate) fn wait_for_turn(&self, delay: Duration) -> Turn {
        let due = Instant::now().checked_add(delay);
        let mut state = self.lock();
        while !state.sync_wanted && state.stopping.is_none() {
            let left = time_until(due);
            if left.is_zero() {
                break;
            }
            state = self.wait(state, left);
        }
        state.sync_wanted = false;
        state.status.running_since = Some(Instant::now());
        self.changed.notify_all();
        state.stopping.map_or(Turn::Usual, Turn::Last)
    }

    /// Records the result of a sync, and returns how many have failed in a row.
    pub(crate) fn record(&self, result: Result<SyncReport, Error>) -> u32 {
        let mut state = self.lock();
        let status = &mut state.status;
        status.passes += 1;
        let is_success = result.as_ref().is_ok_and(|report| report.stopped.is_none());
        status.consecutive_failures =
            if is_success { 0 } else { status.consecutive_failures.saturating_add(1) };
        match result {
            Ok(report) => {
                status.applied += report.applied;
                (status.last_report, status.last_error) = (Some(Arc::new(report)), None);
            }
            Err(error) => status.last_error = Some(Arc::new(error)),
        }
        let failures = status.consecutive_failures;
        drop(state);
        self.changed.notify_all();
        failures
    }
}

/// A time beyond what the clock can tell never comes.
pub(crate) fn time_until(time: Option<Instant>) -> Duration {
    time.map_or(Duration::MAX, |time| time.saturating_duration_since(Instant::now()))
}
