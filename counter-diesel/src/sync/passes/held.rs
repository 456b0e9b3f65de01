//! Claims that a pass leaves unfinished because other syncs, or this process, have them in hand.

use std::thread;
use std::time::{Duration, Instant};

use counter_core::{Claim, Claimed, CounterId};

use crate::error::Error;
use crate::sync::options::ReportsHeld;
use crate::sync::passes::folding::Pass;
use crate::sync::report::claims::{HeldCause, HeldCounter};
use crate::sync::report::observer::SyncEvent;
use crate::sync::report::times::time;

/// Maximum time for which a pass looks again at what other syncs have in hand. A living one needs a
/// fraction of it for a batch.
const PATIENCE: Duration = Duration::from_secs(2);

/// The first wait between two looks, which each further one doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// A counter that another sync has in hand, with the claim that the store held when this pass first
/// looked.
type Watched = (CounterId, Option<Claim>);

impl Pass<'_, '_> {
    /// Looks again at the counters that other syncs had in hand, and reports those of which the
    /// claim stays the same for as long as this pass looks. Where it does not, another sync is at
    /// work, and what it leaves pending is applied here, so that nothing waits for a later sync.
    pub(crate) fn look_again(&mut self) -> Result<(), Error> {
        let ReportsHeld::All { until } = self.reports_held else { return Ok(()) };
        let ids = self.unsettled.take_busy();
        if ids.is_empty() || self.log.should_stop() {
            return Ok(());
        }
        let patience = Instant::now() + PATIENCE;
        let end = until.map_or(patience, |until| until.min(patience));
        let mut watched = self.watch(ids)?;
        let mut pause = FIRST_PAUSE;
        loop {
            watched = self.go_on_with_moved(watched)?;
            let left = end.saturating_duration_since(Instant::now());
            if watched.is_empty() || left.is_zero() || self.log.should_stop() {
                break;
            }
            thread::sleep(pause.min(left));
            pause = (pause * 2).min(LONGEST_PAUSE);
            // A sign of life, at which an observer may ask for the end.
            self.log.observer.notify(SyncEvent::Scanned);
        }
        // One more claim, for some of the claims may be old enough by now.
        let ids = watched.iter().map(|(id, _)| id.clone()).collect();
        self.claim_again(ids)?;
        for (counter, _) in self.go_on_with_moved(watched)? {
            self.log.report.held.push(HeldCounter { counter, cause: HeldCause::Elsewhere });
        }
        Ok(())
    }

    /// Reports what this process has claimed, or may have claimed, and did not finish. It is named
    /// nowhere else, because an error or the observer ended the pass before.
    pub(crate) fn report_unfinished(&mut self) {
        if self.reports_held == ReportsHeld::No {
            return;
        }
        let held = &mut self.log.report.held;
        for counter in self.unsettled.unreported() {
            held.push(HeldCounter { counter, cause: HeldCause::Unfinished });
        }
        for counter in self.unsettled.still_unanswered(&self.pattern) {
            held.push(HeldCounter { counter, cause: HeldCause::Unanswered });
        }
    }

    fn watch(&self, ids: Vec<CounterId>) -> Result<Vec<Watched>, Error> {
        let claims = self.claims_of(&ids)?;
        Ok(ids.into_iter().zip(claims).collect())
    }

    /// Claims and applies what is pending of the counters whose claim is another one by now, or
    /// gone. Returns the others.
    fn go_on_with_moved(&mut self, watched: Vec<Watched>) -> Result<Vec<Watched>, Error> {
        let ids = watched.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>();
        let claims = self.claims_of(&ids)?;
        let (held, moved) = watched
            .into_iter()
            .zip(claims)
            .partition::<Vec<_>, _>(|((_, before), now)| now.is_some() && before == now);
        self.claim_again(moved.into_iter().map(|((id, _), _)| id).collect())?;
        Ok(held.into_iter().map(|(watched, _)| watched).collect())
    }

    /// Claims counters that were busy before, and applies what is not busy any more.
    fn claim_again(&mut self, ids: Vec<CounterId>) -> Result<(), Error> {
        for ids in ids.chunks(self.batch_size.get().get()) {
            let mut claimed =
                time(&mut self.log.report.times.claim, || self.unsettled.claim(ids.to_vec()))?;
            claimed.retain(|claimed| *claimed != Claimed::Busy);
            let busy = &mut self.log.report.busy;
            *busy = busy.saturating_sub(claimed.len() as u64);
            self.fold(claimed)?;
        }
        Ok(())
    }

    /// Returns the claim that the store holds of each counter.
    fn claims_of(&self, ids: &[CounterId]) -> Result<Vec<Option<Claim>>, Error> {
        let look = self.engine.store().look(ids)?;
        Ok(look.held.into_iter().map(|held| held.ok().and_then(|held| held.claim)).collect())
    }
}
