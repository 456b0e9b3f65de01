use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use counter_core::Prefix;

use crate::engine::engine::Engine;
use crate::error::Error;
use crate::sync::options::{Finds, SyncOptions};
use crate::sync::passes::pass;
use crate::sync::report::claims::{PostponedCause, PostponedClaim};
use crate::sync::report::observer::Observer;
use crate::sync::report::report::SyncReport;
use crate::sync::spread::{first_delay, next_delay};
#[cfg(feature = "metrics")]
use crate::sync::telemetry::metrics;
use crate::sync::telemetry::telemetry;
use crate::targets::WORKER;

/// A thread that syncs at an interval: see [`Counters::spawn_sync`](crate::Counters::spawn_sync).
///
/// Dropping it stops it as [`stop`](Self::stop) does, logging what that would return.
#[derive(Debug)]
#[must_use = "dropping a worker stops it: keep it, or `detach` it"]
pub struct SyncWorker {
    control: Arc<Control>,
    thread: Option<JoinHandle<Result<(), Error>>>,
    prefix: Prefix,
}

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
    /// What the last sync failed with, if it did so before it had anything to report.
    pub last_error: Option<Arc<Error>>,
}

/// Between two last syncs.
const PAUSE: Duration = Duration::from_millis(50);

/// The longest time between tries while syncs fail, unless the interval itself is longer.
const LONGEST_BACKOFF: Duration = Duration::from_secs(60);

impl SyncWorker {
    pub(crate) fn spawn(engine: &Arc<Engine>, interval: Duration) -> Result<Self, Error> {
        let (control, prefix) = (Arc::new(Control::default()), engine.prefix().clone());
        #[cfg(feature = "metrics")]
        metrics::register(&prefix);
        let (engine, of_thread) = (Arc::clone(engine), Arc::clone(&control));
        let thread = thread::Builder::new()
            .name("counter-sync".to_owned())
            .spawn(move || live(&engine, &of_thread, interval))
            .map_err(|source| Error::Thread { source })?;
        Ok(Self { control, thread: Some(thread), prefix })
    }

    /// Asks for a sync now, without waiting for it.
    pub fn sync_now(&self) {
        self.control.lock().sync_wanted = true;
        self.control.changed.notify_all();
    }

    /// How the worker is doing.
    pub fn status(&self) -> WorkerStatus {
        self.control.lock().status.clone()
    }

    /// Waits until the worker's status is as wanted, and returns whether it was in time. The worker
    /// stands still while it is asked, so `is_wanted` must not ask the worker for anything itself.
    ///
    /// ```no_run
    /// # fn wait(worker: &counter_diesel::SyncWorker) {
    /// let before = worker.status().passes;
    /// worker.sync_now();
    /// worker.wait_until(std::time::Duration::from_secs(5), |status| status.passes > before);
    /// # }
    /// ```
    pub fn wait_until(&self, timeout: Duration, is_wanted: impl Fn(&WorkerStatus) -> bool) -> bool {
        let deadline = Instant::now().checked_add(timeout);
        let mut state = self.control.lock();
        while !is_wanted(&state.status) {
            let left = time_until(deadline);
            if left.is_zero() {
                return false;
            }
            state = self.control.wait(state, left);
        }
        true
    }

    /// Makes a last sync, waits for it, ends the thread and returns how it did, the last sync
    /// included. If a server does not answer, that takes about a minute at the most. What other
    /// transactions have locked for longer than it waits, 5 seconds, stays in the store, and
    /// `last_report` is not clean then.
    ///
    /// # Errors
    ///
    /// What the last sync failed with, or what ended it early. What is still pending stays in the
    /// store; with the in-memory store that is as long as there are [`Counters`](crate::Counters)
    /// of it.
    pub fn stop(mut self) -> Result<WorkerStatus, Error> {
        self.stop_and_join()?;
        Ok(self.status())
    }

