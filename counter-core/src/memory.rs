mod gauges;
mod moves;
mod renumbering;

use std::collections::hash_map::RandomState;
use std::collections::{BTreeSet, HashMap};
use std::hash::BuildHasher;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::{Clock, SystemClock};
use crate::error::{Error, Operation, StoreStep};
use crate::id::{CounterId, CounterKey, Owner};
use crate::names::{Foreign, Pattern};
use crate::protocol::{Claim, ClaimOp, ClaimSeq, Holding, Overflow};
use crate::store::{
    Claimed, ClockReading, CountTogether, Cursor, DeltaStore, Fact, InspectStore, KeyIndex,
    MoveCounts, Numbered, PrivateStore, RecordGauges, Repair, Replacement, ScanPage, Snapshot,
    StoreFacts, StoreGeneration, Verdict,
};

/// A store in the memory of this process: for applications of one process, for tests, and the
/// reference for what every store does.
///
/// Pending counts are lost when the process ends without a last sync, and so is a claim that a sync
/// has not applied yet.
///
/// Several processes may sync stores of their own into one table, and none loses or doubles a count
/// of another: each store takes a number from the database with its first sync, and no two give out
/// the same sequence (see [`Numbered`]). Each is a world of its own until it has synced: none reads
/// what is pending in another, nor does a set or a delete in one drop it, and a read can fail with
/// [`Error::Conflict`] for the moment in which another process overtakes this one's sync. Where
/// processes have to read each other's counts at once, share a Redis.
#[derive(Debug)]
pub struct MemoryStore {
    shards: [Mutex<Shard>; SHARDS],
    shard_hasher: RandomState,
    high_water: AtomicI64,
    numbered: Numbered,
    clock: Arc<dyn Clock>,
    /// The instants of the newest readings of gauges, by their totals.
    newest: Mutex<HashMap<CounterId, i64>>,
}

/// How many counters are claimed together, under one sequence and with their shards locked:
/// increments wait meanwhile. So the sequences, of which a store with a number gives out one in
/// [`StoreNumber::COUNT`](crate::StoreNumber::COUNT), stay with the clock.
const CLAIMED_AT_ONCE: usize = 128;

/// Enough that a few dozen threads seldom meet, few enough that an empty store is small.
const SHARDS: usize = 64;

type Shard = HashMap<CounterId, Slot>;

/// The holding of one counter; absent from its shard if there is none.
#[derive(Debug, Default)]
struct Slot {
    pending: Option<i64>,
    in_flight: Option<InFlight>,
}

