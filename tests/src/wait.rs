//! Waiting for something to become true, with a deadline.

use std::thread;
use std::time::{Duration, Instant};

/// Calls `check` until it gives something, and fails the test after ten seconds without.
///
/// # Panics
///
/// After ten seconds.
pub fn until<T>(what: &str, mut check: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        if let Some(found) = check() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited ten seconds until {what}");
        thread::sleep(Duration::from_millis(1));
    }
}
