use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::deadline::Deadline;

/// Lets a limited number of callers have a connection at the same time.
#[derive(Debug)]
pub(super) struct Permits {
    total: u32,
    state: Mutex<State>,
    released: Condvar,
}

#[derive(Debug)]
struct State {
    free: u32,
    /// Callers that wait. Where there are none, none is woken, which would take a system call.
    waiting: u32,
}

/// The right to have a connection, until it is dropped.
#[derive(Debug)]
pub(super) struct Permit<'p>(&'p Permits);

/// All permits were in use for as long as the caller could wait.
#[derive(Debug, thiserror::Error)]
#[error("timed out waiting for connection: all {total} that are not kept for syncs are in use")]
pub(super) struct AllInUse {
    total: u32,
}

impl Permits {
    pub(super) fn new(total: u32) -> Self {
        let state = Mutex::new(State { free: total, waiting: 0 });
        Self { total, state, released: Condvar::new() }
    }

    /// Returns a permit if one is free.
    pub(super) fn try_acquire(&self) -> Option<Permit<'_>> {
        let mut state = self.lock();
        state.free = state.free.checked_sub(1)?;
        Some(Permit(self))
    }

    /// Waits for a permit.
    pub(super) fn acquire(&self, until: Deadline) -> Result<Permit<'_>, AllInUse> {
        let mut state = self.lock();
        while state.free == 0 {
            let left = until.left();
            if left.is_zero() {
                return Err(AllInUse { total: self.total });
            }
            state.waiting += 1;
            let waited = self.released.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            state.waiting -= 1;
        }
        state.free -= 1;
        Ok(Permit(self))
    }

    /// A panic while this is locked cannot leave it half changed.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.free += 1;
        let is_awaited = state.waiting > 0;
        drop(state);
        if is_awaited {
            self.0.released.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn no_more_permits_are_given_than_there_are() {
        let permits = Permits::new(2);
        let (one, two) = (permits.acquire(Deadline::NEVER), permits.acquire(Deadline::NEVER));
        let at_once = || permits.acquire(Deadline::after(Duration::ZERO));
        assert!(one.is_ok() && two.is_ok() && at_once().is_err());
        drop(one);
        assert!(at_once().is_ok());
    }

    #[test]
    fn a_caller_that_waits_gets_the_permit_that_another_gives_back() {
        let permits = Permits::new(1);
        let held = permits.acquire(Deadline::NEVER).unwrap();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| permits.acquire(Deadline::NEVER).is_ok());
            drop(held);
            assert!(waiting.join().unwrap());
        });
    }
}
