use std::io;
use std::time::{Duration, Instant};

use super::socket_timeouts::SLACK;
use crate::error::BoxError;

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
