//! A store that is not in a hurry while rows are locked.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use counter_core::{
    Claim, ClaimSeq, Claimed, CountTogether, CounterId, Cursor, DeltaStore, Error, Generation,
    InspectStore, KeyIndex, LastGeneration, MoveCounts, NoteOutcome, NotedRow, PartSeq,
    PartsRecall, Pattern, PendingIndex, Prefix, PrivateStore, Recall, RecordGauges, Repair,
    Replacement, ScanPage, Snapshot, StoreGeneration, StoreParts, Verdict,
};

use crate::store_worlds::PATIENCE;

/// A store that verifies for as long as [`patient`](crate::store_worlds::patient) lets it wait for
/// anything else, and is otherwise the store that it wraps.
///
/// A sync gives a verification between half a second and a second, because rows are locked
/// meanwhile. On a busy machine that is too little for a batch of thousands.
pub struct PatientStore(pub Arc<dyn DeltaStore>);

impl DeltaStore for PatientStore {
    fn increment(&self, id: &CounterId, by: i64) -> Result<(), Error> {
        self.0.increment(id, by)
    }

    fn increment_many(&self, increments: &[(CounterId, i64)]) -> Vec<Result<(), Error>> {
        self.0.increment_many(increments)
    }

    fn look(&self, ids: &[CounterId]) -> Result<Snapshot, Error> {
        self.0.look(ids)
    }

    fn scan(
        &self,
        pattern: &Pattern,
        from: Cursor,
        count: NonZeroUsize,
    ) -> Result<ScanPage, Error> {
        self.0.scan(pattern, from, count)
    }

    fn claim(&self, ids: &[CounterId], claim_timeout: Duration) -> Result<Vec<Claimed>, Error> {
        self.0.claim(ids, claim_timeout)
    }

    fn replace(&self, id: &CounterId, replacement: Replacement) -> Result<Claim, Error> {
        self.0.replace(id, replacement)
    }

    fn replace_many(&self, replacements: &[(CounterId, Replacement)]) -> Vec<Result<Claim, Error>> {
        self.0.replace_many(replacements)
    }

    fn verify(&self, claims: &[Claim], within: Duration) -> Result<Vec<Verdict>, Error> {
        self.0.verify(claims, within.max(PATIENCE))
    }

    fn ack(&self, claims: &[Claim]) -> Result<(), Error> {
        self.0.ack(claims)
    }

    fn prefix(&self) -> Option<&Prefix> {
        self.0.prefix()
    }

    fn generation(&self) -> Option<&dyn StoreGeneration> {
        self.0.generation().map(|_| self as _)
    }

    fn repair(&self) -> Option<&dyn Repair> {
        self.0.repair()
    }

    fn private(&self) -> Option<&dyn PrivateStore> {
        self.0.private()
    }

    fn key_index(&self) -> Option<&dyn KeyIndex> {
        self.0.key_index()
    }

    fn pending_index(&self) -> Option<&dyn PendingIndex> {
        self.0.pending_index()
    }

    fn together(&self) -> Option<&dyn CountTogether> {
        self.0.together()
    }

    fn gauges(&self) -> Option<&dyn RecordGauges> {
        self.0.gauges()
    }

    fn moves(&self) -> Option<&dyn MoveCounts> {
        self.0.moves()
    }

    fn inspection(&self) -> Option<&dyn InspectStore> {
        self.0.inspection()
    }
}

impl PatientStore {
    fn of_generations(&self) -> &dyn StoreGeneration {
        self.0.generation().expect("it is handed out only where there is one")
    }

    fn of_parts(&self) -> &dyn StoreParts {
        self.of_generations().parts().expect("it is handed out only where there are parts")
    }
}

/// Recalls for as long as it verifies: rows are locked meanwhile, too.
impl StoreGeneration for PatientStore {
    fn ensure_generation(&self, database: &str, above: ClaimSeq) -> Result<Generation, Error> {
        self.of_generations().ensure_generation(database, above)
    }

    fn present_generation(&self) -> Result<Option<Generation>, Error> {
        self.of_generations().present_generation()
    }

    fn recall(
        &self,
        store_id: &str,
        sequences: &[ClaimSeq],
        within: Duration,
    ) -> Result<Recall, Error> {
        self.of_generations().recall(store_id, sequences, within.max(PATIENCE))
    }

    fn note(
        &self,
        store_id: &str,
        noted: &NotedRow,
        claims: &[Claim],
    ) -> Result<NoteOutcome, Error> {
        self.of_generations().note(store_id, noted, claims)
    }

    fn readable_notes(&self, store_id: &str, within: Duration) -> Result<Vec<NotedRow>, Error> {
        self.of_generations().readable_notes(store_id, within.max(PATIENCE))
    }

    fn adopt(&self, store_id: &str, database: &str, noted: &[NotedRow]) -> Result<bool, Error> {
        self.of_generations().adopt(store_id, database, noted)
    }

    fn parts(&self) -> Option<&dyn StoreParts> {
        self.of_generations().parts().map(|_| self as _)
    }
}

impl StoreParts for PatientStore {
    fn part_of(&self, id: &CounterId) -> u16 {
        self.of_parts().part_of(id)
    }

    fn number_of_parts(&self) -> u16 {
        self.of_parts().number_of_parts()
    }

    fn ensure_generation_after(
        &self,
        last: Option<&LastGeneration<'_>>,
        database: &str,
        above: ClaimSeq,
    ) -> Result<Generation, Error> {
        self.of_parts().ensure_generation_after(last, database, above)
    }

    fn begun_above(&self, store_id: &str) -> ClaimSeq {
        self.of_parts().begun_above(store_id)
    }

    fn newest_beside_id(&self) -> Result<ClaimSeq, Error> {
        self.of_parts().newest_beside_id()
    }

    fn recall_parts(
        &self,
        store_id: &str,
        given_out: &[PartSeq],
        within: Duration,
    ) -> Result<PartsRecall, Error> {
        self.of_parts().recall_parts(store_id, given_out, within.max(PATIENCE))
    }

    fn seen_parts(&self, store_id: &str) -> Vec<PartSeq> {
        self.of_parts().seen_parts(store_id)
    }

    fn begin_decision(&self, found: &[PartSeq]) -> Result<Vec<PartSeq>, Error> {
        self.of_parts().begin_decision(found)
    }

    fn raise_parts(&self, found: &[PartSeq]) -> Result<Vec<u16>, Error> {
        self.of_parts().raise_parts(found)
    }

    fn raise_emptied_parts(&self, above: &[PartSeq]) -> Result<(), Error> {
        self.of_parts().raise_emptied_parts(above)
    }
}
