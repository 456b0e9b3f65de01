//! Changes of several counters in memory at one instant.

use std::sync::atomic::Ordering;

use super::{MemoryStore, Shard, Slot};
use crate::error::{Error, Operation};
use crate::id::CounterId;
use crate::protocol::{ClaimSeq, Overflow, Seen};
use crate::store::{CountMove, CountTogether, JointIncrement, MoveCounts, MoveOutcome};

impl MoveCounts for MemoryStore {
    fn move_counts(&self, moves: &[CountMove]) -> Vec<Result<MoveOutcome, Error>> {
        let moved = moves.iter().map(|one| {
            self.move_one(one).map_err(|overflow| Error::NotCounted {
                operation: Operation::Move,
                counter: one.from.clone(),
                source: overflow.into(),
            })
        });
        moved.collect()
    }
}

impl CountTogether for MemoryStore {
    fn count_together(&self, increments: &[JointIncrement]) -> Vec<Result<(), Error>> {
        let counted = increments.iter().map(|one| {
            self.count_one(one).map_err(|id| Error::NotCounted {
                operation: Operation::Increment,
                counter: id.clone(),
                source: Overflow.into(),
            })
        });
        counted.collect()
    }
}

impl MemoryStore {
    /// Adds to all of them with their shards locked, or returns the counter whose sum does not fit.
    fn count_one<'a>(&self, one: &'a JointIncrement) -> Result<(), &'a CounterId> {
        // As in every store, although nothing has to be taken back here.
        one.by.checked_neg().ok_or(&one.total)?;
        let places = one.ids().map(|id| self.place(id)).collect::<Vec<_>>();
        let mut locked = self.lock_together(&places);
        let sums = one.ids().zip(&places).map(|(id, place)| {
            let pending = locked.get(place).map_or(0, |shard| pending(shard, id));
            pending.checked_add(one.by).ok_or(id)
        });
        let sums = sums.collect::<Result<Vec<_>, _>>()?;
        for ((id, place), sum) in one.ids().zip(places).zip(sums) {
            if let Some(shard) = locked.get_mut(&place) {
                shard.entry(id.clone()).or_default().pending = Some(sum);
            }
        }
        Ok(())
    }

    /// Changes both with their shards locked, so at every instant their sum is what it was.
    fn move_one(&self, one: &CountMove) -> Result<MoveOutcome, Overflow> {
        let CountMove { from, into, by, seen } = one;
        let places = [self.place(from), self.place(into)];
        let mut locked = self.lock_together(&places);
        // A claim of this counter would need its shard, which is locked.
        let high_water = ClaimSeq::new(self.high_water.load(Ordering::SeqCst));
        let pending = |place, id| locked.get(&place).map_or(0, |shard| pending(shard, id));
        let now = Seen { high_water, pending: pending(places[0], from) };
        if !seen.allows(now, *by) {
            return Ok(MoveOutcome::Outdated);
        }
        if from == into {
            return Ok(MoveOutcome::Moved);
        }
        let of_from = now.pending.checked_sub(*by).ok_or(Overflow)?;
        let of_into = pending(places[1], into).checked_add(*by).ok_or(Overflow)?;
        for (place, id, sum) in [(places[0], from, of_from), (places[1], into, of_into)] {
            if let Some(shard) = locked.get_mut(&place) {
                shard.entry(id.clone()).or_default().pending = Some(sum);
            }
        }
        Ok(MoveOutcome::Moved)
    }
}

fn pending(shard: &Shard, id: &CounterId) -> i64 {
    shard.get(id).and_then(|slot: &Slot| slot.pending).unwrap_or(0)
}
