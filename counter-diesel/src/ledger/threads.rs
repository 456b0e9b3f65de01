//! Calls that end within a time, whatever the database does.
//!
//! A server that is frozen, or behind a network that drops its packets, answers nothing, and its
//! clients cannot be given a limit: Diesel hands out neither sockets nor MySQL's time-outs, and
//! `tcp_user_timeout` does not fire as long as the kernel acknowledges. So another thread makes the
//! call, and the caller stops waiting for that thread.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tracing::{Span, dispatcher};

use crate::ledger::suspension::was_suspended;

/// A wait is cut into this many parts. While a process is suspended, its clock goes on, and nothing
/// reads an answer that arrives. So a part in which it was suspended does not count.
const PARTS_OF_A_WAIT: u32 = 4;

/// The next job of a thread. It gets the place to which the thread returns before it answers, so
/// that the caller's next call finds the thread there.
type Job = Box<dyn FnOnce(Option<Place>) + Send>;

/// A job, and the way to the thread that does it.
type Order = (Job, SyncSender<Next>);

/// A name for the order, because its type would contain itself.
struct Next(Order);

/// Where threads that have nothing to do get their next job.
type Idle = Mutex<Vec<SyncSender<Next>>>;

/// Starts a thread, which the operating system may refuse.
type Spawn = fn(Box<dyn FnOnce() + Send>) -> io::Result<JoinHandle<()>>;

/// Threads that wait for a database in place of their callers.
#[derive(Debug)]
pub(crate) struct Threads {
    /// When this is dropped, the threads end.
    idle: Arc<Idle>,
    connections: usize,
    /// Calls that nothing waits for any more.
    left_behind: Arc<AtomicUsize>,
    spawn: Spawn,
}

/// A call had no answer within its time. The call goes on, and its result is dropped.
#[derive(Debug, thiserror::Error)]
#[error(
    "no answer within {} s: the server is frozen, the network drops its packets or a table is \
     locked; calls that still wait, each on a connection of its own: {left_behind}",
    .limit.as_secs()
)]
pub(crate) struct Overdue {
    limit: Duration,
    left_behind: usize,
}

/// Calls without an answer hold too many connections to take another one.
#[derive(Debug, thiserror::Error)]
#[error(
    "{left_behind} calls had no answer in time and still hold a connection each, of the \
     {connections} of the pool: no more are taken until one of these calls ends"
)]
pub(crate) struct Drained {
    left_behind: usize,
    connections: usize,
}

impl Threads {
    /// Returns threads for a pool of this many connections. At most this many idle threads are
    /// kept.
    pub(crate) fn new(connections: u32) -> Self {
        let connections = usize::try_from(connections).unwrap_or(usize::MAX);
        Self { idle: Arc::default(), connections, left_behind: Arc::default(), spawn }
    }

    /// Refuses another call while those left behind hold at least half of the connections: the
    /// application needs the others, and another call would most likely be left behind, too.
    pub(crate) fn check_left_behind(&self) -> Result<(), Drained> {
        let (left_behind, connections) =
            (self.left_behind.load(Ordering::Relaxed), self.connections);
        if left_behind > 0 && left_behind >= connections.div_ceil(2) {
            return Err(Drained { left_behind, connections });
        }
        Ok(())
    }

    /// Returns what the call returns, or [`Overdue`] if that takes longer than `limit`. Where the
    /// operating system gives no thread, the caller makes the call itself and waits without a
    /// limit.
    ///
    /// # Panics
    ///
    /// As the call does.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        limit: Duration,
        call: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Overdue> {
        let (job, call) = self.prepare(call);
        if let Err(job) = self.start(job) {
            job(None);
        }
        call.wait(limit)
    }

