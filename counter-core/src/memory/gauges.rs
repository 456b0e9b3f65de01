//! Readings of gauges in memory.

use std::sync::PoisonError;

use super::{InFlight, MemoryStore, Slot};
use crate::error::{Error, Operation};
use crate::id::CounterId;
use crate::protocol::{Claim, ClaimOp, ClaimSeq, Overflow};
use crate::store::{Reading, RecordGauges};

impl RecordGauges for MemoryStore {
    fn record(&self, reading: &Reading) -> Result<Option<Vec<Claim>>, Error> {
        // One reading after the other, so that the newest instant and the values agree.
        let mut all = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(newest) = all.get(&reading.total).copied().or(reading.newest_row) else {
            return Ok(None);
        };
        let is_newest = reading.at >= newest;
        let ids = set_by(reading, newest).cloned().collect::<Vec<_>>();
        let claims = self.set_together(ids, reading.value).map_err(|overflow| {
            let (operation, counter) = (Operation::Set, reading.total.clone());
            Error::NotCounted { operation, counter, source: overflow.into() }
        })?;
        if is_newest {
            all.insert(reading.total.clone(), reading.at);
        }
        Ok(Some(claims))
    }
}

/// Returns the counters that a reading sets, where this is the instant of the newest one before it.
fn set_by(reading: &Reading, newest: i64) -> impl Iterator<Item = &CounterId> {
    let is_newest = reading.at >= newest;
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
}
