/// A limit of a transaction that a server has enforced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeLimit {
    /// Another transaction held a lock for longer than [`LockWait`] allows.
    ///
    /// [`LockWait`]: super::lock_wait::LockWait
    Lock,
    /// One statement ran for too long.
    Statement,
}
