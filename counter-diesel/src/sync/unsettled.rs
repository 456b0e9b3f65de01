use std::collections::HashSet;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use counter_core::{Claim, Claimed, CounterId, Pattern};

use crate::engine::engine::Engine;
use crate::engine::remembered::{Fate, InHand, UnsettledClaims, add_newer, forget};
use crate::error::Error;
use crate::sync::named::Named;

/// How many claims a process remembers from pass to pass. More are found again in the store, as a
/// dead pass's are. A store that only this process has is not bounded by this, because nothing else
/// knows that a claim in it was never applied.
const MOST_REMEMBERED: usize = 100_000;

/// The claims that a pass has taken and not settled yet.
///
/// However the pass ends, by an error and by a panic too, what is left in here is remembered, and
/// the next pass of this process finishes it first. Others would have to wait until the claims look
/// abandoned; and a store in memory may not live that long.
pub(crate) struct Unsettled<'a> {
    pub(crate) engine: &'a Engine,
    claims: Mutex<UnsettledClaims>,
    being_claimed: Mutex<HashSet<CounterId>>,
    /// Counters of which this process may have made a claim without an answer.
    unanswered: Mutex<HashSet<CounterId>>,
    /// The counters of those that the batch at hand leaves to later passes.
    left: Mutex<Vec<CounterId>>,
    /// Counters that another sync had claimed when this pass came to them.
    busy: Mutex<HashSet<CounterId>>,
    /// The names in the store's index of the counters that are claimed.
    named: Named,
    /// The id of the store's data, if it has one, as it was before the next claim.
    store_id: Mutex<Option<Arc<str>>>,
}

/// The claims that earlier passes have left, each in the order of the counters.
#[derive(Debug, Default)]
pub(crate) struct Left {
    /// The claims that the database has not refused by itself.
    pub(crate) untried: Vec<Claim>,
    /// The claims that it refused and that are retried now. They are applied apart from the others,
    /// which would be refused beside them most of the time.
    pub(crate) refused: Vec<Claim>,
    /// The claims that it refused and that are not retried yet.
    pub(crate) waiting: Vec<Claim>,
}

impl<'a> Unsettled<'a> {
    pub(crate) fn none(engine: &'a Engine) -> Self {
        Self {
            engine,
            claims: Mutex::default(),
            being_claimed: Mutex::default(),
            unanswered: Mutex::default(),
            left: Mutex::default(),
            busy: Mutex::default(),
            named: Named::default(),
            store_id: Mutex::default(),
        }
    }

    /// Notes the id of the store that the claims are made in from now on.
    pub(crate) fn note_store(&self, store_id: Arc<str>) {
        self.engine.note_store(Arc::clone(&store_id));
        *lock(&self.store_id) = Some(store_id);
    }

    /// Returns the id of the store that claims are made in now.
    pub(crate) fn store_id(&self) -> Option<Arc<str>> {
        lock(&self.store_id).clone()
    }

    /// Takes over what earlier passes have left. Its counters are not claimed until it is settled.
    pub(crate) fn take_remembered(&self) {
        add_newer(&mut self.claims(), mem::take(&mut *self.engine.remembered()));
        self.claims().values_mut().for_each(|in_hand| in_hand.is_reported = false);
    }

    /// Takes over the counters that match and of which this process may have made a claim without
    /// an answer: this pass claims them however young a claim they have. Returns in their order
    /// those that can be claimed before an older claim of theirs is settled.
    pub(crate) fn take_unanswered(&self, pattern: &Pattern) -> Vec<CounterId> {
        let claims = self.claims();
        let mut unanswered = self.engine.unanswered();
        let mut ids = unanswered.those(|id| pattern.matches_counter(id));
        lock(&self.unanswered).extend(ids.iter().cloned());
        ids.retain(|id| !claims.contains_key(id));
        unanswered.count_pass(&ids);
        ids
    }

    /// Returns what is in hand.
    pub(crate) fn in_hand(&self, leaves_refused: bool) -> Left {
        let now = Instant::now();
        let mut left = Left::default();
        for (id, in_hand) in &*self.claims() {
            let group = if in_hand.refusal.is_none() {
                &mut left.untried
            } else if !leaves_refused || in_hand.is_due(now) {
                &mut left.refused
            } else {
                &mut left.waiting
            };
            group.push(in_hand.claim_of(id));
        }
        let Left { untried, refused, waiting } = &mut left;
        for group in [untried, refused, waiting] {
            group.sort_by(|a, b| a.id.cmp(&b.id));
        }
        left
    }

    /// Notes that the database refused a claim, or too many beside it.
    pub(crate) fn note_refused(&self, claim: &Claim) {
        if let Some(in_hand) = self.claims().get_mut(&claim.id) {
            in_hand.put_off(Instant::now());
        }
    }

