//! The slots of a cluster, where the names of a store are spread over them: each is a part.

use std::time::Duration;

use super::last_sighting::floor_of;
use super::steps;
use super::store::RedisStore;
use crate::error::Error;
use crate::id::CounterId;
use crate::names::SLOTS;
use crate::protocol::{ClaimSeq, Generation};
use crate::store::{LastGeneration, PartSeq, PartsRecall, StoreParts};

impl StoreParts for RedisStore {
    fn part_of(&self, id: &CounterId) -> u16 {
        self.server().names().slot_of(id)
    }

    fn number_of_parts(&self) -> u16 {
        SLOTS
    }

    fn ensure_generation_after(
        &self,
        last: Option<&LastGeneration<'_>>,
        database: &str,
        above: ClaimSeq,
    ) -> Result<Generation, Error> {
        steps::generation(self.server(), database, above, steps::Known::of(last))
    }

    fn begun_above(&self, store_id: &str) -> ClaimSeq {
        floor_of(store_id)
    }

    fn newest_beside_id(&self) -> Result<ClaimSeq, Error> {
        steps::newest_beside_id(self.server())
    }

    fn recall_parts(
        &self,
        store_id: &str,
        given_out: &[PartSeq],
        within: Duration,
    ) -> Result<PartsRecall, Error> {
        steps::recall_parts(self.server(), store_id, given_out, within)
    }

    fn seen_parts(&self, store_id: &str) -> Vec<PartSeq> {
        let seen = self.server().last_sighting().so_far();
        let newest = |part| PartSeq { part, seq: seen.newest_in(store_id, part) };
        seen.slots_of(store_id).into_iter().map(newest).collect()
    }

    fn begin_decision(&self, found: &[PartSeq]) -> Result<Vec<PartSeq>, Error> {
        steps::begin_decision(self.server(), found)
    }

    fn raise_parts(&self, found: &[PartSeq]) -> Result<Vec<u16>, Error> {
        steps::raise_found(self.server(), found)
    }

    fn raise_emptied_parts(&self, above: &[PartSeq]) -> Result<(), Error> {
        steps::raise_emptied(self.server(), above)
    }
}
