use std::num::NonZeroUsize;
use std::time::Duration;

use super::answers::{Claimed, Cursor, ScanPage, Verdict};
use super::capabilities::{
    CountTogether, InspectStore, KeyIndex, MoveCounts, PendingIndex, PrivateStore, Repair,
    StoreGeneration,
};
use super::gauges::RecordGauges;
use super::replacement::Replacement;
use super::snapshot::Snapshot;
use crate::error::Error;
use crate::id::CounterId;
use crate::names::{Pattern, Prefix};
use crate::protocol::Claim;

/// Where increments wait until a sync moves them into the database.
///
/// For each counter a store holds a *pending* delta and at most one *claim*, and for all counters
/// together the *high water*, the newest sequence that it has given out. Everything that is
/// promised of a single counter below happens at one instant, and holds for any number of threads
/// and processes.
///
/// A method that takes many counters does its work for each of them, in the order given, and
/// returns one result for each; it must bear a counter being named twice. An `Err` for the whole
/// call of a method that changes something leaves open which counters were changed, which a sync
/// survives.
///
/// An operation that only some stores have is a capability, a trait of its own that an accessor
/// returns: for example, [`generation`](Self::generation) returns a [`StoreGeneration`].
///
/// The trait is object-safe and can be wrapped. A wrapper forwards the eight required methods,
/// [`replace_many`](Self::replace_many), [`prefix`](Self::prefix) and the nine accessors.
pub trait DeltaStore: Send + Sync + 'static {
    /// Adds to what is pending.
    ///
    /// # Errors
    ///
    /// [`Error::NotCounted`] if it certainly did not happen, as when the sum does not fit into 64
    /// bits; [`Error::OutcomeUnknown`] if it may have. It is never tried again in here.
    fn increment(&self, id: &CounterId, by: i64) -> Result<(), Error>;

    /// Adds to what is pending of each counter, with an outcome of its own for each.
    fn increment_many(&self, increments: &[(CounterId, i64)]) -> Vec<Result<(), Error>>;

    /// Returns the holding of each counter, and the high water, which is no newer than any of them:
    /// a claim that is made after this look at a counter has a sequence above the high water
    /// returned. With no ids it is the high water alone.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] if there is no answer. A counter whose place holds something else is named
    /// in its own result.
    fn look(&self, ids: &[CounterId]) -> Result<Snapshot, Error>;

    /// Finds counters that match and have anything pending or claimed, about `count` at a time.
    ///
    /// Begin with [`Cursor::default`] and go on with [`ScanPage::next`] until there is none. A
    /// counter that has something pending through the whole scan, or a claim, is found at least
    /// once; any may be found more than once. One that is claimed or acknowledged by others in
    /// between may be missed.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] if there is no answer.
    fn scan(&self, pattern: &Pattern, from: Cursor, count: NonZeroUsize)
    -> Result<ScanPage, Error>;

    /// Turns what is pending of each counter into a claim with a new sequence, and leaves nothing
    /// pending. Claims of one call may have the same sequence, because their counters differ.
    ///
    /// A counter that has a claim already gets no other: if that claim is younger than
    /// `claim_timeout` it is [`Claimed::Busy`], otherwise it is handed out again, unchanged, as
    /// [`Claimed::Recovered`]. In a store that other processes use too, a claim that sets is handed
    /// out however young it is, or what is set again and again would never be in a table: to apply
    /// it twice changes nothing. A claim whose sequence lies in the future, as after a step of the
    /// clock, is as old as it is far away.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] if there is no answer; claims may have been made. [`Error::StoreWentBack`]
    /// if the store knows less than it did; none were made.
    fn claim(&self, ids: &[CounterId], claim_timeout: Duration) -> Result<Vec<Claimed>, Error>;

    /// Drops what is pending and claimed of a counter and puts a claim in its place that sets or
    /// deletes it. From this instant on the counter has its new value.
    ///
    /// # Errors
    ///
    /// As [`increment`](Self::increment).
    fn replace(&self, id: &CounterId, replacement: Replacement) -> Result<Claim, Error>;

    /// Calls [`replace`](Self::replace) for each of these counters and returns an outcome for each.
    /// If a counter is named twice, the last replacement stays. The default replaces them one by
    /// one.
    fn replace_many(&self, replacements: &[(CounterId, Replacement)]) -> Vec<Result<Claim, Error>> {
        replacements.iter().map(|(id, to)| self.replace(id, *to)).collect()
    }

    /// Whether each claim is still the one that its counter has. Answers `within` this time, or
    /// fails.
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

    /// Returns what the names in this store start with, or `None` if it does not use names.
    /// Default: `None`.
    fn prefix(&self) -> Option<&Prefix> {
        None
    }

    /// Returns the capability to tell one generation of the store's data from the next, or `None`
    /// if the data lives no longer than the process. It has no default, because a wrapper that
    /// forgot it would sync a store that came back from an old copy.
    fn generation(&self) -> Option<&dyn StoreGeneration>;

    /// Returns the capability to carry out an operator's decision. Default: `None`. Without it, a
    /// sync reports each conflict that it would have to renumber, and claims nothing from a store
    /// that went back.
    fn repair(&self) -> Option<&dyn Repair> {
        None
    }

    /// Returns the capability to know which claims only this process can have applied. Default:
    /// `None`, for a store that other processes use too.
    fn private(&self) -> Option<&dyn PrivateStore> {
        None
    }

    /// Returns the capability to find counters without a scan. Default: `None`.
    fn key_index(&self) -> Option<&dyn KeyIndex> {
        None
    }

    /// Returns the capability to name the counters that may hold something. Default: `None`.
    /// Without it, every sync scans the store.
    fn pending_index(&self) -> Option<&dyn PendingIndex> {
        None
    }

    /// Returns the capability to move counts from one counter to another at one instant. Default:
    /// `None`. Without it, owners cannot be merged.
    fn moves(&self) -> Option<&dyn MoveCounts> {
        None
    }

    /// Returns the capability to add to a counter and to its buckets at one instant. Default:
    /// `None`. Without it, keys that are counted by periods are not counted.
    fn together(&self) -> Option<&dyn CountTogether> {
        None
    }

    /// Returns the capability to record readings of gauges. Default: `None`. Without it, gauges are
    /// not recorded.
    fn gauges(&self) -> Option<&dyn RecordGauges> {
        None
    }

    /// Returns the capability to answer questions about the store and its server. Default: `None`.
    fn inspection(&self) -> Option<&dyn InspectStore> {
        None
    }
}
