//! The parts of a store, such as the slots of a cluster. Each can come back from an old copy alone.

use std::collections::{BTreeSet, HashSet};

use counter_core::{
    ClaimSeq, CounterId, ForgottenPart, PartSeq, PartsRecall, StoreGeneration, StoreParts,
};

use crate::engine::age::RECALL_WITHIN;
use crate::error::Error;
use crate::sync::options::{Finds, OnConflict};
use crate::sync::passes::folding::Pass;

/// Returns the question to a part of which nothing is known.
const fn of_nothing(part: u16) -> PartSeq {
    PartSeq { part, seq: ClaimSeq::ZERO }
}

impl Pass<'_, '_> {
    /// Asks each part of the store whether it remembers what is recorded of it. Parts that do not
    /// are reported and not synced, unless an operator has decided about them. The other parts are
    /// synced.
    ///
    /// Each transaction asks its own parts again. So a worker asks all parts only at first, and
    /// after it has met one that does not remember.
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
        let doubted = self.engine.take_doubted_parts();
        let asked = self.ask_parts(parts, store_id, &doubted);
        let (recall, lost) = asked.inspect_err(|_| self.engine.doubt_parts(doubted))?;
        // Some parts may be away, because each transaction asks its own parts. But an operator's
        // decision is about all of them.
        let unanswered = recall.unanswered.iter().map(|(part, _)| *part).collect::<Vec<_>>();
        let gone_back = if self.is_decided() { recall.complete()? } else { recall.forgotten };
        if gone_back.is_empty() && unanswered.is_empty() && lost.is_empty() {
            self.engine.note_sound_parts(store_id);
            return Ok(());
        }
        let doubted = gone_back.iter().chain(&lost).map(|it| it.part).chain(unanswered);
        self.engine.doubt_parts(doubted);
        if self.is_decided() && !self.log.report.dry_run {
            let gone_back = gone_back.iter().map(newest).collect::<Vec<_>>();
            let changed = self.settle_parts(parts, &gone_back)?;
            return self.report_changed(parts, store_id, changed);
        }
        gone_back.into_iter().for_each(|part| self.log.part_went_back(part));
        Ok(())
    }

    /// Reports those of these parts that came back from another copy while an operator's decision
    /// was carried out. The decision is not about that copy.
    fn report_changed(
        &mut self,
        parts: &dyn StoreParts,
        store_id: &str,
        changed: BTreeSet<u16>,
    ) -> Result<(), Error> {
        if changed.is_empty() {
            return Ok(());
        }
        let (recall, _) = self.ask_parts(parts, store_id, &changed)?;
        let is_changed = |part: &ForgottenPart| changed.contains(&part.part);
        let gone_back = recall.complete()?.into_iter().filter(is_changed);
        gone_back.for_each(|part| self.log.part_went_back(part));
        Ok(())
    }

    /// Asks the parts, and raises those that have lost their high water. Returns the answers of the
    /// others, and the parts that still have no high water.
    fn ask_parts(
        &mut self,
        parts: &dyn StoreParts,
        store_id: &str,
        doubted: &BTreeSet<u16>,
    ) -> Result<(PartsRecall, Vec<ForgottenPart>), Error> {
        // What is recorded must be read before the store is asked.
        let mut given_out = self.engine.ledger().parts(self.engine.prefix(), store_id)?;
        given_out.extend(parts.seen_parts(store_id));
        given_out.extend(doubted.iter().copied().map(of_nothing));
        // Nothing is recorded of a part that went back to before the present id.
        let asks_all = self.is_decided() || !self.engine.has_asked_parts(store_id);
        if asks_all {
            given_out.extend((0..parts.number_of_parts()).map(of_nothing));
        }
        let recall_parts =
            |given_out: &[PartSeq]| parts.recall_parts(store_id, given_out, RECALL_WITHIN * 5);
        let mut recall = recall_parts(&given_out)?;
        if asks_all {
            self.engine.note_asked_parts(store_id);
        }
        let lost = take_lost(&mut recall);
        if lost.is_empty() {
            return Ok((recall, lost));
        }
        self.log.report.high_water_lost = true;
        if self.log.report.dry_run {
            return Ok((recall, lost));
        }
        parts.raise_emptied_parts(&lost.iter().map(newest).collect::<Vec<_>>())?;
        // A part may have come back from an old copy before it was raised.
        let numbers = lost.iter().map(|it| it.part).collect::<HashSet<_>>();
        given_out.retain(|it| numbers.contains(&it.part));
        let mut raised = recall_parts(&given_out)?;
        let still_lost = take_lost(&mut raised);
        recall.forgotten.append(&mut raised.forgotten);
        recall.unanswered.append(&mut raised.unanswered);
        Ok((recall, still_lost))
    }

    /// Drops what parts that came back hold, if an operator decided that, and accepts these parts
    /// as current. Returns the parts that are not accepted, because they are no longer as they were
    /// found.
    fn settle_parts(
        &mut self,
        parts: &dyn StoreParts,
        gone_back: &[PartSeq],
    ) -> Result<BTreeSet<u16>, Error> {
        let begun = parts.begin_decision(gone_back)?;
        let numbers = begun.iter().map(|it| it.part).collect::<HashSet<_>>();
        if self.manner.on_conflict == OnConflict::Discard {
            let is_of_them = |id: &CounterId| numbers.contains(&parts.part_of(id));
            self.discard_all(&is_of_them)?;
            if self.log.report.interrupted {
                return Ok(BTreeSet::new());
            }
        }
        let changed = gone_back.iter().map(|it| it.part).filter(|part| !numbers.contains(part));
        let mut changed = changed.collect::<BTreeSet<_>>();
        changed.extend(parts.raise_parts(&begun)?);
        Ok(changed)
    }
}

fn newest(part: &ForgottenPart) -> PartSeq {
    PartSeq { part: part.part, seq: part.forgotten }
}

/// Removes the parts that have lost their high water from those that have forgotten something, and
/// returns them.
fn take_lost(recall: &mut PartsRecall) -> Vec<ForgottenPart> {
    let forgotten = std::mem::take(&mut recall.forgotten);
    let (lost, gone_back) = forgotten.into_iter().partition(|part| part.found == ClaimSeq::ZERO);
    recall.forgotten = gone_back;
    lost
}
