//! What is known from outside about one counter.

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use counter_core::CounterId;
use counter_diesel::Owner;

use crate::fixtures::{counter_of, post};

/// An increment adds up to this, at random: see [`Account`].
pub(super) const LARGEST: i64 = 1 << 40;

/// How many threads count, at most. Of each counter so many increments may turn out as unknown: one
/// of each thread, which then counts on with another counter.
const WRITERS: usize = 4;

/// What is known from outside about one counter, without its sign. It only grows or only shrinks:
/// of one that does both, two mistakes could cancel out.
///
/// With few increments of unknown outcome, and amounts up to [`LARGEST`], whatever is lost or there
/// twice shows in the total: of the 16 totals that may be right none differs from another one by
/// the amount of another increment, but for once in 10 billion times.
#[derive(Default)]
pub(super) struct Account {
    pub(super) number: usize,
    /// The sum of all increments that have begun and that did not turn out as not counted.
    pub(super) begun: AtomicI64,
    /// The sum of those that were counted.
    pub(super) counted: AtomicI64,
    /// Each of those whose outcome is unknown.
    pub(super) unknown: Mutex<Vec<i64>>,
    pub(super) counted_times: AtomicI64,
    pub(super) refused_times: AtomicI64,
    bounds: Bounds,
}

/// By how much a counter may be wrong, after servers came back from old copies.
#[derive(Default)]
struct Bounds {
    /// What servers may have lost of it.
    lack: AtomicI64,
    /// What may be counted twice, because an operator decided to apply an old copy.
    excess: AtomicI64,
}

/// What became of an increment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum BookedOutcome {
    Counted,
    NotCounted,
    Unknown,
}

impl Account {
    pub(super) fn numbered(number: usize) -> Arc<Self> {
        Arc::new(Self { number, ..Self::default() })
    }

    pub(super) fn sign(&self) -> i64 {
        if self.number.is_multiple_of(2) { 1 } else { -1 }
    }

    /// Each post has a counter that grows and one that shrinks.
    pub(super) fn place(&self) -> (i64, &'static str) {
        let post = i64::try_from(self.number / 2).expect("few posts");
        (post, if self.sign() > 0 { "gains" } else { "losses" })
    }

    pub(super) fn name(&self) -> (Owner, &'static str) {
        let (number, key) = self.place();
        (post(number), key)
    }

    pub(super) fn id(&self) -> CounterId {
        let (number, key) = self.place();
        counter_of(&post(number), key)
    }

    pub(super) fn note(&self, by: i64, outcome: BookedOutcome) {
        match outcome {
            BookedOutcome::Counted => {
                self.counted.fetch_add(by, SeqCst);
                self.counted_times.fetch_add(1, SeqCst);
            }
            BookedOutcome::NotCounted => {
                self.begun.fetch_sub(by, SeqCst);
                self.refused_times.fetch_add(1, SeqCst);
            }
            BookedOutcome::Unknown => self.unknown.lock().unwrap().push(by),
        }
    }

    /// Notes that so much of it may have been lost.
    pub(super) fn may_lack(&self, amount: i64) {
        self.bounds.lack.fetch_add(amount.abs(), SeqCst);
    }

    /// Notes that so much of it may be there twice.
    pub(super) fn may_exceed(&self, amount: i64) {
        self.bounds.excess.fetch_add(amount.abs(), SeqCst);
    }

    /// The lowest and the highest value that a read may return, if this much was counted before it.
    pub(super) fn within(&self, counted: i64) -> RangeInclusive<i64> {
        let Bounds { lack, excess } = &self.bounds;
        counted - lack.load(SeqCst)..=self.begun.load(SeqCst) + excess.load(SeqCst)
    }

    /// What was counted, and of the unknown each once or not at all; up to what may be lost or
    /// there twice. Returns by how much it differs from the nearest of these that explains it.
    pub(super) fn check(&self, total: i64) -> i64 {
        let (counted, unknown) = (self.counted.load(SeqCst), self.unknown.lock().unwrap().clone());
        assert!(unknown.len() <= WRITERS, "counter {} says little: {unknown:?}", self.number);
        let with_and_without = |totals: Vec<i64>, by: &i64| {
            totals.into_iter().flat_map(|total| [total, total + by]).collect()
        };
        let possible = unknown.iter().fold(vec![counted], with_and_without);
        let Bounds { lack, excess } = &self.bounds;
        let (lack, excess) = (lack.load(SeqCst), excess.load(SeqCst));
        let errors = possible.into_iter().map(|possible| total - possible);
        let allowed = errors.filter(|error| (-lack..=excess).contains(error));
        let Some(error) = allowed.min_by_key(|error| error.abs()) else {
            let number = self.number;
            panic!(
                "counter {number} is {total}, counted {counted}, unknown {unknown:?}, \
                 may lack {lack}, exceed {excess}"
            );
        };
        error
    }
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;

    use super::*;

    fn account(counted: i64, unknown: &[i64]) -> Account {
        let account = Account::default();
        account.begun.store(counted + unknown.iter().sum::<i64>(), SeqCst);
        account.note(counted, BookedOutcome::Counted);
        unknown.iter().for_each(|by| account.note(*by, BookedOutcome::Unknown));
        account
    }

    #[test]
    fn each_unknown_increment_may_be_there_once() {
        for total in [10, 15, 17, 22] {
            account(10, &[5, 7]).check(total);
        }
    }

    #[test]
    fn what_may_be_lost_explains_a_total_though_another_one_is_nearer() {
        let account = account(10, &[5]);
        account.may_lack(3);
        assert_eq!(account.check(12), -3);
        assert_is_noticed(&account, 16);
    }

    #[test]
    fn nothing_else_may_be_there() {
        for total in [-10, 0, 9, 11, 20, 24, 27] {
            assert_is_noticed(&account(10, &[5, 7]), total);
        }
    }

    #[test]
    fn what_is_lost_or_there_twice_is_not_hidden_by_what_is_unknown() {
        let mut choices = Rng::with_seed(1);
        let mut amount = || choices.i64(1..=LARGEST);
        let (counted, wrong, unknown) =
            (amount(), amount(), [amount(), amount(), amount(), amount()]);
        let account = account(counted, &unknown);
        for of_unknown in [0, unknown[0], unknown[1] + unknown[3], unknown.iter().sum()] {
            account.check(counted + of_unknown);
            assert_is_noticed(&account, counted + of_unknown - wrong);
            assert_is_noticed(&account, counted + of_unknown + wrong);
        }
    }

    #[test]
    fn a_counter_of_which_little_is_known_is_noticed() {
        assert_is_noticed(&account(10, &[1, 2, 4, 8, 16]), 10);
    }

    #[test]
    fn what_may_be_lost_or_there_twice_is_a_bound() {
        let account = account(10, &[5]);
        account.may_lack(2);
        account.may_exceed(1);
        for (total, error) in [(8, -2), (10, 0), (11, 1), (13, -2), (15, 0), (16, 1)] {
            assert_eq!(account.check(total), error);
        }
        for total in [7, 12, 17] {
            assert_is_noticed(&account, total);
        }
        assert_eq!(account.within(10), 8..=16);
    }

    fn assert_is_noticed(account: &Account, total: i64) {
        let check = std::panic::catch_unwind(|| account.check(total));
        assert!(check.is_err(), "{total}");
    }
}
