//! What the threads of the application do: passes, and sets or deletes. One step is one call of the
//! store or of the database, in the order of `pass.rs` and `apply.rs`.
//!
//! Not here: batches, and rows that the database refuses for good. There is only one counter.

use std::mem;

use counter_core::{ClaimOp, ClaimSeq, Verdict};

use super::state::ModelState;
use super::store::{Claimed, Ticket};
use super::{Rules, Under};

/// A thread of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Thread {
    /// The process that it is of, and dies with.
    pub process: usize,
    /// What it does each time.
    pub job: Job,
    /// How often it will still do it.
    pub times: u8,
    /// Where it is.
    pub at: At,
}

/// What a thread does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Job {
    /// A pass.
    Sync,
    /// A set or a delete.
    Replace(ClaimOp),
    /// A set by a process that has no database.
    Put(i64),
}

/// The step that comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum At {
    /// Nothing, or to begin.
    Idle,
    /// To claim, after what was remembered is settled.
    Claim,
    /// To claim what was counted since the claim that was just recovered.
    ClaimAgain,
    /// To open a transaction and write the row.
    Upsert(Task),
    /// To ask the store whether the claim is still there.
    Verify(Task),
    /// To commit.
    Commit(Task),
    /// To acknowledge the claim, or to give it a new number.
    Conclude(Task),
    /// To write the row, if there is one, because the store has no claim.
    Update(Task),
    /// To commit that.
    CommitUpdate(Task),
}

/// The claim that a thread applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Task {
    /// The claim.
    pub claim: Ticket,
    /// Whether no commit of it was asked for before.
    pub is_untried: bool,
    /// The sequence of the row, if it is newer.
    pub newer: Option<ClaimSeq>,
    /// What the pass does after it.
    pub then: Then,
}

/// What a pass does after a claim is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Then {
    /// To claim.
    Claim,
    /// To claim what was counted since.
    ClaimAgain,
    /// Nothing.
    End,
}

impl Thread {
    /// A thread of this process that does this so often.
    pub fn new(process: usize, job: Job, times: u8) -> Self {
        Self { process, job, times, at: At::Idle }
    }

    /// The claim that it is applying.
    pub fn task(&self) -> Option<Task> {
        match self.at {
            At::Idle | At::Claim | At::ClaimAgain => None,
            At::Upsert(task)
            | At::Verify(task)
            | At::Commit(task)
            | At::Conclude(task)
            | At::Update(task)
            | At::CommitUpdate(task) => Some(task),
        }
    }
}

impl ModelState {
    /// Whether this thread has a next step and need not wait for the row's lock.
    pub fn can_step(&self, thread: usize) -> bool {
        let thread = self.threads[thread];
        let is_free = self.table.transaction.is_none();
        match thread.at {
            At::Idle => thread.times > 0,
            At::Upsert(_) => is_free,
            // A row that is not committed yet is invisible to an update, which then waits for
            // nothing.
            At::Update(_) => is_free || self.table.row.is_none(),
            _ => true,
        }
    }

    /// The next step of this thread.
    pub fn step(&mut self, i: usize, rules: &Rules) {
        self.threads[i].at = match self.threads[i].at {
            At::Idle => self.begin(i, rules),
            At::Claim => self.claim(i, rules),
            At::ClaimAgain => self.claim_again(i),
            At::Upsert(task) => {
                let newer = self.table.upsert(i, task.claim, rules.guard);
                At::Verify(Task { newer, ..task })
            }
            At::Verify(task) => self.verify(i, task, rules),
            At::Commit(task) => {
                self.table.commit();
                At::Conclude(task)
            }
            At::Conclude(task) => self.conclude(i, task, rules),
            At::Update(task) if self.table.row.is_none() => self.after(task),
            At::Update(task) => {
                self.table.upsert(i, task.claim, rules.guard);
                At::CommitUpdate(task)
            }
            At::CommitUpdate(task) => {
                self.table.commit();
                self.after(task)
            }
        };
    }

    fn begin(&mut self, i: usize, rules: &Rules) -> At {
        let thread = &mut self.threads[i];
        thread.times -= 1;
        let (process, job) = (thread.process, thread.job);
        if let Job::Replace(op) = job {
            self.truth = match op {
                ClaimOp::Set(to) => to,
                _ => 0,
            };
            return task(self.store_of(process).replace(op), true, Then::End);
        }
        if let Job::Put(to) = job {
            self.truth = to;
            self.store_of(process).replace(ClaimOp::Set(to));
            return At::Idle;
        }
        match self.remembered[process].take() {
            Some((claim, is_untried)) => task(claim, is_untried, Then::Claim),
            None => self.claim(i, rules),
        }
    }

    fn claim(&mut self, i: usize, rules: &Rules) -> At {
        let process = self.threads[i].process;
        let is_own = mem::take(&mut self.unanswered[process]);
        if rules.leaves_young && !is_own && self.store_of(process).claim.is_some() {
            return At::Idle;
        }
        match self.store_of(process).claim() {
            Claimed::Nothing => At::Idle,
            Claimed::Fresh(claim) => task(claim, true, Then::End),
            Claimed::Recovered(claim) => task(claim, false, Then::ClaimAgain),
        }
    }

    fn claim_again(&mut self, i: usize) -> At {
        match self.store_of(self.threads[i].process).claim() {
            Claimed::Fresh(claim) => task(claim, true, Then::End),
            Claimed::Nothing | Claimed::Recovered(_) => At::Idle,
        }
    }

    fn verify(&mut self, i: usize, task: Task, rules: &Rules) -> At {
        let store = self.store_of(self.threads[i].process);
        let (verdict, op) = (store.verify(task.claim), store.claim.map(|claim| claim.op));
        let may_commit = match (verdict, op) {
            (Verdict::Current, _) => true,
            // The row may have seen that set already.
            (Verdict::SetSince, _) => {
                task.newer.is_none() && rules.commits_under != Under::ItselfAlone
            }
            (Verdict::Superseded, Some(ClaimOp::Add(_))) => rules.commits_under == Under::AnAddToo,
            (Verdict::Superseded, _) => rules.commits_under == Under::ADeleteToo,
            (Verdict::Gone, _) => rules.commits_under == Under::NothingToo,
            (Verdict::Unavailable, _) => false,
        };
        if may_commit || !rules.verifies {
            return At::Commit(task);
        }
        self.table.roll_back();
        if verdict == Verdict::Gone { At::Update(task) } else { self.after(task) }
    }

    fn conclude(&mut self, i: usize, task: Task, rules: &Rules) -> At {
        let store = self.store_of(self.threads[i].process);
        let Some(newer) = task.newer else {
            let there = store.claim.filter(|_| rules.acks_what_is_there);
            store.ack(there.unwrap_or(task.claim));
            return self.after(task);
        };
        let renumbered = task.is_untried.then(|| store.renumber(task.claim, newer)).flatten();
        match renumbered {
            Some(claim) => At::Upsert(Task { claim, newer: None, ..task }),
            None => {
                self.conflicts += 1;
                At::Idle
            }
        }
    }

    fn after(&self, task: Task) -> At {
        match task.then {
            Then::Claim => At::Claim,
            Then::ClaimAgain => At::ClaimAgain,
            Then::End => At::Idle,
        }
    }
}

fn task(claim: Ticket, is_untried: bool, then: Then) -> At {
    At::Upsert(Task { claim, is_untried, newer: None, then })
}
