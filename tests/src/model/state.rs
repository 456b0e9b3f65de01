//! All of the world at one instant.

use counter_core::Baseline;

use super::Rules;
use super::reader::Reader;
use super::store::{Claimed, Store, Ticket};
use super::table::Table;
use super::thread::{At, Job, Thread};

/// The state of everything at one instant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ModelState {
    /// The store of all processes, or one for each.
    pub stores: Vec<Store>,
    /// The database.
    pub table: Table,
    /// All threads of all processes.
    pub threads: Vec<Thread>,
    /// What each process has to finish first in its next pass.
    pub remembered: Vec<Option<(Ticket, IsUntried)>>,
    /// Whether the store may hold a claim of each process of which the process heard no answer.
    pub unanswered: Vec<bool>,
    /// An abandoned acknowledgement, which may still arrive.
    pub late_ack: Option<Ticket>,
    /// A read.
    pub reader: Reader,
    /// What the counter is: changed at the instant at which the store does what it was asked for.
    pub truth: i64,
    /// What claims held that the store lost.
    pub evicted: i64,
    /// Claims that were reported as in conflict.
    pub conflicts: u8,
    /// What may still happen.
    pub left: Left,
}

/// Whether no commit was asked for.
pub type IsUntried = bool;

/// How often each of these may still happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Left {
    /// An increment, in each store.
    pub increments: u8,
    /// The death of a process.
    pub crashes: u8,
    /// A reply that is lost, or comes after its caller has stopped waiting.
    pub lost_replies: u8,
    /// A transaction that is refused, as in a deadlock.
    pub refusals: u8,
    /// A claim that the store loses.
    pub evictions: u8,
    /// A claim of another counter.
    pub other_claims: u8,
}

impl ModelState {
    /// The store that this process uses.
    pub fn store_of(&mut self, process: usize) -> &mut Store {
        let last = self.stores.len() - 1;
        &mut self.stores[process.min(last)]
    }

    /// A process dies. What it had asked for may still happen.
    pub fn crash(&mut self, process: usize) {
        for i in 0..self.threads.len() {
            if self.threads[i].process == process {
                self.abandon(i);
            }
        }
        self.remembered[process] = None;
        self.unanswered[process] = false;
    }

    /// A thread hears no answer to its next step.
    pub fn lose_reply(&mut self, i: usize, is_done: bool, rules: &Rules) {
        let Thread { process, at, job, .. } = self.threads[i];
        if is_done {
            match at {
                // Not yet, but perhaps at any time from now on.
                At::Conclude(task) => self.late_ack = Some(task.claim),
                At::Commit(_) | At::CommitUpdate(_) => {}
                _ => self.step(i, rules),
            }
        }
        self.abandon(i);
        if matches!(at, At::Idle | At::Claim | At::ClaimAgain) && rules.leaves_young {
            let is_forgotten = rules.forgets_lost_replacements && job != Job::Sync;
            self.unanswered[process] |= !is_forgotten;
        }
        if let Some(task) = Some(at).and_then(|at| Thread { at, ..self.threads[i] }.task()) {
            let came_to_commit = !matches!(at, At::Upsert(_) | At::Verify(_));
            self.remember(process, task.claim, task.is_untried && !came_to_commit);
        }
    }

    /// A claim is newer than what was remembered before, or settled already.
    fn remember(&mut self, process: usize, claim: Ticket, is_untried: IsUntried) {
        let known = &mut self.remembered[process];
        if known.is_none_or(|(known, _)| {
            known.seq < claim.seq || (known.seq == claim.seq && !is_untried)
        }) {
            *known = Some((claim, is_untried));
        }
    }

    /// The thread goes back to its beginning, and its transaction is abandoned.
    fn abandon(&mut self, i: usize) {
        if let Some(transaction) = self.table.transaction.filter(|_| self.table.is_locked_by(i)) {
            // Without a request to commit it is rolled back, sooner or later.
            let may_commit = matches!(self.threads[i].at, At::Commit(_) | At::CommitUpdate(_));
            let in_doubt = super::table::Transaction { owner: None, ..transaction };
            self.table.transaction = may_commit.then_some(in_doubt);
        }
        self.threads[i].at = At::Idle;
    }

    /// Whether no thread is at work or has anything to finish.
    pub fn is_quiet(&self) -> bool {
        self.threads.iter().all(|thread| thread.at == At::Idle)
            && self.remembered.iter().all(Option::is_none)
            && !self.table.is_in_doubt()
    }

    /// The world after one pass of this process in which nothing else happens, if it can be made.
    pub fn after_pass_of(&self, process: usize, rules: &Rules) -> Option<Self> {
        let is_free = self.table.transaction.is_none();
        let is_idle = self.threads.iter().all(|thread| thread.at == At::Idle);
        (is_idle && is_free).then(|| {
            let (mut state, pass) = (self.clone(), self.threads.len());
            state.threads.push(Thread::new(process, Job::Sync, 1));
            while state.can_step(pass) {
                state.step(pass, rules);
            }
            state
        })
    }

    /// The counts that the table may have if everything dies now and then one pass is made.
    ///
    /// `None` stands for a claim that the pass could not apply.
    pub fn after_recovery(&self, rules: &Rules) -> impl Iterator<Item = Option<i64>> {
        let is_asked_for =
            |thread: &Thread| matches!(thread.at, At::Commit(_) | At::CommitUpdate(_));
        let transaction = self.table.transaction.filter(|transaction| {
            transaction.owner.is_none_or(|owner| is_asked_for(&self.threads[owner]))
        });
        let rows = [Some(self.table.row), transaction.map(|transaction| transaction.row)];
        rows.into_iter().flatten().map(|row| recover(self.stores[0], row, rules))
    }
}

fn recover(mut store: Store, mut row: Option<Baseline>, rules: &Rules) -> Option<i64> {
    loop {
        match store.claim() {
            Claimed::Nothing => return Some(row.unwrap_or_default().count),
            Claimed::Fresh(claim) | Claimed::Recovered(claim) => {
                if row.is_some_and(|row| row.seq > claim.seq) {
                    return None;
                }
                row = rules.guard.applied(row, claim);
                store.ack(claim);
            }
        }
    }
}
