use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use counter_core::{
    Claim, ClaimSeq, Claimed, CountMove, CountTogether, CounterId, Cursor, DeltaStore, Error,
    Generation, InspectStore, KeyIndex, LastGeneration, MoveCounts, MoveOutcome, NoteOutcome,
    NotedRow, Numbered, Operation, PartSeq, PartsRecall, Pattern, PendingIndex, Prefix,
    PrivateStore, Recall, RecordGauges, Repair, Replacement, ScanPage, Snapshot, StoreGeneration,
    StoreParts, StoreStep, Verdict,
};

use super::plan::Faults;

/// A store behind faults.
pub struct FaultyStore {
    /// What it wraps.
    pub inner: Arc<dyn DeltaStore>,
    /// When it fails.
    pub faults: Arc<Faults>,
    /// The generation that it claims to have, instead of that of what it wraps.
    pub generation: Option<Generation>,
    /// Whether a scan finds everything twice on a page, and again in a second round.
    pub repeats_itself: bool,
    /// The counter of which a replacement of many has no answer.
    pub unanswered: Option<CounterId>,
    /// The sequences that it has given out.
    given_out: Mutex<HashSet<ClaimSeq>>,
}

impl FaultyStore {
    /// A store that fails as planned, and is honest about everything else.
    pub fn new(inner: Arc<dyn DeltaStore>, faults: &Arc<Faults>) -> Self {
        let (faults, given_out) = (Arc::clone(faults), Mutex::default());
        let (generation, unanswered) = (None, None);
        Self { inner, faults, generation, repeats_itself: false, unanswered, given_out }
    }

    fn scan_again_and_again(&self, mut page: ScanPage, from: Cursor) -> ScanPage {
        if self.repeats_itself {
            page.ids.extend(page.ids.clone());
            let second_round = (from.round == 0).then_some(Cursor { round: 1, position: 0 });
            let same_round = page.next.map(|next| Cursor { round: from.round, ..next });
            page.next = same_round.or(second_round);
        }
        page
    }
}

impl FaultyStore {
    pub(super) fn step<T>(
        &self,
        name: &str,
        step: StoreStep,
        run: impl FnOnce() -> Result<T, Error>,
    ) -> Result<T, Error> {
        let fail = |fault| Error::Store { step, source: format!("planned: {fault:?}").into() };
        self.faults.step(name, run, fail)
    }
}

impl DeltaStore for FaultyStore {
    fn increment(&self, id: &CounterId, by: i64) -> Result<(), Error> {
        self.inner.increment(id, by)
    }

    fn increment_many(&self, increments: &[(CounterId, i64)]) -> Vec<Result<(), Error>> {
        self.inner.increment_many(increments)
    }

    fn look(&self, ids: &[CounterId]) -> Result<Snapshot, Error> {
        self.step("look", StoreStep::Look, || self.inner.look(ids))
    }

    fn scan(
        &self,
        pattern: &Pattern,
        from: Cursor,
        count: NonZeroUsize,
    ) -> Result<ScanPage, Error> {
        let page = self.step("scan", StoreStep::Scan, || self.inner.scan(pattern, from, count))?;
        Ok(self.scan_again_and_again(page, from))
    }

    fn claim(&self, ids: &[CounterId], claim_timeout: Duration) -> Result<Vec<Claimed>, Error> {
        let claimed =
            self.step("claim", StoreStep::Claim, || self.inner.claim(ids, claim_timeout))?;
        let claims = claimed.iter().filter_map(|claimed| match claimed {
            Claimed::Fresh(claim) => Some(claim.seq),
            _ => None,
        });
        self.given_out.lock().unwrap().extend(claims);
        Ok(claimed)
    }

    fn replace(&self, id: &CounterId, replacement: Replacement) -> Result<Claim, Error> {
        self.step("replace", StoreStep::Claim, || self.inner.replace(id, replacement))
    }

    fn replace_many(&self, replacements: &[(CounterId, Replacement)]) -> Vec<Result<Claim, Error>> {
        let replace = || Ok(self.inner.replace_many(replacements));
        let replaced = self.step("replace_many", StoreStep::Claim, replace);
        let replaced = replaced.unwrap_or_else(|error| {
            replacements.iter().map(|(id, _)| Err(unanswered(id, &error))).collect()
        });
        let outcomes = replacements.iter().zip(replaced).map(|((id, _), outcome)| {
            let step = StoreStep::Claim;
            let lost = || unanswered(id, &Error::Store { step, source: "planned".into() });
            if self.unanswered.as_ref() == Some(id) { Err(lost()) } else { outcome }
        });
        outcomes.collect()
    }

