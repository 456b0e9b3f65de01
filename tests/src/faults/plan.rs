use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use chrono::TimeDelta;

/// What happens at the chosen step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It fails, and nothing was done.
    Before,
    /// It is done, but the answer is lost.
    After,
    /// The database refuses it once, as in a deadlock. For a store as [`Fault::Before`].
    Refused,
    /// Like [`Fault::Refused`], but the step was done: the answer to a commit can be wrong.
    RefusedAfter,
    /// The process dies before it.
    Kill,
    /// The process dies after it.
    KillAfter,
    /// It is done, and the call panics in a process that lives on.
    PanicAfter,
}

impl Fault {
    /// All that may happen at any step.
    pub const ALL: [Self; 6] =
        [Self::Before, Self::After, Self::Refused, Self::RefusedAfter, Self::Kill, Self::KillAfter];

    fn happens_before(self) -> bool {
        matches!(self, Self::Before | Self::Refused | Self::Kill)
    }
}

/// Counts steps, and knows at which of them what happens.
#[derive(Default)]
pub struct Faults {
    steps: AtomicUsize,
    /// A process dies with all of its threads: none takes another step.
    is_dead: AtomicBool,
    plan: Option<(usize, Fault)>,
    hook: Option<Box<Hook>>,
    /// By how many seconds the database's clock is behind.
    behind: AtomicI64,
}

/// What is called before each step, with the step's name, and says what happens there.
type Hook = dyn Fn(&str) -> Option<Fault> + Send + Sync;

/// The death of a process, thrown as a panic.
struct Killed;

impl Faults {
    /// Nothing ever happens; the steps are counted.
    pub fn none() -> Arc<Self> {
        Arc::default()
    }

    /// This happens once, at the step of this number, counted from 0.
    pub fn at(step: usize, fault: Fault) -> Arc<Self> {
        Arc::new(Self { plan: Some((step, fault)), ..Self::default() })
    }

    /// This is called before each step, and says what happens there.
    pub fn deciding(hook: impl Fn(&str) -> Option<Fault> + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { hook: Some(Box::new(hook)), ..Self::default() })
    }

    /// Nothing fails, but this is called before each step: `begin`, `upsert`, `verify`, `ack` and
    /// so on.
    pub fn calling(hook: impl Fn(&str) + Send + Sync + 'static) -> Arc<Self> {
        Self::deciding(move |step| {
            hook(step);
            None
        })
    }

    /// Calls the hook only once, before the first step of this name.
    pub fn calling_once_before(
        step: &'static str,
        call: impl FnOnce() + Send + 'static,
    ) -> Arc<Self> {
        let call = Mutex::new(Some(call));
        Self::calling(move |name| {
            if name == step
                && let Some(call) = call.lock().unwrap().take()
            {
                call();
            }
        })
    }

    /// Sets the database's clock back by this time, for those who ask what time it is.
    pub fn set_database_back(&self, by: TimeDelta) {
        self.behind.store(by.num_seconds(), Ordering::SeqCst);
    }

    pub(super) fn database_behind(&self) -> TimeDelta {
        TimeDelta::seconds(self.behind.load(Ordering::SeqCst))
    }

    /// How many steps were taken.
    pub fn steps(&self) -> usize {
        self.steps.load(Ordering::SeqCst)
    }

    /// Runs something that may be killed. `None` if it was.
    pub fn survive<T>(run: impl FnOnce() -> T) -> Option<T> {
        catch_unwind(AssertUnwindSafe(run))
            .map_err(|panic| assert!(panic.is::<Killed>(), "a panic that is not a planned death"))
            .ok()
    }

    pub(super) fn step<T, E>(
        &self,
        name: &str,
        run: impl FnOnce() -> Result<T, E>,
        fail: impl Fn(Fault) -> E,
    ) -> Result<T, E> {
        if self.is_dead.load(Ordering::SeqCst) {
            std::panic::resume_unwind(Box::new(Killed));
        }
        let number = self.steps.fetch_add(1, Ordering::SeqCst);
        let planned = self.plan.filter(|(step, _)| *step == number).map(|(_, fault)| fault);
        let fault = planned.or_else(|| self.hook.as_ref().and_then(|hook| hook(name)));
        let Some(fault) = fault else {
            return run();
        };
        if !fault.happens_before() {
            run()?;
        }
        match fault {
            // Not a real panic: nothing is printed.
            Fault::Kill | Fault::KillAfter => {
                self.is_dead.store(true, Ordering::SeqCst);
                std::panic::resume_unwind(Box::new(Killed))
            }
            Fault::PanicAfter => std::panic::resume_unwind(Box::new(Killed)),
            fault => Err(fail(fault)),
        }
    }
}
