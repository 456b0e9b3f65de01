use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

use counter_core::{Claim, ForgottenPart};

use super::claims::{PostponedCause, PostponedClaim};
use super::observer::{Observer, SyncEvent};
use super::report::SyncReport;
use crate::sync::reported::Reported;

/// The log of a pass: the report that it returns, and the observer that is called at once.
pub(crate) struct PassLog<'a> {
    pub(crate) report: SyncReport,
    pub(crate) observer: Observer<'a>,
    /// Counters whose claims are among the postponed ones already: a pass that begins anew meets
    /// them again.
    postponed: Reported,
    /// The parts of the store that the report names as gone back.
    gone_back: HashSet<u16>,
}

impl<'a> PassLog<'a> {
    pub(crate) fn new(report: SyncReport, observer: Observer<'a>) -> Self {
        let (postponed, gone_back) = (Reported::default(), HashSet::new());
        Self { report, observer, postponed, gone_back }
    }

    /// Notes that a part of the store came back from an old copy.
    pub(crate) fn part_went_back(&mut self, part: ForgottenPart) {
        if self.gone_back.insert(part.part) {
            self.report.gone_back.push(part);
        }
    }

    /// Notes that a counter cannot be claimed, because its part of the store is not available.
    pub(crate) fn unavailable(&mut self, why: String) {
        self.report.unavailable += 1;
        self.report.why_unavailable.get_or_insert(why);
    }

    /// Notes that a claim is left to a later pass.
    pub(crate) fn postpone(&mut self, claim: Claim, cause: PostponedCause) {
        if self.postponed.insert(&claim.id) {
            self.report.postponed.push(PostponedClaim { claim, cause });
        }
    }

    /// Notes that so many counters were found, and come next as one batch.
    pub(crate) fn found(&mut self, counters: u64) {
        self.observer.notify(SyncEvent::Found(counters));
    }

    /// Notes that these claims are in the table. No row may be locked, and no acknowledgement may
    /// wait, because an observer may be slow.
    pub(crate) fn applied(&mut self, claims: &[&Claim], is_recovered: bool) {
        for claim in claims {
            self.observer.notify(SyncEvent::Applied { claim, is_recovered });
        }
    }

    /// Returns whether the observer has asked for the end of the sync. Check this before starting
    /// any new work.
    pub(crate) fn should_stop(&mut self) -> bool {
        self.report.interrupted |= self.observer.should_stop();
        self.report.interrupted
    }

    /// Passes the observer's wish for an end on to another thread.
    pub(crate) fn pass_on_stop(&self, should_stop: &AtomicBool) {
        should_stop.fetch_or(self.observer.should_stop(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use counter_core::{ClaimOp, ClaimSeq, CounterId};

    use super::*;

    #[test]
    fn a_claim_is_postponed_once_in_a_pass_that_begins_anew() {
        let mut log = PassLog::new(SyncReport::default(), Observer::none());
        let claim = |owner_id| {
            let id = CounterId::new("post", owner_id, "views").unwrap();
            Claim { id, seq: ClaimSeq::new(1), op: ClaimOp::Add(1) }
        };
        for owner_id in [1, 2, 1] {
            log.postpone(claim(owner_id), PostponedCause::Locked);
        }
        assert_eq!(log.report.postponed.count(), 2);
    }
}
