use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::names::Slot;
use crate::protocol::{ClaimSeq, Generation};
use crate::store::Recall;

/// The newest sequence that this process has seen the server give out, or in a cluster the newest
/// of each slot.
///
/// A server that restarts from an old copy knows less than that, and its pending counts may have
/// been applied already; so nothing is claimed from it. That holds within one generation of the
/// data, which begins with the store id that the data gets at its first sync: after a FLUSHALL
/// sequences may begin below what was seen before.
#[derive(Debug, Default)]
pub(crate) struct LastSighting {
    state: Mutex<Sighting>,
    counted: Counted,
}

/// Which sequences count as seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Counted {
    #[default]
    All,
    /// Those of confirmed claims. A replica that takes over without other claims has not gone back,
    /// because no sync has applied them.
    Confirmed,
}

/// Numbers the generations that this process has seen, so that a late reply from one generation
/// says nothing about the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct NthGeneration(u64);

/// Whether the store got its id in the reply that names it, or had it before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Named {
    Now,
    Before,
}

/// The sequences that this process had seen at some instant.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sighting {
    nth: NthGeneration,
    store_id: Option<String>,
    newest: Newest,
    /// One that the server has forgotten, until it remembers it or that is accepted. What was seen
    /// since does not take its place.
    forgotten: Newest,
    /// The newest sequences of each other store that was here, of which any may come back.
    of_others: HashMap<String, Newest>,
}

/// A sequence of each slot. Where there is no cluster, there is one slot. A copy of it costs
/// nothing before it differs, because in a cluster there are thousands.
type Newest = Arc<HashMap<Slot, ClaimSeq>>;

impl Sighting {
    /// Returns the generation with the newest sequence that this process had seen of it in a slot.
    pub(crate) fn beside(&self, generation: Generation, slot: Slot) -> Generation {
        let newest_seen = self.newest_in(&generation.store_id, slot);
        Generation { newest_seen, ..generation }
    }

    /// Returns the newest sequence that this process had seen the store with this id give out in a
    /// slot.
    pub(crate) fn newest_in(&self, store_id: &str, slot: Slot) -> ClaimSeq {
        let of_store = match &self.store_id {
            Some(seen) if seen != store_id => self.of_others.get(store_id),
            _ if self.forgotten.contains_key(&slot) => Some(&self.forgotten),
            _ => Some(&self.newest),
        };
        of_store.and_then(|newest| newest.get(&slot)).copied().unwrap_or_default()
    }

    /// Returns the slots of which this process had seen a sequence of the store with this id.
    pub(crate) fn slots_of(&self, store_id: &str) -> Vec<Slot> {
        match &self.store_id {
            Some(seen) if seen != store_id => {
                let newest = self.of_others.get(store_id);
                newest.map(|newest| newest.keys().copied().collect()).unwrap_or_default()
            }
            _ => {
                let forgotten = self.forgotten.keys();
                let only = forgotten.filter(|slot| !self.newest.contains_key(slot));
                self.newest.keys().chain(only).copied().collect()
            }
        }
    }
}

impl LastSighting {
    /// Counts only the sequences of confirmed claims as seen.
    pub(crate) fn of_confirmed_claims() -> Self {
        Self { counted: Counted::Confirmed, ..Self::default() }
    }

    /// Returns the present generation and the newest sequence seen in it in a slot. That is no less
    /// than the floor of the store's id.
    pub(crate) fn get(&self, slot: Slot) -> (NthGeneration, ClaimSeq) {
        let state = self.lock();
        let floor = state.store_id.as_deref().map_or(ClaimSeq::ZERO, floor_of);
        (state.nth, state.newest.get(&slot).copied().unwrap_or_default().max(floor))
    }

    /// Returns the sequence of a slot that the server has forgotten, if it has forgotten one.
    pub(crate) fn forgotten_in(&self, slot: Slot) -> Option<ClaimSeq> {
        self.lock().forgotten.get(&slot).copied()
    }

