use std::time::Duration;

/// How long a [`RedisStore`](crate::RedisStore) waits, and for what.
///
/// Of an operation that needs one exchange with the server, such as an increment, nobody waits longer
/// than `wait` and `read` together; of a look, which is asked once more where its connection is lost, no
/// longer than twice that. A sync step over many counters takes several exchanges, each with a
/// `read` of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RedisTimeouts {
    /// For a connection of the pool, be it in use or not yet made. Default: 1 second.
    pub wait: Duration,
    /// For making a connection, logging in included. Default: 500 milliseconds.
    ///
    /// Of no effect on a pool of the application's: that makes its connections itself.
    pub connect: Duration,
    /// From the first byte sent to the last reply of one exchange: of an increment, of a whole
    /// [`increment_many`](crate::DeltaStore::increment_many), of a few thousand claims. Default: 1
    /// second.
    ///
    /// Each piece in which a reply comes has the time that was left when the reply was begun: one that comes
    /// in many pieces, each of them in time, is not given up. That of an increment is too short for that.
    pub read: Duration,
    /// For the server to take in what is sent, within `read`. Default: 1 second.
    pub write: Duration,
}

impl Default for RedisTimeouts {
    fn default() -> Self {
        Self {
            wait: Duration::from_secs(1),
            connect: Duration::from_millis(500),
            read: Duration::from_secs(1),
            write: Duration::from_secs(1),
        }
    }
}

impl RedisTimeouts {
    /// A socket's time-out of zero means never: the least that is not never stands in for it.
    pub(crate) fn at_least_a_millisecond(self) -> Self {
        let least = |time: Duration| time.max(Duration::from_millis(1));
        Self {
            wait: least(self.wait),
            connect: least(self.connect),
            read: least(self.read),
            write: least(self.write),
        }
    }
}