    /// Notes that this pass leaves a claim to later ones.
    pub(crate) fn leave(&self, claim: &Claim) {
        self.named.forget(claim);
        self.note_reported(claim);
        self.left().push(claim.id.clone());
    }

    /// Notes that the report names a claim that is left.
    pub(crate) fn note_reported(&self, claim: &Claim) {
        if let Some(in_hand) = self.claims().get_mut(&claim.id) {
            in_hand.is_reported = true;
        }
    }

    /// Returns in their order the counters whose claim is in hand and in no report.
    pub(crate) fn unreported(&self) -> Vec<CounterId> {
        let claims = self.claims();
        let unreported = claims.iter().filter(|(_, in_hand)| !in_hand.is_reported);
        let mut ids = unreported.map(|(id, _)| id.clone()).collect::<Vec<_>>();
        ids.sort();
        ids
    }

    /// Returns in their order the counters that match, that are not in hand, and of which this
    /// process may have made a claim since it last looked for one.
    pub(crate) fn still_unanswered(&self, pattern: &Pattern) -> Vec<CounterId> {
        let claims = self.claims();
        let matches = |id: &CounterId| pattern.matches_counter(id);
        let mut ids = self.engine.unanswered().untried();
        ids.retain(|id| !claims.contains_key(id) && matches(id));
        ids
    }

    /// Takes the counters that another sync had claimed when this pass came to them, in their
    /// order.
    pub(crate) fn take_busy(&self) -> Vec<CounterId> {
        let mut ids = mem::take(&mut *lock(&self.busy)).into_iter().collect::<Vec<_>>();
        ids.sort();
        ids
    }

    /// Forgets claims of the batch that has ended, if more are left than a process remembers.
    /// Before the batch's end, its counters would be claimed again.
    pub(crate) fn forget_surplus(&self) {
        let left = mem::take(&mut *self.left());
        forget(&mut self.claims(), left, self.most_remembered());
    }

    fn most_remembered(&self) -> usize {
        let is_private = self.engine.store().private().is_some();
        if is_private { usize::MAX } else { MOST_REMEMBERED }
    }

    /// Claims counters, but leaves alone those of which a claim is unsettled already.
    ///
    /// Without an answer, claims may have been made nevertheless, and the next passes of this
    /// process look for them.
    pub(crate) fn claim(&self, ids: Vec<CounterId>) -> Result<Vec<Claimed>, Error> {
        let unanswered = lock(&self.unanswered);
        let (own, others) = ids.into_iter().partition(|id| unanswered.contains(id));
        drop(unanswered);
        let mut claimed = self.claim_older_than(others, self.engine.config().claim_timeout)?;
        claimed.extend(self.claim_older_than(own, Duration::ZERO)?);
        Ok(claimed)
    }

    fn claim_older_than(
        &self,
        mut ids: Vec<CounterId>,
        claim_timeout: Duration,
    ) -> Result<Vec<Claimed>, Error> {
        let mut named = self.named.begin_claim(&ids);
        let _being_claimed = self.keep_for_this_call(&mut ids);
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let claimed = self.engine.store().claim(&ids, claim_timeout);
        let claimed = match claimed {
            Ok(claimed) => claimed,
            Err(error) => {
                if !matches!(error, counter_core::Error::StoreWentBack { .. }) {
                    self.engine.unanswered().note(ids);
                }
                return Err(error.into());
            }
        };
        self.named.note_claimed(&mut named, &ids, &claimed);
        let mut claims = self.claims();
        for (id, claimed) in ids.iter().zip(&claimed) {
            match claimed {
                Claimed::Fresh(claim) | Claimed::Expiring(claim) => {
                    self.insert(&mut claims, claim, Fate::Unapplied);
                }
                Claimed::Recovered(claim) => self.insert(&mut claims, claim, Fate::Unknown),
                Claimed::Busy => self.note_busy(id),
                // There may be a claim, although there was no answer.
                Claimed::Unavailable { .. } => self.engine.unanswered().note([id.clone()]),
                Claimed::Nothing | Claimed::Zero | Claimed::Foreign(_) | Claimed::WentBack(_) => {}
            }
        }
        drop(claims);
        Ok(claimed)
    }

    fn note_busy(&self, id: &CounterId) {
        let mut busy = lock(&self.busy);
        if busy.len() < MOST_REMEMBERED {
            busy.insert(id.clone());
        }
    }