    /// The same for an application that is given only so long to end. The last sync waits for no
    /// row that others have locked, and is made again for those as long as there is time. What is
    /// locked for longer is in `last_report`, which is not clean then.
    ///
    /// # Errors
    ///
    /// Those of [`stop`](Self::stop), and [`Error::StopTimedOut`] if the last sync takes longer.
    /// The thread then goes on with it, as long as the process does: with the in-memory store, what
    /// it does not come to is lost with the process.
    pub fn stop_within(mut self, timeout: Duration) -> Result<WorkerStatus, Error> {
        self.control.stop(Haste::Until(Instant::now().checked_add(timeout)));
        if !self.control.wait_for_end(timeout) {
            self.thread = None;
            return Err(Error::StopTimedOut { after: timeout });
        }
        self.stop()
    }

    /// Leaves the thread running until the process ends, without a last sync.
    pub fn detach(mut self) {
        self.thread = None;
    }

    fn stop_and_join(&mut self) -> Result<(), Error> {
        let Some(thread) = self.thread.take() else {
            return Ok(());
        };
        self.control.stop(Haste::Usual);
        thread.join().unwrap_or_else(|panic| Err(Error::Panicked { message: message_of(&*panic) }))
    }
}

impl Drop for SyncWorker {
    fn drop(&mut self) {
        if self.thread.is_some() && self.status().passes == 0 {
            let message = "a worker is dropped before its first sync: keep it, or detach it";
            tracing::warn!(target: WORKER, prefix = %self.prefix, "{message}");
        }
        if let Err(error) = self.stop_and_join() {
            let prefix = &self.prefix;
            tracing::error!(target: WORKER, %prefix, ?error, "the last sync of a worker failed");
        }
    }
}

/// What the worker's owner and its thread tell each other.
#[derive(Debug, Default)]
struct Control {
    state: Mutex<WorkerState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct WorkerState {
    sync_wanted: bool,
    stopping: Option<Haste>,
    has_ended: bool,
    status: WorkerStatus,
}

/// How long the last sync waits for locks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Haste {
    /// As long as any.
    Usual,
    /// Not at all, but what is locked is tried again until this time, `None` for no end.
    Until(Option<Instant>),
}

/// Which sync comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Usual,
    Last(Haste),
}

impl Control {
    /// Every change of the state is one assignment, so a panic leaves nothing half done.
    fn lock(&self) -> MutexGuard<'_, WorkerState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(
        &self,
        state: MutexGuard<'a, WorkerState>,
        at_most: Duration,
    ) -> MutexGuard<'a, WorkerState> {
        self.changed.wait_timeout(state, at_most).unwrap_or_else(PoisonError::into_inner).0
    }

    /// Asks for the last sync. What was said first about its haste stays.
    fn stop(&self, haste: Haste) {
        self.lock().stopping.get_or_insert(haste);
        self.changed.notify_all();
    }

    /// Returns whether the thread ends in time.
    fn wait_for_end(&self, timeout: Duration) -> bool {
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
    fn wait_for_turn(&self, delay: Duration) -> Turn {
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

    /// Tells how a sync went and returns how many have failed in a row.
    fn record(&self, result: Result<SyncReport, Error>) -> u32 {
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

/// The worker's thread, from its beginning to its end.
fn live(engine: &Engine, control: &Control, interval: Duration) -> Result<(), Error> {
    let prefix = engine.prefix();
    let interval_seconds = interval.as_secs_f64();
    tracing::info!(target: WORKER, %prefix, interval_seconds, "a worker started");
    let _end = End(control);
    let result = work(engine, control, interval);
    let WorkerStatus { passes, applied, .. } = control.lock().status.clone();
    tracing::info!(target: WORKER, %prefix, passes, applied, "a worker stopped");
    result
}

/// Notes the end of the thread, however it ends.
struct End<'a>(&'a Control);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.lock().has_ended = true;
        self.0.changed.notify_all();
    }
}

