//! Errors of increments that wait for the commit of an application's transaction.

use std::fmt;

use counter_core::{CounterId, Error as CoreError};

/// Why this library cannot observe the commit of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransactionProblem {
    /// Another transaction is open around it.
    #[error(
        "another one is open on the connection, and its commit would not be noticed: if that is a \
         Counters::transaction, call AfterCommit::savepoint inside of it"
    )]
    AlreadyOpen,

    /// It was ended while it ran.
    #[error("what was run inside of it has ended it, or has begun another and not ended that")]
    Ended,
}

/// The increments of a committed transaction that were not certainly counted.
///
/// Its `source` is the error of the first.
#[derive(Debug)]
#[non_exhaustive]
pub struct CommittedNotCounted {
    /// Those that failed, in the order gathered. The others were counted.
    pub uncounted: Vec<Uncounted>,
    /// How many there were.
    pub gathered: usize,
}

impl fmt::Display for CommittedNotCounted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { uncounted, gathered } = self;
        let failed = uncounted.len();
        write!(
            f,
            "the transaction was committed, but {failed} of its {gathered} increments were not \
             certainly counted"
        )?;
        uncounted.first().map_or(Ok(()), |first| write!(f, ", the first for {}", first.counter))
    }
}

impl std::error::Error for CommittedNotCounted {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.uncounted.first().map(|first| &first.error as _)
    }
}

/// An increment of a committed transaction that failed.
#[derive(Debug)]
#[non_exhaustive]
pub struct Uncounted {
    /// Which counter.
    pub counter: CounterId,
    /// The amount that was to be added.
    pub by: i64,
    /// Why it was not counted, or that its outcome is unknown.
    pub error: CoreError,
}
