use std::time::Duration;

/// Longer than a program waits. An instant this far away can be represented, unlike one that is
/// `Duration::MAX` away.
const FOREVER: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// How long a [`RedisStore`](crate::RedisStore) waits, and for what.
///
/// An operation that needs one exchange with the server, such as an increment, returns after at
/// most `wait` and `read` together. A look is repeated once if its connection is lost, and returns
/// after at most twice that. A sync step over many counters takes several exchanges, each with a
/// `read` of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RedisTimeouts {
    /// The longest wait for a connection of the pool: until one is free, is made, or has answered
    /// after it was quiet. Default: 1 second.
    pub wait: Duration,
    /// The longest time for making a connection and logging in. Default: 500 milliseconds.
    ///
    /// Has no effect on an application's pool, which makes its connections itself.
    pub connect: Duration,
    /// The longest time from the first byte sent to the last reply of one exchange: of an
    /// increment, of a whole [`increment_many`](crate::DeltaStore::increment_many), or of a few
    /// thousand claims. Default: 1 second.
    ///
    /// Each piece of a reply may take the time that was left when the reply began, so a reply that
    /// comes in many pieces may take longer. The reply to an increment is too short for that.
    ///
    /// `Duration::MAX` is no limit. Linux then goes on with a read when the process was stopped and
    /// continued, and ends one that has a limit: an increment is of unknown outcome then.
    pub read: Duration,
    /// The longest time for the server to receive what is sent, within `read`. Default: 1 second.
    pub write: Duration,
    /// How long a connection may be unused before it has to answer a `PING` when it is used again,
    /// because the server, a load balancer or a firewall may have ended it without a word. Default:
    /// 1 second.
    ///
    /// That is the least `timeout` that Redis can be given, so no Redis ends a connection that is
    /// not looked at. An increment on a connection that was in use within this time sends nothing
    /// but itself.
    pub quiet: Duration,
}

impl Default for RedisTimeouts {
    fn default() -> Self {
        Self {
            wait: Duration::from_secs(1),
            connect: Duration::from_millis(500),
            read: Duration::from_secs(1),
            write: Duration::from_secs(1),
            quiet: Duration::from_secs(1),
        }
    }
}

impl RedisTimeouts {
    /// Raises each time-out to a millisecond, because a socket takes a time-out of zero for never,
    /// and lowers those that are added to an instant.
    pub(crate) fn in_bounds(self) -> Self {
        let least = |time: Duration| time.max(Duration::from_millis(1));
        Self {
            wait: least(self.wait).min(FOREVER),
            connect: least(self.connect).min(FOREVER),
            read: least(self.read),
            write: least(self.write),
            // Zero has a meaning: every connection is looked at, always.
            quiet: self.quiet,
        }
    }
}
