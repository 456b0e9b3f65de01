use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use counter_core::Prefix;

use crate::engine::calendar::Calendar;
use crate::engine::engine::Engine;
use crate::error::Error;
use crate::sync::control::{Control, Haste, Turn, WorkerStatus, time_until};
use crate::sync::options::{Finds, ReportsHeld, SyncOptions};
use crate::sync::passes::pass;
use crate::sync::pruner::{Pruner, message_of};
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

/// Between two last syncs.
const PAUSE: Duration = Duration::from_millis(50);

/// The rest of the time that a worker has to stop, when its last sync has looked again at what
/// other syncs have in hand.
const MARGIN: Duration = Duration::from_millis(100);

/// The longest time between tries while syncs fail, unless the interval itself is longer.
const LONGEST_BACKOFF: Duration = Duration::from_secs(60);

impl SyncWorker {
    pub(crate) fn spawn(
        engine: &Arc<Engine>,
        calendar: &Arc<Calendar>,
        interval: Duration,
    ) -> Result<Self, Error> {
        let (control, prefix) = (Arc::new(Control::default()), engine.prefix().clone());
        #[cfg(feature = "metrics")]
        metrics::register(&prefix);
        let (engine, of_thread) = (Arc::clone(engine), Arc::clone(&control));
        let calendar = Arc::clone(calendar);
        let thread = thread::Builder::new()
            .name("counter-sync".to_owned())
            .spawn(move || live(&engine, &calendar, &of_thread, interval))
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
    /// transactions have locked for longer than it waits, 5 seconds, stays in the store, and so
    /// does what another sync has claimed: the last sync looks again for two seconds, and names in
    /// [`SyncReport::held`] what that one does not finish. `last_report` is not clean then.
    ///
    /// # Errors
    ///
    /// The error that the last sync failed with, or that ended it early. What is still pending
    /// stays in the store; with the in-memory store that is as long as there are
    /// [`Counters`](crate::Counters) of it.
    pub fn stop(mut self) -> Result<WorkerStatus, Error> {
        self.stop_and_join()?;
        Ok(self.status())
    }

    /// Like [`stop`](Self::stop), for an application that must end within a time. The last sync
    /// does not wait for rows that others have locked, and is repeated for those as long as there
    /// is time. What is locked for longer is in `last_report`, which is not clean then.
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

/// The worker's thread, from its beginning to its end.
fn live(
    engine: &Engine,
    calendar: &Calendar,
    control: &Control,
    interval: Duration,
) -> Result<(), Error> {
    let prefix = engine.prefix();
    let interval_seconds = interval.as_secs_f64();
    tracing::info!(target: WORKER, %prefix, interval_seconds, "a worker started");
    let _end = End(control);
    let result = work(engine, control, interval, &mut Pruner::new(engine, calendar, control));
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

fn work(
    engine: &Engine,
    control: &Control,
    interval: Duration,
    pruner: &mut Pruner<'_>,
) -> Result<(), Error> {
    // An interval of zero would take a whole processor.
    let interval = interval.max(Duration::from_millis(1));
    let (mut delay, mut is_behind) = (first_delay(interval), false);
    let mut looks_again = false;
    loop {
        let turn = control.wait_for_turn(delay);
        let started = Instant::now();
        let is_first = control.lock().status.passes == 0;
        let options = options_of(turn, is_first, looks_again);
        let result = sync_catching_panics(engine, &options);
        control.lock().status.running_since = None;
        let (prefix, took) = (engine.prefix(), started.elapsed());
        is_behind = telemetry::log_pace(prefix, interval, took, is_behind);
        if is_tried_again(turn, &result, took) {
            control.record(result);
            thread::sleep(PAUSE);
            continue;
        }
        if leaves_busy(turn, &result) && !looks_again {
            looks_again = true;
            control.record(result);
            continue;
        }
        if turn != Turn::Usual {
            return finish(control, result);
        }
        let is_clean = result.as_ref().is_ok_and(SyncReport::is_clean);
        delay = next_delay(delay_after(control.record(result), interval));
        if is_clean {
            pruner.prune_when_due();
        }
    }
}

/// The last one leaves nothing to a later one, but a scan of everything, which may take longer than
/// an application has at its end. If it is the worker's only one, it makes that too, or one that
/// never lives longer would never make it.
fn options_of(turn: Turn, is_first: bool, looks_again: bool) -> SyncOptions {
    let options = SyncOptions::default().retry_refused(turn != Turn::Usual);
    SyncOptions {
        finds: if turn == Turn::Usual || is_first { Finds::WhatIsDue } else { Finds::WhatIsNamed },
        skips_locked: matches!(turn, Turn::Last(Haste::Until(_))),
        reports_held: match turn {
            Turn::Usual => ReportsHeld::No,
            Turn::Last(Haste::Usual) => ReportsHeld::All { until: None },
            Turn::Last(Haste::Until(end)) if looks_again => {
                ReportsHeld::All { until: end.and_then(|end| end.checked_sub(MARGIN)) }
            }
            Turn::Last(Haste::Until(_)) => ReportsHeld::Own,
        },
        ..options
    }
}

/// Returns whether to repeat a last sync with this time limit, to look again at what other syncs
/// had in hand. The one before has tried all that was locked.
fn leaves_busy(turn: Turn, result: &Result<SyncReport, Error>) -> bool {
    let is_hasty = matches!(turn, Turn::Last(Haste::Until(_)));
    is_hasty && result.as_ref().is_ok_and(|report| report.stopped.is_none() && report.busy > 0)
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

/// Returns the last sync's error to the caller that stops the worker, because no later sync will
/// make up for it.
fn finish(control: &Control, result: Result<SyncReport, Error>) -> Result<(), Error> {
    let mut report = result?;
    let stopped = report.stopped.take();
    control.record(Ok(report));
    stopped.map_or(Ok(()), Err)
}

fn sync_catching_panics(engine: &Engine, options: &SyncOptions) -> Result<SyncReport, Error> {
    // A panic may leave claims in the store, which the next pass settles.
    let pass = AssertUnwindSafe(|| pass::sync(engine, options, Observer::none()));
    catch_unwind(pass).unwrap_or_else(|panic| {
        let error = Error::Panicked { message: message_of(&*panic) };
        telemetry::log_panic(engine.prefix(), &error);
        Err(error)
    })
}

fn delay_after(failures: u32, interval: Duration) -> Duration {
    let doubled = interval.saturating_mul(2_u32.saturating_pow(failures));
    doubled.min(LONGEST_BACKOFF.max(interval))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_that_has_only_so_long_looks_again_until_a_little_before() {
        let end = Instant::now() + Duration::from_secs(1);
        let last = Turn::Last(Haste::Until(Some(end)));
        let reports_held = |looks_again| options_of(last, false, looks_again).reports_held;
        assert_eq!(reports_held(false), ReportsHeld::Own);
        assert_eq!(reports_held(true), ReportsHeld::All { until: Some(end - MARGIN) });
    }

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
