//! What callers were told of their increments while things broke, and what counters may be after that.

use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::SeqCst};

use counter_core::Error as StoreError;
use counter_diesel::{Counters, Error, Owner};
use fastrand::Rng;

/// An increment adds up to this, so that one that is lost is hardly ever made up for by one that is counted
/// twice.
const LARGEST: i64 = 100;

/// The accounts of counters that writers count at random.
///
/// Each post has one counter that only grows and one that only shrinks: of one that does both, two mistakes
/// could cancel out.
pub struct Books {
    accounts: Vec<Account>,
    reads: AtomicU64,
}

/// What is known from outside about one counter, without its sign.
#[derive(Default)]
struct Account {
    /// The sum of all increments that have begun and that did not turn out as not counted.
    begun: AtomicI64,
    /// The sum of those that were counted.
    counted: AtomicI64,
    /// Each of those of which nobody knows.
    unknown: Mutex<Vec<i64>>,
    counted_times: AtomicI64,
    refused_times: AtomicI64,
}

/// What became of an increment.
enum Outcome {
    Counted,
    NotCounted,
    Unknown,
}

impl Books {
    /// Empty ones.
    pub fn of(posts: usize) -> Self {
        let accounts = (0..2 * posts).map(|_| Account::default()).collect();
        Self { accounts, reads: AtomicU64::new(0) }
    }

    /// Makes an increment, or a few in one call, and notes what becomes of it.
    ///
    /// # Panics
    ///
    /// If it fails in another way than as not counted or unknown.
    pub fn count(&self, counters: &Counters, choices: &mut Rng) {
        let size = if choices.u8(..4) == 0 { choices.usize(2..=20) } else { 1 };
        let pick = |_| (choices.usize(..self.accounts.len()), choices.i64(1..=LARGEST));
        let picked = (0..size).map(pick).collect::<Vec<_>>();
        for &(number, by) in &picked {
            self.accounts[number].begun.fetch_add(by, SeqCst);
        }
        for (outcome, &(number, by)) in increment(counters, &picked).into_iter().zip(&picked) {
            self.accounts[number].note(by, outcome);
        }
    }

    /// Reads some counters. Their values have to be true at some instant of the call, if there are any.
    ///
    /// # Panics
    ///
    /// If one is too low or too high.
    pub fn read(&self, counters: &Counters, choices: &mut Rng) {
        let picked = (0..choices.usize(1..=5)).map(|_| choices.usize(..self.accounts.len()));
        let picked = picked.collect::<Vec<_>>();
        let account = |number: &usize| &self.accounts[*number];
        let at_least = picked.iter().map(|number| account(number).counted.load(SeqCst));
        let at_least = at_least.collect::<Vec<_>>();
        let values = match counters.get_many(picked.iter().map(|&number| name(number))) {
            Ok(values) => values,
            Err(Error::Unreachable { .. } | Error::Core(StoreError::Store { .. })) => return,
            Err(error) => panic!("a read failed: {error:?}"),
        };
        for ((number, value), at_least) in picked.iter().zip(values).zip(at_least) {
            let at_most = account(number).begun.load(SeqCst);
            let value = value * sign(*number);
            assert!(
                (at_least..=at_most).contains(&value),
                "read {value} of counter {number}, true {at_least}..={at_most}"
            );
        }
        self.reads.fetch_add(1, SeqCst);
    }

    /// Compares the table with what was said, once everything is in it.
    ///
    /// # Panics
    ///
    /// If a counter lacks an increment that was counted, or has any of them twice.
    pub fn check(&self, counters: &Counters) -> Totals {
        let mut totals = Totals { reads: self.reads.load(SeqCst), ..Totals::default() };
        for (number, account) in self.accounts.iter().enumerate() {
            let (owner, key) = name(number);
            let total = counters.baseline(&owner, key).expect("the database is there");
            assert_eq!(counters.get(&owner, key).expect("Redis is there"), total);
            account.check(number, total * sign(number));
            totals.add(account, total * sign(number));
        }
        let (least, most) = (totals.sum_counted, totals.sum_counted + totals.sum_unknown);
        assert!((least..=most).contains(&totals.sum_in_table), "{totals:?}");
        totals
    }
}

