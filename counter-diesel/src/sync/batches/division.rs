//! Treats a batch that the database did not take: it is divided until what is wrong with
//! it is alone.
//!
//! No batch ends a pass. Only a database does that fails a question which is about no row.

use std::collections::VecDeque;
use std::time::Duration;

use counter_core::Claim;

use crate::error::{Error, LedgerStep};
use crate::ledger::failure::is_read_only;
use crate::ledger::retry;
use crate::sync::batches::batch::{Batch, Locks};
use crate::sync::batches::coin::Coin;
use crate::sync::batches::halving::{Halving, LeftOver};

/// How long the parts of a batch wait for locks in all. What has to wait longer is left to the next
/// pass.
const MOST_LOCKED: Duration = Duration::from_secs(30);

/// How long the parts of a batch may take that take too long, in all. A row that does so alone is
/// found by about five of them.
const MOST_OVERDUE: Duration = Duration::from_secs(150);

/// Parts of a batch that waited for a lock, or took too long. Only those wait again that need it,
/// so that many small ones wait less often than two halves, whose halves wait again.
const SLOW_PARTS: usize = 8;

/// Asks the database whether it takes writes at all.
pub(crate) type AskWrites<'a> = dyn Fn() -> Result<(), Error> + 'a;

/// The treatment of a batch that the database did not take.
#[derive(Debug)]
pub(crate) enum Division {
    /// It is tried again, whole or in parts.
    Again,
    /// The claim is refused.
    Refused(Claim, Error),
    /// Others have locked what these claims need.
    Locked(Vec<Claim>),
    /// The database took too long over these claims.
    Overdue(Vec<Claim>),
}

/// A batch, and the parts of it that the database did not take.
#[derive(Debug)]
pub(crate) struct Divider {
    /// Tried next.
    next: VecDeque<Batch>,
    refused: Halving,
    /// Tried after everything else.
    last: VecDeque<Batch>,
    /// How long parts have waited for locks.
    locked_for: Duration,
    /// How long parts took that took too long.
    overdue_for: Duration,
    /// Whether the database has shown that it takes writes at all.
    takes_writes: bool,
}

impl Divider {
    pub(crate) fn new(claims: Vec<Claim>, locks: Locks, coin: Coin) -> Self {
        Self {
            refused: Halving::of_batch(claims.len(), coin),
            next: VecDeque::from([Batch::whole(claims, locks)]),
            last: VecDeque::new(),
            locked_for: Duration::ZERO,
            overdue_for: Duration::ZERO,
            takes_writes: false,
        }
    }

    /// Returns what is tried next. What is not returned any more is [left over](Self::left_over).
    pub(crate) fn next(&mut self) -> Option<Batch> {
        if self.next.is_empty() {
            self.next.extend(self.refused.next_halves());
        }
        self.next.pop_front().or_else(|| self.last.pop_front())
    }

    /// Returns what the database refused and what is not divided further in this pass.
    pub(crate) fn left_over(self) -> LeftOver {
        self.refused.left_over()
    }

    /// Notes that something was applied.
    pub(crate) const fn note_applied(&mut self) {
        self.refused.note_applied();
    }

    /// Has this tried next.
    pub(crate) fn retry(&mut self, batch: Batch) {
        if !batch.claims.is_empty() {
            self.next.push_front(batch);
        }
    }

    /// Divides a batch that failed after it was tried for `spent`. Returns the error that ends the
    /// pass where the batch is not at fault.
    pub(crate) fn divide(
        &mut self,
        batch: Batch,
        error: Error,
        spent: Duration,
        ask_writes: &AskWrites<'_>,
    ) -> Result<Division, Error> {
        match error {
            Error::Locked { .. } => self.around_locks(batch, error, spent, ask_writes),
            Error::TimedOut { .. } => self.around_time(batch, error, spent, ask_writes),
            Error::Unreachable { .. } => self.around_lost_connection(batch, error, ask_writes),
            // Its server was demoted, and the connection is thrown away.
            _ if is_read_only(&error) => self.around_lost_connection(batch, error, ask_writes),
            // The table of the buckets may be missing alone.
            Error::NotMigrated { .. } if !batch.has_buckets() => Err(error),
            Error::Database { step: LedgerStep::Upsert | LedgerStep::Commit, .. }
            | Error::NotMigrated { .. } => {
                if !self.takes_writes {
                    retry::with_backoff(ask_writes)?;
                    self.takes_writes = true;
                }
                Ok(self.around_refusal(batch, error))
            }
            error => Err(error),
        }
    }

