#[cfg(any(feature = "mysql", feature = "postgres"))]
use std::time::Duration;

/// How long a transaction waits for locks of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockWait {
    /// 5 seconds; on SQLite, always, the `busy_timeout` of the connection.
    Usual,
    /// 100 milliseconds, on MySQL and MariaDB 1 second, which is their shortest: for what has
    /// waited before.
    Short,
}

#[cfg(any(feature = "mysql", feature = "postgres"))]
impl LockWait {
    /// Returns the limit.
    pub(crate) const fn limit(self) -> Duration {
        match self {
            Self::Usual => Duration::from_secs(5),
            Self::Short => Duration::from_millis(100),
        }
    }
}
