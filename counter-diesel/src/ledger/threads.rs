//! Calls that end within a time, whatever the database does.
//!
//! A server that is frozen, or behind a network that drops its packets, answers nothing, and its
//! clients cannot be given a limit: Diesel hands out neither sockets nor MySQL's time-outs, and
//! `tcp_user_timeout` does not fire as long as the kernel acknowledges. So the call is another
//! thread's, and its caller stops waiting for that one.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use tracing::{Span, dispatcher};

use crate::error::Error;

type Job = Box<dyn FnOnce() + Send>;

/// Where threads that have nothing to do get their next job.
type Idle = Mutex<Vec<SyncSender<Job>>>;

/// Threads that wait for a database in place of their callers.
#[derive(Debug)]
pub(crate) struct Threads {
    /// When this is dropped, the threads end.
    idle: Arc<Idle>,
    most_idle: usize,
    /// Calls that nothing waits for any more.
    left_behind: Arc<AtomicUsize>,
}

/// A call had no answer within its time. It goes on, and what it returns is dropped.
#[derive(Debug, thiserror::Error)]
#[error(
    "no answer within {} s: the server is frozen, the network drops its packets or a table is \
     locked; calls that still wait, each on a connection of its own: {left_behind}",
    .limit.as_secs()
)]
struct Overdue {
    limit: Duration,
    left_behind: usize,
}

impl Threads {
    /// Returns threads, as many of which are kept for later as there are connections.
    pub(crate) fn new(most_idle: u32) -> Self {
        let most_idle = usize::try_from(most_idle).unwrap_or(usize::MAX);
        Self { idle: Arc::default(), most_idle, left_behind: Arc::default() }
    }

    /// Returns what the call returns, or [`Error::Unreachable`] if that takes longer than `limit`.
    ///
    /// # Panics
    ///
    /// As the call does.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        limit: Duration,
        call: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        // It hands over directly, so that the thread knows whether its answer was taken.
        let (tell, answer) = mpsc::sync_channel(0);
        let (span, dispatch) = (Span::current(), dispatcher::get_default(Clone::clone));
        let left_behind = Arc::clone(&self.left_behind);
        self.start(Box::new(move || {
            let call = || dispatcher::with_default(&dispatch, || span.in_scope(call));
            let result = catch_unwind(AssertUnwindSafe(call));
            if tell.send(result).is_err() {
                left_behind.fetch_sub(1, Ordering::Relaxed);
            }
        }))?;
        self.wait(limit, answer)
    }

    fn wait<T>(
        &self,
        limit: Duration,
        answer: Receiver<Result<Result<T, Error>, Box<dyn Any + Send>>>,
    ) -> Result<T, Error> {
        match answer.recv_timeout(limit) {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => resume_unwind(panic),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                // Before the channel is closed, which is when the thread counts itself out.
                let left_behind = self.left_behind.fetch_add(1, Ordering::Relaxed) + 1;
                drop(answer);
                Err(Error::Unreachable { source: Overdue { limit, left_behind }.into() })
            }
        }
    }

    fn start(&self, job: Job) -> Result<(), Error> {
        let idle = lock(&self.idle).pop();
        let job = match idle {
            Some(thread) => match thread.send(job) {
                Ok(()) => return Ok(()),
                Err(mpsc::SendError(job)) => job,
            },
            None => job,
        };
        let (idle, most_idle) = (Arc::downgrade(&self.idle), self.most_idle);
        thread::Builder::new()
            .name("counter-database".to_owned())
            .spawn(move || live(job, &idle, most_idle))
            .map_err(|source| Error::Thread { source })?;
        Ok(())
    }
}

/// Does this job and those that come later, as long as the thread is kept.
fn live(first: Job, idle: &Weak<Idle>, most_idle: usize) {
    first();
    while let Some(next) = idle.upgrade().and_then(|idle| keep(&idle, most_idle)) {
        let Ok(job) = next.recv() else { return };
        job();
    }
}

/// Returns where the next job will be, or `None` if there are threads enough.
fn keep(idle: &Idle, most_idle: usize) -> Option<Receiver<Job>> {
    let mut idle = lock(idle);
    if idle.len() >= most_idle {
        return None;
    }
    let (thread, next) = mpsc::sync_channel(1);
    idle.push(thread);
    Some(next)
}

fn lock(idle: &Idle) -> MutexGuard<'_, Vec<SyncSender<Job>>> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}
