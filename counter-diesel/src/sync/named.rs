//! The names in the store's index, from when a pass reads them to when they may be removed.

use std::collections::HashMap;
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use counter_core::{Claim, ClaimSeq, Claimed, CounterId, IndexEntry};

type Token = Vec<u8>;

/// The entries of the index that a pass has read, and what it knows of their counters since.
///
/// An entry may be removed if, after it was read, a claim step found nothing pending and no claim,
/// or made a claim that was applied and acknowledged. A claim that was recovered says nothing of
/// what was pending beside it; the claim step that follows it does. The tests' model shows what
/// happens otherwise.
#[derive(Default)]
pub(crate) struct Named(Mutex<State>);

#[derive(Default)]
struct State {
    /// Tokens of counters to claim, for the first time or again.
    read: HashMap<CounterId, Token>,
    /// Tokens of counters with a claim of this pass.
    claimed: HashMap<CounterId, (ClaimSeq, Token)>,
    /// The entries that may be removed.
    done: Vec<IndexEntry>,
}

/// The entries of counters that are being claimed. What is read meanwhile is another entry, of
/// which this claim step says nothing.
pub(crate) struct Claiming(HashMap<CounterId, Token>);

impl Named {
    /// Notes what was read, before it is claimed.
    pub(crate) fn note_read(&self, entries: Vec<IndexEntry>) {
        self.lock().read.extend(entries.into_iter().map(|entry| (entry.id, entry.token)));
    }

    /// Takes out the entries of counters that are claimed next.
    pub(crate) fn begin_claim(&self, ids: &[CounterId]) -> Claiming {
        let read = &mut self.lock().read;
        if read.is_empty() {
            return Claiming(HashMap::new());
        }
        Claiming(ids.iter().filter_map(|id| read.remove_entry(id)).collect())
    }

    /// Notes what became of the claims of these counters.
    pub(crate) fn note_claimed(
        &self,
        claiming: &mut Claiming,
        ids: &[CounterId],
        claimed: &[Claimed],
    ) {
        if claiming.0.is_empty() {
            return;
        }
        let state = &mut *self.lock();
        for (id, claimed) in ids.iter().zip(claimed) {
            if let Some((id, token)) = claiming.0.remove_entry(id) {
                state.note_claimed(id, token, claimed);
            }
        }
    }

    /// Notes that claims were applied and acknowledged.
    pub(crate) fn note_acknowledged(&self, claims: &[Claim]) {
        let state = &mut *self.lock();
        for claim in claims {
            if let Some((id, token)) = state.take_claimed(claim) {
                state.done.push(IndexEntry { id, token });
            }
        }
    }

    /// Forgets the entry of a claim that is left to later passes, or was settled by others.
    pub(crate) fn forget(&self, claim: &Claim) {
        self.lock().take_claimed(claim);
    }

    /// Takes the entries that may be removed now.
    pub(crate) fn take_done(&self) -> Vec<IndexEntry> {
        mem::take(&mut self.lock().done)
    }

    /// A panic while this is locked leaves entries that stay in the index.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn note_claimed(&mut self, id: CounterId, token: Token, claimed: &Claimed) {
        match claimed {
            Claimed::Nothing | Claimed::Zero => self.done.push(IndexEntry { id, token }),
            Claimed::Fresh(claim) | Claimed::Expiring(claim) => {
                self.claimed.insert(id, (claim.seq, token));
            }
            // Unless a newer one was read meanwhile.
            Claimed::Recovered(_) => {
                self.read.entry(id).or_insert(token);
            }
            Claimed::Busy
            | Claimed::Foreign(_)
            | Claimed::Unavailable { .. }
            | Claimed::WentBack(_) => {}
        }
    }

    fn take_claimed(&mut self, claim: &Claim) -> Option<(CounterId, Token)> {
        let (seq, _) = self.claimed.get(&claim.id)?;
        if *seq != claim.seq {
            return None;
        }
        let (id, (_, token)) = self.claimed.remove_entry(&claim.id)?;
        Some((id, token))
    }
}

#[cfg(test)]
mod tests {
    use counter_core::ClaimOp;

    use super::*;

    fn id() -> CounterId {
        CounterId::new("post", 1, "views").unwrap()
    }

    fn entry(token: u8) -> IndexEntry {
        IndexEntry { id: id(), token: vec![token] }
    }

    fn claim(seq: i64) -> Claim {
        Claim { id: id(), seq: ClaimSeq::new(seq), op: ClaimOp::Add(1) }
    }

    /// Claims the counter, with this outcome.
    fn claimed(named: &Named, claimed: &Claimed) {
        let mut claiming = named.begin_claim(&[id()]);
        named.note_claimed(&mut claiming, &[id()], std::slice::from_ref(claimed));
    }

    fn reading(token: u8) -> Named {
        let named = Named::default();
        named.note_read(vec![entry(token)]);
        named
    }

    #[test]
    fn what_holds_nothing_is_done() {
        for nothing in [Claimed::Nothing, Claimed::Zero] {
            let named = reading(1);
            claimed(&named, &nothing);
            assert_eq!(named.take_done(), [entry(1)]);
            assert_eq!(named.take_done(), []);
        }
    }

    #[test]
    fn what_was_claimed_is_done_once_that_claim_is_acknowledged() {
        let named = reading(1);
        claimed(&named, &Claimed::Fresh(claim(7)));
        named.note_acknowledged(&[claim(6)]);
        assert_eq!(named.take_done(), []);
        named.note_acknowledged(&[claim(7)]);
        assert_eq!(named.take_done(), [entry(1)]);
    }

    #[test]
    fn what_was_recovered_is_done_only_by_the_claim_that_follows() {
        let named = reading(1);
        claimed(&named, &Claimed::Recovered(claim(7)));
        named.note_acknowledged(&[claim(7)]);
        assert_eq!(named.take_done(), []);
        claimed(&named, &Claimed::Nothing);
        assert_eq!(named.take_done(), [entry(1)]);
    }

    #[test]
    fn what_is_busy_left_or_settled_by_others_stays() {
        let named = reading(1);
        claimed(&named, &Claimed::Busy);
        claimed(&named, &Claimed::Nothing);
        assert_eq!(named.take_done(), []);
        let named = reading(1);
        claimed(&named, &Claimed::Fresh(claim(7)));
        named.forget(&claim(7));
        named.note_acknowledged(&[claim(7)]);
        assert_eq!(named.take_done(), []);
    }

    #[test]
    fn an_entry_that_is_read_while_its_counter_is_claimed_is_not_done() {
        for outcome in [Claimed::Nothing, Claimed::Fresh(claim(7)), Claimed::Recovered(claim(7))] {
            let named = reading(1);
            let mut claiming = named.begin_claim(&[id()]);
            named.note_read(vec![entry(2)]);
            named.note_claimed(&mut claiming, &[id()], std::slice::from_ref(&outcome));
            named.note_acknowledged(&[claim(7)]);
            assert!(!named.take_done().contains(&entry(2)), "{outcome:?}");
            claimed(&named, &Claimed::Nothing);
            assert_eq!(named.take_done(), [entry(2)]);
        }
    }
}
