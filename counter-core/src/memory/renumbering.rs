//! New sequences for claims, and what an operator decides.

use std::sync::atomic::Ordering;

use super::{CLAIMED_AT_ONCE, MemoryStore, failed};
use crate::error::{Error, StoreStep};
use crate::id::CounterId;
use crate::protocol::{Claim, ClaimSeq};
use crate::store::{Numbered, PrivateStore, Repair};

impl MemoryStore {
    /// Gives one sequence above `above` to those of these claims that their counters still have.
    fn renumber_together(
        &self,
        claims: &[Claim],
        above: ClaimSeq,
    ) -> Result<Vec<Option<Claim>>, Error> {
        let places = claims.iter().map(|claim| self.place(&claim.id)).collect::<Vec<_>>();
        let mut locked = self.lock_together(&places);
        let mut seq = None;
        let renumbered = claims.iter().zip(places).map(|(claim, place)| {
            let slot = locked.get_mut(&place).and_then(|shard| shard.get_mut(&claim.id));
            let in_flight = slot.and_then(|slot| slot.in_flight.as_mut());
            let Some(held) = in_flight.filter(|held| held.of(&claim.id) == *claim) else {
                return Ok(None);
            };
            held.seq = match seq {
                Some(seq) => seq,
                None => {
                    let next = self.next_seq(above).map_err(failed(StoreStep::Renumber))?;
                    *seq.insert(next)
                }
            };
            Ok(Some(held.of(&claim.id)))
        });
        renumbered.collect()
    }
}

impl Repair for MemoryStore {
    fn renumber(&self, claim: &Claim, above: ClaimSeq) -> Result<Option<Claim>, Error> {
        Ok(self.renumber_together(std::slice::from_ref(claim), above)?.pop().flatten())
    }

    fn raise(&self, above: ClaimSeq) -> Result<(), Error> {
        let raised = self.clock.now_micros().max(above.get());
        self.high_water.fetch_max(raised, Ordering::SeqCst);
        Ok(())
    }

    fn discard(&self, ids: &[CounterId]) -> Result<u64, Error> {
        let dropped = ids.iter().filter(|id| self.shard(id).remove(*id).is_some());
        Ok(dropped.count() as u64)
    }
}

impl PrivateStore for MemoryStore {
    fn numbered(&self) -> &Numbered {
        &self.numbered
    }

    fn renumber_unapplied(
        &self,
        claims: &[Claim],
        above: ClaimSeq,
    ) -> Result<Vec<Option<Claim>>, Error> {
        let mut renumbered = Vec::with_capacity(claims.len());
        for claims in claims.chunks(CLAIMED_AT_ONCE) {
            renumbered.extend(self.renumber_together(claims, above)?);
        }
        Ok(renumbered)
    }
}
