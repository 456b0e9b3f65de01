//! The parts of a store that come back from an old copy each by itself, as the slots of a cluster.

use std::collections::HashSet;

use counter_core::{
    ClaimSeq, CounterId, Error as CoreError, ForgottenPart, PartSeq, StoreGeneration, StoreParts,
};

use crate::engine::age::RECALL_WITHIN;
use crate::error::Error;
use crate::sync::options::{Finds, OnConflict};
use crate::sync::passes::folding::Pass;

impl Pass<'_, '_> {
    /// Asks each part of the store whether it remembers what is recorded of it. Those that do not
    /// are reported, and nothing of them is synced, unless an operator has decided about that. The
    /// others are.
    ///
    /// That is asked again in each transaction, of the parts that it is about. So a worker asks for
    /// all of them only at first, and when it has met one that does not.
    pub(crate) fn check_parts(
        &mut self,
        store: &dyn StoreGeneration,
        store_id: &str,
    ) -> Result<(), Error> {
        let Some(parts) = store.parts() else { return Ok(()) };
        let is_worker = self.finds != Finds::Everything;
        if is_worker && !self.is_decided() && !self.engine.must_ask_parts(store_id) {
            return Ok(());
        }
        // What is recorded must be read before the store is asked.
        let mut given_out = self.engine.ledger().parts(self.engine.prefix(), store_id)?;
        given_out.extend(parts.seen_parts(store_id));
        let doubted = self.engine.take_doubted_parts();
        given_out.extend(doubted.iter().map(|part| PartSeq { part: *part, seq: ClaimSeq::ZERO }));
        let forgotten = match parts.recall_parts(store_id, &given_out, RECALL_WITHIN * 5) {
            Ok(forgotten) => forgotten,
            // Some parts are away. The transactions ask those that they are about.
            Err(CoreError::Store { .. }) if !self.is_decided() => {
                self.engine.doubt_parts(doubted);
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        let (lost, gone_back) =
            forgotten.into_iter().partition::<Vec<_>, _>(|part| part.found == ClaimSeq::ZERO);
        let newest = |it: &ForgottenPart| PartSeq { part: it.part, seq: it.forgotten };
        if !lost.is_empty() {
            self.log.report.high_water_lost = true;
            if !self.log.report.dry_run {
                parts.raise_parts(&lost.iter().map(newest).collect::<Vec<_>>())?;
            }
        }
        if gone_back.is_empty() && (lost.is_empty() || !self.log.report.dry_run) {
            self.engine.note_sound_parts(store_id);
            return Ok(());
        }
        self.engine.doubt_parts(gone_back.iter().map(|it| it.part));
        if self.is_decided() && !self.log.report.dry_run {
            let gone_back = gone_back.iter().map(newest).collect::<Vec<_>>();
            return self.settle_parts(parts, &gone_back);
        }
        gone_back.into_iter().for_each(|part| self.log.part_went_back(part));
        Ok(())
    }

    /// Drops what parts that came back hold, if that was decided, and makes them count as the
    /// present ones.
    fn settle_parts(&mut self, parts: &dyn StoreParts, gone_back: &[PartSeq]) -> Result<(), Error> {
        if self.manner.on_conflict == OnConflict::Discard {
            let numbers = gone_back.iter().map(|it| it.part).collect::<HashSet<_>>();
            let is_of_them = |id: &CounterId| numbers.contains(&parts.part_of(id));
            self.discard_all(&is_of_them)?;
            if self.log.report.interrupted {
                return Ok(());
            }
        }
        Ok(parts.raise_parts(gone_back)?)
    }
}
