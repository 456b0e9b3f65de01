//! What can happen next.

use counter_core::ClaimOp;

use super::reader::Reader;
use super::state::ModelState;
use super::thread::{At, Job, Task, Thread};
use super::{Action, Rules};

impl ModelState {
    /// What can happen next.
    pub fn actions(&self, actions: &mut Vec<Action>) {
        if self.left.increments > 0 {
            actions.extend((0..self.stores.len()).map(Action::Increment));
        }
        for (i, thread) in self.threads.iter().enumerate() {
            self.actions_of(i, *thread, actions);
        }
        if self.left.crashes > 0 {
            let processes = 0..self.remembered.len();
            actions.extend(processes.filter(|p| self.is_at_work(*p)).map(Action::Crash));
        }
        if self.table.is_in_doubt() {
            actions.extend([Action::CommitLate, Action::RollBackLate]);
        }
        if self.late_ack.is_some() {
            actions.push(Action::AckLate);
        }
        if self.left.other_claims > 0 {
            actions.extend((0..self.stores.len()).map(Action::ClaimOther));
        }
        if self.left.evictions > 0 && self.stores[0].claim.is_some() {
            actions.push(Action::Evict);
        }
        if !matches!(self.reader, Reader::Idle | Reader::Wrong(..) | Reader::Refused) {
            actions.push(Action::Read);
        }
    }

    fn actions_of(&self, i: usize, thread: Thread, actions: &mut Vec<Action>) {
        if !self.can_step(i) {
            return;
        }
        actions.push(Action::Step(i));
        if self.left.lost_replies > 0 {
            // Nothing is known of what is not begun, and what is remembered is begun without a
            // call.
            let is_begun = thread.at != At::Idle;
            let is_call =
                is_begun || thread.job != Job::Sync || self.remembered[thread.process].is_none();
            let undone = is_begun.then_some(false);
            let done = (is_call && changes_something(thread.at)).then_some(true);
            let outcomes = undone.into_iter().chain(done);
            // Nothing is lost between a process and its own memory.
            let may_be_lost = self.stores[0].is_shared() || is_of_database(thread.at);
            let outcomes = outcomes.filter(|_| may_be_lost);
            actions.extend(outcomes.map(|is_done| Action::LoseReply(i, is_done)));
        }
        if self.left.refusals > 0 && matches!(thread.at, At::Commit(_)) {
            actions.push(Action::Refuse(i));
        }
    }

    fn is_at_work(&self, process: usize) -> bool {
        let mut threads = self.threads.iter().filter(|thread| thread.process == process);
        threads.any(|thread| thread.at != At::Idle) || self.remembered[process].is_some()
    }

    /// Lets it happen.
    pub fn happen(&mut self, action: Action, rules: &Rules) {
        match action {
            Action::Increment(store) => {
                self.left.increments -= 1;
                self.stores[store].increment(1);
                self.truth += 1;
            }
            Action::Step(i) => self.step(i, rules),
            Action::LoseReply(i, is_done) => {
                self.left.lost_replies -= 1;
                self.lose_reply(i, is_done, rules);
            }
            Action::Refuse(i) => self.refuse(i),
            Action::Crash(process) => {
                self.left.crashes -= 1;
                self.crash(process);
            }
            Action::CommitLate => self.table.commit(),
            Action::RollBackLate => self.table.roll_back(),
            Action::AckLate => {
                if let Some(claim) = self.late_ack.take() {
                    self.stores[0].ack(claim);
                }
            }
            Action::Evict => self.evict(),
            Action::ClaimOther(store) => {
                self.left.other_claims -= 1;
                self.stores[store].claim_other();
            }
            Action::Read => self.read(rules),
        }
    }

    /// The transaction is begun again. Whether a commit that was refused has happened is unknown.
    fn refuse(&mut self, i: usize) {
        self.left.refusals -= 1;
        self.table.roll_back();
        if let At::Commit(task) = self.threads[i].at {
            self.threads[i].at = At::Upsert(Task { is_untried: false, newer: None, ..task });
        }
    }

    fn evict(&mut self) {
        self.left.evictions -= 1;
        if let Some(ClaimOp::Add(by)) = self.stores[0].claim.take().map(|claim| claim.op) {
            self.evicted += by;
        }
    }
}

fn is_of_database(at: At) -> bool {
    matches!(at, At::Upsert(_) | At::Commit(_) | At::Update(_) | At::CommitUpdate(_))
}

/// Whether it matters that a step was done of which no answer came.
fn changes_something(at: At) -> bool {
    !matches!(at, At::Upsert(_) | At::Verify(_) | At::Update(_))
}
