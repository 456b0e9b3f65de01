//! The outcomes that callers got for their increments while things broke, and what counters may be
//! after that.

mod account;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard};

use counter_core::{CounterId, Error as StoreError};
use counter_diesel::{Counters, Error};
use fastrand::Rng;

use self::account::{Account, BookedOutcome, LARGEST};
use crate::site::Site;

/// How many counters are looked at together.
const PAGE: usize = 1000;

/// The accounts of counters that writers count at random.
pub struct Books {
    accounts: Mutex<Accounts>,
    reads: AtomicU64,
    meets_old_copies: AtomicBool,
}

/// There are as many as were opened in the beginning, and at most one for each increment of unknown
/// outcome.
struct Accounts {
    /// By number.
    all: Vec<Arc<Account>>,
    /// The counters that are still counted on.
    open: Vec<Arc<Account>>,
}

type Increment = (Arc<Account>, i64);

impl Books {
    /// Empty ones, in which this many counters are counted on at a time.
    pub fn of(counters: usize) -> Self {
        let all = (0..counters).map(Account::numbered).collect::<Vec<_>>();
        let accounts = Mutex::new(Accounts { open: all.clone(), all });
        Self { accounts, reads: AtomicU64::new(0), meets_old_copies: AtomicBool::new(false) }
    }

    /// Makes an increment, or a few of different counters in one call, and notes what becomes of
    /// it.
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

    /// Reads some counters. Their values have to be true at some instant of the call, if there are
    /// any.
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
            Err(error) if self.meets_old_copies.load(SeqCst) && is_of_old_copy(&error) => return,
            Err(error) => panic!("a read failed: {error:?}"),
        };
        for ((account, value), at_least) in picked.iter().zip(values).zip(at_least) {
            let (number, value) = (account.number, value * account.sign());
            let truth = account.within(at_least);
            assert!(truth.contains(&value), "read {value} of counter {number}, true {truth:?}");
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
                let error = account.check(row.count * account.sign());
                assert_eq!(value, row.count, "something is left in Redis");
                totals.add(account, error);
            }
        }
        totals
    }

    /// From now on servers come back from old copies: reads may fail because of that.
    pub fn expect_old_copies(&self) {
        self.meets_old_copies.store(true, SeqCst);
    }

    /// Notes what servers may have lost of these counters.
    pub fn may_lack(&self, amounts: &[(CounterId, i64)]) {
        self.note(amounts, Account::may_lack);
    }

    /// Notes what may be there twice of these counters.
    pub fn may_exceed(&self, amounts: &[(CounterId, i64)]) {
        self.note(amounts, Account::may_exceed);
    }

    /// Returns all counters that there are by now.
    pub fn ids(&self) -> Vec<CounterId> {
        self.lock().all.iter().map(|account| account.id()).collect()
    }

    fn note(&self, amounts: &[(CounterId, i64)], note: impl Fn(&Account, i64)) {
        let accounts = self.lock();
        for (id, amount) in amounts {
            let account = accounts.all.iter().find(|account| account.id() == *id);
            note(account.expect("all counters have accounts"), *amount);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Accounts> {
        self.accounts.lock().expect("no thread panics while holding it")
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

/// What a test has shown at its end.
#[derive(Debug, Default)]
pub struct Totals {
    counted: i64,
    not_counted: i64,
    unknown: usize,
    accounts: usize,
    /// How many reads were checked.
    pub reads: u64,
    /// The sum of what is missing.
    pub lost: i128,
    /// The sum of what is there twice.
    pub doubled: i128,
}

impl Totals {
    fn add(&mut self, account: &Account, error: i64) {
        self.lost += i128::from(error.min(0).abs());
        self.doubled += i128::from(error.max(0));
        self.counted += account.counted_times.load(SeqCst);
        self.not_counted += account.refused_times.load(SeqCst);
        self.unknown += account.unknown.lock().unwrap().len();
        self.accounts += 1;
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { counted, not_counted, unknown, accounts, reads, .. } = self;
        write!(
            f,
            "{counted} increments of {accounts} counters counted, {not_counted} not, \
             {unknown} unknown; {reads} reads"
        )
    }
}

/// Whether a read failed because the store holds what it held before.
fn is_of_old_copy(error: &Error) -> bool {
    error.is_conflict() || matches!(error, Error::Core(StoreError::StoreWentBack { .. }))
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
}
