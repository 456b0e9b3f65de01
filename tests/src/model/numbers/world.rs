//! All of the world at one instant, and the steps of its threads.

use counter_core::{Baseline, ClaimOp, ClaimSeq, StoreNumber};

use super::process::{Commit, Held, Made, Outcome, Process, Row};
use super::rule::Rule;

/// How many numbers there are.
pub(super) const NUMBERS: usize = 2;
/// Sequences of the same number are so far apart.
const STEP: i64 = StoreNumber::COUNT as i64;

/// The state of everything at one instant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct World {
    pub(super) row: Baseline,
    pub(super) row_lock: Option<Owner>,
    pub(super) rows: [Row; NUMBERS],
    pub(super) locks: [Option<Owner>; NUMBERS],
    pub(super) processes: Vec<Process>,
    pub(super) threads: Vec<At>,
    /// A transaction whose process hears no answer, and which is still to be committed or rolled
    /// back.
    pub(super) late: Option<Transaction>,
    pub(super) is_late_hour: bool,
    pub(super) takes: u8,
    pub(super) lost_answers: u8,
    pub(super) counted: i64,
    pub(super) undecided: u8,
}

/// The holder of a row's lock: a thread, or a transaction that was left without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Owner {
    Thread(usize),
    Late,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Transaction {
    pub(super) number: usize,
    pub(super) made: Made,
    pub(super) row: Baseline,
    pub(super) batch: u8,
}

/// How far a thread is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum At {
    Idle,
    Claimed(Made),
    /// It has locked the row of its number.
    Locked(usize, Made),
    /// It has locked and written the counter's row.
    Written(Transaction),
    /// The store still holds the claim.
    Verified(Transaction),
    /// The commit has happened, and the thread has not heard of it.
    Happened(Transaction),
    /// The thread has heard of it.
    Committed(Transaction),
    /// It has found a claim whose outcome is unknown.
    Stuck,
}

impl World {
    fn now(&self) -> i64 {
        if self.is_late_hour { STEP } else { 0 }
    }

    pub(super) fn step(&mut self, i: usize, process: usize, rule: Rule) -> Option<()> {
        self.threads[i] = match self.threads[i] {
            At::Idle => At::Claimed(self.claim(process, rule)?),
            At::Claimed(made) => self.lock(i, process, made, rule)?,
            At::Locked(number, made) => self.write(i, process, number, made, rule)?,
            At::Written(transaction) => {
                if self.processes[process].claim == Some(transaction.made) {
                    At::Verified(transaction)
                } else {
                    self.unlock(Owner::Thread(i));
                    At::Idle
                }
            }
            At::Verified(transaction) => {
                self.ask_for_commit(process, transaction);
                self.commit(transaction);
                self.unlock(Owner::Thread(i));
                At::Happened(transaction)
            }
            At::Happened(transaction) => {
                let commits = &mut self.processes[process].commits;
                if rule.remembers_commits {
                    let own = commits.iter_mut().find(|commit| commit.batch == transaction.batch);
                    own.into_iter().for_each(|commit| commit.outcome = Outcome::Committed);
                } else {
                    commits.retain(|commit| commit.batch != transaction.batch);
                }
                At::Committed(transaction)
            }
            At::Committed(transaction) => {
                self.acknowledge(process, transaction.made);
                At::Idle
            }
            At::Stuck => return None,
        };
        Some(())
    }

    fn claim(&mut self, process: usize, rule: Rule) -> Option<Made> {
        let now = self.now();
        let process = &mut self.processes[process];
        if process.claim.is_none() && process.pending > 0 {
            let seq = process.next_seq(now, 0, rule);
            process.claim = Some(Made { seq, by: std::mem::take(&mut process.pending) });
        }
        process.claim
    }

    fn lock(&mut self, i: usize, process: usize, made: Made, rule: Rule) -> Option<At> {
        let number = self.processes[process].number?.number;
        if self.locks[number].is_some() {
            return None;
        }
        let row = self.rows[number];
        self.processes[process].decide(process, number, row, rule);
        if rule.is_fenced && row.holder != Some(process) {
            self.processes[process].number = None;
            return Some(At::Claimed(made));
        }
        self.locks[number] = Some(Owner::Thread(i));
        Some(At::Locked(number, made))
    }

