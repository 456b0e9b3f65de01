use std::ops::ControlFlow;

use counter_core::{Claim, CounterId, Holding};

/// An event of a running sync: see
/// [`Counters::sync_observed`](crate::Counters::sync_observed).
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum SyncEvent<'a> {
    /// More of the store was scanned, whether or not any counter was found. Not sent for every
    /// page.
    Scanned,
    /// So many counters were found, and come next as one batch. Over a sync that comes to its end
    /// they add up to [`SyncReport::scanned`](crate::SyncReport::scanned).
    Found(u64),
    /// A claim is in the table. Sent after its transaction, once for each that the report counts.
    Applied {
        /// The counter, and what was added to it or put in its place.
        claim: &'a Claim,
        /// Whether an earlier sync had left it behind.
        is_recovered: bool,
    },
    /// In a dry run: what a sync would apply.
    WouldApply {
        /// The counter.
        counter: &'a CounterId,
        /// The claim and the pending delta of it.
        held: &'a Holding,
    },
}

/// The observer of a sync, if there is one.
pub(crate) struct Observer<'a> {
    observe: Option<&'a mut Observe<'a>>,
    should_stop: bool,
}

type Observe<'a> = dyn FnMut(SyncEvent<'_>) -> ControlFlow<()> + 'a;

impl<'a> Observer<'a> {
    pub(crate) fn none() -> Self {
        Self { observe: None, should_stop: false }
    }

    pub(crate) fn new(observe: &'a mut Observe<'a>) -> Self {
        Self { observe: Some(observe), should_stop: false }
    }

    /// Whether anything has to be put together for it.
    pub(crate) fn is_there(&self) -> bool {
        self.observe.is_some()
    }

    /// Calls the observer. Must not be called while rows are locked, because an observer may be
    /// slow.
    pub(crate) fn notify(&mut self, event: SyncEvent<'_>) {
        if let Some(observe) = &mut self.observe {
            self.should_stop |= observe(event).is_break();
        }
    }

    /// Returns whether it has asked for the end of the sync.
    pub(crate) fn should_stop(&self) -> bool {
        self.should_stop
    }
}