    /// Returns what was seen so far. Compare it only with what is asked later: meanwhile other
    /// threads see more.
    pub(crate) fn so_far(&self) -> Sighting {
        self.lock().clone()
    }

    /// Notes the high water in a reply to something that was sent during the generation `nth`.
    pub(crate) fn note(&self, nth: NthGeneration, slot: Slot, high_water: ClaimSeq) {
        if self.counted == Counted::All {
            self.note_claim(nth, slot, high_water);
        }
    }

    /// Notes the sequence of a claim that was made, and confirmed if it has to be.
    pub(crate) fn note_claim(&self, nth: NthGeneration, slot: Slot, seq: ClaimSeq) {
        let mut state = self.lock();
        if state.nth == nth {
            raise(&mut state.newest, slot, seq);
        }
    }

    /// Notes the store's id and the high water of a slot, from the reply to something that was sent
    /// during the generation `nth`.
    ///
    /// An id that the store got just now, or that differs from the one seen before, begins another
    /// generation. The first id that is seen at all is that of the present one, if the store had
    /// it before.
    pub(crate) fn note_store(
        &self,
        nth: NthGeneration,
        store_id: &str,
        named: Named,
        (slot, high_water): (Slot, ClaimSeq),
    ) {
        let high_water = match self.counted {
            Counted::All => high_water,
            Counted::Confirmed => ClaimSeq::ZERO,
        };
        let mut state = self.lock();
        if state.nth != nth {
            return;
        }
        let is_present = match &state.store_id {
            Some(seen) => seen == store_id,
            None => named == Named::Before,
        };
        if is_present {
            raise(&mut state.newest, slot, high_water);
        } else {
            let newest = std::mem::take(&mut state.newest);
            if let Some(seen) = state.store_id.take() {
                state.of_others.insert(seen, newest);
            }
            state.newest = state.of_others.get(store_id).cloned().unwrap_or_default();
            raise(&mut state.newest, slot, high_water);
            state.forgotten = Newest::default();
            state.nth = NthGeneration(nth.0 + 1);
        }
        state.store_id = Some(store_id.to_owned());
    }

    /// Notes that an operator has accepted what the server has forgotten of a slot.
    pub(crate) fn note_accepted(&self, nth: NthGeneration, slot: Slot) {
        let mut state = self.lock();
        if state.nth == nth {
            forget(&mut state.forgotten, slot);
        }
    }

    /// Notes which of these sequences of a slot the server remembers.
    pub(crate) fn note_recall(&self, slot: Slot, asked: &[ClaimSeq], recall: &Recall) {
        let mut state = self.lock();
        if state.store_id != recall.store_id {
            return;
        }
        let forgotten = recall.forgotten.iter().copied().filter(|seq| *seq > recall.accepted);
        let is_settled = |seq: &ClaimSeq| asked.contains(seq) || *seq <= recall.accepted;
        let before = state.forgotten.get(&slot).copied().filter(|seq| !is_settled(seq));
        match forgotten.max().or(before) {
            Some(seq) => {
                Arc::make_mut(&mut state.forgotten).insert(slot, seq);
            }
            None => forget(&mut state.forgotten, slot),
        }
    }