fn work(engine: &Engine, control: &Control, interval: Duration) -> Result<(), Error> {
    // An interval of zero would leave the processor to nobody else.
    let interval = interval.max(Duration::from_millis(1));
    let (mut delay, mut is_behind) = (first_delay(interval), false);
    loop {
        let turn = control.wait_for_turn(delay);
        let started = Instant::now();
        let is_first = control.lock().status.passes == 0;
        let result = sync_catching_panics(engine, &options_of(turn, is_first));
        control.lock().status.running_since = None;
        let (prefix, took) = (engine.prefix(), started.elapsed());
        is_behind = telemetry::log_pace(prefix, interval, took, is_behind);
        if is_tried_again(turn, &result, took) {
            control.record(result);
            thread::sleep(PAUSE);
            continue;
        }
        if turn != Turn::Usual {
            return finish(control, result);
        }
        delay = next_delay(delay_after(control.record(result), interval));
    }
}

/// The last one leaves nothing to a later one, but a scan of everything, which may take longer than
/// an application has at its end. If it is the worker's only one, it makes that too, or one that
/// never lives longer would never make it.
fn options_of(turn: Turn, is_first: bool) -> SyncOptions {
    let options = SyncOptions::default().retry_refused(turn != Turn::Usual);
    SyncOptions {
        finds: if turn == Turn::Usual || is_first { Finds::WhatIsDue } else { Finds::WhatIsNamed },
        skips_locked: matches!(turn, Turn::Last(Haste::Until(_))),
        ..options
    }
}

/// Returns whether a last sync has left anything that others had locked, and there is time for
/// another one like it.
fn is_tried_again(turn: Turn, result: &Result<SyncReport, Error>, took: Duration) -> bool {
    let (Turn::Last(Haste::Until(end)), Ok(report)) = (turn, result) else { return false };
    let is_for_others = |postponed: &PostponedClaim| postponed.cause != PostponedCause::Refused;
    report.stopped.is_none()
        && report.postponed.iter().any(is_for_others)
        && time_until(end) > took.saturating_mul(2).saturating_add(PAUSE)
}

/// The last sync's error goes to whoever stops the worker; there will be no other to make up for
/// it.
fn finish(control: &Control, result: Result<SyncReport, Error>) -> Result<(), Error> {
    let mut report = result?;
    let stopped = report.stopped.take();
    control.record(Ok(report));
    stopped.map_or(Ok(()), Err)
}

fn sync_catching_panics(engine: &Engine, options: &SyncOptions) -> Result<SyncReport, Error> {
    // What a panic may leave behind are claims in the store, which is what every pass is made for.
    let pass = AssertUnwindSafe(|| pass::sync(engine, options, Observer::none()));
    catch_unwind(pass).unwrap_or_else(|panic| {
        let error = Error::Panicked { message: message_of(&*panic) };
        telemetry::log_panic(engine.prefix(), &error);
        Err(error)
    })
}

/// A time beyond what the clock can tell never comes.
fn time_until(time: Option<Instant>) -> Duration {
    time.map_or(Duration::MAX, |time| time.saturating_duration_since(Instant::now()))
}

fn message_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}

fn delay_after(failures: u32, interval: Duration) -> Duration {
    let doubled = interval.saturating_mul(2_u32.saturating_pow(failures));
    doubled.min(LONGEST_BACKOFF.max(interval))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_double_the_delay_up_to_a_minute_or_the_interval() {
        let seconds = Duration::from_secs;
        assert_eq!(delay_after(0, seconds(10)), seconds(10));
        assert_eq!(delay_after(1, seconds(10)), seconds(20));
        assert_eq!(delay_after(3, seconds(10)), seconds(60));
        assert_eq!(delay_after(u32::MAX, seconds(10)), seconds(60));
        assert_eq!(delay_after(5, seconds(3600)), seconds(3600));
    }
}