    /// One row that others have locked must not keep the others waiting.
    fn around_locks(
        &mut self,
        mut batch: Batch,
        error: Error,
        spent: Duration,
        ask_writes: &AskWrites<'_>,
    ) -> Result<Division, Error> {
        if batch.locks == Locks::Wait {
            batch.locks = Locks::Skip;
            self.next.push_front(batch);
            return Ok(Division::Again);
        }
        if ask_writes().is_err() {
            return Err(error);
        }
        self.locked_for += spent;
        if batch.claims.len() == 1 || self.locked_for > MOST_LOCKED {
            return Ok(Division::Locked(batch.claims));
        }
        self.last.extend(batch.parts(SLOW_PARTS));
        Ok(Division::Again)
    }

    /// A database that answers nothing takes too long, too, so it is asked first. Its statement may
    /// still run, and its rows are then left out.
    fn around_time(
        &mut self,
        mut batch: Batch,
        error: Error,
        spent: Duration,
        ask_writes: &AskWrites<'_>,
    ) -> Result<Division, Error> {
        ask_writes()?;
        if batch.claims.len() == 1 {
            return Ok(refused(batch, error));
        }
        self.overdue_for += spent;
        if self.overdue_for > MOST_OVERDUE {
            return Ok(Division::Overdue(batch.claims));
        }
        batch.locks = Locks::Skip;
        self.last.extend(batch.parts(SLOW_PARTS));
        Ok(Division::Again)
    }

    /// A batch can be larger than a server takes, which then closes the connection. It can also
    /// have met a server that was just started again.
    fn around_lost_connection(
        &mut self,
        mut batch: Batch,
        error: Error,
        ask_writes: &AskWrites<'_>,
    ) -> Result<Division, Error> {
        if ask_writes().is_err() {
            return Err(error);
        }
        if !batch.has_lost_connection {
            batch.has_lost_connection = true;
            self.next.push_front(batch);
            return Ok(Division::Again);
        }
        Ok(self.around_refusal(batch, error))
    }

    fn around_refusal(&mut self, batch: Batch, error: Error) -> Division {
        if batch.claims.len() > 1 {
            self.refused.push(batch);
            return Division::Again;
        }
        self.refused.note_refused();
        refused(batch, error)
    }
}

