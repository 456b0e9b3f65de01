//! Delays that differ from worker to worker. Those of many processes that are started together
//! would otherwise all scan the store at the same moments.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::Duration;

/// Returns the delay before the first sync of a worker: between half of its interval and all of it.
pub(crate) fn first_delay(interval: Duration) -> Duration {
    shortened(interval, 2, random())
}

/// Returns a delay before a later sync: this one, or up to a fifth less. It is never longer,
/// because the interval promises when counts are in the table.
pub(crate) fn next_delay(delay: Duration) -> Duration {
    shortened(delay, 5, random())
}

/// Takes a part of this part away from a delay: none for 0, and nearly all of it for the greatest.
fn shortened(delay: Duration, part: u32, random: u16) -> Duration {
    let step = delay / (part << u16::BITS);
    delay - step * u32::from(random)
}

/// Returns a number that is random enough for delays, from the one thing of the standard library
/// that is random.
fn random() -> u16 {
    let bytes = RandomState::new().build_hasher().finish().to_be_bytes();
    u16::from_be_bytes([bytes[0], bytes[1]])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_loses_no_more_than_its_part() {
        let second = Duration::from_secs(1);
        assert_eq!(shortened(second, 2, 0), second);
        assert_eq!(shortened(2 * second, 2, 1 << 15).as_millis(), 1500);
        assert_eq!(shortened(second, 5, u16::MAX).as_millis(), 800);
        assert_eq!(shortened(Duration::ZERO, 2, u16::MAX), Duration::ZERO);
        assert!(shortened(Duration::MAX, 2, u16::MAX) > Duration::MAX / 2);
    }

    #[test]
    fn no_two_workers_wait_equally_long() {
        let delays = [(); 4].map(|()| first_delay(Duration::from_secs(3600)));
        assert!(delays.iter().any(|delay| *delay != delays[0]), "{delays:?}");
    }
}