#[derive(Debug, Clone, Copy)]
struct InFlight {
    seq: ClaimSeq,
    op: ClaimOp,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryStore {
    /// An empty store on the operating system's clock.
    pub fn new() -> Self {
        Self::with_clock(SystemClock)
    }

    /// An empty store on a clock of the caller's.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use counter_core::{Claimed, CounterId, DeltaStore, ManualClock, MemoryStore};
    /// let clock = ManualClock::at_micros(1_700_000_000_000_000);
    /// let store = MemoryStore::with_clock(clock.clone());
    /// let views = CounterId::new("post", 42, "views")?;
    /// store.increment(&views, 5)?;
    /// let claim = |timeout| store.claim(std::slice::from_ref(&views), timeout);
    ///
    /// let half_a_minute = Duration::from_secs(30);
    /// assert!(matches!(claim(half_a_minute)?[0], Claimed::Fresh(_)));
    /// assert_eq!(claim(half_a_minute)?[0], Claimed::Busy);
    /// clock.advance(half_a_minute);
    /// assert!(matches!(claim(half_a_minute)?[0], Claimed::Recovered(_)));
    /// # Ok::<(), counter_core::Error>(())
    /// ```
    pub fn with_clock(clock: impl Clock) -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::default()),
            shard_hasher: RandomState::new(),
            high_water: AtomicI64::new(0),
            numbered: Numbered::new(),
            clock: Arc::new(clock),
            newest: Mutex::default(),
        }
    }

    fn place(&self, id: &CounterId) -> usize {
        (self.shard_hasher.hash_one(id) % SHARDS as u64) as usize
    }

    fn shard(&self, id: &CounterId) -> MutexGuard<'_, Shard> {
        #[allow(clippy::indexing_slicing, reason = "a remainder is below its divisor")]
        lock(&self.shards[self.place(id)])
    }

    /// Called with the shards of all counters locked that get the sequence, so that a look sees the
    /// sequence and its claims together.
    fn next_seq(&self, above: ClaimSeq) -> Result<ClaimSeq, Overflow> {
        let now = self.clock.now_micros();
        let mut given = None;
        // The sequence that is stored is the one that is given out: were it computed again, the
        // store might have taken another number meanwhile.
        let next = |high_water: i64| {
            let from = now.max(high_water.max(above.get()).checked_add(1)?);
            given = self.numbered.first_from(ClaimSeq::new(from));
            given.map(ClaimSeq::get)
        };
        let before = self.high_water.fetch_update(Ordering::SeqCst, Ordering::SeqCst, next);
        before.ok().and(given).ok_or(Overflow)
    }

    fn age(&self, seq: ClaimSeq) -> Duration {
        Duration::from_micros(self.clock.now_micros().abs_diff(seq.get()))
    }

    /// Claims counters under one sequence.
    fn claim_together(
        &self,
        ids: &[CounterId],
        claim_timeout: Duration,
    ) -> Result<Vec<Claimed>, Error> {
        let places = ids.iter().map(|id| self.place(id)).collect::<Vec<_>>();
        let mut locked = self.lock_together(&places);
        let mut seq = None;
        let mut next_seq = || match seq {
            Some(seq) => Ok(seq),
            None => Ok(*seq.insert(self.next_seq(ClaimSeq::ZERO)?)),
        };
        let claimed = ids.iter().zip(places).map(|(id, place)| {
            let shard = locked.get_mut(&place);
            shard.map_or(Ok(Claimed::Nothing), |shard| {
                self.claim_one(shard, id, claim_timeout, &mut next_seq)
            })
        });
        claimed.collect()
    }

    /// Locks the shards at these places, in one order for all callers.
    fn lock_together(&self, places: &[usize]) -> HashMap<usize, MutexGuard<'_, Shard>> {
        let in_order = places.iter().copied().collect::<BTreeSet<_>>();
        let shards =
            in_order.into_iter().filter_map(|place| Some((place, self.shards.get(place)?)));
        shards.map(|(place, shard)| (place, lock(shard))).collect()
    }

    fn claim_one(
        &self,
        shard: &mut Shard,
        id: &CounterId,
        claim_timeout: Duration,
        next_seq: impl FnOnce() -> Result<ClaimSeq, Overflow>,
    ) -> Result<Claimed, Error> {
        let Some(slot) = shard.get_mut(id) else {
            return Ok(Claimed::Nothing);
        };
        Ok(match (slot.in_flight, slot.pending) {
            (Some(claim), _) if self.age(claim.seq) < claim_timeout => Claimed::Busy,
            (Some(claim), _) => Claimed::Recovered(claim.of(id)),
            (None, Some(0) | None) => {
                shard.remove(id);
                Claimed::Zero
            }
            (None, Some(by)) => {
                let seq = next_seq().map_err(failed(StoreStep::Claim))?;
                let claim = InFlight { seq, op: ClaimOp::Add(by) };
                *slot = Slot { pending: None, in_flight: Some(claim) };
                Claimed::Fresh(claim.of(id))
            }
        })
    }

    fn verify_one(&self, claim: &Claim) -> Verdict {
        match self.shard(&claim.id).get(&claim.id).and_then(|slot| slot.in_flight) {
            Some(in_flight) if in_flight.of(&claim.id) == *claim => Verdict::Current,
            Some(InFlight { seq, op: ClaimOp::Set(_), .. }) if seq > claim.seq => Verdict::SetSince,
            Some(_) => Verdict::Superseded,
            None => Verdict::Gone,
        }
    }

    fn ack_one(&self, claim: &Claim) {
        let mut shard = self.shard(&claim.id);
        let Some(slot) = shard.get_mut(&claim.id) else {
            return;
        };
        slot.in_flight = slot.in_flight.filter(|in_flight| in_flight.of(&claim.id) != *claim);
        if slot.in_flight.is_none() && slot.pending.is_none() {
            shard.remove(&claim.id);
        }
    }
}

fn failed(step: StoreStep) -> impl Fn(Overflow) -> Error {
    move |overflow| Error::Store { step, source: overflow.into() }
}

impl InFlight {
    fn of(&self, id: &CounterId) -> Claim {
        Claim { id: id.clone(), seq: self.seq, op: self.op }
    }
}

impl DeltaStore for MemoryStore {
    fn increment(&self, id: &CounterId, by: i64) -> Result<(), Error> {
        let mut shard = self.shard(id);
        let Some(slot) = shard.get_mut(id) else {
            shard.insert(id.clone(), Slot { pending: Some(by), in_flight: None });
            return Ok(());
        };
        let sum = slot.pending.unwrap_or(0).checked_add(by).ok_or_else(|| Error::NotCounted {
            operation: Operation::Increment,
            counter: id.clone(),
            source: Overflow.into(),
        })?;
        slot.pending = Some(sum);
        Ok(())
    }

    fn increment_many(&self, increments: &[(CounterId, i64)]) -> Vec<Result<(), Error>> {
        increments.iter().map(|(id, by)| self.increment(id, *by)).collect()
    }

