//! A process, and what its store knows of its number.

use counter_core::{ClaimSeq, StoreNumber};

use super::rule::{InDoubt, Rule};

/// The row of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Row {
    pub(super) holder: Option<usize>,
    pub(super) floor: i64,
    pub(super) batch: u8,
}

/// A process, and its store.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Process {
    pub(super) left: u8,
    pub(super) high_water: i64,
    pub(super) pending: i64,
    pub(super) claim: Option<Made>,
    pub(super) number: Option<Held>,
    pub(super) commits: Vec<Commit>,
    /// The words of its batches are counted.
    pub(super) batches: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Held {
    pub(super) number: usize,
    pub(super) above: i64,
}

/// A claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Made {
    pub(super) seq: i64,
    pub(super) by: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Commit {
    pub(super) number: usize,
    pub(super) batch: u8,
    pub(super) seq: i64,
    pub(super) outcome: Outcome,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Outcome {
    Open,
    Committed,
    RolledBack,
    Undecided,
}

impl Process {
    pub(super) fn new(left: u8) -> Self {
        let (claim, number, commits) = (None, None, Vec::new());
        Self { left, high_water: 0, pending: 0, claim, number, commits, batches: 0 }
    }

    pub(super) fn next_seq(&mut self, now: i64, above: i64, rule: Rule) -> i64 {
        let held = self.number.map_or(0, |held| held.above);
        let from = now.max(self.high_water.max(above).max(held) + 1);
        let number = self.number.filter(|_| rule.is_congruent);
        self.high_water = number.map_or(from, |held| first_from(held.number, from));
        self.high_water
    }

    pub(super) fn may_commit(&self, seq: i64, rule: Rule) -> bool {
        let Some(held) = self.number else { return false };
        seq > held.above
            && (!rule.is_congruent || number(held.number).gives_out(ClaimSeq::new(seq)))
    }

    pub(super) fn outcome(&self, seq: i64) -> Outcome {
        let commit = self.commits.iter().find(|commit| commit.seq == seq);
        commit.map_or(Outcome::RolledBack, |commit| commit.outcome)
    }

    pub(super) fn renumber(
        &mut self,
        made: Made,
        now: i64,
        above: i64,
        rule: Rule,
    ) -> Option<Made> {
        if self.claim != Some(made) {
            return None;
        }
        let seq = self.next_seq(now, above, rule);
        self.claim = Some(Made { seq, ..made });
        self.claim
    }

    pub(super) fn decide(&mut self, process: usize, number: usize, row: Row, rule: Rule) {
        for commit in &mut self.commits {
            if commit.outcome == Outcome::Open && commit.number == number {
                commit.outcome = match rule.in_doubt {
                    InDoubt::CountsAsRolledBack => Outcome::RolledBack,
                    InDoubt::StaysInDoubt => Outcome::Undecided,
                    InDoubt::ReadsLastBatch if row.batch == commit.batch => Outcome::Committed,
                    InDoubt::ReadsLastBatch
                        if row.holder == Some(process) || row.floor < commit.seq =>
                    {
                        Outcome::RolledBack
                    }
                    InDoubt::ReadsLastBatch => Outcome::Undecided,
                };
            }
        }
        self.commits.retain(|commit| commit.outcome != Outcome::RolledBack);
    }
}

fn number(number: usize) -> StoreNumber {
    StoreNumber::new(u16::try_from(number).unwrap()).unwrap()
}

fn first_from(of: usize, from: i64) -> i64 {
    number(of).first_from(ClaimSeq::new(from)).unwrap().get()
}
