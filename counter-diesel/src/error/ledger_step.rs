use std::fmt;

/// An operation of a database.
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
    /// Looking for owners in a table of the application's.
    Owners,
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
            Self::Owners => "look for the owners of counters",
            Self::State => "read or write what is known of the store",
            Self::Migrations => "read which migrations were run",
        })
    }
}
