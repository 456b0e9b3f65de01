//! Threads that count and read, and keep books, while something else goes on.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};
use std::thread::{self, JoinHandle};

use counter_diesel::Counters;
use fastrand::Rng;

use crate::books::Books;

/// Writers and readers that go on until they are stopped. They end with the test, also when it
/// panics.
pub struct Traffic {
    is_over: Arc<AtomicBool>,
    going: Arc<RwLock<()>>,
    threads: Vec<JoinHandle<()>>,
}

type Act = fn(&Books, &Counters, &mut Rng);

impl Traffic {
    /// Starts a writer for each of these counters, and a reader for each of those.
    pub fn start(
        books: &Arc<Books>,
        writers: impl IntoIterator<Item = Counters>,
        readers: impl IntoIterator<Item = Counters>,
        choices: &mut Rng,
    ) -> Self {
        let mut traffic =
            Self { is_over: Arc::default(), going: Arc::default(), threads: Vec::new() };
        for counters in writers {
            traffic.add(books, counters, choices.fork(), Books::count);
        }
        for counters in readers {
            traffic.add(books, counters, choices.fork(), Books::read);
        }
        traffic
    }

    fn add(&mut self, books: &Arc<Books>, counters: Counters, mut choices: Rng, act: Act) {
        let (books, is_over) = (Arc::clone(books), Arc::clone(&self.is_over));
        let going = Arc::clone(&self.going);
        self.threads.push(thread::spawn(move || {
            while !is_over.load(SeqCst) {
                let _going = going.read().unwrap_or_else(PoisonError::into_inner);
                act(&books, &counters, &mut choices);
            }
        }));
    }

    /// Lets them wait until what it returns is dropped. None is in the middle of a call then.
    pub fn pause(&self) -> RwLockWriteGuard<'_, ()> {
        self.going.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stops them.
    ///
    /// # Panics
    ///
    /// If one of them has seen what must not be.
    pub fn stop(mut self) {
        self.is_over.store(true, SeqCst);
        for thread in self.threads.drain(..) {
            thread.join().expect("what was said and read is true");
        }
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        self.is_over.store(true, SeqCst);
    }
}
