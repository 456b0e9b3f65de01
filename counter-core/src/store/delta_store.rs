use std::num::NonZeroUsize;
use std::time::Duration;

use super::answers::{Claimed, Cursor, ScanPage, Verdict};
use super::facts::StoreFacts;
use super::foreign::Foreign;
use super::snapshot::Look;
use crate::error::Error;
use crate::id::{CounterId, CounterKey, Owner};
use crate::names::Pattern;
use crate::protocol::{Claim, ClaimSeq, Generation};

/// Where increments wait until a sync moves them into the database.
///
/// For each counter a store holds a *pending* delta and at most one *claim*, and for all counters
/// together the *high water*, the newest sequence that it has given out. Everything that is promised of a
/// single counter below happens at one instant, and holds for any number of threads and processes.
///
/// A method that takes many counters does its work for each of them, in the order given, and returns one
/// result for each; it must bear a counter being named twice. An `Err` for the whole call of a method that
/// changes something leaves open which counters were changed, which a sync survives.
///
/// The trait is object-safe and can be wrapped.
pub trait DeltaStore: Send + Sync + 'static {
    /// Adds to what is pending.
    ///
    /// # Errors
    ///
    /// [`Error::NotCounted`] if it certainly did not happen, as when the sum does not fit into 64 bits;
    /// [`Error::OutcomeUnknown`] if it may have. It is never tried again in here.
    fn increment(&self, id: &CounterId, by: i64) -> Result<(), Error>;

    /// Adds to what is pending of each counter, with an outcome of its own for each.
    fn increment_many(&self, increments: &[(CounterId, i64)]) -> Vec<Result<(), Error>>;

    /// What is held of each counter, and the high water, no older than any of it: a claim that is made
    /// after this look at a counter has a sequence above the high water returned. With no ids it is the high
    /// water alone.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] if there is no answer. A counter whose place holds something else is named in
    /// its own result.
    fn look(&self, ids: &[CounterId]) -> Result<Look, Error>;

    /// Finds counters that match and have anything pending or claimed, about `count` at a time.
    ///
    /// Begin with [`Cursor::default`] and go on with [`ScanPage::next`] until there is none. A counter
    /// that has something pending through the whole scan, or a claim, is found at least once; any may
    /// be found more than once. One that is claimed or acknowledged by others in between may be missed.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] if there is no answer.
    fn scan(&self, pattern: &Pattern, from: Cursor, count: NonZeroUsize)
    -> Result<ScanPage, Error>;

    /// Turns what is pending of each counter into a claim with a new sequence, and leaves nothing pending.
    ///
    /// A counter that has a claim already gets no other: if that claim is younger than `claim_timeout` it
    /// is [`Claimed::Busy`], otherwise it is handed out again, unchanged, as [`Claimed::Recovered`]. A
    /// claim whose sequence lies in the future, as after a step of the clock, is as old as it is far away.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] if there is no answer; claims may have been made. [`Error::StoreWentBack`] if the
    /// store knows less than it did; none were made.
    fn claim(&self, ids: &[CounterId], claim_timeout: Duration) -> Result<Vec<Claimed>, Error>;

    /// Drops what is pending and claimed of a counter and puts a claim in its place that sets or deletes
    /// it. From this instant on the counter has its new value.
    ///
    /// # Errors
    ///
    /// As [`increment`](Self::increment).
    fn replace(&self, id: &CounterId, replacement: Replacement) -> Result<Claim, Error>;

    /// Whether each claim is still the one that its counter has. Answers `within` this time, or fails.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] if there is no answer in time.
    fn verify(&self, claims: &[Claim], within: Duration) -> Result<Vec<Verdict>, Error>;

    /// Removes each claim if it is exactly the one that its counter has.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] if there is no answer; claims may have been removed.
    fn ack(&self, claims: &[Claim]) -> Result<(), Error>;

    /// Gives a claim a new sequence above `above`, and raises the high water to it, if the claim is exactly
    /// the one that its counter has and `assurance` is there that nobody has applied it or ever will, under
    /// its old sequence.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] if there is no answer; it may have been given one.
    fn renumber(
        &self,
        claim: &Claim,
        above: ClaimSeq,
        assurance: Assurance,
    ) -> Result<Option<Claim>, Error>;

    /// Raises the high water to the present time and to `above`, unless it is higher. On an operator's word,
    /// for a store that came back from an old copy: what it holds counts from now on.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] if there is no answer; it may have been raised.
    fn raise(&self, above: ClaimSeq) -> Result<(), Error>;

    /// Drops what is pending and claimed of each counter and returns of how many there was anything. On an
    /// operator's word, as [`raise`](Self::raise).
    ///
    /// # Errors
    ///
    /// [`Error::Store`] if there is no answer; some may have been dropped.
    fn discard(&self, ids: &[CounterId]) -> Result<u64, Error>;

    /// The keys of an owner that the store can name without a scan. The default is to name none.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] if there is no answer.
    fn keys_of(&self, owner: &Owner) -> Result<Vec<CounterKey>, Error> {
        let _ = owner;
        Ok(Vec::new())
    }

    /// Which data this is: the identity of the store's present life. If it has none yet it gets one that
    /// names `database`, and its high water is raised to `above`.
    ///
    /// `None` for a store that lives no longer than its process, of which nothing needs to be known later.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] if there is no answer.
    fn generation(&self, database: &str, above: ClaimSeq) -> Result<Option<Generation>, Error>;

    /// The same, but changes nothing: `None` also for a store that has no identity yet.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] if there is no answer.
    fn present_generation(&self) -> Result<Option<Generation>, Error>;

    /// What can be found out about the store and its server. Changes nothing, and makes no
    /// [`generation`](Self::generation). What a server does not tell this user is a
    /// [`Fact::Unknown`](crate::Fact::Unknown), no error. The default is to have nothing to tell.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] if there is no answer to anything.
    fn inspect(&self) -> Result<StoreFacts, Error> {
        Ok(StoreFacts::default())
    }

    /// What is in the places of these counters that [`look`](Self::look) cannot see, such as a list
    /// where a number should be. Changes nothing. The default is that there is never such a thing.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] if there is no answer.
    fn misplaced(&self, ids: &[CounterId]) -> Result<Vec<Foreign>, Error> {
        let _ = ids;
        Ok(Vec::new())
    }
}

/// How it is known that nobody has applied a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assurance {
    /// The store has to know it. Only one that is private to a process can, and needs it: other processes with
    /// stores of their own write to the same rows under sequences that it has not heard of.
    Store,
    /// An operator has decided it.
    Operator,
}

/// What [`DeltaStore::replace`] puts in the place of everything before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replacement {
    /// The counter now has this value.
    Set(i64),
    /// The counter is now gone.
    Delete,
}
