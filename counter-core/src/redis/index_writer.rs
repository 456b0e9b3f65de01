//! Counters that this process has counted and not written into the index yet, and the thread that
//! writes them.

use std::collections::HashSet;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::Duration;

use super::server::Server;
use super::steps;
use crate::id::CounterId;

/// The time between two writes of the thread, so that what is counted again and again is written
/// once.
const PAUSE: Duration = Duration::from_secs(1);

/// The most counters that are kept until they can be written. More are found by a scan.
const MOST: usize = 100_000;

/// How long the end of a store waits for the last write. Counters that are not written by then are
/// found by a scan.
const LAST_WRITE: Duration = Duration::from_secs(1);

/// Gathers counters for the index, so that a caller does not wait for a second round trip, and
/// writes them a moment later, and at the end.
#[derive(Default)]
pub(crate) struct IndexWriter {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    /// Is locked while anything is written. So the next write knows that what was gathered before
    /// is written.
    writing: Mutex<()>,
}

#[derive(Default)]
struct State {
    gathered: HashSet<CounterId>,
    thread: Thread,
    is_ending: bool,
    /// Whether the last write left something.
    has_failed: bool,
}

/// The state of the thread.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Thread {
    #[default]
    None,
    Works,
    /// It waits for something to write.
    Waits,
}

impl IndexWriter {
    /// Takes a counter that may have something pending now and had nothing before.
    pub(crate) fn gather(&self, server: &Arc<Server>, id: &CounterId) {
        let mut state = lock(&self.shared.state);
        if state.gathered.len() >= MOST || !state.gathered.insert(id.clone()) {
            return;
        }
        let before = std::mem::replace(&mut state.thread, Thread::Works);
        drop(state);
        match before {
            Thread::Works => {}
            Thread::Waits => self.shared.changed.notify_all(),
            Thread::None => self.start(server),
        }
    }

    /// Without the thread, what is gathered is written by the next sync of this process.
    fn start(&self, server: &Arc<Server>) {
        let (shared, server) = (Arc::clone(&self.shared), Arc::clone(server));
        let thread = Builder::new().name("counter-index".to_owned()).spawn(move || {
            shared.write_until_end(&server);
            // The caller that waits for the end may need the server.
            drop(server);
            shared.note_end();
        });
        if thread.is_err() {
            self.shared.note_end();
        }
    }

    /// Writes what is gathered now. What the server does not take is kept.
    pub(crate) fn write(&self, server: &Server) {
        self.shared.write(server);
    }

    /// Ends the thread, which writes what is gathered, and waits for that as long as is given.
    pub(crate) fn end_within(&self, time: Duration) {
        let shared = &self.shared;
        let mut state = lock(&shared.state);
        state.is_ending = true;
        shared.changed.notify_all();
        let is_there = |state: &mut State| state.thread != Thread::None;
        let waited = shared.changed.wait_timeout_while(state, time, is_there);
        let (mut state, timed_out) = waited.unwrap_or_else(PoisonError::into_inner);
        // A thread that is late ends later.
        state.is_ending = timed_out.timed_out();
    }
}

impl Drop for IndexWriter {
    fn drop(&mut self) {
        self.end_within(LAST_WRITE);
    }
}

impl Shared {
    fn write_until_end(&self, server: &Server) {
        while self.wait_for_something() {
            self.write(server);
            let state = lock(&self.state);
            drop(self.changed.wait_timeout_while(state, PAUSE, |state| !state.is_ending));
        }
        // The end waits for no server that is away.
        if !lock(&self.state).has_failed {
            self.write(server);
        }
    }

    /// Waits until there is something to write, and returns `false` at the end.
    fn wait_for_something(&self) -> bool {
        let mut state = lock(&self.state);
        while state.gathered.is_empty() && !state.is_ending {
            state.thread = Thread::Waits;
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.thread = Thread::Works;
        !state.is_ending
    }

    fn write(&self, server: &Server) {
        let _writing = lock(&self.writing);
        let gathered = std::mem::take(&mut lock(&self.state).gathered);
        if gathered.is_empty() {
            return;
        }
        let left = steps::write_index(server, gathered.into_iter().collect());
        let mut state = lock(&self.state);
        state.has_failed = !left.is_empty();
        state.gathered.extend(left);
        // The thread may have found nothing gathered while another thread wrote.
        if state.has_failed {
            self.changed.notify_all();
        }
    }

    fn note_end(&self) {
        lock(&self.state).thread = Thread::None;
        self.changed.notify_all();
    }
}

/// A panic while this is locked leaves counters that are written twice, or found by a scan.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
