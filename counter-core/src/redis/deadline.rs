use std::io;
use std::time::{Duration, Instant};

use super::limits::SLACK;
use crate::error::BoxError;

/// The instant until which something has to be done.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline(Option<Instant>);

impl Deadline {
    pub(super) const NEVER: Self = Self(None);

    pub(super) fn after(time: Duration) -> Self {
        // Further away than an Instant can tell: never.
        Self(Instant::now().checked_add(time))
    }

    /// Zero once it is over.
    pub(super) fn left(self) -> Duration {
        self.0.map_or(Duration::MAX, |at| at.saturating_duration_since(Instant::now()))
    }

    pub(super) fn left_or_err(self) -> Result<Duration, BoxError> {
        let left = self.left();
        if left.is_zero() {
            return Err(no_answer_in_time());
        }
        Ok(left)
    }

    /// What a socket says of a time-out ("resource temporarily unavailable") in words of its own, where
    /// it was one.
    pub(super) fn blame(self, error: BoxError) -> BoxError {
        if self.left() <= SLACK {
            return no_answer_in_time();
        }
        error
    }
}

fn no_answer_in_time() -> BoxError {
    io::Error::new(io::ErrorKind::TimedOut, "the server did not answer in time").into()
}
