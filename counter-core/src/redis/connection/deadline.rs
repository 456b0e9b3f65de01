use std::io;
use std::time::{Duration, Instant};

use super::socket_timeouts::SLACK;
use crate::error::BoxError;

/// The least time for one of several exchanges, as long as there is any left: enough for a server
/// that is far away or busy.
const LEAST_SHARE: Duration = Duration::from_millis(200);

/// The instant until which an exchange must be completed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline(Option<Instant>);

impl Deadline {
    pub(crate) const NEVER: Self = Self(None);

    pub(crate) fn after(time: Duration) -> Self {
        Self::from(Instant::now(), time)
    }

    pub(crate) fn from(start: Instant, time: Duration) -> Self {
        // Further away than an Instant can tell: never.
        Self(start.checked_add(time))
    }

    /// Returns the deadline of the next one of so many exchanges, which share the time that is
    /// left.
    pub(crate) fn share(self, exchanges: usize) -> Self {
        let left = self.left();
        let exchanges = u32::try_from(exchanges.max(1)).unwrap_or(u32::MAX);
        match self.0 {
            Some(_) => Self::after((left / exchanges).max(LEAST_SHARE).min(left)),
            None => Self::NEVER,
        }
    }

    /// Returns the time that is left: zero once the deadline is over.
    pub(crate) fn left(self) -> Duration {
        self.left_at(Instant::now())
    }

    /// Returns the time that is left at an instant.
    pub(crate) fn left_at(self, now: Instant) -> Duration {
        self.0.map_or(Duration::MAX, |at| at.saturating_duration_since(now))
    }

    pub(crate) fn left_or_err(self) -> Result<Duration, BoxError> {
        let left = self.left();
        if left.is_zero() {
            return Err(no_answer_in_time());
        }
        Ok(left)
    }

    /// Returns an error of this deadline in place of a socket's time-out, which the system words as
    /// "resource temporarily unavailable".
    pub(crate) fn blame(self, error: BoxError) -> BoxError {
        if self.left() <= SLACK {
            return no_answer_in_time();
        }
        error
    }
}

fn no_answer_in_time() -> BoxError {
    io::Error::new(io::ErrorKind::TimedOut, "the server did not answer in time").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exchanges_share_the_time_that_is_left_but_none_gets_less_than_it_needs() {
        let is_about = |deadline: Deadline, millis: u64| {
            let left = deadline.left();
            left <= Duration::from_millis(millis) && left > Duration::from_millis(millis * 9 / 10)
        };
        let second = || Deadline::after(Duration::from_secs(10));
        assert!(is_about(second().share(2), 5_000) && is_about(second().share(1), 10_000));
        assert!(is_about(second().share(1_000), 200));
        assert!(Deadline::after(Duration::ZERO).share(3).left().is_zero());
        assert_eq!(Deadline::NEVER.share(3).left(), Duration::MAX);
    }
}