    /// Leaves only the counters that have no unsettled claim, and that no other thread of this pass
    /// is claiming: it would find that claim, and take it for one that was left behind.
    fn keep_for_this_call(&self, ids: &mut Vec<CounterId>) -> BeingClaimed<'_> {
        let (claims, mut being_claimed) = (self.claims(), lock(&self.being_claimed));
        ids.retain(|id| !claims.contains_key(id) && being_claimed.insert(id.clone()));
        BeingClaimed { ids: ids.clone(), all: &self.being_claimed }
    }

    /// Remembers this claim as the one to settle, instead of any older one of its counter.
    pub(crate) fn take(&self, claim: &Claim, fate: Fate) {
        self.insert(&mut self.claims(), claim, fate);
    }

    fn insert(&self, claims: &mut UnsettledClaims, claim: &Claim, fate: Fate) {
        let in_hand = InHand::new(claim, fate, self.store_id());
        claims.insert(claim.id.clone(), in_hand);
    }

    /// Returns a claim under the sequence that it has by now.
    pub(crate) fn present(&self, claim: &Claim) -> Claim {
        let claims = self.claims();
        let later = claims.get(&claim.id).filter(|in_hand| in_hand.seq > claim.seq);
        let later = later.filter(|in_hand| in_hand.op == claim.op);
        later.map_or_else(|| claim.clone(), |in_hand| in_hand.claim_of(&claim.id))
    }

    /// Returns the id that the store had when this claim was made or found, if that is known.
    pub(crate) fn store_of(&self, claim: &Claim) -> Option<Arc<str>> {
        let claims = self.claims();
        let in_hand = claims.get(&claim.id).filter(|in_hand| in_hand.seq == claim.seq);
        in_hand.and_then(|in_hand| in_hand.store_id.clone())
    }

    pub(crate) fn fate(&self, claim: &Claim) -> Fate {
        let claims = self.claims();
        let in_hand = claims.get(&claim.id).filter(|in_hand| in_hand.seq == claim.seq);
        in_hand.map_or(Fate::Unknown, |in_hand| in_hand.fate)
    }

    /// Notes that a claim is in the table, and returns whether that is news.
    pub(crate) fn note_applied(&self, claim: &Claim) -> bool {
        let mut claims = self.claims();
        let in_hand = claims.get_mut(&claim.id).filter(|in_hand| in_hand.seq == claim.seq);
        in_hand
            .is_none_or(|in_hand| mem::replace(&mut in_hand.fate, Fate::Applied) != Fate::Applied)
    }

    pub(crate) fn set_fate(&self, claim: &Claim, fate: Fate) {
        let mut claims = self.claims();
        let in_hand = claims.get_mut(&claim.id).filter(|in_hand| in_hand.seq == claim.seq);
        if let Some(in_hand) = in_hand {
            in_hand.fate = fate;
        }
    }

    /// Forgets these claims, which are in the table and acknowledged.
    pub(crate) fn settle_acknowledged(&self, claims: &[Claim]) {
        self.named.note_acknowledged(claims);
        claims.iter().for_each(|claim| self.settle(claim));
    }

    /// Returns what the store's index names of the counters that are claimed.
    pub(crate) const fn named(&self) -> &Named {
        &self.named
    }

    /// Removes from the index what this pass has found to hold nothing any more. What that fails
    /// for stays, and costs the next pass a claim.
    pub(crate) fn remove_named(&self) {
        let done = self.named.take_done();
        if !done.is_empty()
            && let Some(index) = self.engine.store().pending_index()
        {
            let _ = index.remove(&done);
        }
    }

    /// Forgets this claim, which needs nothing more.
    pub(crate) fn settle(&self, claim: &Claim) {
        self.named.forget(claim);
        let mut claims = self.claims();
        if claims.get(&claim.id).is_some_and(|in_hand| in_hand.seq == claim.seq) {
            claims.remove(&claim.id);
        }
    }

    fn left(&self) -> MutexGuard<'_, Vec<CounterId>> {
        lock(&self.left)
    }

    /// A panic while this is locked leaves claims that are settled twice, which is a no-op.
    fn claims(&self) -> MutexGuard<'_, UnsettledClaims> {
        lock(&self.claims)
    }
}

/// Counters that a thread is claiming, until this is dropped.
struct BeingClaimed<'a> {
    ids: Vec<CounterId>,
    all: &'a Mutex<HashSet<CounterId>>,
}

impl Drop for BeingClaimed<'_> {
    fn drop(&mut self) {
        let mut all = lock(self.all);
        self.ids.iter().for_each(|id| {
            all.remove(id);
        });
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Unsettled<'_> {
    fn drop(&mut self) {
        let claims = mem::take(&mut *self.claims());
        let mut remembered = self.engine.remembered();
        add_newer(&mut remembered, claims);
        let most = self.most_remembered();
        if remembered.len() > most {
            let all = remembered.keys().cloned().collect();
            forget(&mut remembered, all, most);
        }
    }
}