/// Names the one claim of a batch.
fn refused(mut batch: Batch, error: Error) -> Division {
    batch.claims.pop().map_or(Division::Again, |claim| Division::Refused(claim, error))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use counter_core::{ClaimOp, ClaimSeq, CounterId};
    use diesel::result::{DatabaseErrorKind, Error as DieselError};

    use super::*;

    const CLAIMS: i64 = 10_000;

    fn claim(number: i64) -> Claim {
        let id = CounterId::new("post", number, "views").unwrap();
        Claim { id, seq: ClaimSeq::new(number), op: ClaimOp::Add(1) }
    }

    fn number(claim: &Claim) -> i64 {
        claim.seq.get()
    }

    fn refusal() -> Error {
        let words = Box::new("not this one".to_owned());
        let source = DieselError::DatabaseError(DatabaseErrorKind::CheckViolation, words);
        Error::Database { step: LedgerStep::Upsert, source }
    }

    fn timeout() -> Error {
        Error::TimedOut { step: LedgerStep::Upsert, source: "too slow".into() }
    }

    /// The tries of one pass at a batch.
    #[derive(Default)]
    struct Passed {
        tries: usize,
        applied: Vec<i64>,
        refused: Vec<i64>,
        overdue: Vec<i64>,
        left: LeftOver,
    }

    /// One pass over these claims, in a database that fails a batch as `fails` says.
    fn pass(
        claims: Vec<Claim>,
        seed: u64,
        fails: impl Fn(&[Claim]) -> Option<(Error, Duration)>,
    ) -> Passed {
        let mut divider = Divider::new(claims, Locks::Wait, Coin::of_seed(seed));
        let mut passed = Passed::default();
        while let Some(batch) = divider.next() {
            passed.tries += 1;
            let Some((error, spent)) = fails(&batch.claims) else {
                divider.note_applied();
                passed.applied.extend(batch.claims.iter().map(number));
                continue;
            };
            match divider.divide(batch, error, spent, &|| Ok(())).unwrap() {
                Division::Again => {}
                Division::Refused(claim, _) => passed.refused.push(number(&claim)),
                Division::Overdue(claims) => passed.overdue.extend(claims.iter().map(number)),
                Division::Locked(claims) => panic!("{claims:?}"),
            }
        }
        passed.left = divider.left_over();
        passed
    }

    /// Passes until every good claim is applied, and returns how many that took. What was refused
    /// by itself waits.
    fn passes(bad: &HashSet<i64>, seed: u64) -> usize {
        let mut claims = (1..=CLAIMS).map(claim).collect::<Vec<_>>();
        for count in 1.. {
            let size = claims.len();
            let is_refused = |claims: &[Claim]| {
                let is_bad = claims.iter().any(|claim| bad.contains(&number(claim)));
                is_bad.then(|| (refusal(), Duration::ZERO))
            };
            let passed = pass(claims, seed + count as u64, is_refused);
            assert!(passed.tries <= size + 1_002, "{} of {size}", passed.tries);
            assert!(passed.refused.iter().all(|number| bad.contains(number)));
            let found = passed.applied.len() + passed.refused.len() + passed.left.claims.len();
            assert_eq!(found, size, "each claim is in one place");
            if passed.left.claims.iter().all(|claim| bad.contains(&number(claim))) {
                return count;
            }
            claims = passed.left.claims;
            claims.sort_by(|a, b| a.id.cmp(&b.id));
        }
        unreachable!("the passes have no end")
    }

    #[test]
    fn every_good_row_is_in_after_a_few_passes_however_many_are_bad_and_wherever() {
        for (tenths, seed) in (1..=9).flat_map(|tenths| (1..=3).map(move |seed| (tenths, seed))) {
            // As many are bad, at random places.
            let mut draw = Coin::of_seed(seed * 0x9E37_79B9);
            let mut any = || (0..32).fold(0_i64, |n, _| 2 * n + i64::from(draw.is_heads()));
            let bad = (1..=CLAIMS).filter(|_| any() % 10 < tenths).collect();
            let count = passes(&bad, seed);
            assert!(count <= 4, "{count} passes with {tenths} tenths, seed {seed}");
        }
    }

    #[test]
    fn every_good_row_is_in_after_a_few_passes_where_they_hide_behind_bad_ones() {
        type IsBad = fn(i64) -> bool;
        let arrangements: [(&str, IsBad); 5] = [
            ("the first half", |n| n <= CLAIMS / 2),
            ("the last half", |n| n > CLAIMS / 2),
            ("every second", |n| n % 2 == 0),
            ("all but every tenth", |n| n % 10 != 0),
            ("the first eight, and one of each eight", |n| n <= 8 || n % 8 == 0),
        ];
        for (name, is_bad) in arrangements {
            let count = passes(&(1..=CLAIMS).filter(|n| is_bad(*n)).collect(), 1);
            assert!(count <= 4, "{count} passes with {name}");
        }
    }

    #[test]
    fn a_batch_that_is_refused_as_a_whole_kind_costs_a_few_tries() {
        let claims = (1..=CLAIMS).map(claim).collect();
        let passed = pass(claims, 1, |_| Some((refusal(), Duration::ZERO)));
        assert!(passed.left.is_hopeless && passed.tries < 200, "{} tries", passed.tries);
        assert_eq!(passed.refused.len(), 32);
    }

    #[test]
    fn a_row_that_takes_too_long_is_alone_after_a_bounded_time_and_all_others_are_in() {
        let claims = (1..=CLAIMS).map(claim).collect();
        let too_long = Duration::from_secs(25);
        let passed = pass(claims, 1, |claims| {
            let is_slow = claims.iter().any(|claim| number(claim) == 7_000);
            is_slow.then(|| (timeout(), too_long))
        });
        assert_eq!((passed.refused, passed.applied.len()), (vec![7_000], 9_999));
    }

    #[test]
    fn what_always_takes_too_long_is_left_to_the_next_pass_after_a_bounded_time() {
        let claims = (1..=CLAIMS).map(claim).collect();
        let passed = pass(claims, 1, |_| Some((timeout(), Duration::from_secs(25))));
        // The whole, five of its parts, and those that come after the limit.
        assert!(passed.tries <= 1 + 8 + 5 * 8, "{} tries", passed.tries);
        assert_eq!((passed.overdue.len(), passed.applied.len()), (10_000, 0));
    }
}
