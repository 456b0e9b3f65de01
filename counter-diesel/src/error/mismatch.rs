use std::fmt;

use counter_core::ClaimSeq;

/// How a database differs from the one that the store was synced into last.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DatabaseMismatch {
    /// It has recorded less than the store has noted: it was restored from an older backup, or it
    /// is a copy that was made before.
    WentBack {
        /// The newest sequence that the database has recorded of the store: microseconds, so about
        /// when the backup or the copy was made.
        recorded: ClaimSeq,
        /// The newest sequence that the store has noted as recorded. What was counted between the
        /// two was acknowledged, and is not in this database.
        noted: ClaimSeq,
    },
    /// It has recorded what the store has not noted, under a number that the store has from another
    /// copy of it.
    Copied,
    /// The store is synced into a database that was made by itself.
    Other,
    /// It is in another place of a server, or on another server, than when it was synced first: it
    /// is a backup that was restored, or a copy.
    Moved {
        /// The identity that it was first synced under.
        kept: String,
        /// The identity that its server says it has.
        found: String,
    },
}

impl DatabaseMismatch {
    /// Returns a stable name, for scripts and logs.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::WentBack { .. } => "went-back",
            Self::Copied => "copied",
            Self::Other => "other",
            Self::Moved { .. } => "moved",
        }
    }
}

impl fmt::Display for DatabaseMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WentBack { recorded, noted } => {
                f.write_str(
                    "the database was restored from an older backup, or is a copy of the one that \
                     the store was synced into: it has recorded ",
                )?;
                match *recorded {
                    ClaimSeq::ZERO => f.write_str("nothing")?,
                    recorded => write!(f, "claims up to {recorded}")?,
                }
                write!(f, ", and the store knows that claims up to {noted} were recorded")
            }
            Self::Copied => f.write_str(
                "the store was synced into a copy of this database since it was synced into this \
                 one",
            ),
            Self::Other => {
                f.write_str("the store is synced into another database, under the same prefix")
            }
            Self::Moved { kept, found } => write!(
                f,
                "the database is a backup that was restored, or a copy: it was synced first as \
                 {kept}, and is {found} now"
            ),
        }
    }
}
