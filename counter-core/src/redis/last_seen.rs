use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::protocol::ClaimSeq;

/// The newest sequence that this process has seen the server give out.
///
/// A server that restarts from an old copy knows less than that, and what the copy holds as pending may
/// have been counted already; so nothing is claimed from it. That holds within one *life* of the data,
/// which begins with the store id that it gets at its first sync: after a FLUSHALL sequences may begin
/// below what was seen before.
#[derive(Debug, Default)]
pub(crate) struct LastSeen {
    state: Mutex<Seen>,
    /// Whether only claims count that others have confirmed. A replica that takes over without another one
    /// has not gone back: nobody has applied that.
    only_confirmed: bool,
}

/// Which life a sequence was seen in, so that a late reply from one life says nothing about the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Life(u64);

/// What was seen up to some instant.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    life: Life,
    store_id: Option<String>,
    newest: ClaimSeq,
}

impl Seen {
    /// The newest sequence seen in the life of this id: none, if the present life is not known to be that.
    pub(crate) fn newest_of(&self, store_id: &str) -> ClaimSeq {
        match &self.store_id {
            Some(seen) if seen != store_id => ClaimSeq::ZERO,
            _ => self.newest,
        }
    }
}

impl LastSeen {
    /// Where claims have to be confirmed.
    pub(crate) fn of_confirmed_claims() -> Self {
        Self { only_confirmed: true, ..Self::default() }
    }

    /// The present life and the newest sequence seen in it.
    pub(crate) fn get(&self) -> (Life, ClaimSeq) {
        let state = self.lock();
        (state.life, state.newest)
    }

    /// What was seen so far. To be compared only with what is asked later: meanwhile others see more.
    pub(crate) fn so_far(&self) -> Seen {
        self.lock().clone()
    }

    /// Notes the high water that was seen in a reply to something that was sent during `life`.
    pub(crate) fn note(&self, life: Life, high_water: ClaimSeq) {
        if !self.only_confirmed {
            self.note_claim(life, high_water);
        }
    }

    /// Notes the sequence of a claim that was made, and confirmed if it has to be.
    pub(crate) fn note_claim(&self, life: Life, seq: ClaimSeq) {
        let mut state = self.lock();
        if state.life == life {
            state.newest = state.newest.max(seq);
        }
    }

    /// Notes which life it is and its high water, as the server told in reply to something that was
    /// sent during `life`.
    ///
    /// An id that is `new` or differs from the one seen before begins another life. The first id that is
    /// seen at all, where the server had it already, is that of the present life.
    pub(crate) fn note_store(&self, life: Life, store_id: &str, new: bool, high_water: ClaimSeq) {
        let high_water = if self.only_confirmed { ClaimSeq::ZERO } else { high_water };
        let mut state = self.lock();
        if state.life != life {
            return;
        }
        let same = match &state.store_id {
            Some(seen) => seen == store_id,
            None => !new,
        };
        if same {
            state.newest = state.newest.max(high_water);
        } else {
            state.newest = high_water;
            state.life = Life(life.0 + 1);
        }
        state.store_id = Some(store_id.to_owned());
    }

    /// A panic while this is locked cannot leave it half changed in a way that matters: nothing in here
    /// panics.
    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn newest(seen: &LastSeen) -> i64 {
        seen.get().1.get()
    }

    fn note_store(seen: &LastSeen, store_id: &str, new: bool, high_water: i64) {
        seen.note_store(seen.get().0, store_id, new, ClaimSeq::new(high_water));
    }

    #[test]
    fn within_a_life_the_newest_sequence_never_falls() {
        let seen = LastSeen::default();
        note_store(&seen, "a", true, 5);
        seen.note(seen.get().0, ClaimSeq::new(9));
        note_store(&seen, "a", false, 7);
        assert_eq!(newest(&seen), 9);
    }

    #[test]
    fn where_claims_are_confirmed_nothing_else_counts() {
        let seen = LastSeen::of_confirmed_claims();
        note_store(&seen, "a", false, 9);
        seen.note(seen.get().0, ClaimSeq::new(9));
        assert_eq!(newest(&seen), 0);
        seen.note_claim(seen.get().0, ClaimSeq::new(5));
        assert_eq!(newest(&seen), 5);
        note_store(&seen, "b", false, 9);
        assert_eq!(newest(&seen), 0);
    }

    #[test]
    fn another_store_id_begins_anew() {
        let seen = LastSeen::default();
        note_store(&seen, "a", false, 9);
        note_store(&seen, "b", false, 3);
        assert_eq!(newest(&seen), 3);
    }

    #[test]
    fn what_was_seen_before_any_id_belongs_to_the_first_unless_that_is_new() {
        let seen = LastSeen::default();
        seen.note(seen.get().0, ClaimSeq::new(9));
        note_store(&seen, "a", false, 3);
        assert_eq!(newest(&seen), 9);

        let seen = LastSeen::default();
        seen.note(seen.get().0, ClaimSeq::new(9));
        note_store(&seen, "a", true, 3);
        assert_eq!(newest(&seen), 3);
    }

    #[test]
    fn a_late_reply_from_an_earlier_life_changes_nothing() {
        let seen = LastSeen::default();
        note_store(&seen, "a", true, 5);
        let (earlier, _) = seen.get();
        note_store(&seen, "b", true, 3);
        seen.note(earlier, ClaimSeq::new(9));
        seen.note_store(earlier, "a", false, ClaimSeq::new(9));
        assert_eq!(newest(&seen), 3);
    }
}
