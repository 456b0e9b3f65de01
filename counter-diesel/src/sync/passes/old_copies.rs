//! Settles a store that came back from an old copy, once an operator has decided.

use counter_core::{ClaimSeq, CounterId};

use crate::engine::age::newest;
use crate::error::Error;
use crate::sync::options::OnConflict;
use crate::sync::passes::folding::Pass;

/// A server that is started again in the middle of a scan goes on with it in another order, and a
/// sweep misses some. So they are repeated until one finds nothing more, but not for ever: other
/// processes may be counting.
const DISCARDING_SWEEPS: u32 = 3;

impl Pass<'_, '_> {
    /// Whether an operator has decided about a store that is an old copy.
    pub(crate) fn is_decided(&self) -> bool {
        self.manner.on_conflict != OnConflict::Report
            && self.pattern.is_all()
            && self.engine.store().repair().is_some()
    }

    /// Drops what a store that came back holds, if that was decided, and makes it count as the
    /// present one: last, for from then on what it holds is synced.
    pub(crate) fn settle_store(&mut self, forgotten: &[ClaimSeq]) -> Result<(), Error> {
        if self.manner.on_conflict == OnConflict::Discard {
            self.discard_all(&|_| true)?;
            if self.log.report.interrupted {
                return Ok(());
            }
        }
        self.raise(forgotten)
    }

    /// Drops what the store holds of all counters that are meant.
    pub(crate) fn discard_all(
        &mut self,
        is_meant: &dyn Fn(&CounterId) -> bool,
    ) -> Result<(), Error> {
        for _ in 0..DISCARDING_SWEEPS {
            let before = self.log.report.discarded;
            self.sweep(|pass, mut ids| {
                ids.retain(is_meant);
                pass.discard(&ids)
            })?;
            if self.log.report.interrupted || self.log.report.discarded == before {
                break;
            }
        }
        Ok(())
    }

    /// Lets the store give out only newer sequences than these.
    pub(crate) fn raise(&self, known: &[ClaimSeq]) -> Result<(), Error> {
        let repair = self.engine.store().repair();
        repair.map_or(Ok(()), |repair| Ok(repair.raise(newest(known))?))
    }

    fn discard(&mut self, ids: &[CounterId]) -> Result<(), Error> {
        self.log.report.scanned += ids.len() as u64;
        if let Some(repair) = self.engine.store().repair() {
            self.log.report.discarded += repair.discard(ids)?;
        }
        Ok(())
    }
}