    /// Begins a call and returns before it ends, so that the caller can do something else. Returns
    /// `None`, and makes no call, if the operating system gives no thread.
    pub(crate) fn begin<T: Send + 'static>(
        &self,
        call: impl FnOnce() -> T + Send + 'static,
    ) -> Option<Call<T>> {
        let (job, call) = self.prepare(call);
        self.start(job).is_ok().then_some(call)
    }

    /// Returns the job that makes a call, and the caller's side of it.
    fn prepare<T: Send + 'static>(
        &self,
        call: impl FnOnce() -> T + Send + 'static,
    ) -> (Job, Call<T>) {
        let (sender, answer) = mpsc::sync_channel(1);
        let is_decided = Arc::new(AtomicBool::new(false));
        let (span, dispatch) = (Span::current(), dispatcher::get_default(Clone::clone));
        let (left_behind, is_late) = (Arc::clone(&self.left_behind), Arc::clone(&is_decided));
        let job = move |place: Option<Place>| {
            let call = || dispatcher::with_default(&dispatch, || span.in_scope(call));
            let result = catch_unwind(AssertUnwindSafe(call));
            if is_late.swap(true, Ordering::SeqCst) {
                // First, because what is dropped may have to wait for the database again.
                drop(result);
                left_behind.fetch_sub(1, Ordering::SeqCst);
                if let Some(place) = place {
                    place.take();
                }
                return;
            }
            if let Some(place) = place {
                place.take();
            }
            let _ = sender.send(result);
        };
        (Box::new(job), Call { answer, is_decided, left_behind: Arc::clone(&self.left_behind) })
    }

    /// Gives this job to a thread. Returns the job if the operating system gives no thread.
    fn start(&self, job: Job) -> Result<(), Job> {
        let idle = lock(&self.idle).pop();
        let job = match idle {
            Some(thread) => match thread.clone().send(Next((job, thread))) {
                Ok(()) => return Ok(()),
                Err(mpsc::SendError(Next((job, _)))) => job,
            },
            None => job,
        };
        let (thread, next) = mpsc::sync_channel(1);
        let (idle, most_idle) = (Arc::downgrade(&self.idle), self.connections);
        match (self.spawn)(Box::new(move || live(&next, &idle, most_idle))) {
            // It waits for this already.
            Ok(_) => drop(thread.clone().send(Next((job, thread)))),
            Err(error) => {
                tracing::debug!(%error, "a thread could not be started for a call to the database");
                return Err(job);
            }
        }
        Ok(())
    }
}

/// What a call returned, or its panic.
type Outcome<T> = Result<T, Box<dyn Any + Send>>;

/// The caller's side of a call that a thread makes.
pub(crate) struct Call<T> {
    answer: Receiver<Outcome<T>>,
    /// Set by whichever comes first: the thread has the answer, or the caller stops waiting.
    is_decided: Arc<AtomicBool>,
    left_behind: Arc<AtomicUsize>,
}

impl<T> Call<T> {
    /// Returns what the call returns, or [`Overdue`] if that takes longer than this from now on. An
    /// overdue call is left behind.
    ///
    /// # Panics
    ///
    /// As the call does.
    pub(crate) fn wait(self, limit: Duration) -> Result<T, Overdue> {
        self.end(limit)?.map_err(|panic| resume_unwind(panic))
    }

    /// Like [`wait`](Self::wait), but drops what the call returns, and does not pass on its panic.
    pub(crate) fn give_up(self, limit: Duration) {
        let _ = self.end(limit);
    }

    fn end(self, limit: Duration) -> Result<Outcome<T>, Overdue> {
        let mut result = self.receive(limit);
        if result.is_err() {
            let left_behind = self.left_behind.fetch_add(1, Ordering::SeqCst) + 1;
            if !self.is_decided.swap(true, Ordering::SeqCst) {
                return Err(Overdue { limit, left_behind });
            }
            // The thread has the answer and is about to hand it over.
            self.left_behind.fetch_sub(1, Ordering::SeqCst);
            result = self.answer.recv().map_err(Into::into);
        }
        // The thread never ends without an answer.
        result.map_err(|_| Overdue { limit, left_behind: self.left_behind.load(Ordering::Relaxed) })
    }

    /// Waits for the answer, as long as the limit says of the time in which the process runs.
    fn receive(&self, limit: Duration) -> Result<Outcome<T>, RecvTimeoutError> {
        let (part, mut parts_left) = (limit / PARTS_OF_A_WAIT, PARTS_OF_A_WAIT);
        loop {
            let started = Instant::now();
            let result = self.answer.recv_timeout(part);
            if !matches!(result, Err(RecvTimeoutError::Timeout)) {
                return result;
            }
            parts_left -= u32::from(!was_suspended(started, part));
            if parts_left == 0 {
                return result;
            }
        }
    }
}

/// A thread's place among those that have nothing to do.
struct Place {
    idle: Weak<Idle>,
    most_idle: usize,
    thread: SyncSender<Next>,
}

impl Place {
    /// Puts the thread where it gets its next job, unless there are threads enough. Then it ends.
    fn take(self) {
        let Some(idle) = self.idle.upgrade() else { return };
        let mut idle = lock(&idle);
        if idle.len() < self.most_idle {
            idle.push(self.thread);
        }
    }
}