    /// The rows of the number and of the counter are locked, so nothing comes between.
    fn write(
        &mut self,
        i: usize,
        process: usize,
        number: usize,
        mut made: Made,
        rule: Rule,
    ) -> Option<At> {
        if self.row_lock.is_some() {
            return None;
        }
        let (now, row) = (self.now(), self.row);
        let store = &mut self.processes[process];
        let at = match store.outcome(made.seq) {
            Outcome::Committed => {
                self.acknowledge(process, made);
                Some(At::Idle)
            }
            Outcome::Open | Outcome::Undecided => {
                self.undecided += 1;
                Some(At::Stuck)
            }
            Outcome::RolledBack => None,
        };
        if let Some(at) = at {
            self.unlock(Owner::Thread(i));
            return Some(at);
        }
        let store = &mut self.processes[process];
        let above = if row.seq.get() > made.seq { row.seq.get() } else { 0 };
        if above > 0 || !store.may_commit(made.seq, rule) {
            let Some(renumbered) = store.renumber(made, now, above, rule) else {
                self.unlock(Owner::Thread(i));
                return Some(At::Idle);
            };
            made = renumbered;
        }
        store.batches += 1;
        let batch = u8::try_from(process).unwrap() * 100 + store.batches;
        let row = row.after(ClaimSeq::new(made.seq), ClaimOp::Add(made.by)).expect("a small count");
        self.row_lock = Some(Owner::Thread(i));
        Some(At::Written(Transaction { number, made, row, batch }))
    }

    fn ask_for_commit(&mut self, process: usize, transaction: Transaction) {
        let Transaction { number, made, batch, .. } = transaction;
        let commit = Commit { number, batch, seq: made.seq, outcome: Outcome::Open };
        self.processes[process].commits.push(commit);
    }

    pub(super) fn commit(&mut self, transaction: Transaction) {
        let Transaction { number, made, row, batch } = transaction;
        self.row = row;
        self.rows[number].floor = self.rows[number].floor.max(made.seq);
        self.rows[number].batch = batch;
    }

    fn acknowledge(&mut self, process: usize, made: Made) {
        let process = &mut self.processes[process];
        process.claim.take_if(|claim| *claim == made);
        process.commits.retain(|commit| commit.seq != made.seq);
    }

    pub(super) fn unlock(&mut self, owner: Owner) {
        for lock in self.locks.iter_mut().chain([&mut self.row_lock]) {
            lock.take_if(|locked| *locked == owner);
        }
    }

    pub(super) fn take(&mut self, process: usize, number: usize, rule: Rule) {
        self.takes -= 1;
        self.rows[number].holder = Some(process);
        let newest = self.rows.iter().map(|row| row.floor).max().unwrap_or_default();
        let above = if rule.has_floor { newest } else { 0 };
        self.processes[process].number = Some(Held { number, above });
    }

    pub(super) fn lose_answer(&mut self, i: usize, process: usize) -> Option<()> {
        let At::Verified(transaction) = self.threads[i] else { return None };
        self.lost_answers -= 1;
        self.ask_for_commit(process, transaction);
        for lock in self.locks.iter_mut().chain([&mut self.row_lock]).flatten() {
            if *lock == Owner::Thread(i) {
                *lock = Owner::Late;
            }
        }
        self.late = Some(transaction);
        self.threads[i] = At::Idle;
        Some(())
    }

    pub(super) fn end_late(&mut self, is_committed: bool) -> Option<()> {
        let late = self.late.take()?;
        if is_committed {
            self.commit(late);
        }
        self.unlock(Owner::Late);
        Some(())
    }

    pub(super) fn is_settled(&self) -> bool {
        let is_empty = |process: &Process| process.pending == 0 && process.claim.is_none();
        self.late.is_none() && self.processes.iter().all(is_empty)
    }
}
