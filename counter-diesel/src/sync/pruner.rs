use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::engine::calendar::Calendar;
use crate::engine::engine::Engine;
use crate::error::Error;
use crate::sync::control::Control;
use crate::sync::prune::prune;
use crate::sync::prune_options::PruneOptions;
use crate::sync::telemetry::telemetry;

/// The time between two prunes of a worker.
const AN_HOUR: Duration = Duration::from_secs(3600);

/// The longest time of one prune, because syncs wait for it. What is left comes after the next
/// sync.
const AT_A_TIME: Duration = Duration::from_secs(10);

/// Removes what the configured retention does not keep, each hour, for a worker.
pub(crate) struct Pruner<'a> {
    engine: &'a Engine,
    calendar: &'a Calendar,
    control: &'a Control,
    last: Option<Instant>,
}

impl<'a> Pruner<'a> {
    pub(crate) fn new(engine: &'a Engine, calendar: &'a Calendar, control: &'a Control) -> Self {
        Self { engine, calendar, control, last: None }
    }

    /// Prunes if a retention is configured and the last time is an hour ago. It ends early when the
    /// worker is to stop. What fails is logged, and tried again an hour later.
    pub(crate) fn prune_when_due(&mut self) {
        let is_due = self.last.is_none_or(|last| last.elapsed() >= AN_HOUR);
        if !is_due || self.engine.config().retention.is_empty() || self.control.is_stopping() {
            return;
        }
        let began = Instant::now();
        let should_stop = || self.control.is_stopping() || began.elapsed() >= AT_A_TIME;
        let prune = || prune(self.engine, self.calendar, &PruneOptions::default(), &should_stop);
        // What a panic may leave behind is what each prune begins with.
        let pruned = catch_unwind(AssertUnwindSafe(prune))
            .unwrap_or_else(|panic| Err(Error::Panicked { message: message_of(&*panic) }));
        self.last = (began.elapsed() < AT_A_TIME).then_some(began);
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
