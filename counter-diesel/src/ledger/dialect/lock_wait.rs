use std::time::Duration;

/// How long a transaction waits for locks of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockWait {
    /// 5 seconds.
    Usual,
    /// 100 milliseconds, on MySQL and MariaDB 1 second, which is their shortest: for what has
    /// waited before.
    Short,
}

impl LockWait {
    /// Returns the limit.
    pub(crate) const fn limit(self) -> Duration {
        match self {
            Self::Usual => Duration::from_secs(5),
            Self::Short => Duration::from_millis(100),
        }
    }
}
