//! What an error says about what was counted, and about what to do.

use std::fmt;

use super::{CommittedNotCounted, CoreError, Error, Invalid, Uncounted, one_line};

impl Error {
    /// Returns whether the call that failed certainly counted nothing, so that a write may be made
    /// again. Of several increments: whether that is so of each. A transaction of the application
    /// may have been committed nevertheless.
    pub fn is_not_counted(&self) -> bool {
        match self {
            Self::Core(error) => error.is_not_counted(),
            Self::Increments { outcomes } => outcomes
                .iter()
                .all(|outcome| outcome.as_ref().is_err_and(CoreError::is_not_counted)),
            Self::CommittedNotCounted(CommittedNotCounted { uncounted, gathered }) => {
                let is_not_counted = |uncounted: &Uncounted| uncounted.error.is_not_counted();
                uncounted.len() == *gathered && uncounted.iter().all(is_not_counted)
            }
            _ => true,
        }
    }

    /// Returns whether a write may have been counted although it failed. Of several increments:
    /// whether that is so of one of them. Whether a transaction was committed is another question.
    pub fn is_outcome_unknown(&self) -> bool {
        match self {
            Self::Core(error) => error.is_outcome_unknown(),
            Self::CommittedNotCounted(committed) => {
                committed.uncounted.iter().any(|uncounted| uncounted.error.is_outcome_unknown())
            }
            Self::Increments { outcomes } => outcomes
                .iter()
                .any(|outcome| outcome.as_ref().is_err_and(CoreError::is_outcome_unknown)),
            _ => false,
        }
    }

    /// Returns whether there was no connection to the database, or it was lost. A store that does
    /// not answer is [`CoreError::Store`], or, for a write, [`CoreError::NotCounted`] or
    /// [`CoreError::OutcomeUnknown`].
    pub const fn is_unreachable(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
    }

    /// Returns whether a table of the counters is missing, so that the migrations have to be run,
    /// or the table's name corrected.
    pub const fn is_not_migrated(&self) -> bool {
        matches!(self, Self::NotMigrated { .. })
    }

    /// Returns whether the database is not the one that the store was synced into last, so that an
    /// operator has to decide: see [`Counters::adopt_database`](crate::Counters::adopt_database).
    pub const fn is_other_database(&self) -> bool {
        matches!(self, Self::OtherDatabase(_))
    }

    /// Returns whether store and database contradict each other, so that an operator has to decide:
    /// see [`Counters::conflicts`](crate::Counters::conflicts).
    pub const fn is_conflict(&self) -> bool {
        matches!(self, Self::Core(CoreError::Conflict { .. } | CoreError::StoreWentBack { .. }))
    }
}

impl From<Invalid> for Error {
    fn from(invalid: Invalid) -> Self {
        Self::Core(invalid.into())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&one_line(self))?;
        match self {
            Self::Increments { outcomes } => write!(f, ": {outcomes:?}"),
            Self::CommittedNotCounted(CommittedNotCounted { uncounted, .. }) => {
                write!(f, ": {uncounted:?}")
            }
            Self::CommitUnknown { increments, .. } => write!(f, ": {increments:?}"),
            _ => Ok(()),
        }
    }
}
