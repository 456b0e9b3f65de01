//! Whether a process was suspended while it waited.

use std::time::{Duration, Instant};

/// A wait on a busy machine is late by less than this.
const LATE: Duration = Duration::from_millis(100);

/// Returns whether the process was suspended in a wait of this length that has just ended: clocks
/// go on then, so what it waited for had no time to come.
pub(crate) fn was_suspended(started: Instant, wait: Duration) -> bool {
    is_far_over(started.elapsed(), wait)
}

fn is_far_over(waited: Duration, wait: Duration) -> bool {
    waited > wait.saturating_mul(2).saturating_add(LATE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_that_took_twice_as_long_was_one_of_a_suspended_process() {
        let millis = Duration::from_millis;
        for (waited, wait) in [(0, 0), (90, 0), (1000, 1000), (2090, 1000)] {
            assert!(!is_far_over(millis(waited), millis(wait)), "{waited} of {wait}");
        }
        for (waited, wait) in [(110, 0), (2110, 1000)] {
            assert!(is_far_over(millis(waited), millis(wait)), "{waited} of {wait}");
        }
        assert!(!is_far_over(Duration::MAX, Duration::MAX));
    }
}
