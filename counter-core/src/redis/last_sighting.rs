use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::protocol::{ClaimSeq, Generation};
use crate::store::Recall;

/// The newest sequence that this process has seen the server give out.
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

/// What this process had seen at some instant.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sighting {
    nth: NthGeneration,
    store_id: Option<String>,
    newest: ClaimSeq,
    /// One that the server has forgotten, until it remembers it or that is accepted. What was seen
    /// since does not take its place.
    forgotten: Option<ClaimSeq>,
    /// The newest sequence of each other store that was here, of which any may come back.
    of_others: HashMap<String, ClaimSeq>,
}

impl Sighting {
    /// Returns the generation with the newest sequence that this process had seen of it.
    pub(crate) fn beside(&self, generation: Generation) -> Generation {
        let newest_seen = match &self.store_id {
            Some(seen) if *seen != generation.store_id => self.newest_of(&generation.store_id),
            _ => self.forgotten.unwrap_or(self.newest),
        };
        Generation { newest_seen, ..generation }
    }

    fn newest_of(&self, other: &str) -> ClaimSeq {
        self.of_others.get(other).copied().unwrap_or_default()
    }
}

impl LastSighting {
    /// Counts only the sequences of confirmed claims as seen.
    pub(crate) fn of_confirmed_claims() -> Self {
        Self { counted: Counted::Confirmed, ..Self::default() }
    }

    /// Returns the present generation and the newest sequence seen in it.
    pub(crate) fn get(&self) -> (NthGeneration, ClaimSeq) {
        let state = self.lock();
        (state.nth, state.newest)
    }

    /// Returns what was seen so far. Compare it only with what is asked later: meanwhile other
    /// threads see more.
    pub(crate) fn so_far(&self) -> Sighting {
        self.lock().clone()
    }

    /// Notes the high water in a reply to something that was sent during the generation `nth`.
    pub(crate) fn note(&self, nth: NthGeneration, high_water: ClaimSeq) {
        if self.counted == Counted::All {
            self.note_claim(nth, high_water);
        }
    }

    /// Notes the sequence of a claim that was made, and confirmed if it has to be.
    pub(crate) fn note_claim(&self, nth: NthGeneration, seq: ClaimSeq) {
        let mut state = self.lock();
        if state.nth == nth {
            state.newest = state.newest.max(seq);
        }
    }

    /// Notes the store's id and its high water, from the reply to something that was sent during
    /// the generation `nth`.
    ///
    /// An id that the store got just now, or that differs from the one seen before, begins another
    /// generation. The first id that is seen at all is that of the present one, if the store had
    /// it before.
    pub(crate) fn note_store(
        &self,
        nth: NthGeneration,
        store_id: &str,
        named: Named,
        high_water: ClaimSeq,
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
            state.newest = state.newest.max(high_water);
        } else {
            let newest = std::mem::take(&mut state.newest);
            if let Some(seen) = state.store_id.take() {
                state.of_others.insert(seen, newest);
            }
            state.newest = high_water.max(state.newest_of(store_id));
            state.forgotten = None;
            state.nth = NthGeneration(nth.0 + 1);
        }
        state.store_id = Some(store_id.to_owned());
    }

    /// Notes which of these sequences the server remembers.
    pub(crate) fn note_recall(&self, asked: &[ClaimSeq], recall: &Recall) {
        let mut state = self.lock();
        if state.store_id != recall.store_id {
            return;
        }
        let forgotten = recall.forgotten.iter().copied().filter(|seq| *seq > recall.accepted);
        let is_settled = |seq: ClaimSeq| asked.contains(&seq);
        state.forgotten = forgotten.max().or(state.forgotten.filter(|seq| !is_settled(*seq)));
    }

    /// A panic while this is locked cannot leave it half changed in a way that matters, because
    /// nothing in here panics.
    fn lock(&self) -> MutexGuard<'_, Sighting> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn newest(seen: &LastSighting) -> i64 {
        seen.get().1.get()
    }

    fn note_store(seen: &LastSighting, store_id: &str, named: Named, high_water: i64) {
        seen.note_store(seen.get().0, store_id, named, ClaimSeq::new(high_water));
    }

    #[test]
    fn within_a_generation_the_newest_sequence_never_falls() {
        let seen = LastSighting::default();
        note_store(&seen, "a", Named::Now, 5);
        seen.note(seen.get().0, ClaimSeq::new(9));
        note_store(&seen, "a", Named::Before, 7);
        assert_eq!(newest(&seen), 9);
    }

    #[test]
    fn where_claims_are_confirmed_nothing_else_counts() {
        let seen = LastSighting::of_confirmed_claims();
        note_store(&seen, "a", Named::Before, 9);
        seen.note(seen.get().0, ClaimSeq::new(9));
        assert_eq!(newest(&seen), 0);
        seen.note_claim(seen.get().0, ClaimSeq::new(5));
        assert_eq!(newest(&seen), 5);
        note_store(&seen, "b", Named::Before, 9);
        assert_eq!(newest(&seen), 0);
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
        assert_eq!(seen.so_far().beside(old("a")).newest_seen, ClaimSeq::new(9));
        note_store(&seen, "a", Named::Before, 5);
        assert_eq!(newest(&seen), 9);
        assert_eq!(seen.so_far().beside(old("b")).newest_seen, ClaimSeq::new(3));
    }

    #[test]
    fn what_was_seen_before_any_id_belongs_to_the_first_unless_that_is_new() {
        let seen = LastSighting::default();
        seen.note(seen.get().0, ClaimSeq::new(9));
        note_store(&seen, "a", Named::Before, 3);
        assert_eq!(newest(&seen), 9);

        let seen = LastSighting::default();
        seen.note(seen.get().0, ClaimSeq::new(9));
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
            seen.so_far().beside(present).newest_seen.get()
        };
        let recall = |accepted: i64, forgotten: &[ClaimSeq]| {
            let (newest, accepted) = (ClaimSeq::new(12), ClaimSeq::new(accepted));
            seen.note_recall(&[nine], &Recall::new(a(), newest, accepted, forgotten.to_vec()));
        };
        recall(0, &[nine]);
        seen.note(seen.get().0, ClaimSeq::new(12));
        assert_eq!(asked_next(), 9);
        seen.note_recall(&[ClaimSeq::new(12)], &Recall::new(a(), nine, ClaimSeq::ZERO, Vec::new()));
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
        let (earlier, _) = seen.get();
        note_store(&seen, "b", Named::Now, 3);
        seen.note(earlier, ClaimSeq::new(9));
        seen.note_store(earlier, "a", Named::Before, ClaimSeq::new(9));
        assert_eq!(newest(&seen), 3);
    }
}
