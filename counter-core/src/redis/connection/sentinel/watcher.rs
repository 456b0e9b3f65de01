use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

use super::follower::{Follower, INTERVAL};

/// A thread that asks the sentinels twice a second who the master is, until this is dropped.
pub(crate) struct Watcher {
    follower: Arc<Follower>,
    end: Arc<End>,
}

#[derive(Default)]
struct End {
    has_come: Mutex<bool>,
    signal: Condvar,
}

impl Watcher {
    /// Starts the thread. It first asks after half a second, because each new connection asks too.
    pub(crate) fn start(follower: Arc<Follower>) -> io::Result<Self> {
        let end = Arc::new(End::default());
        let (watched, signal) = (Arc::clone(&follower), Arc::clone(&end));
        thread::Builder::new().name("counter-sentinel".to_owned()).spawn(move || {
            while !signal.comes_soon() {
                watched.look();
            }
        })?;
        Ok(Self { follower, end })
    }

    pub(crate) fn follower(&self) -> &Follower {
        &self.follower
    }
}

impl End {
    /// Waits for the end, at most for the time between two questions. Returns whether it has come.
    fn comes_soon(&self) -> bool {
        let has_come = self.has_come.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.signal.wait_timeout_while(has_come, INTERVAL, |has_come| !*has_come);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// Does not wait for the thread, which may wait for a sentinel.
impl Drop for Watcher {
    fn drop(&mut self) {
        *self.end.has_come.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.end.signal.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::redis::connection::clients::Clients;
    use crate::redis::connection::sentinel::url::SentinelUrl;

    #[test]
    fn the_thread_asks_again_and_ends_when_the_watcher_is_dropped() {
        let url = SentinelUrl::parse("redis+sentinel://127.0.0.1:1/mymaster").unwrap().unwrap();
        let follower = Arc::new(Follower::new(url, Clients::new(None)).unwrap());
        let left = Arc::downgrade(&follower);
        let watcher = Watcher::start(follower).unwrap();
        wait_until(|| watcher.follower().why_silent().is_some());
        drop(watcher);
        // The thread has one, too.
        wait_until(|| left.upgrade().is_none());
    }

    fn wait_until(is_so: impl Fn() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !is_so() {
            assert!(Instant::now() < deadline);
            thread::yield_now();
        }
    }
}
