//! What callers were told of their increments while things broke, and what counters may be after that.

use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard};

use counter_core::{CounterId, Error as StoreError};
use counter_diesel::{Counters, Error, Owner};
use fastrand::Rng;

use crate::fixtures::{counter_of, post};
use crate::site::Site;

/// An increment adds up to this, at random: see [`Account`].
const LARGEST: i64 = 1 << 40;

/// How many threads count, at most. Of each counter so many increments may turn out as unknown: one of each
/// thread, which then counts on with another counter.
const WRITERS: usize = 4;

/// How many counters are looked at together.
const PAGE: usize = 1000;

/// The accounts of counters that writers count at random.
pub struct Books {
    accounts: Mutex<Accounts>,
    reads: AtomicU64,
}

/// There are as many as were opened in the beginning, and at most one for each increment of unknown outcome.
struct Accounts {
    /// By number.
    all: Vec<Arc<Account>>,
    /// Those that are counted on.
    open: Vec<Arc<Account>>,
}

/// What is known from outside about one counter, without its sign. It only grows or only shrinks: of one
/// that does both, two mistakes could cancel out.
///
/// With few increments of unknown outcome, and amounts up to [`LARGEST`], whatever is lost or there twice shows
/// in the total: of the 16 totals that may be right none differs from another one by the amount of another
/// increment, but for once in 10 billion times.
#[derive(Default)]
struct Account {
    number: usize,
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
#[derive(Clone, Copy, PartialEq, Eq)]
enum BookedOutcome {
    Counted,
    NotCounted,
    Unknown,
}

type Increment = (Arc<Account>, i64);

impl Books {
    /// Empty ones, in which this many counters are counted on at a time.
    pub fn of(counters: usize) -> Self {
        let all = (0..counters).map(Account::numbered).collect::<Vec<_>>();
        let accounts = Mutex::new(Accounts { open: all.clone(), all });
        Self { accounts, reads: AtomicU64::new(0) }
    }

    /// Makes an increment, or a few of different counters in one call, and notes what becomes of it.
    ///
    /// # Panics
    ///
    /// If it fails in another way than as not counted or unknown.
    pub fn count(&self, counters: &Counters, choices: &mut Rng) {
        let size = if choices.u8(..4) == 0 { choices.usize(2..=20) } else { 1 };
        let accounts = choices.choose_multiple(self.lock().open.iter().cloned(), size);
        let amount = |account| (account, choices.i64(1..=LARGEST));
        let picked = accounts.into_iter().map(amount).collect::<Vec<_>>();
        for (account, by) in &picked {
            account.begun.fetch_add(*by, SeqCst);
        }
        for (outcome, (account, by)) in increment(counters, &picked).into_iter().zip(&picked) {
            account.note(*by, outcome);
            if outcome == BookedOutcome::Unknown {
                self.lock().close(account.number);
            }
        }
    }

    /// Reads some counters. Their values have to be true at some instant of the call, if there are any.
    ///
    /// # Panics
    ///
    /// If one is too low or too high.
    pub fn read(&self, counters: &Counters, choices: &mut Rng) {
        let picked = self.lock().pick_to_read(choices);
        let at_least = picked.iter().map(|account| account.counted.load(SeqCst));
        let at_least = at_least.collect::<Vec<_>>();
        let values = match counters.get_many(picked.iter().map(|account| account.name())) {
            Ok(values) => values,
            Err(Error::Unreachable { .. } | Error::Core(StoreError::Store { .. })) => return,
            Err(error) => panic!("a read failed: {error:?}"),
        };
        for ((account, value), at_least) in picked.iter().zip(values).zip(at_least) {
            let at_most = account.begun.load(SeqCst);
            let (number, value) = (account.number, value * account.sign());
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
    pub fn check(&self, site: &Site) -> Totals {
        let (counters, ledger) = (site.patient_counters(), site.database().ledger());
        let accounts = self.lock();
        let mut totals = Totals { reads: self.reads.load(SeqCst), ..Totals::default() };
        for page in accounts.all.chunks(PAGE) {
            let ids = page.iter().map(|account| account.id()).collect::<Vec<_>>();
            let rows = ledger.baselines(&ids).expect("the database is there");
            let values = counters.get_many(page.iter().map(|account| account.name()));
            for ((account, row), value) in
                page.iter().zip(rows).zip(values.expect("Redis is there"))
            {
                account.check(row.count * account.sign());
                assert_eq!(value, row.count, "something is left in Redis");
                totals.add(account);
            }
        }
        totals
    }

    fn lock(&self) -> MutexGuard<'_, Accounts> {
        self.accounts.lock().expect("nobody panics while holding it")
    }
}

impl Accounts {
    /// Opens another account in the place of this one, unless another thread has done so.
    fn close(&mut self, number: usize) {
        let next = Account::numbered(self.all.len());
        if let Some(place) = self.open.iter_mut().find(|open| open.number == number) {
            self.all.push(Arc::clone(&next));
            *place = next;
        }
    }

