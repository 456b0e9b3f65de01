use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Doubts about connections that have not been used since the last failures.
#[derive(Debug)]
pub(super) struct Doubts {
    start: Instant,
    /// When the other side had ended a connection, in nanoseconds since the start; 0 for never.
    ended: AtomicU64,
    /// When a connection that had been quiet did not answer.
    silent: AtomicU64,
}

/// How far a connection can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// It is used as it is.
    Full,
    /// It is asked for an answer first, before anything is sent that must not be lost.
    Look,
    /// It is dropped: to ask costs a time-out, and one of its kind has cost that already.
    None,
}

impl Doubts {
    pub(super) fn new() -> Self {
        Self { start: Instant::now(), ended: AtomicU64::new(0), silent: AtomicU64::new(0) }
    }

    /// Notes that the other side has ended a connection. A server that restarts ends all.
    pub(super) fn note_end(&self) {
        self.ended.store(self.nanos(Instant::now()), Ordering::Relaxed);
    }

    /// Notes that a connection which had been quiet did not answer. What forgets one that is quiet,
    /// such as a firewall, forgets all.
    pub(super) fn note_silence(&self) {
        self.silent.store(self.nanos(Instant::now()), Ordering::Relaxed);
    }

    /// Returns how far a connection can be trusted `now`, where those that were not used for
    /// `quiet` are looked at. When this one was used last may be unknown.
    pub(super) fn trust(&self, last_used: Option<Instant>, now: Instant, quiet: Duration) -> Trust {
        let Some(last_used) = last_used else {
            return Trust::Look;
        };
        let is_quiet = now.saturating_duration_since(last_used) >= quiet;
        let at = self.nanos(last_used);
        if is_quiet && at < self.silent.load(Ordering::Relaxed) {
            Trust::None
        } else if is_quiet || at < self.ended.load(Ordering::Relaxed) {
            Trust::Look
        } else {
            Trust::Full
        }
    }

    /// Returns 584 years for what is longer.
    fn nanos(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.start).as_nanos();
        u64::try_from(since).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: Duration = Duration::from_secs(1);

    #[test]
    fn a_connection_that_was_used_just_now_is_trusted() {
        let doubts = Doubts::new();
        let used = Instant::now();
        let trust_after = |time| doubts.trust(Some(used), used + time, QUIET);
        assert_eq!(trust_after(Duration::ZERO), Trust::Full);
        assert_eq!(trust_after(QUIET - Duration::from_nanos(1)), Trust::Full);
        assert_eq!(trust_after(QUIET), Trust::Look);
        assert_eq!(doubts.trust(None, used, QUIET), Trust::Look);
    }

    #[test]
    fn after_one_connection_was_ended_the_others_are_looked_at_before_they_are_used() {
        let doubts = Doubts::new();
        let before = Instant::now();
        doubts.note_end();
        let after = Instant::now();
        assert_eq!(doubts.trust(Some(before), after, QUIET), Trust::Look);
        assert_eq!(doubts.trust(Some(after), after, QUIET), Trust::Full);
    }

    #[test]
    fn after_one_quiet_connection_was_silent_the_others_are_dropped() {
        let doubts = Doubts::new();
        let before = Instant::now();
        doubts.note_silence();
        assert_eq!(doubts.trust(Some(before), before + QUIET, QUIET), Trust::None);
        assert_eq!(doubts.trust(Some(before), before, QUIET), Trust::Full);
        let after = Instant::now();
        assert_eq!(doubts.trust(Some(after), after + QUIET, QUIET), Trust::Look);
    }
}
