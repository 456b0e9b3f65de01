use std::fmt;

use super::{CommittedNotCounted, Error, one_line};

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
