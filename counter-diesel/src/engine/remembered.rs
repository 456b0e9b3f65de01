//! The claims that a process has taken and not settled yet.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use counter_core::{Claim, ClaimOp, ClaimSeq, CounterId};

/// A counter has one claim at a time.
pub(crate) type UnsettledClaims = HashMap<CounterId, InHand>;

/// Counters for which the store gave no answer when it was asked to make a claim, and in how many
/// more passes they are claimed however young a claim they have: it may be one of this process, and
/// would be taken for another sync's. Two, because the store may still carry out what it gave no
/// answer to.
#[derive(Debug, Default)]
pub(crate) struct Unanswered(HashMap<CounterId, u8>);

impl Unanswered {
    const PASSES: u8 = 2;
    /// More are found again once their claims look left behind.
    const MOST: usize = 100_000;

    pub(crate) fn note(&mut self, ids: impl IntoIterator<Item = CounterId>) {
        for id in ids {
            if self.0.len() < Self::MOST || self.0.contains_key(&id) {
                self.0.insert(id, Self::PASSES);
            }
        }
    }

    /// Returns the counters that are wanted, in their order.
    pub(crate) fn those(&self, are_wanted: impl Fn(&CounterId) -> bool) -> Vec<CounterId> {
        let mut ids = self.0.keys().filter(|id| are_wanted(id)).cloned().collect::<Vec<_>>();
        ids.sort();
        ids
    }

    /// Returns in their order those that no pass has claimed since.
    pub(crate) fn untried(&self) -> Vec<CounterId> {
        let untried = self.0.iter().filter(|(_, passes)| **passes == Self::PASSES);
        let mut ids = untried.map(|(id, _)| id.clone()).collect::<Vec<_>>();
        ids.sort();
        ids
    }

    /// Notes that a pass claims these counters.
    pub(crate) fn count_pass(&mut self, ids: &[CounterId]) {
        for id in ids {
            if let Some(passes) = self.0.get_mut(id) {
                *passes -= 1;
            }
        }
        self.0.retain(|_, passes| *passes > 0);
    }
}

/// The facts about a claim in hand, beside its counter.
#[derive(Debug, Clone)]
pub(crate) struct InHand {
    pub(crate) seq: ClaimSeq,
    pub(crate) op: ClaimOp,
    pub(crate) fate: Fate,
    /// The id that the store had when the claim was made or found, if it has one.
    pub(crate) store_id: Option<Arc<str>>,
    /// Set if the database refused it.
    pub(crate) refusal: Option<Refusal>,
    /// Whether the report of the present pass names it.
    pub(crate) is_reported: bool,
}

/// How often in a row the database refused a claim, and when to retry it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Refusal {
    times: u32,
    retry_at: Instant,
}

/// Whether a claim is in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// No process has tried to commit it.
    Unapplied,
    /// Another process may have committed it.
    Unknown,
    /// It is in the table and was reported; only its acknowledgement is missing.
    Applied,
}

impl Refusal {
    /// The wait after the first refusal, which each further one doubles.
    const FIRST_WAIT: Duration = Duration::from_secs(10);
    const LONGEST_WAIT: Duration = Duration::from_secs(300);

    /// Returns the refusal that follows this one.
    fn after(previous: Option<Self>, now: Instant) -> Self {
        let times = previous.map_or(0, |previous| previous.times).saturating_add(1);
        let doubled = Self::FIRST_WAIT.saturating_mul(2_u32.saturating_pow(times - 1));
        Self { times, retry_at: now + doubled.min(Self::LONGEST_WAIT) }
    }
}

impl InHand {
    pub(crate) const fn new(claim: &Claim, fate: Fate, store_id: Option<Arc<str>>) -> Self {
        Self { seq: claim.seq, op: claim.op, fate, store_id, refusal: None, is_reported: false }
    }

    /// Notes that the database refused the claim, or too many beside it.
    pub(crate) fn put_off(&mut self, now: Instant) {
        self.refusal = Some(Refusal::after(self.refusal, now));
    }

    /// Returns whether the claim may be tried now.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.refusal.is_none_or(|refusal| refusal.retry_at <= now)
    }

    pub(crate) fn claim_of(&self, id: &CounterId) -> Claim {
        Claim { id: id.clone(), seq: self.seq, op: self.op }
    }
}

/// Adds the other claims. Of two claims of one counter the older is settled or superseded.
pub(crate) fn add_newer(claims: &mut UnsettledClaims, others: UnsettledClaims) {
    for (id, other) in others {
        if claims.get(&id).is_none_or(|known| known.seq < other.seq) {
            claims.insert(id, other);
        }
    }
}

/// Forgets claims of these counters as long as there are more than `most`.
pub(crate) fn forget(claims: &mut UnsettledClaims, these: Vec<CounterId>, most: usize) {
    for id in these {
        if claims.len() <= most {
            break;
        }
        claims.remove(&id);
    }
}

/// Returns the sequence of the oldest of them.
#[cfg(feature = "metrics")]
pub(crate) fn oldest(claims: &UnsettledClaims) -> Option<ClaimSeq> {
    claims.values().map(|in_hand| in_hand.seq).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_forgotten_than_there_is_too_much_and_nothing_that_is_not_left() {
        let id = |n| CounterId::new("post", n, "views").unwrap();
        let claim = |n| Claim { id: id(n), seq: ClaimSeq::new(n), op: ClaimOp::Add(1) };
        let in_hand = |n| (id(n), InHand::new(&claim(n), Fate::Unapplied, None));
        let mut claims = (1..=10).map(in_hand).collect::<UnsettledClaims>();
        forget(&mut claims, vec![id(3), id(4)], 10);
        assert_eq!(claims.len(), 10);
        forget(&mut claims, vec![id(3), id(4), id(5)], 8);
        assert_eq!((claims.len(), claims.contains_key(&id(5))), (8, true));
        forget(&mut claims, vec![id(5)], 2);
        assert_eq!(claims.len(), 7);
    }
}