    fn look(&self, ids: &[CounterId]) -> Result<Snapshot, Error> {
        // Before the shards: a claim that is numbered later may be seen here, which is harmless,
        // but a claim that is not seen here is above this number.
        let high_water = ClaimSeq::new(self.high_water.load(Ordering::SeqCst));
        let held = ids.iter().map(|id| {
            let shard = self.shard(id);
            Ok(shard.get(id).map(|slot| slot.held(id)).unwrap_or_default())
        });
        Ok(Snapshot::new(high_water, held.collect()))
    }

    /// A page is one shard, whatever `count`: it is all in memory already.
    fn scan(
        &self,
        pattern: &Pattern,
        from: Cursor,
        _count: NonZeroUsize,
    ) -> Result<ScanPage, Error> {
        let shard = usize::try_from(from.position).ok().and_then(|at| self.shards.get(at));
        let Some(shard) = shard else {
            return Ok(ScanPage::default());
        };
        let ids = lock(shard).keys().filter(|id| pattern.matches_counter(id)).cloned().collect();
        let position = from.position + 1;
        let next = (position < SHARDS as u64).then_some(Cursor { round: 0, position });
        Ok(ScanPage { ids, foreign: Vec::new(), next })
    }

    fn claim(&self, ids: &[CounterId], claim_timeout: Duration) -> Result<Vec<Claimed>, Error> {
        let mut claimed = Vec::with_capacity(ids.len());
        for ids in ids.chunks(CLAIMED_AT_ONCE) {
            claimed.extend(self.claim_together(ids, claim_timeout)?);
        }
        Ok(claimed)
    }

    fn replace(&self, id: &CounterId, replacement: Replacement) -> Result<Claim, Error> {
        let (operation, op) = match replacement {
            Replacement::Set(to) => (Operation::Set, ClaimOp::Set(to)),
            Replacement::Delete => (Operation::Delete, ClaimOp::Delete),
        };
        let mut shard = self.shard(id);
        let seq = self.next_seq(ClaimSeq::ZERO).map_err(|overflow| Error::NotCounted {
            operation,
            counter: id.clone(),
            source: overflow.into(),
        })?;
        let claim = InFlight { seq, op };
        shard.insert(id.clone(), Slot { pending: None, in_flight: Some(claim) });
        Ok(claim.of(id))
    }

    fn verify(&self, claims: &[Claim], _within: Duration) -> Result<Vec<Verdict>, Error> {
        Ok(claims.iter().map(|claim| self.verify_one(claim)).collect())
    }

    fn ack(&self, claims: &[Claim]) -> Result<(), Error> {
        claims.iter().for_each(|claim| self.ack_one(claim));
        Ok(())
    }

    fn repair(&self) -> Option<&dyn Repair> {
        Some(self)
    }

    fn generation(&self) -> Option<&dyn StoreGeneration> {
        None
    }

    fn private(&self) -> Option<&dyn PrivateStore> {
        Some(self)
    }

    fn key_index(&self) -> Option<&dyn KeyIndex> {
        Some(self)
    }

    fn moves(&self) -> Option<&dyn MoveCounts> {
        Some(self)
    }

    fn together(&self) -> Option<&dyn CountTogether> {
        Some(self)
    }

    fn gauges(&self) -> Option<&dyn RecordGauges> {
        Some(self)
    }

    fn inspection(&self) -> Option<&dyn InspectStore> {
        Some(self)
    }
}

impl KeyIndex for MemoryStore {
    fn keys_of(&self, owner: &Owner) -> Result<Vec<CounterKey>, Error> {
        let mut keys = Vec::new();
        for shard in &self.shards {
            let shard = lock(shard);
            let totals = shard.keys().filter(|id| id.period().is_none());
            for id in totals.filter(|id| id.belongs_to(owner)) {
                keys.push(CounterKey::new(id.key().into_owned())?);
            }
        }
        Ok(keys)
    }
}

impl InspectStore for MemoryStore {
    fn inspect(&self) -> Result<StoreFacts, Error> {
        let now = self.clock.now_micros();
        let clock = Fact::Known(ClockReading { before: now, server: now, after: now });
        Ok(StoreFacts { clock, ..StoreFacts::default() })
    }

    /// A look sees everything.
    fn misplaced(&self, _ids: &[CounterId]) -> Result<Vec<Foreign>, Error> {
        Ok(Vec::new())
    }
}

impl Slot {
    fn held(&self, id: &CounterId) -> Holding {
        Holding {
            pending: self.pending.unwrap_or(0),
            claim: self.in_flight.map(|in_flight| in_flight.of(id)),
        }
    }
}

/// A panic while a shard is locked cannot leave it half changed: each change is one assignment.
fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}