    fn verify(&self, claims: &[Claim], within: Duration) -> Result<Vec<Verdict>, Error> {
        self.step("verify", StoreStep::Verify, || self.inner.verify(claims, within))
    }

    fn ack(&self, claims: &[Claim]) -> Result<(), Error> {
        self.step("ack", StoreStep::Ack, || self.inner.ack(claims))
    }

    fn prefix(&self) -> Option<&Prefix> {
        self.inner.prefix()
    }

    fn generation(&self) -> Option<&dyn StoreGeneration> {
        let is_there = self.generation.is_some() || self.inner.generation().is_some();
        is_there.then_some(self)
    }

    fn repair(&self) -> Option<&dyn Repair> {
        self.inner.repair().map(|_| self as _)
    }

    fn private(&self) -> Option<&dyn PrivateStore> {
        // One that outlives its process is shared.
        self.inner.private().filter(|_| self.generation.is_none()).map(|_| self as _)
    }

    fn key_index(&self) -> Option<&dyn KeyIndex> {
        self.inner.key_index()
    }

    fn pending_index(&self) -> Option<&dyn PendingIndex> {
        self.inner.pending_index().map(|_| self as _)
    }

    fn together(&self) -> Option<&dyn CountTogether> {
        self.inner.together()
    }

    fn gauges(&self) -> Option<&dyn RecordGauges> {
        self.inner.gauges().map(|_| self as _)
    }

    fn moves(&self) -> Option<&dyn MoveCounts> {
        self.inner.moves().map(|_| self as _)
    }

    fn inspection(&self) -> Option<&dyn InspectStore> {
        self.inner.inspection().map(|_| self as _)
    }
}

/// Returns the error of a replacement that has no answer.
pub(super) fn unanswered(counter: &CounterId, error: &Error) -> Error {
    let (operation, counter) = (Operation::Set, counter.clone());
    Error::OutcomeUnknown { operation, counter, source: error.to_string().into() }
}

/// A wrapper has the capabilities of what it wraps, so a step that is asked for is there.
pub(super) fn present<T: ?Sized>(capability: Option<&T>) -> &T {
    capability.expect("the wrapped store has the capability")
}

impl StoreGeneration for FaultyStore {
    fn ensure_generation(&self, database: &str, above: ClaimSeq) -> Result<Generation, Error> {
        self.step("generation", StoreStep::Generation, || match &self.generation {
            Some(generation) => Ok(generation.clone()),
            None => present(self.inner.generation()).ensure_generation(database, above),
        })
    }

    fn present_generation(&self) -> Result<Option<Generation>, Error> {
        self.step("present_generation", StoreStep::Generation, || match &self.generation {
            Some(generation) => Ok(Some(generation.clone())),
            None => present(self.inner.generation()).present_generation(),
        })
    }

    /// A generation that a test made up has given out everything up to its high water, and what it
    /// gave out since.
    fn recall(
        &self,
        store_id: &str,
        sequences: &[ClaimSeq],
        within: Duration,
    ) -> Result<Recall, Error> {
        self.step("recall", StoreStep::Recall, || match &self.generation {
            Some(Generation { store_id: present, high_water, .. }) => {
                let given_out = self.given_out.lock().unwrap();
                let is_known = |seq: &ClaimSeq| seq <= high_water || given_out.contains(seq);
                let forgotten = sequences.iter().copied().filter(|seq| !is_known(seq));
                let store_id = Some(present.clone());
                Ok(Recall::new(store_id, *high_water, ClaimSeq::ZERO, forgotten.collect()))
            }
            None => present(self.inner.generation()).recall(store_id, sequences, within),
        })
    }

    fn readable_notes(&self, store_id: &str, within: Duration) -> Result<Vec<NotedRow>, Error> {
        let inner = present(self.inner.generation());
        self.step("recall", StoreStep::Recall, || inner.readable_notes(store_id, within))
    }

    fn note(
        &self,
        store_id: &str,
        noted: &NotedRow,
        claims: &[Claim],
    ) -> Result<NoteOutcome, Error> {
        self.step("ack", StoreStep::Ack, || self.note_inner(store_id, noted, claims))
    }

    fn adopt(&self, store_id: &str, database: &str, noted: &[NotedRow]) -> Result<bool, Error> {
        let inner = present(self.inner.generation());
        self.step("adopt", StoreStep::Adopt, || inner.adopt(store_id, database, noted))
    }

    fn parts(&self) -> Option<&dyn StoreParts> {
        self.inner.generation()?.parts().map(|_| self as _)
    }
}

/// The parts of a wrapped store.
fn parts_of(store: &dyn DeltaStore) -> &dyn StoreParts {
    present(store.generation().and_then(StoreGeneration::parts))
}

impl StoreParts for FaultyStore {
    fn part_of(&self, id: &CounterId) -> u16 {
        parts_of(&*self.inner).part_of(id)
    }