impl Account {
    fn note(&self, by: i64, outcome: Outcome) {
        match outcome {
            Outcome::Counted => {
                self.counted.fetch_add(by, SeqCst);
                self.counted_times.fetch_add(1, SeqCst);
            }
            Outcome::NotCounted => {
                self.begun.fetch_sub(by, SeqCst);
                self.refused_times.fetch_add(1, SeqCst);
            }
            Outcome::Unknown => self.unknown.lock().unwrap().push(by),
        }
    }

    /// What was counted, and of the unknown each once or not at all.
    fn check(&self, number: usize, total: i64) {
        let (counted, unknown) = (self.counted.load(SeqCst), self.unknown.lock().unwrap());
        let rest = usize::try_from(total - counted);
        let is_right = rest.is_ok_and(|rest| sums(&unknown).get(rest) == Some(&true));
        assert!(is_right, "counter {number} is {total}, counted {counted}, unknown {unknown:?}");
    }
}

/// Of each number whether it is the sum of some of these.
fn sums(parts: &[i64]) -> Vec<bool> {
    let mut sums = vec![true];
    for part in parts {
        let with_it = sums.len() + *part as usize;
        let without_it = sums.clone();
        sums.resize(with_it, false);
        for (sum, is_one) in without_it.into_iter().enumerate() {
            sums[sum + *part as usize] |= is_one;
        }
    }
    sums
}

/// What a test in the end has shown.
#[derive(Debug, Default)]
pub struct Totals {
    counted: i64,
    not_counted: i64,
    unknown: usize,
    reads: u64,
    sum_counted: i64,
    sum_unknown: i64,
    sum_in_table: i64,
}

impl Totals {
    fn add(&mut self, account: &Account, total: i64) {
        let unknown = account.unknown.lock().unwrap();
        self.counted += account.counted_times.load(SeqCst);
        self.not_counted += account.refused_times.load(SeqCst);
        self.unknown += unknown.len();
        self.sum_counted += account.counted.load(SeqCst);
        self.sum_unknown += unknown.iter().sum::<i64>();
        self.sum_in_table += total;
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { counted, not_counted, unknown, reads, .. } = self;
        write!(
            f,
            "{counted} increments counted, {not_counted} not, {unknown} unknown; {reads} reads"
        )
    }
}

fn increment(counters: &Counters, picked: &[(usize, i64)]) -> Vec<Outcome> {
    if let [(number, by)] = *picked {
        let (owner, key) = name(number);
        let outcome = counters.increment(owner, key, by * sign(number));
        return vec![outcome_of(outcome.map_err(store_error))];
    }
    let increments = picked.iter().map(|&(number, by)| {
        let (owner, key) = name(number);
        (owner, key, by * sign(number))
    });
    match counters.increment_many(increments) {
        Ok(()) => picked.iter().map(|_| Outcome::Counted).collect(),
        Err(Error::Increments { outcomes }) => outcomes.into_iter().map(outcome_of).collect(),
        Err(error) => panic!("increments failed: {error:?}"),
    }
}

fn store_error(error: Error) -> StoreError {
    match error {
        Error::Core(error) => error,
        error => panic!("an increment failed: {error:?}"),
    }
}

fn outcome_of(outcome: Result<(), StoreError>) -> Outcome {
    match outcome {
        Ok(()) => Outcome::Counted,
        Err(StoreError::NotCounted { .. }) => Outcome::NotCounted,
        Err(StoreError::OutcomeUnknown { .. }) => Outcome::Unknown,
        Err(error) => panic!("an increment failed: {error:?}"),
    }
}

fn name(number: usize) -> (Owner, &'static str) {
    let post = i64::try_from(number / 2).expect("few posts");
    let owner = Owner::new("post", post).expect("a valid owner");
    (owner, if sign(number) > 0 { "gains" } else { "losses" })
}

fn sign(number: usize) -> i64 {
    if number.is_multiple_of(2) { 1 } else { -1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(counted: i64, unknown: &[i64]) -> Account {
        let account = Account::default();
        account.note(counted, Outcome::Counted);
        unknown.iter().for_each(|by| account.note(*by, Outcome::Unknown));
        account
    }

    #[test]
    fn each_unknown_increment_may_be_there_once() {
        for total in [10, 15, 17, 22] {
            account(10, &[5, 7]).check(0, total);
        }
    }

    #[test]
    fn nothing_else_may_be_there() {
        for total in [-10, 0, 9, 11, 20, 24, 27] {
            let check = std::panic::catch_unwind(|| account(10, &[5, 7]).check(0, total));
            assert!(check.is_err(), "{total}");
        }
    }
}
