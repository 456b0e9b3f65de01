//! How a pass works on one batch of claims.

use std::time::Duration;

use counter_core::{BatchSize, Claim, ClaimSeq, Claimed, CounterId, Foreign, Pattern};

use crate::engine::engine::Engine;
use crate::engine::kept;
use crate::error::Error;
use crate::sync::batches::apply::apply;
use crate::sync::batches::manner::{Manner, Origin};
use crate::sync::options::{Finds, ReportsHeld};
use crate::sync::report::pass_log::PassLog;
use crate::sync::report::times::time;
use crate::sync::reported::Reported;
use crate::sync::unsettled::Unsettled;

/// Why a part of the store that has lost its high water makes no claims.
const EMPTIED: &str = "its slot has lost its newest sequence, which the next sync makes anew";

/// One sync while it runs.
pub(crate) struct Pass<'a, 'b> {
    pub(crate) engine: &'a Engine,
    pub(crate) pattern: Pattern,
    pub(crate) manner: Manner,
    pub(crate) leaves_refused: bool,
    pub(crate) batch_size: BatchSize,
    pub(crate) finds: Finds,
    /// The counters that are synced, instead of what is found.
    pub(crate) only: Option<&'a [CounterId]>,
    pub(crate) full_scan_every: Duration,
    pub(crate) reports_held: ReportsHeld,
    /// Whether other passes leave a scan of everything to this one.
    pub(crate) has_begun_scan: bool,
    pub(crate) log: PassLog<'b>,
    /// The claims of this pass, and those that earlier ones have left.
    pub(crate) unsettled: &'a Unsettled<'a>,
    /// Foreign names that are in the report already.
    pub(crate) reported_foreign: Reported,
    /// Claimed counters that a dry run has reported: a scan finds them by what is pending, too.
    pub(crate) reported_claims: Reported,
}

impl Pass<'_, '_> {
    /// Applies one batch of claims.
    pub(crate) fn fold(&mut self, claimed: Vec<Claimed>) -> Result<(), Error> {
        // A scan finds again what is being synced, and is too late for what others have synced
        // meanwhile.
        let found = claimed.iter().filter(|claimed| **claimed != Claimed::Nothing).count() as u64;
        self.note_found(found);
        let (mut fresh, recovered) = self.sort(claimed);
        kept::note(self.engine, fresh.iter().chain(&recovered).map(|claim| &claim.id));
        if !recovered.is_empty() {
            fresh.extend(self.finish(recovered)?);
        }
        self.apply(fresh, Origin::Fresh)?;
        self.unsettled.forget_surplus();
        self.remove_named();
        Ok(())
    }

    /// Claims these counters and applies the claims, batch by batch. Batches are even, so that what
    /// belongs together in pairs stays together.
    pub(crate) fn fold_only(&mut self, ids: &[CounterId]) -> Result<(), Error> {
        let even = (self.batch_size.get().get() & !1).max(1);
        for ids in ids.chunks(even) {
            if self.log.should_stop() {
                return Ok(());
            }
            let claimed =
                time(&mut self.log.report.times.claim, || self.unsettled.claim(ids.to_vec()))?;
            self.fold(claimed)?;
        }
        Ok(())
    }

    /// Removes from the index what holds nothing any more.
    pub(crate) fn remove_named(&mut self) {
        time(&mut self.log.report.times.acknowledge, || self.unsettled.remove_named());
    }

    pub(crate) fn note_found(&mut self, counters: u64) {
        self.log.report.scanned += counters;
        self.log.found(counters);
    }

    /// Applies claims that an earlier pass has left behind, by themselves, because what made it end
    /// may be among them. Returns the claims of what was counted since, so that one pass leaves
    /// nothing behind.
    pub(crate) fn finish(&mut self, claims: Vec<Claim>) -> Result<Vec<Claim>, Error> {
        let ids = claims.iter().map(|claim| claim.id.clone()).collect::<Vec<_>>();
        self.apply(claims, Origin::Recovered)?;
        self.claim_later(ids)
    }

    /// Claims what was counted since the claims of these counters, and returns what is fresh.
    pub(crate) fn claim_later(&mut self, ids: Vec<CounterId>) -> Result<Vec<Claim>, Error> {
        let later = time(&mut self.log.report.times.claim, || self.unsettled.claim(ids))?;
        let (fresh, recovered) = self.sort(later);
        // Sets that were made since. Not again and again, for something may set all the time.
        self.apply(recovered, Origin::Recovered)?;
        Ok(fresh)
    }

    /// The claims that were made now, and those that were left behind.
    fn sort(&mut self, claimed: Vec<Claimed>) -> (Vec<Claim>, Vec<Claim>) {
        let (mut fresh, mut recovered) = (Vec::new(), Vec::new());
        for claimed in claimed {
            match claimed {
                Claimed::Nothing => {}
                Claimed::Zero => self.log.report.zeros += 1,
                Claimed::Busy => self.log.report.busy += 1,
                Claimed::Fresh(claim) => fresh.push(claim),
                Claimed::Expiring(claim) => {
                    self.log.report.expiring.push(claim.id.clone());
                    fresh.push(claim);
                }
                Claimed::Recovered(claim) => recovered.push(claim),
                Claimed::Foreign(foreign) => self.report_foreign(foreign),
                Claimed::Unavailable { why } => self.log.unavailable(why),
                Claimed::WentBack(part) => {
                    self.engine.doubt_parts([part.part]);
                    if part.found == ClaimSeq::ZERO {
                        // The next pass raises its high water.
                        self.log.report.high_water_lost = true;
                        self.log.unavailable(EMPTIED.to_owned());
                    } else {
                        self.log.part_went_back(part);
                    }
                }
            }
        }
        (fresh, recovered)
    }

    pub(crate) fn apply(&mut self, claims: Vec<Claim>, origin: Origin) -> Result<(), Error> {
        apply(self.unsettled, claims, origin, &mut self.manner, &mut self.log)
    }

    /// A scan may find the same thing twice.
    pub(crate) fn report_foreign(&mut self, foreign: Foreign) {
        if self.reported_foreign.insert(&foreign.name) {
            self.log.report.foreign.push(foreign);
        }
    }
}
