//! Readings of gauges in memory.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use super::{InFlight, MemoryStore, Slot};
use crate::error::{Error, Operation};
use crate::id::CounterId;
use crate::protocol::{Claim, ClaimOp, ClaimSeq, Overflow, Seen};
use crate::store::{Reading, RecordGauges, Replacement, SeenReplacement};

impl RecordGauges for MemoryStore {
    fn record(&self, reading: &Reading) -> Result<Option<Vec<Claim>>, Error> {
        // One reading after the other, so that the newest instant and the values agree.
        let mut all = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(newest) = all.get(&reading.total).copied().or(reading.known_newest) else {
            return Ok(None);
        };
        let latest = self.clock.now_micros().saturating_add(reading.ahead);
        let is_newest = reading.at >= newest.min(latest);
        let ids = set_by(reading, is_newest, newest).cloned().collect::<Vec<_>>();
        let claims = self.set_together(ids, reading.value).map_err(|overflow| {
            let (operation, counter) = (Operation::Set, reading.total.clone());
            Error::NotCounted { operation, counter, source: overflow.into() }
        })?;
        if is_newest && reading.at <= latest {
            all.insert(reading.total.clone(), reading.at);
        }
        Ok(Some(claims))
    }

    fn newest_readings(&self, totals: &[CounterId]) -> Result<Vec<Option<i64>>, Error> {
        let all = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(totals.iter().map(|total| all.get(total).copied()).collect())
    }

    fn replace_unchanged(
        &self,
        replacements: &[SeenReplacement],
    ) -> Vec<Result<Option<Claim>, Error>> {
        replacements.iter().map(|one| self.replace_one_unchanged(one)).collect()
    }
}

/// Returns the counters that a reading sets, where `newest` is the instant of the newest one before
/// it.
fn set_by(reading: &Reading, is_newest: bool, newest: i64) -> impl Iterator<Item = &CounterId> {
    let total = is_newest.then_some(&reading.total);
    let buckets = reading.buckets.iter().filter(move |(_, end)| is_newest || newest >= *end);
    total.into_iter().chain(buckets.map(|(id, _)| id))
}

impl MemoryStore {
    /// Sets counters to one value, with their shards locked and under one sequence.
    fn set_together(&self, ids: Vec<CounterId>, value: i64) -> Result<Vec<Claim>, Overflow> {
        let places = ids.iter().map(|id| self.place(id)).collect::<Vec<_>>();
        let mut locked = self.lock_together(&places);
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let claim = InFlight { seq: self.next_seq(ClaimSeq::ZERO)?, op: ClaimOp::Set(value) };
        for (id, place) in ids.iter().zip(places) {
            if let Some(shard) = locked.get_mut(&place) {
                shard.insert(id.clone(), Slot { pending: None, in_flight: Some(claim) });
            }
        }
        Ok(ids.iter().map(|id| claim.of(id)).collect())
    }

    fn replace_one_unchanged(&self, one: &SeenReplacement) -> Result<Option<Claim>, Error> {
        let SeenReplacement { counter, to, seen } = one;
        let (operation, op) = match to {
            Replacement::Set(to) => (Operation::Set, ClaimOp::Set(*to)),
            Replacement::Delete => (Operation::Delete, ClaimOp::Delete),
        };
        let mut shard = self.shard(counter);
        // A claim of this counter would need its shard, which is locked.
        let high_water = ClaimSeq::new(self.high_water.load(Ordering::SeqCst));
        let pending = shard.get(counter).and_then(|slot| slot.pending).unwrap_or(0);
        if *seen != (Seen { high_water, pending }) {
            return Ok(None);
        }
        let seq = self.next_seq(ClaimSeq::ZERO).map_err(|overflow| Error::NotCounted {
            operation,
            counter: counter.clone(),
            source: overflow.into(),
        })?;
        let claim = InFlight { seq, op };
        shard.insert(counter.clone(), Slot { pending: None, in_flight: Some(claim) });
        Ok(Some(claim.of(counter)))
    }
}
