use std::fmt;

use counter_core::{BoxError, CounterId, Invalid, Printable};

use crate::causes::with_causes;

/// What went wrong with counters, their store or their database.
///
/// As `Debug`, which is what a `main` that returns it shows, it is its message with all causes.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A name was refused, or the store failed. Says whether a write was counted.
    #[error(transparent)]
    Core(#[from] counter_core::Error),

    /// At least one of several increments was not counted, or nobody knows whether it was.
    #[error(
        "{} of {} increments were not certainly counted",
        .outcomes.iter().filter(|outcome| outcome.is_err()).count(),
        .outcomes.len()
    )]
    Increments {
        /// What became of each, in the order given. Those that are `Ok` were counted.
        outcomes: Vec<Result<(), counter_core::Error>>,
    },

    /// A transaction of the application's was committed, but not all that it gathered was certainly counted.
    #[error(transparent)]
    CommittedNotCounted(CommittedNotCounted),

    /// The connection was lost during the commit of a transaction of the application's: it was committed, or it was
    /// not. Nothing was counted.
    #[error("nobody knows whether the transaction was committed, so nothing of it was counted")]
    #[non_exhaustive]
    CommitUnknown {
        /// What would have been added, if it had been committed.
        increments: Vec<(CounterId, i64)>,
        /// What the connection says.
        #[source]
        source: diesel::result::Error,
    },

    /// A transaction of the application's is not one whose commit can be told. Nothing was counted.
    #[error("increments cannot wait for the commit of this transaction: {0}")]
    Transaction(&'static str),

    /// There was no connection to the database, or it was lost. Nothing of a transaction was kept, unless
    /// it was lost during the commit: then applying it again does no harm.
    #[error("the database cannot be reached")]
    Unreachable {
        /// What the pool or the connection says.
        #[source]
        source: BoxError,
    },

    /// The table of the counters, or one beside it, is not there.
    #[error(
        "the table {table} is not in the database: call run_pending_migrations() when the application starts, \
         or correct the name (COUNTER_TABLE_NAME, Config::table_name)"
    )]
    NotMigrated {
        /// The counters' table.
        table: String,
        /// What the database says.
        #[source]
        source: diesel::result::Error,
    },

    /// The database refused a statement on a connection that works.
    #[error("the database refused to {step}")]
    Database {
        /// What was attempted.
        step: LedgerStep,
        /// What the database says.
        #[source]
        source: diesel::result::Error,
    },

    /// A migration was refused. Those before it are in place.
    #[error("the migration {name} failed")]
    Migration {
        /// Its name.
        name: &'static str,
        /// What the database says.
        #[source]
        source: diesel::result::Error,
    },

    /// The parts given to a builder do not make a working whole.
    #[error("{0}")]
    Build(&'static str),

    /// The operating system gave no thread for a worker or a sync. Nothing more was claimed.
    #[error("a thread could not be started: raise the limit of threads for this process")]
    Thread {
        /// What the operating system says.
        #[source]
        source: std::io::Error,
    },

    /// A sync panicked. The worker goes on with the next one.
    #[error("a sync panicked: {}", Printable(.message))]
    Panicked {
        /// What it said.
        message: String,
    },
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&with_causes(self))?;
        match self {
            Self::Increments { outcomes } => write!(f, ": {outcomes:?}"),
            _ => Ok(()),
        }
    }
}

impl Error {
    /// Whether a write may have been counted although it failed. Everything else certainly was not;
    /// of several increments, each outcome says it for itself. Whether a transaction was committed is another
    /// question.
    pub fn is_outcome_unknown(&self) -> bool {
        match self {
            Self::Core(error) => error.is_outcome_unknown(),
            Self::CommittedNotCounted(committed) => {
                committed.uncounted.iter().any(|uncounted| uncounted.error.is_outcome_unknown())
            }
            Self::Increments { outcomes } => outcomes.iter().any(|outcome| {
                outcome.as_ref().is_err_and(counter_core::Error::is_outcome_unknown)
            }),
            _ => false,
        }
    }
}

/// The increments of a committed transaction that were not certainly counted.
///
/// As an error its source is that of the first.
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
            "the transaction was committed, but {failed} of its {gathered} increments were not certainly counted"
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
    /// What was to be added.
    pub by: i64,
    /// Why it was not, or whether nobody knows.
    pub error: counter_core::Error,
}

impl From<Invalid> for Error {
    fn from(invalid: Invalid) -> Self {
        Self::Core(invalid.into())
    }
}

/// What a database is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LedgerStep {
    /// Opening a transaction.
    Begin,
    /// Writing claims to rows.
    Upsert,
    /// Closing a transaction.
    Commit,
    /// Reading rows.
    Read,
    /// Reading or writing what is known of the store.
    State,
    /// Reading which migrations were run.
    Migrations,
}

impl fmt::Display for LedgerStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Begin => "begin a transaction",
            Self::Upsert => "write counters",
            Self::Commit => "commit",
            Self::Read => "read counters",
            Self::State => "keep the store's state",
            Self::Migrations => "tell which migrations were run",
        })
    }
}
