//! Errors, and how one is shown with its causes.

mod answers;
mod build_problem;
mod gauge_problem;
mod ledger_step;
mod mismatch;
mod periods;
mod transaction;

use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, Utc};
pub use counter_core::{
    BoxError, Error as CoreError, InputKind, Invalid, Operation, Overflow, Printable, StoreStep,
    ValueError, encoding_hint, redact,
};
use counter_core::{CounterId, CounterKey, Grain, OwnerType, TableName};

pub use self::build_problem::BuildProblem;
pub use self::gauge_problem::GaugeProblem;
pub use self::ledger_step::LedgerStep;
pub use self::mismatch::DatabaseMismatch;
pub use self::transaction::{CommittedNotCounted, TransactionProblem, Uncounted};
pub use crate::causes::one_line;

/// An error of counters, their store or their database.
///
/// As `Debug`, which is what a `main` that returns it shows, it is its message with all causes.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A name was refused, or the store failed. Says whether a write was counted.
    #[error(transparent)]
    Core(#[from] CoreError),

    /// At least one of several increments was not counted, or its outcome is unknown.
    #[error(
        "{} of {} increments were not certainly counted",
        .outcomes.iter().filter(|outcome| outcome.is_err()).count(),
        .outcomes.len()
    )]
    Increments {
        /// The outcome of each, in the order given. Those that are `Ok` were counted.
        outcomes: Vec<Result<(), CoreError>>,
    },

    /// A transaction of the application's was committed, but not all that it gathered was certainly
    /// counted.
    #[error(transparent)]
    CommittedNotCounted(CommittedNotCounted),

    /// The connection was lost during the commit of a transaction of the application's: it was
    /// committed, or it was not. Nothing was counted.
    #[error("whether the transaction was committed is unknown, so nothing of it was counted")]
    #[non_exhaustive]
    CommitUnknown {
        /// The increments that would have been counted after the commit.
        increments: Vec<(CounterId, i64)>,
        /// The connection's error.
        #[source]
        source: diesel::result::Error,
    },

    /// A transaction of the application's is not one whose commit this library can observe. Nothing
    /// was counted.
    #[error("increments cannot wait for the commit of this transaction: {0}")]
    Transaction(TransactionProblem),

    /// An event was counted [by its own time](crate::Counters::at), and that is too long ago.
    /// Nothing was counted.
    #[error(
        "the event of {} was not counted: events before {} come too late (oldest_event, \
         COUNTER_OLDEST_EVENT)",
        periods::time(.at), periods::time(.oldest)
    )]
    #[non_exhaustive]
    TooLate {
        /// When it happened.
        at: DateTime<Utc>,
        /// The earliest instant that was accepted.
        oldest: DateTime<Utc>,
    },

    /// An event was counted [by its own time](crate::Counters::at), and that is in the future.
    /// Nothing was counted.
    #[error(
        "the event of {} was not counted: events after {} are in the future (newest_event, \
         COUNTER_NEWEST_EVENT)",
        periods::time(.at), periods::time(.newest)
    )]
    #[non_exhaustive]
    TooEarly {
        /// When it happened.
        at: DateTime<Utc>,
        /// The latest instant that was accepted.
        newest: DateTime<Utc>,
    },

    /// The counter is counted by days, the owner's model names a field for its zone, and only the
    /// owner's id is known. Nothing was counted or read.
    #[error(
        "the days of counter {counter} begin in a zone of its owner, of which only the id is \
         known, so nothing was counted or read: pass the model, or name the zone with in_zone, or \
         Span::zone where it is read"
    )]
    #[non_exhaustive]
    ZoneNeeded {
        /// Which counter.
        counter: CounterId,
    },

    /// A gauge was to be added to or merged, or a reading of what is counted was to be recorded.
    /// Nothing was changed.
    #[error("{0}")]
    Gauge(GaugeProblem),

    /// A request to [remove](crate::Counters::prune) buckets gave a time of 0, or one so short that
    /// late events may still be counted in them. Nothing was removed.
    #[error(
        "an age of {} s is too short: events up to {} s old are counted (oldest_event, \
         COUNTER_OLDEST_EVENT), and what they counted would be lost; any age but 0 is accepted \
         with --even-if-late, PruneOptions::even_if_late",
        .older_than.as_secs(), .oldest_event.as_secs()
    )]
    #[non_exhaustive]
    TooYoung {
        /// The age that was asked for: for how long a period must have ended.
        older_than: Duration,
        /// How old an event may be that is counted.
        oldest_event: Duration,
    },

    /// The requested roll-up is invalid: the buckets do not add up to the longer ones, or are kept
    /// for ever. Nothing was removed.
    #[error("a {from} cannot be rolled up into a {into}: {}", periods::ROLL_UP)]
    #[non_exhaustive]
    RollUp {
        /// The grain of the buckets.
        from: Grain,
        /// That of the longer ones.
        into: Grain,
    },

    /// The clocks of the process and the database differ by more than an hour. Nothing was removed.
    #[error(
        "it is {} here and {} in the database, so it is not known which periods are old: set the \
         clock that is wrong",
        periods::time(.process), periods::time(.database)
    )]
    #[non_exhaustive]
    ClocksDiffer {
        /// The process's time.
        process: DateTime<Utc>,
        /// The database's time.
        database: DateTime<Utc>,
    },

    /// There was no connection to the database, or it was lost. Nothing of a transaction was kept,
    /// unless it was lost during the commit: then applying it again does no harm.
    #[error("the database cannot be reached")]
    Unreachable {
        /// The error of the pool or the connection.
        #[source]
        source: BoxError,
    },

    /// The table of the counters, or one beside it, is not there, or not as this version has it.
    #[error(
        "the table {table} is not in the database, or a migration of it was not run: call \
         run_pending_migrations() when the application starts, or correct the name \
         (COUNTER_TABLE_NAME, Config::table_name)"
    )]
    NotMigrated {
        /// The counters' table.
        table: String,
        /// The database's error.
        #[source]
        source: diesel::result::Error,
    },

    /// The client library of MariaDB and MySQL reads every text as an empty one. The operation was
    /// refused, so nothing was read or written because of such a text.
    #[error(
        "the database's client library reads texts as empty ones, as MariaDB Connector/C 3.3.19 \
         does (libmariadb3 10.11.18 of Debian 12): install another version of it, such as 3.3.20 \
         (libmariadb3 10.11.19), and start again"
    )]
    #[non_exhaustive]
    EmptyTexts {
        /// The text that was read as an empty one.
        #[source]
        source: diesel::result::Error,
    },

    /// The database refused a statement on a connection that works.
    #[error("the database refused to {step}")]
    Database {
        /// The operation that was attempted.
        step: LedgerStep,
        /// The database's error.
        #[source]
        source: diesel::result::Error,
    },

    /// Another transaction held a lock for longer than the statement may wait. Nothing of the
    /// transaction was kept.
    #[error("another transaction has locked what is needed to {step}")]
    Locked {
        /// The operation that was attempted.
        step: LedgerStep,
        /// The database's error.
        #[source]
        source: diesel::result::Error,
    },

    /// A step of a transaction took too long: the server ended its statement after 25 seconds or a
    /// shorter limit of its own, or did not answer within 30. Nothing of the transaction was kept,
    /// unless it was the commit that had no answer: then applying it again does no harm.
    #[error("the database took too long to {step}")]
    #[non_exhaustive]
    TimedOut {
        /// The operation that was attempted.
        step: LedgerStep,
        /// The database's error, or for how long it did not answer.
        #[source]
        source: BoxError,
    },

    /// No statement failed, but the row of a claim does not show the claim: something in the
    /// database, such as a trigger, a rule, a policy or a view, dropped or changed what was
    /// written, or kept a row that was deleted.
    #[error(
        "the table {table} did not keep the row, although no statement failed: look for triggers, \
         rules, policies or views that drop or change what is written to it"
    )]
    KeptOut {
        /// The counters' table.
        table: String,
    },

    /// The requested periods are not kept. Either no grain by which the counter is counted adds up
    /// to them, or some of them are older than what is kept: from before the key was counted by
    /// periods, or [removed](crate::Counters::prune) since.
    #[error("{}", periods::not_kept(.key, *.grain, .stored, *.since))]
    #[non_exhaustive]
    NotKept {
        /// The counter's key.
        key: CounterKey,
        /// The grain that was asked for.
        grain: Grain,
        /// Those by which the counter is counted.
        stored: Vec<Grain>,
        /// The start of the first bucket that is kept, by the calendar, if older ones were
        /// requested. `None` if no grain adds up to the periods.
        since: Option<NaiveDateTime>,
    },

    /// A read would add up more than [`Span::MAX_PERIODS`](crate::query::Span::MAX_PERIODS) periods
    /// of one counter.
    #[error("{}", periods::too_many(.key, *.grain, *.periods, *.most))]
    #[non_exhaustive]
    TooManyPeriods {
        /// The counter's key.
        key: CounterKey,
        /// The grain whose periods would be added up.
        grain: Grain,
        /// How many there are.
        periods: u64,
        /// How many there may be.
        most: u64,
    },

    /// The periods to set, reset or delete have no buckets: they are sums of other periods, or are
    /// not kept at all. Nothing was changed.
    #[error("{}", periods::not_stored(.key, *.grain, .stored))]
    #[non_exhaustive]
    NotStored {
        /// The counter's key.
        key: CounterKey,
        /// The grain that was asked for.
        grain: Grain,
        /// Those by which the counter is counted.
        stored: Vec<Grain>,
    },

    /// The database is not the one that the store was synced into last: it was restored from an
    /// older backup, or copied, or two databases are behind one prefix. Nothing is claimed or set
    /// until an operator [adopts it](crate::Counters::adopt_database) or gives the copy a prefix of
    /// its own. Increments and reads go on.
    #[error(
        "{0}: if this is the right database, run `counter adopt` or Counters::adopt_database; if \
         it is a copy, give it a prefix of its own (COUNTER_PREFIX)"
    )]
    OtherDatabase(DatabaseMismatch),

    /// The table is synced from a store that processes share, such as Redis, while this process has
    /// a store of its own in memory. Nothing was written, and what was counted stays in the store.
    #[error(
        "the table {table} is synced from Redis, or another store that processes share, at the \
         same time as from the memory of this process: use one kind of store, or another table; a \
         process that goes on alone syncs a minute after the last sync of the other store"
    )]
    MixedStores {
        /// The counters' table.
        table: String,
    },

    /// None of the owners is there, as with a wrong table, so the counters of none were deleted.
    #[error(
        "none of {owners} owners of type {} is there, so nothing was deleted: is it the right \
         table and column? If all are gone, say so: --all-gone, Orphans::even_if_all_are_gone",
        Printable(.owner_type.as_str())
    )]
    #[non_exhaustive]
    AllGone {
        /// Their type.
        owner_type: OwnerType,
        /// How many have counters.
        owners: u64,
    },

    /// A migration was refused. Those before it are in place.
    #[error("the migration {name} failed")]
    Migration {
        /// Its name.
        name: &'static str,
        /// The database's error.
        #[source]
        source: diesel::result::Error,
    },

    /// Migrations are pending, and another process has been running them for longer than this one
    /// waits, which is 15 seconds. Nothing was changed.
    #[error(
        "another process has been running the migrations of {table} for {} s: {}; let it end or \
         end it, then run them again",
        .waited.as_secs(), Printable(.holder)
    )]
    #[non_exhaustive]
    MigrationsLocked {
        /// The counters' table.
        table: String,
        /// How long was waited.
        waited: Duration,
        /// Which session holds the lock, as far as the database reports it.
        holder: String,
    },

    /// The table's name has no schema, and this connection finds it in another one than these
    /// counters found it first. Nothing was changed.
    #[error(
        "the table {table} was found in the schema {0} first, and on this connection it is in {1}: \
         name the schema (COUNTER_TABLE_NAME={2}.{3}, Config::table_name), or leave \
         search_path and the current database of pooled connections alone",
        Printable(.kept), Printable(.found), Printable(&TableName::part(.kept)),
        Printable(&TableName::part(.table))
    )]
    #[non_exhaustive]
    OtherSchema {
        /// The counters' table.
        table: String,
        /// The schema in which it was found first.
        kept: String,
        /// The schema in which this connection finds it.
        found: String,
    },

    /// The parts given to a builder do not make a working whole.
    #[error("{0}")]
    Build(BuildProblem),

    /// The operating system gave no thread for a worker or a sync. Nothing more was claimed.
    #[error("a thread could not be started: raise the limit of threads for this process")]
    Thread {
        /// The operating system's error.
        #[source]
        source: std::io::Error,
    },

    /// The last sync of a worker did not end within the time that
    /// [`stop_within`](crate::SyncWorker::stop_within) was given. What it has not applied is in the
    /// store.
    #[error(
        "the last sync did not end within {} s and goes on: what it has not applied stays in the \
         store, in memory as long as this process lives",
        .after.as_secs_f64()
    )]
    StopTimedOut {
        /// The time.
        after: Duration,
    },

    /// A sync panicked. The worker goes on with the next one.
    #[error("a sync panicked: {}", Printable(.message))]
    Panicked {
        /// Its message.
        message: String,
    },
}