fn spawn(run: Box<dyn FnOnce() + Send>) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name("counter-database".to_owned()).spawn(run)
}

/// Does jobs as long as the thread is kept.
fn live(next: &Receiver<Next>, idle: &Weak<Idle>, most_idle: usize) {
    while let Ok(Next((job, thread))) = next.recv() {
        job(Some(Place { idle: Weak::clone(idle), most_idle, thread }));
    }
}

fn lock(idle: &Idle) -> MutexGuard<'_, Vec<SyncSender<Next>>> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);
    const AT_ONCE: Duration = Duration::ZERO;

    /// A call that waits until the sender is dropped.
    fn held() -> (mpsc::Sender<()>, impl FnOnce() + Send + 'static) {
        let (hold, held) = mpsc::channel::<()>();
        (hold, move || assert!(held.recv().is_err()))
    }

    #[test]
    fn calls_one_after_the_other_are_made_by_one_thread() {
        let threads = Threads::new(4);
        let ids = (0..1000).map(|_| threads.run(LONG, || thread::current().id()).unwrap());
        assert_eq!(ids.collect::<HashSet<_>>().len(), 1);
    }

    #[test]
    fn no_call_is_made_while_half_of_the_connections_are_left_behind() {
        for (connections, most) in [(1, 1), (2, 1), (3, 2), (8, 4)] {
            let threads = Threads::new(connections);
            let mut holds = Vec::new();
            for left_behind in 0..most {
                assert!(threads.check_left_behind().is_ok(), "{left_behind} of {connections}");
                let (hold, call) = held();
                holds.push(hold);
                threads.run(AT_ONCE, call).unwrap_err();
            }
            let drained = threads.check_left_behind().unwrap_err().to_string();
            let says = format!("{most} calls had no answer in time and still hold a connection");
            assert!(drained.starts_with(&says), "{drained}");
            // Those that hold a connection already go on.
            assert_eq!(threads.run(LONG, || 7).unwrap(), 7);
            holds.clear();
            while threads.check_left_behind().is_err() {
                thread::yield_now();
            }
        }
    }

    #[test]
    fn what_a_call_that_was_left_behind_returns_is_dropped_by_its_thread() {
        struct Dropped(mpsc::Sender<thread::ThreadId>);
        impl Drop for Dropped {
            fn drop(&mut self) {
                let _ = self.0.send(thread::current().id());
            }
        }
        let threads = Threads::new(4);
        let ((hold, call), (sender, dropped_by)) = (held(), mpsc::channel());
        let late = threads.run(AT_ONCE, move || {
            call();
            Dropped(sender)
        });
        assert!(late.is_err());
        drop(hold);
        assert_ne!(dropped_by.recv().unwrap(), thread::current().id());
    }

    #[test]
    fn a_caller_makes_the_call_itself_where_no_thread_can_be_started() {
        let refuse: Spawn = |_| Err(io::ErrorKind::WouldBlock.into());
        let threads = Threads { spawn: refuse, ..Threads::new(4) };
        let id = threads.run(LONG, || thread::current().id());
        assert_eq!(id.unwrap(), thread::current().id());
        // The thread would wait for its caller.
        assert!(threads.begin(|| panic!("was called")).map(|call: Call<()>| drop(call)).is_none());
    }

    #[test]
    fn a_call_without_an_answer_is_left_behind_once_its_limit_is_over_and_not_before() {
        let (threads, (hold, call)) = (Threads::new(4), held());
        let (limit, started) = (Duration::from_millis(200), Instant::now());
        threads.run(limit, call).unwrap_err();
        assert!(started.elapsed() >= limit);
        drop(hold);
    }

    #[test]
    fn a_panic_of_a_call_is_the_callers() {
        let threads = Threads::new(4);
        let run = AssertUnwindSafe(|| threads.run(LONG, || panic!("of the call")));
        let panic = catch_unwind(run).unwrap_err();
        assert_eq!(panic.downcast_ref::<&str>(), Some(&"of the call"));
        assert_eq!(threads.run(LONG, || 7).unwrap(), 7);
        // The caller has left, so nothing receives the answer.
        let call = threads.begin(|| panic!("of the call")).unwrap();
        let call: Call<()> = call;
        call.give_up(LONG);
        assert_eq!(threads.run(LONG, || 7).unwrap(), 7);
    }
}
