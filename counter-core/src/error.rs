use std::fmt;

use crate::id::CounterId;
use crate::invalid::Invalid;
use crate::names::Foreign;
#[cfg(feature = "redis")]
use crate::no_connection::NoConnection;
use crate::protocol::{ClaimSeq, ValueError};

/// The cause of an error, kept as it was.
pub type BoxError = Box<dyn std::error::Error + Send + Sync + 'static>;

/// An error of a store, a name or the configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A name, or a value of the configuration, was refused before anything was sent.
    #[error(transparent)]
    Invalid(#[from] Invalid),

    /// A value of the environment was refused.
    #[error("the environment variable {variable} cannot be used")]
    Environment {
        /// Its name.
        variable: &'static str,
        /// The flaw of its value.
        #[source]
        source: BoxError,
    },

    /// The URL of the Redis server was refused before anything was sent. It is not shown, as it may
    /// hold a password.
    #[error("the Redis URL cannot be used: {why}")]
    RedisUrl {
        /// The flaw.
        why: String,
    },

    /// A write to a counter certainly did not happen. It may be tried again.
    #[error("the {operation} of counter {counter} was not counted")]
    NotCounted {
        /// The operation that was attempted.
        operation: Operation,
        /// On which counter.
        counter: CounterId,
        /// Why it did not happen.
        #[source]
        source: BoxError,
    },

    /// A write to a counter was sent, and its reply was lost: it happened, or will, or did not.
    ///
    /// This library never retries such a write, because it could count twice.
    #[error(
        "outcome of {operation} on counter {counter} is unknown: the request was sent, but no \
         reply arrived"
    )]
    OutcomeUnknown {
        /// The operation that was attempted.
        operation: Operation,
        /// On which counter.
        counter: CounterId,
        /// Why there is no reply.
        #[source]
        source: BoxError,
    },

    /// The store did not answer a question, or did not carry out a step of a sync.
    #[error("the store could not {step}")]
    Store {
        /// The operation that was attempted.
        step: StoreStep,
        /// Why it failed.
        #[source]
        source: BoxError,
    },

    /// A read found something in the counter's place that is not a count.
    #[error(transparent)]
    Foreign(#[from] Foreign),

    /// A read found that the row has seen a newer claim than the one that the store still holds.
    ///
    /// The store came back from an old copy. The value is not guessed; an operator has to decide.
    #[error(
        "counter {counter} has a conflict: the store holds claim {claim}, but the table has seen \
         {row}; the store seems to be an old copy, and the claim may have been counted already: \
         apply or discard it, or set the counter to the right value, which settles it too"
    )]
    Conflict {
        /// Which counter.
        counter: CounterId,
        /// The claim that the store holds.
        claim: ClaimSeq,
        /// The sequence in the row.
        row: ClaimSeq,
    },

    /// A read whose sum is outside of 64 signed bits.
    #[error("the value of counter {counter} does not fit into 64 bits")]
    Overflow {
        /// Which counter.
        counter: CounterId,
    },

    /// The store holds less than it did: its data came back from an old copy. Nothing was claimed.
    #[error(
        "the store came back from an old copy: its newest sequence is {found}, and it does not \
         remember {recorded}, which it gave out; what it holds may have been counted already, so \
         nothing was claimed: restore the newer copy, or see what both sides hold and decide \
         whether to apply or to discard what the store holds"
    )]
    StoreWentBack {
        /// The newest sequence that the store knows.
        found: ClaimSeq,
        /// A sequence that it is known to have given out, and does not remember.
        recorded: ClaimSeq,
    },

    /// The store's data was emptied or replaced in the middle of the call. What a pass has not
    /// applied yet is settled by the next one.
    #[error(
        "the store was emptied or replaced meanwhile: the next sync compares it with what the \
         database has recorded, and settles what is left"
    )]
    StoreChanged,
}

impl Error {
    /// Returns the error of a read of this counter.
    pub fn of_value(counter: &CounterId, error: ValueError) -> Self {
        let counter = counter.clone();
        match error {
            ValueError::Conflict { claim, row } => Self::Conflict { counter, claim, row },
            ValueError::Overflow => Self::Overflow { counter },
        }
    }

    /// Returns whether certainly nothing was counted, so that a write may be made again.
    pub const fn is_not_counted(&self) -> bool {
        !self.is_outcome_unknown()
    }

    /// Returns whether the store could not be built because its server refused the user or the
    /// password, which waiting does not fix. The server's code says so, in whatever language its
    /// text is. A sentinel that refuses does not count, because another one may let this user in.
    pub fn is_refused_login(&self) -> bool {
        #[cfg(feature = "redis")]
        if let Self::Store { source, .. } = self {
            let no_connection = source.downcast_ref::<NoConnection>();
            return no_connection.is_some_and(NoConnection::is_refused_login);
        }
        false
    }

    /// Whether a write may have been counted although it failed. Everything else certainly was not.
    pub const fn is_outcome_unknown(&self) -> bool {
        matches!(self, Self::OutcomeUnknown { .. })
    }
}

/// A write to a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operation {
    /// An increment or a decrement.
    Increment,
    /// A set or a reset.
    Set,
    /// A delete.
    Delete,
    /// A move of counts from this counter to another, as a merge makes them.
    Move,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Increment => "increment",
            Self::Set => "set",
            Self::Delete => "delete",
            Self::Move => "move",
        })
    }
}

/// An operation of a store, other than writes to a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreStep {
    /// Connecting.
    Connect,
    /// Looking at what it holds.
    Look,
    /// Finding what it holds.
    Scan,
    /// Claiming deltas.
    Claim,
    /// Having claims confirmed by replicas or the disk.
    Confirm,
    /// Verifying that claims are still there.
    Verify,
    /// Removing applied claims.
    Ack,
    /// Giving a claim another sequence.
    Renumber,
    /// Raising its high water.
    Raise,
    /// Dropping what it holds.
    Discard,
    /// Naming its generation.
    Generation,
    /// Saying which sequences it remembers.
    Recall,
    /// Following another database than before.
    Adopt,
    /// Saying how it is set up.
    Inspect,
    /// Naming what may be pending.
    Index,
}

impl fmt::Display for StoreStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "be reached",
            Self::Look => "be read",
            Self::Scan => "be scanned",
            Self::Claim => "hand out claims",
            Self::Confirm => "have claims confirmed",
            Self::Verify => "verify claims",
            Self::Ack => "acknowledge claims",
            Self::Renumber => "renumber a claim",
            Self::Raise => "raise its high water",
            Self::Discard => "discard counters",
            Self::Generation => "name its generation",
            Self::Recall => "say which sequences it remembers",
            Self::Adopt => "follow another database",
            Self::Inspect => "say how it is set up",
            Self::Index => "name what is pending",
        })
    }
}