    /// However many are closed, half of those that are read are counted on.
    fn pick_to_read(&self, choices: &mut Rng) -> Vec<Arc<Account>> {
        let size = choices.usize(1..=5);
        let pick = |_| {
            let accounts = if choices.bool() { &self.open } else { &self.all };
            choices.choice(accounts).cloned().expect("there are some")
        };
        (0..size).map(pick).collect()
    }
}

impl Account {
    fn numbered(number: usize) -> Arc<Self> {
        Arc::new(Self { number, ..Self::default() })
    }

    fn sign(&self) -> i64 {
        if self.number.is_multiple_of(2) { 1 } else { -1 }
    }

    /// Each post has a counter that grows and one that shrinks.
    fn place(&self) -> (i64, &'static str) {
        let post = i64::try_from(self.number / 2).expect("few posts");
        (post, if self.sign() > 0 { "gains" } else { "losses" })
    }

    fn name(&self) -> (Owner, &'static str) {
        let (number, key) = self.place();
        (post(number), key)
    }

    fn id(&self) -> CounterId {
        let (number, key) = self.place();
        counter_of(&post(number), key)
    }

    fn note(&self, by: i64, outcome: BookedOutcome) {
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

    /// What was counted, and of the unknown each once or not at all.
    fn check(&self, total: i64) {
        let (counted, unknown) = (self.counted.load(SeqCst), self.unknown.lock().unwrap().clone());
        assert!(unknown.len() <= WRITERS, "counter {} says little: {unknown:?}", self.number);
        let with_and_without = |totals: Vec<i64>, by: &i64| {
            totals.into_iter().flat_map(|total| [total, total + by]).collect()
        };
        let possible = unknown.iter().fold(vec![counted], with_and_without);
        assert!(
            possible.contains(&total),
            "counter {} is {total}, counted {counted}, unknown {unknown:?}",
            self.number
        );
    }
}

/// What a test in the end has shown.
#[derive(Debug, Default)]
pub struct Totals {
    counted: i64,
    not_counted: i64,
    unknown: usize,
    accounts: usize,
    /// How many reads were checked.
    pub reads: u64,
}

impl Totals {
    fn add(&mut self, account: &Account) {
        self.counted += account.counted_times.load(SeqCst);
        self.not_counted += account.refused_times.load(SeqCst);
        self.unknown += account.unknown.lock().unwrap().len();
        self.accounts += 1;
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { counted, not_counted, unknown, accounts, reads } = self;
        write!(
            f,
            "{counted} increments of {accounts} counters counted, {not_counted} not, \
             {unknown} unknown; {reads} reads"
        )
    }
}

fn increment(counters: &Counters, picked: &[Increment]) -> Vec<BookedOutcome> {
    if let [(account, by)] = picked {
        let (owner, key) = account.name();
        let outcome = counters.increment(owner, key, by * account.sign());
        return vec![outcome_of(outcome.map_err(store_error))];
    }
    let increments = picked.iter().map(|(account, by)| {
        let (owner, key) = account.name();
        (owner, key, by * account.sign())
    });
    match counters.increment_many(increments) {
        Ok(()) => picked.iter().map(|_| BookedOutcome::Counted).collect(),
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

fn outcome_of(outcome: Result<(), StoreError>) -> BookedOutcome {
    match outcome {
        Ok(()) => BookedOutcome::Counted,
        Err(StoreError::NotCounted { .. }) => BookedOutcome::NotCounted,
        Err(StoreError::OutcomeUnknown { .. }) => BookedOutcome::Unknown,
        Err(error) => panic!("an increment failed: {error:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(counted: i64, unknown: &[i64]) -> Account {
        let account = Account::default();
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
    fn another_account_is_opened_once_in_the_place_of_one_that_is_closed() {
        let books = Books::of(2);
        for number in [0, 0, 2] {
            books.lock().close(number);
        }
        let numbers = |accounts: &[Arc<Account>]| {
            accounts.iter().map(|account| account.number).collect::<Vec<_>>()
        };
        assert_eq!(numbers(&books.lock().open), [3, 1]);
        assert_eq!(numbers(&books.lock().all), [0, 1, 2, 3]);
    }

    fn assert_is_noticed(account: &Account, total: i64) {
        let check = std::panic::catch_unwind(|| account.check(total));
        assert!(check.is_err(), "{total}");
    }
}