    fn number_of_parts(&self) -> u16 {
        parts_of(&*self.inner).number_of_parts()
    }

    fn begun_above(&self, store_id: &str) -> ClaimSeq {
        parts_of(&*self.inner).begun_above(store_id)
    }

    fn ensure_generation_after(
        &self,
        last: Option<&LastGeneration<'_>>,
        database: &str,
        above: ClaimSeq,
    ) -> Result<Generation, Error> {
        let inner = parts_of(&*self.inner);
        self.step("generation", StoreStep::Generation, || {
            inner.ensure_generation_after(last, database, above)
        })
    }

    fn newest_beside_id(&self) -> Result<ClaimSeq, Error> {
        parts_of(&*self.inner).newest_beside_id()
    }

    fn recall_parts(
        &self,
        store_id: &str,
        given_out: &[PartSeq],
        within: Duration,
    ) -> Result<PartsRecall, Error> {
        let inner = parts_of(&*self.inner);
        self.step("recall_parts", StoreStep::Recall, || {
            inner.recall_parts(store_id, given_out, within)
        })
    }

    fn seen_parts(&self, store_id: &str) -> Vec<PartSeq> {
        parts_of(&*self.inner).seen_parts(store_id)
    }

    fn begin_decision(&self, found: &[PartSeq]) -> Result<Vec<PartSeq>, Error> {
        let inner = parts_of(&*self.inner);
        self.step("begin_decision", StoreStep::Raise, || inner.begin_decision(found))
    }

    fn raise_parts(&self, above: &[PartSeq]) -> Result<Vec<u16>, Error> {
        let inner = parts_of(&*self.inner);
        self.step("raise_parts", StoreStep::Raise, || inner.raise_parts(above))
    }

    fn raise_emptied_parts(&self, above: &[PartSeq]) -> Result<(), Error> {
        let inner = parts_of(&*self.inner);
        self.step("raise_emptied_parts", StoreStep::Raise, || inner.raise_emptied_parts(above))
    }
}

/// If a test made up the generation, nothing is noted, and claims are only acknowledged.
impl FaultyStore {
    fn note_inner(
        &self,
        store_id: &str,
        noted: &NotedRow,
        claims: &[Claim],
    ) -> Result<NoteOutcome, Error> {
        match (&self.generation, self.inner.generation()) {
            (None, Some(inner)) => inner.note(store_id, noted, claims),
            _ => self.inner.ack(claims).map(|()| NoteOutcome::Taken),
        }
    }
}

/// If moves fail, the outcome of the first half of them is unknown, and the others are not sent.
impl MoveCounts for FaultyStore {
    fn move_counts(&self, moves: &[CountMove]) -> Vec<Result<MoveOutcome, Error>> {
        let inner = present(self.inner.moves());
        let (first, rest) = moves.split_at(moves.len().div_ceil(2));
        let operation = Operation::Move;
        let unknown = |one: &CountMove| {
            let (counter, source) = (one.from.clone(), "planned".into());
            Err(Error::OutcomeUnknown { operation, counter, source })
        };
        let not_sent = |one: &CountMove| {
            let (counter, source) = (one.from.clone(), "planned".into());
            Err(Error::NotCounted { operation, counter, source })
        };
        match self.step("move", StoreStep::Ack, || Ok(inner.move_counts(first))) {
            Ok(outcomes) => outcomes.into_iter().chain(inner.move_counts(rest)).collect(),
            Err(_) => first.iter().map(unknown).chain(rest.iter().map(not_sent)).collect(),
        }
    }
}

impl Repair for FaultyStore {
    fn renumber(&self, claim: &Claim, above: ClaimSeq) -> Result<Option<Claim>, Error> {
        let inner = present(self.inner.repair());
        self.step("renumber", StoreStep::Renumber, || inner.renumber(claim, above))
    }

    fn raise(&self, above: ClaimSeq) -> Result<(), Error> {
        let inner = present(self.inner.repair());
        self.step("raise", StoreStep::Raise, || inner.raise(above))
    }

    fn discard(&self, ids: &[CounterId]) -> Result<u64, Error> {
        self.step("discard", StoreStep::Discard, || present(self.inner.repair()).discard(ids))
    }
}

impl PrivateStore for FaultyStore {
    fn numbered(&self) -> &Numbered {
        present(self.inner.private()).numbered()
    }

    fn renumber_unapplied(
        &self,
        claims: &[Claim],
        above: ClaimSeq,
    ) -> Result<Vec<Option<Claim>>, Error> {
        let inner = present(self.inner.private());
        self.step("renumber", StoreStep::Renumber, || inner.renumber_unapplied(claims, above))
    }
}
