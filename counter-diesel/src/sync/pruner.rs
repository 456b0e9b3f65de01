use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::engine::calendar::Calendar;
use crate::engine::engine::Engine;
use crate::error::Error;
use crate::sync::control::Control;
use crate::sync::prune::{Place, prune};
use crate::sync::prune_options::PruneOptions;
use crate::sync::telemetry::telemetry;

/// The time between two prunes of a worker.
const AN_HOUR: Duration = Duration::from_secs(3600);

/// The longest time of one prune, because syncs wait for it. The one after the next sync goes on
/// where it ended.
const AT_A_TIME: Duration = Duration::from_secs(10);

/// Removes what the configured retention does not keep, each hour, for a worker.
pub(crate) struct Pruner<'a> {
    engine: &'a Engine,
    calendar: &'a Calendar,
    control: &'a Control,
    /// When it began for the last time, `None` if that is to go on.
    pub(crate) last: Option<Instant>,
    /// Where it ended.
    pub(crate) left_at: Option<Place>,
    pub(crate) at_a_time: Duration,
}

impl<'a> Pruner<'a> {
    pub(crate) fn new(engine: &'a Engine, calendar: &'a Calendar, control: &'a Control) -> Self {
        Self { engine, calendar, control, last: None, left_at: None, at_a_time: AT_A_TIME }
    }

    /// Prunes if a retention is configured and the last time is an hour ago, or did not come to the
    /// end. It ends early when the worker is to stop. What fails is logged, and an hour later it
    /// goes on.
    pub(crate) fn prune_when_due(&mut self) {
        let is_due = self.last.is_none_or(|last| last.elapsed() >= AN_HOUR);
        if !is_due || self.engine.config().retention.is_empty() || self.control.is_stopping() {
            return;
        }
        let began = Instant::now();
        let (engine, calendar, left_at) = (self.engine, self.calendar, &mut self.left_at);
        let (control, at_a_time) = (self.control, self.at_a_time);
        let should_stop = || control.is_stopping() || began.elapsed() >= at_a_time;
        let prune = || prune(engine, calendar, &PruneOptions::default(), left_at, &should_stop);
        // What a panic may leave behind is what each prune begins with.
        let pruned = catch_unwind(AssertUnwindSafe(prune))
            .unwrap_or_else(|panic| Err(Error::Panicked { message: message_of(&*panic) }));
        let goes_on = pruned.is_ok() && self.left_at.is_some() && began.elapsed() >= at_a_time;
        self.last = (!goes_on).then_some(began);
        telemetry::log_prune(self.engine.prefix(), &pruned);
        if let Ok(pruned) = pruned {
            self.control.lock().status.last_pruned = Some(Arc::new(pruned));
            self.control.changed.notify_all();
        }
    }
}

/// Returns the message of a panic.
pub(crate) fn message_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}
