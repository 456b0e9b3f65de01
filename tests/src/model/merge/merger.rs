//! What a process does that merges, step by step.

use counter_core::{Baseline, ClaimOp, ClaimSeq};

use super::rules::{By, MergeRules, Removes};
use super::{Lost, MergeState};
use crate::model::reader::Look;

/// How often a read looks at most.
const LOOKS: u8 = 4;

/// A process that merges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Merger {
    /// Where it is.
    pub at: At,
    /// How often it will still merge.
    pub times: u8,
    /// How often it has moved something in this merge, up to 2.
    pub moves: u8,
    /// Whether the first counter was 0 since its last look.
    pub was_zero: bool,
}

/// The step that comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum At {
    /// Nothing, or to begin.
    Idle,
    /// To look into the store.
    Look,
    /// To look again, after the row was seen with this sequence.
    LookAgain(ClaimSeq, u8),
    /// To read the row, after this look, and before it perhaps the row.
    Row(Look, Option<ClaimSeq>, u8),
    /// To move this much.
    Move(i64),
    /// To add this much to the second counter.
    Half(i64),
    /// To read the row that may go.
    FindRow,
    /// To look whether the store holds anything, after the row was seen so.
    FindNothing(Baseline),
    /// To remove the row if it is still so.
    Remove(Baseline),
}

impl Merger {
    /// One that merges so often.
    pub fn new(times: u8) -> Self {
        Self { at: At::Idle, times, moves: 0, was_zero: false }
    }
}

impl MergeState {
    /// Whether this process has a next step and need not wait for a lock.
    pub fn can_step(&self, merger: &Merger) -> bool {
        match merger.at {
            At::Idle => merger.times > 0,
            At::Remove(_) => self.from.table.transaction.is_none(),
            _ => true,
        }
    }

    /// The next step of this process.
    pub fn step(&mut self, i: usize, rules: &MergeRules) {
        let at = match self.mergers[i].at {
            At::Idle if rules.by == By::Transaction => self.transact(i),
            At::Idle => {
                let merger = &mut self.mergers[i];
                (merger.times, merger.moves) = (merger.times - 1, 0);
                self.look(i, None, LOOKS)
            }
            At::Look => self.look(i, None, LOOKS),
            At::LookAgain(seen, looks) => self.look(i, Some(seen), looks),
            At::Row(look, before, looks) => self.read(i, look, before, looks, rules),
            At::Move(by) if rules.by == By::TwoSteps => {
                self.from.stores[0].increment(-by);
                self.from.truth -= by;
                At::Half(by)
            }
            At::Move(by) => {
                self.move_both(by);
                self.after_move(i, rules)
            }
            At::Half(by) => {
                self.into.stores[0].increment(by);
                self.into.truth += by;
                self.after_move(i, rules)
            }
            At::FindRow => self.find_row(rules),
            At::FindNothing(row) => self.find_nothing(row, rules),
            At::Remove(row) => self.remove(row, rules),
        };
        self.mergers[i].at = at;
    }

    /// It goes on as if it had heard an answer, because it reads again.
    pub fn lose_reply(&mut self, i: usize, lost: Lost, rules: &MergeRules) {
        self.lost_replies -= 1;
        match lost {
            Lost::Made => self.step(i, rules),
            Lost::Late => {
                if let At::Move(by) = self.mergers[i].at {
                    self.late = Some(by);
                }
                self.mergers[i].at = self.after_move(i, rules);
            }
        }
    }

    /// One step of the store: the first counter loses what the second gains.
    pub fn move_both(&mut self, by: i64) {
        self.from.stores[0].increment(-by);
        self.into.stores[0].increment(by);
        self.from.truth -= by;
        self.into.truth += by;
    }

    fn look(&mut self, i: usize, before: Option<ClaimSeq>, looks: u8) -> At {
        self.mergers[i].was_zero = self.from.truth == 0;
        At::Row(Look::into(&self.from.stores[0]), before, looks - 1)
    }

    fn read(
        &mut self,
        i: usize,
        look: Look,
        before: Option<ClaimSeq>,
        looks: u8,
        rules: &MergeRules,
    ) -> At {
        let row = self.from.table.baseline();
        let is_row_of_look = row.seq <= look.high_water || before == Some(row.seq);
        if !is_row_of_look && looks > 0 {
            return At::LookAgain(row.seq, looks);
        }
        let value = if is_row_of_look { look.value_with(row) } else { Ok(row.count) };
        match value {
            Ok(0) => self.end(i, rules),
            Ok(value) => At::Move(value),
            // It is refused, and the merge with it.
            Err(_) => At::Idle,
        }
    }

    fn after_move(&mut self, i: usize, rules: &MergeRules) -> At {
        let merger = &mut self.mergers[i];
        merger.moves = (merger.moves + 1).min(2);
        if rules.repeats {
            return At::Look;
        }
        self.mergers[i].was_zero |= self.from.truth == 0;
        self.end(i, rules)
    }

    fn end(&mut self, i: usize, rules: &MergeRules) -> At {
        self.ended_early |= !self.mergers[i].was_zero;
        match rules.removes {
            Removes::Nothing => At::Idle,
            Removes::LooksFirst => self.find_nothing(Baseline::NONE, rules),
            Removes::Outright => {
                self.from.stores[0].replace(ClaimOp::Delete);
                self.from.truth = 0;
                At::Idle
            }
            _ => At::FindRow,
        }
    }

    fn find_row(&self, rules: &MergeRules) -> At {
        match self.from.table.row {
            Some(row) if row.count != 0 && rules.removes != Removes::WhateverItHolds => At::Idle,
            Some(row) if matches!(rules.removes, Removes::Blind | Removes::LooksFirst) => {
                At::Remove(row)
            }
            Some(row) => At::FindNothing(row),
            None => At::Idle,
        }
    }

    fn find_nothing(&self, row: Baseline, rules: &MergeRules) -> At {
        match self.from.stores[0].claim.is_some() {
            true => At::Idle,
            false if rules.removes == Removes::LooksFirst => At::FindRow,
            false => At::Remove(row),
        }
    }

    fn remove(&mut self, seen: Baseline, rules: &MergeRules) -> At {
        let row = self.from.table.baseline();
        let is_it = match rules.removes {
            Removes::WhateverItHolds => row.seq == seen.seq,
            Removes::WhateverItHasSeen => row.count == 0,
            _ => row.count == 0 && row.seq == seen.seq,
        };
        if is_it {
            self.from.table.row = None;
        }
        At::Idle
    }

    /// Both rows are changed at once, while no other transaction has locked one and the store has no claim of the
    /// first counter.
    fn transact(&mut self, i: usize) -> At {
        let (from, into) = (&mut self.from, &mut self.into);
        let is_free = from.table.transaction.is_none() && into.table.transaction.is_none();
        self.mergers[i].times -= 1;
        if let (true, None, Some(row)) = (is_free, from.stores[0].claim, from.table.row) {
            from.table.row = Some(Baseline { count: 0, ..row });
            let grown = into.table.baseline();
            into.table.row = Some(Baseline { count: grown.count + row.count, ..grown });
            from.truth -= row.count;
            into.truth += row.count;
        }
        At::Idle
    }
}
