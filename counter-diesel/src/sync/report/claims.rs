use std::fmt;

use counter_core::{Claim, ClaimSeq, CounterId};

use crate::error::Error;

/// A claim that the database refused while it took others.
#[derive(Debug)]
#[non_exhaustive]
pub struct FailedClaim {
    /// The claim. It is still in the store.
    pub claim: Claim,
    /// Why it was refused.
    pub error: Error,
}

/// A claim that is left to a later sync.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PostponedClaim {
    /// The claim. It is still in the store.
    pub claim: Claim,
    /// Why it was not applied.
    pub cause: PostponedCause,
}

/// Why a claim is left to a later sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PostponedCause {
    /// The store changed claims of its batch again and again while they were applied.
    Changing,
    /// Another transaction has locked its row.
    Locked,
    /// The database refused it before and its backoff is not over, or refused so many beside it
    /// that the sync did not come to it.
    Refused,
    /// The database took too long over it and those beside it.
    Slow,
}

impl fmt::Display for PostponedCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Changing => "it kept changing while it was applied",
            Self::Locked => "another transaction has locked its row",
            Self::Refused => "the database refused it, or those beside it",
            Self::Slow => "the database took too long over it and those beside it",
        })
    }
}

/// A claim that the store holds although its row has seen a newer one. The store came back from an
/// old copy: whether the claim was applied before is unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConflictingClaim {
    /// The claim. It is still in the store.
    pub claim: Claim,
    /// The newest sequence that the row has seen.
    pub row: ClaimSeq,
}

/// A claim that the store lost before any sync applied it, by eviction or a flush.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LostClaim {
    /// The claim.
    pub claim: Claim,
    /// Whether it was applied nevertheless. It was not if the counter has no row: it may have been
    /// deleted.
    pub applied: bool,
}

/// A counter of which a sync that reports what it leaves in other hands could not finish a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeldCounter {
    /// The counter. What was claimed of it is still in the store, and reads count it.
    pub counter: CounterId,
    /// Why its claim was not finished.
    pub cause: HeldCause,
}

/// Why a sync could not finish the claim of a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeldCause {
    /// Another sync has the claim, or one that died: it did not change while this sync looked.
    Elsewhere,
    /// This process has made the claim, and its sync ended before it was applied and acknowledged.
    Unfinished,
    /// This process has asked for a claim and got no answer, so the store may hold one.
    Unanswered,
}

impl fmt::Display for HeldCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Elsewhere => "another sync has claimed it, or one that died",
            Self::Unfinished => "this process has claimed it and could not finish it",
            Self::Unanswered => "the store gave no answer when this process claimed it",
        })
    }
}
