use std::time::{Duration, Instant};

use super::named::Named;
use crate::error::BoxError;

/// The time for which a sentinel that used to answer may be silent because it is slow. So long
/// after a failover began, the sentinels have agreed on it, or it has failed.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);

/// The time for which one that does not answer is not asked again, unless all others rest too.
const REST: Duration = Duration::from_secs(5);

/// How one sentinel has answered so far.
#[derive(Debug, Default)]
pub(super) struct Silence {
    has_ever_answered: bool,
    failed: Option<Failed>,
}

/// Questions that were not answered, without an answer in between.
#[derive(Debug, Clone, Copy)]
struct Failed {
    /// When the first of them was asked.
    first: Instant,
    /// When the last of them had failed.
    last: Instant,
    kind: Kind,
}

/// Why a question was not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// No answer came in time.
    Silent,
    /// Something said at once that there is none, such as a system where no sentinel runs.
    Refused,
}

impl Kind {
    pub(super) fn of(error: &BoxError) -> Self {
        let redis =
            error.downcast_ref::<::redis::RedisError>().map(::redis::RedisError::is_timeout);
        let io = || error.downcast_ref::<std::io::Error>();
        let is_timeout = redis
            .unwrap_or_else(|| io().is_some_and(|io| io.kind() == std::io::ErrorKind::TimedOut));
        if is_timeout { Self::Silent } else { Self::Refused }
    }
}

impl Silence {
    /// Notes the answer to a question that was asked at this time.
    pub(super) fn note(&mut self, asked: Instant, answer: &Result<Named, BoxError>) {
        match answer {
            Ok(_) => self.note_answer(),
            Err(error) => self.note_failure(asked, Instant::now(), Kind::of(error)),
        }
    }

    fn note_answer(&mut self) {
        *self = Self { has_ever_answered: true, failed: None };
    }

    fn note_failure(&mut self, asked: Instant, now: Instant, kind: Kind) {
        // One that refuses first and is silent then was started meanwhile: that is news.
        let before = self.failed.filter(|failed| failed.kind == kind);
        let first = before.map_or(asked, |failed| failed.first);
        self.failed = Some(Failed { first, last: now, kind });
    }

    /// Returns whether the sentinel may be conducting a failover, and is only slow to say so.
    pub(super) fn may_be_slow(&self, now: Instant) -> bool {
        self.has_ever_answered && self.is_short(now)
    }

    /// Returns whether this process has just begun to ask it, so nothing says yet whether it is
    /// slow or away.
    pub(super) fn is_unknown(&self, now: Instant) -> bool {
        !self.has_ever_answered && self.is_short(now)
    }

    fn is_short(&self, now: Instant) -> bool {
        self.failed.is_some_and(|failed| failed.is_short(now))
    }

    /// Returns whether the sentinel is not asked for now, because it will probably not answer.
    pub(super) fn rests(&self, now: Instant) -> bool {
        let is_late = |failed: Failed| {
            !failed.is_short(now) && now.saturating_duration_since(failed.last) < REST
        };
        self.failed.is_some_and(is_late)
    }
}

impl Failed {
    fn is_short(&self, now: Instant) -> bool {
        self.kind == Kind::Silent && now.saturating_duration_since(self.first) < PATIENCE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn one_that_used_to_answer_is_slow_for_a_second_and_away_from_then_on() {
        let start = Instant::now();
        let mut silence = Silence::default();
        silence.note_answer();
        assert!(!silence.may_be_slow(start) && !silence.rests(start));
        silence.note_failure(start, start + 200 * MS, Kind::Silent);
        silence.note_failure(start + 500 * MS, start + 700 * MS, Kind::Silent);
        assert!(silence.may_be_slow(start + 999 * MS) && !silence.rests(start + 999 * MS));
        assert!(!silence.may_be_slow(start + 1000 * MS) && silence.rests(start + 1000 * MS));
        // Asked again once it has rested, it is not waited for again.
        assert!(!silence.rests(start + 5700 * MS));
        silence.note_failure(start + 5700 * MS, start + 5900 * MS, Kind::Silent);
        assert!(!silence.may_be_slow(start + 5900 * MS) && silence.rests(start + 5900 * MS));
        silence.note_answer();
        assert!(!silence.rests(start + 5900 * MS));
        silence.note_failure(start + 6000 * MS, start + 6200 * MS, Kind::Silent);
        assert!(silence.may_be_slow(start + 6999 * MS));
    }

    #[test]
    fn one_that_never_answered_is_unknown_for_a_second_and_never_slow() {
        let start = Instant::now();
        let mut silence = Silence::default();
        assert!(!silence.is_unknown(start));
        silence.note_failure(start, start + 200 * MS, Kind::Silent);
        assert!(silence.is_unknown(start + 999 * MS) && !silence.rests(start + 999 * MS));
        assert!(!silence.may_be_slow(start + 300 * MS));
        assert!(!silence.is_unknown(start + 1000 * MS) && silence.rests(start + 1000 * MS));
    }

    #[test]
    fn one_that_is_not_there_is_not_slow_and_rests_at_once() {
        let start = Instant::now();
        let mut silence = Silence::default();
        silence.note_answer();
        silence.note_failure(start, start + MS, Kind::Refused);
        assert!(!silence.may_be_slow(start + MS) && silence.rests(start + MS));
        silence.note_failure(start + 6000 * MS, start + 6200 * MS, Kind::Silent);
        assert!(silence.may_be_slow(start + 6200 * MS));
    }

    #[test]
    fn only_a_time_out_is_silence() {
        let kind = |kind: std::io::ErrorKind| {
            let io = || std::io::Error::from(kind);
            let redis = ::redis::RedisError::from(io());
            assert_eq!(Kind::of(&redis.into()), Kind::of(&io().into()), "{kind:?}");
            Kind::of(&io().into())
        };
        assert_eq!(kind(std::io::ErrorKind::TimedOut), Kind::Silent);
        for refused in [std::io::ErrorKind::ConnectionRefused, std::io::ErrorKind::BrokenPipe] {
            assert_eq!(kind(refused), Kind::Refused);
        }
        assert_eq!(Kind::of(&"NOAUTH".into()), Kind::Refused);
    }
}
