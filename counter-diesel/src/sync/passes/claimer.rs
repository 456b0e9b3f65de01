//! Finding and claiming counters ahead of the database: while it works on one batch, the next is
//! claimed.
//!
//! For a single counter nothing changes by this. A claim is added to the unsettled before it is
//! passed on, and a counter that is among them is not claimed. So a sync has one claim of each at a
//! time, and however it ends, none is forgotten.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{Builder, Scope, ScopedJoinHandle};

use counter_core::{Claimed, Foreign};

use crate::error::Error;
use crate::sync::reach::Reach;
use crate::sync::report::times::{SyncTimes, time};
use crate::sync::sweep::Sweep;
use crate::sync::unsettled::Unsettled;

/// A message of the thread that is ahead to the one that has the database.
pub(crate) enum FromClaimer {
    /// It looked through more of the store, and found these names, which are not ours.
    Scanned(Vec<Foreign>),
    /// The outcomes of the claims of one batch.
    Claimed(Vec<Claimed>),
}

/// How the thread that was ahead came to its end.
pub(crate) struct ClaimerEnd {
    /// Whether it came to the end of its sweep, and was not stopped before.
    pub(crate) saw_all: Result<bool, Error>,
    /// How far it has gone.
    pub(crate) reach: Reach,
    /// The times that it waited.
    pub(crate) times: SyncTimes,
}

struct Claimer<'a> {
    sweep: Sweep<'a>,
    unsettled: &'a Unsettled<'a>,
    should_stop: &'a AtomicBool,
    sender: SyncSender<FromClaimer>,
    times: SyncTimes,
}

/// Starts a thread that claims what the sweep finds, until that is over or it is stopped.
///
/// It is ahead by two batches at most: one that is ready, and one that it is claiming.
pub(crate) fn start<'scope, 'env>(
    scope: &'scope Scope<'scope, 'env>,
    sweep: Sweep<'env>,
    unsettled: &'env Unsettled<'env>,
    should_stop: &'env AtomicBool,
) -> Result<(Receiver<FromClaimer>, ScopedJoinHandle<'scope, ClaimerEnd>), Error> {
    let (sender, received) = sync_channel(1);
    let claimer = Claimer { sweep, unsettled, should_stop, sender, times: SyncTimes::default() };
    let span = tracing::Span::current();
    let thread = Builder::new()
        .name("counter-claims".to_owned())
        .spawn_scoped(scope, move || span.in_scope(|| claimer.run()))
        .map_err(|source| Error::Thread { source })?;
    Ok((received, thread))
}

impl Claimer<'_> {
    fn run(mut self) -> ClaimerEnd {
        let saw_all = self.claim_all();
        self.times.scan = self.sweep.take_spent();
        ClaimerEnd { saw_all, reach: self.sweep.reach(), times: self.times }
    }

    fn claim_all(&mut self) -> Result<bool, Error> {
        while !self.sweep.is_over() {
            if self.should_stop.load(Ordering::Relaxed) {
                return Ok(false);
            }
            let (sender, should_stop) = (&self.sender, self.should_stop);
            let ids = self.sweep.next_batch(|foreign| note_page(sender, should_stop, foreign))?;
            let claimed = time(&mut self.times.claim, || self.unsettled.claim(ids))?;
            if !claimed.is_empty() && self.sender.send(FromClaimer::Claimed(claimed)).is_err() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Reports that a page was scanned. Breaks if the sweep must stop or the receiver is gone.
fn note_page(
    sender: &SyncSender<FromClaimer>,
    should_stop: &AtomicBool,
    foreign: Vec<Foreign>,
) -> ControlFlow<()> {
    let is_heard = if foreign.is_empty() {
        // A sign of life, which must not block.
        let sent = sender.try_send(FromClaimer::Scanned(foreign));
        !matches!(sent, Err(TrySendError::Disconnected(_)))
    } else {
        sender.send(FromClaimer::Scanned(foreign)).is_ok()
    };
    should_stop.fetch_or(!is_heard, Ordering::Relaxed);
    if should_stop.load(Ordering::Relaxed) {
        ControlFlow::Break(())
    } else {
        ControlFlow::Continue(())
    }
}
