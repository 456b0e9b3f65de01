//! Finding and claiming counters ahead of the database: while it works on one batch, the next is claimed.
//!
//! For a single counter nothing changes by this. A claim is among the unsettled before anybody hears of it, and a
//! counter that is among them is not claimed: so a sync has one claim of each at a time, and however it ends,
//! none is forgotten.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{Builder, Scope, ScopedJoinHandle};

use counter_core::{Claimed, Foreign};

use crate::error::Error;
use crate::sync::report::report::SyncTimes;
use crate::sync::sweep::Sweep;
use crate::sync::unsettled::Unsettled;

/// What the thread that is ahead tells the one that has the database.
pub(crate) enum News {
    /// It looked through more of the store, and found these names, which are not ours.
    Scanned(Vec<Foreign>),
    /// What the claims of one batch came to.
    Claimed(Vec<Claimed>),
}

/// How the thread that was ahead came to its end.
pub(crate) struct Ended {
    /// Whether it went through the whole store, and was not told to end before.
    pub(crate) saw_all: Result<bool, Error>,
    /// What it waited for.
    pub(crate) times: SyncTimes,
}

struct Ahead<'a> {
    sweep: Sweep<'a>,
    unsettled: &'a Unsettled<'a>,
    is_to_end: &'a AtomicBool,
    news: SyncSender<News>,
    times: SyncTimes,
}

/// Starts a thread that claims what the sweep finds, until that is over or it is told to end.
///
/// It is ahead by two batches at most: one that is ready, and one that it is claiming.
pub(crate) fn start<'scope, 'env>(
    scope: &'scope Scope<'scope, 'env>,
    sweep: Sweep<'env>,
    unsettled: &'env Unsettled<'env>,
    is_to_end: &'env AtomicBool,
) -> Result<(Receiver<News>, ScopedJoinHandle<'scope, Ended>), Error> {
    let (news, received) = sync_channel(1);
    let ahead = Ahead { sweep, unsettled, is_to_end, news, times: SyncTimes::default() };
    let span = tracing::Span::current();
    let thread = Builder::new()
        .name("counter-claims".to_owned())
        .spawn_scoped(scope, move || span.in_scope(|| ahead.run()))
        .map_err(|source| Error::Thread { source })?;
    Ok((received, thread))
}

impl Ahead<'_> {
    fn run(mut self) -> Ended {
        let saw_all = self.claim_all();
        self.times.scan = self.sweep.take_spent();
        Ended { saw_all, times: self.times }
    }

    fn claim_all(&mut self) -> Result<bool, Error> {
        while !self.sweep.is_over() {
            if self.is_to_end.load(Ordering::Relaxed) {
                return Ok(false);
            }
            let (news, is_to_end) = (&self.news, self.is_to_end);
            let ids = self.sweep.next_batch(|foreign| note_page(news, is_to_end, foreign))?;
            let claimed = SyncTimes::add(&mut self.times.claim, || self.unsettled.claim(ids))?;
            if !claimed.is_empty() && self.news.send(News::Claimed(claimed)).is_err() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Tells that a page was looked through, and asks for a pause if nothing more is to be done.
fn note_page(
    news: &SyncSender<News>,
    is_to_end: &AtomicBool,
    foreign: Vec<Foreign>,
) -> ControlFlow<()> {
    let is_heard = if foreign.is_empty() {
        // A sign of life, for which nobody has to wait.
        let sent = news.try_send(News::Scanned(foreign));
        !matches!(sent, Err(TrySendError::Disconnected(_)))
    } else {
        news.send(News::Scanned(foreign)).is_ok()
    };
    is_to_end.fetch_or(!is_heard, Ordering::Relaxed);
    if is_to_end.load(Ordering::Relaxed) {
        ControlFlow::Break(())
    } else {
        ControlFlow::Continue(())
    }
}