    /// A panic while this is locked cannot leave it half changed in a way that matters, because
    /// nothing in here panics.
    fn lock(&self) -> MutexGuard<'_, Sighting> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The separator between the floor of an id and the rest of it.
const FLOOR: char = '-';

/// Returns an id that names a sequence which each slot of a cluster gives out before it, and no
/// high water is below from now on. A slot that goes back to before that is found though nothing
/// else is known of it under this id.
pub(crate) fn id_above(floor: ClaimSeq, id: &str) -> String {
    format!("{floor}{FLOOR}{id}")
}

/// Returns what each slot has given out before the store got this id, or 0.
pub(crate) fn floor_of(store_id: &str) -> ClaimSeq {
    let floor = store_id.split_once(FLOOR).and_then(|(floor, _)| floor.parse().ok());
    ClaimSeq::new(floor.unwrap_or_default())
}

fn raise(newest: &mut Newest, slot: Slot, seq: ClaimSeq) {
    if seq > newest.get(&slot).copied().unwrap_or_default() {
        Arc::make_mut(newest).insert(slot, seq);
    }
}

fn forget(forgotten: &mut Newest, slot: Slot) {
    if forgotten.contains_key(&slot) {
        Arc::make_mut(forgotten).remove(&slot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLOT: Slot = 0;

    fn newest(seen: &LastSighting) -> i64 {
        seen.get(SLOT).1.get()
    }

    fn note_store(seen: &LastSighting, store_id: &str, named: Named, high_water: i64) {
        seen.note_store(seen.get(SLOT).0, store_id, named, (SLOT, ClaimSeq::new(high_water)));
    }

    #[test]
    fn within_a_generation_the_newest_sequence_never_falls() {
        let seen = LastSighting::default();
        note_store(&seen, "a", Named::Now, 5);
        seen.note(seen.get(SLOT).0, SLOT, ClaimSeq::new(9));
        note_store(&seen, "a", Named::Before, 7);
        assert_eq!(newest(&seen), 9);
    }

    #[test]
    fn where_claims_are_confirmed_nothing_else_counts() {
        let seen = LastSighting::of_confirmed_claims();
        note_store(&seen, "a", Named::Before, 9);
        seen.note(seen.get(SLOT).0, SLOT, ClaimSeq::new(9));
        assert_eq!(newest(&seen), 0);
        seen.note_claim(seen.get(SLOT).0, SLOT, ClaimSeq::new(5));
        assert_eq!(newest(&seen), 5);
        note_store(&seen, "b", Named::Before, 9);
        assert_eq!(newest(&seen), 0);
    }

    #[test]
    fn each_slot_has_a_newest_sequence_of_its_own() {
        let seen = LastSighting::default();
        note_store(&seen, "a", Named::Before, 9);
        seen.note(seen.get(SLOT).0, 7, ClaimSeq::new(5));
        assert_eq!((newest(&seen), seen.get(7).1.get(), seen.get(8).1.get()), (9, 5, 0));
        let forgot = Recall::new(
            Some("a".to_owned()),
            ClaimSeq::new(3),
            ClaimSeq::ZERO,
            vec![ClaimSeq::new(5)],
        );
        seen.note_recall(7, &[ClaimSeq::new(5)], &forgot);
        assert_eq!(
            [SLOT, 7].map(|slot| seen.forgotten_in(slot).map(ClaimSeq::get)),
            [None, Some(5)]
        );
        let mut slots = seen.so_far().slots_of("a");
        slots.sort_unstable();
        assert_eq!(slots, [SLOT, 7]);
        assert_eq!(seen.so_far().slots_of("b"), []);
    }

    #[test]
    fn a_slot_of_which_nothing_was_seen_but_that_it_forgot_is_asked_again() {
        let seen = LastSighting::of_confirmed_claims();
        note_store(&seen, "a", Named::Before, 9);
        let recall = |accepted: i64| {
            let (high_water, accepted) = (ClaimSeq::new(12), ClaimSeq::new(accepted));
            let forgotten = vec![ClaimSeq::new(5)];
            seen.note_recall(
                7,
                &[ClaimSeq::new(5)],
                &Recall::new(Some("a".to_owned()), high_water, accepted, forgotten),
            );
        };
        recall(0);
        assert_eq!(seen.so_far().slots_of("a"), [7]);
        assert_eq!(seen.so_far().newest_in("a", 7), ClaimSeq::new(5));
        recall(12);
        assert_eq!(seen.forgotten_in(7), None);
    }

    #[test]
    fn no_slot_is_below_the_floor_of_the_id() {
        let id = id_above(ClaimSeq::new(17), "0a1b");
        assert_eq!((floor_of(&id).get(), floor_of("0a1b").get()), (17, 0));
        let seen = LastSighting::default();
        note_store(&seen, &id, Named::Before, 20);
        assert_eq!([SLOT, 7].map(|slot| seen.get(slot).1.get()), [20, 17]);
    }

    #[test]
    fn another_store_id_begins_anew() {
        let seen = LastSighting::default();
        note_store(&seen, "a", Named::Before, 9);
        note_store(&seen, "b", Named::Before, 3);
        assert_eq!(newest(&seen), 3);
    }

    #[test]
    fn a_store_that_was_here_before_is_known_by_its_id() {
        let seen = LastSighting::default();
        note_store(&seen, "a", Named::Before, 9);
        note_store(&seen, "b", Named::Before, 3);
        let old = |id: &str| Generation::new(id.to_owned(), "ours".to_owned(), ClaimSeq::new(5));
        assert_eq!(seen.so_far().beside(old("a"), SLOT).newest_seen, ClaimSeq::new(9));
        note_store(&seen, "a", Named::Before, 5);
        assert_eq!(newest(&seen), 9);
        assert_eq!(seen.so_far().beside(old("b"), SLOT).newest_seen, ClaimSeq::new(3));
    }

    #[test]
    fn what_was_seen_before_any_id_belongs_to_the_first_unless_that_is_new() {
        let seen = LastSighting::default();
        seen.note(seen.get(SLOT).0, SLOT, ClaimSeq::new(9));
        note_store(&seen, "a", Named::Before, 3);
        assert_eq!(newest(&seen), 9);

        let seen = LastSighting::default();
        seen.note(seen.get(SLOT).0, SLOT, ClaimSeq::new(9));
        note_store(&seen, "a", Named::Now, 3);
        assert_eq!(newest(&seen), 3);
    }

    #[test]
    fn what_the_server_forgot_is_asked_for_until_it_is_remembered_or_accepted() {
        let seen = LastSighting::default();
        note_store(&seen, "a", Named::Before, 9);
        let (nine, a) = (ClaimSeq::new(9), || Some("a".to_owned()));
        let asked_next = || {
            let present = Generation::new("a".to_owned(), "ours".to_owned(), ClaimSeq::new(12));
            seen.so_far().beside(present, SLOT).newest_seen.get()
        };
        let recall = |accepted: i64, forgotten: &[ClaimSeq]| {
            let (newest, accepted) = (ClaimSeq::new(12), ClaimSeq::new(accepted));
            seen.note_recall(
                SLOT,
                &[nine],
                &Recall::new(a(), newest, accepted, forgotten.to_vec()),
            );
        };
        recall(0, &[nine]);
        seen.note(seen.get(SLOT).0, SLOT, ClaimSeq::new(12));
        assert_eq!(asked_next(), 9);
        seen.note_recall(
            SLOT,
            &[ClaimSeq::new(12)],
            &Recall::new(a(), nine, ClaimSeq::ZERO, Vec::new()),
        );
        assert_eq!(asked_next(), 9, "it was not asked for");
        recall(9, &[nine]);
        assert_eq!(asked_next(), 12);
        recall(0, &[nine]);
        recall(0, &[]);
        assert_eq!(asked_next(), 12);
    }

    #[test]
    fn a_late_reply_from_an_earlier_generation_changes_nothing() {
        let seen = LastSighting::default();
        note_store(&seen, "a", Named::Now, 5);
        let (earlier, _) = seen.get(SLOT);
        note_store(&seen, "b", Named::Now, 3);
        seen.note(earlier, SLOT, ClaimSeq::new(9));
        seen.note_store(earlier, "a", Named::Before, (SLOT, ClaimSeq::new(9)));
        assert_eq!(newest(&seen), 3);
    }
}
