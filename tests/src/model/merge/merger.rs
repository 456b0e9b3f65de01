//! The steps of a process that merges.

use counter_core::{Baseline, ClaimOp, ClaimSeq, Seen};

use super::rules::{By, MakesRow, MergeRules, Removes};
use super::{LateMove, Lost, MergeState};
use crate::model::reader::Look;
use crate::model::state::ModelState;

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
    /// Whether the counter that it merges was 0 since its last look.
    pub was_zero: bool,
    /// Whether a move of it was not made.
    pub was_refused: bool,
    /// Whether it merges the second counter into the first.
    pub is_back: bool,
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
    /// To make a row of the second counter, before it moves this much. It has looked for a claim,
    /// and has seen this high water, if it looks first.
    MakeRow(i64, Seen, Option<ClaimSeq>),
    /// To move this much, if the counter is still as it was seen.
    Move(i64, Seen),
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
    /// Returns a process that merges this often.
    pub fn new(times: u8, is_back: bool) -> Self {
        Self { at: At::Idle, times, moves: 0, was_zero: false, was_refused: false, is_back }
    }

    /// Whether it has looked into the store and has not read the row yet.
    fn is_reading(&self) -> bool {
        matches!(self.at, At::Row(..) | At::LookAgain(..))
    }
}

impl MergeState {
    /// Whether this process has a next step and need not wait, for a lock or for a look.
    pub fn can_step(&self, i: usize, rules: &MergeRules) -> bool {
        let merger = &self.mergers[i];
        let mut sides = [&self.from, &self.into];
        if merger.is_back {
            sides.reverse();
        }
        let [side, other] = sides;
        match merger.at {
            At::Idle => merger.times > 0,
            At::Remove(_) if rules.waits && self.is_read(side, merger.is_back) => false,
            At::Remove(_) => side.table.transaction.is_none(),
            At::MakeRow(..) => other.table.transaction.is_none(),
            _ => true,
        }
    }

    /// Whether a read of this counter is under way, by a reader or by one that merges.
    fn is_read(&self, side: &ModelState, is_back: bool) -> bool {
        let mut mergers = self.mergers.iter().filter(|merger| merger.is_back == is_back);
        side.is_reading() || mergers.any(Merger::is_reading)
    }

    /// Lets something happen in which the first counter is the one that is merged.
    pub fn facing(&mut self, is_back: bool, happen: impl FnOnce(&mut Self)) {
        let turn = |state: &mut Self| {
            if is_back {
                std::mem::swap(&mut state.from, &mut state.into);
            }
        };
        turn(self);
        happen(self);
        turn(self);
    }

    /// The next step of this process.
    pub fn step_of(&mut self, i: usize, rules: &MergeRules) {
        self.facing(self.mergers[i].is_back, |state| state.step(i, rules));
    }

    fn step(&mut self, i: usize, rules: &MergeRules) {
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
            At::MakeRow(by, seen, looked) => {
                self.make_row(looked, rules);
                At::Move(by, seen)
            }
            At::Move(by, _) if rules.by == By::TwoSteps => {
                self.from.stores[0].increment(-by);
                self.from.truth -= by;
                At::Half(by)
            }
            At::Move(by, seen) => match self.move_both(by, seen, rules) {
                true => self.after_move(i, rules),
                false => {
                    self.mergers[i].was_refused = true;
                    At::Look
                }
            },
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

    /// Continues as if it had got an answer, because it reads again.
    pub fn lose_reply(&mut self, i: usize, lost: Lost, rules: &MergeRules) {
        self.lost_replies -= 1;
        let is_back = self.mergers[i].is_back;
        match lost {
            Lost::Made => self.step_of(i, rules),
            Lost::Late => {
                if let At::Move(by, seen) = self.mergers[i].at {
                    self.late = Some(LateMove { by, seen, is_back });
                }
                self.facing(is_back, |state| state.mergers[i].at = state.after_move(i, rules));
            }
        }
    }

    /// One step of the store: the first counter loses what the second gains, if it is still as it
    /// was seen.
    pub fn move_both(&mut self, by: i64, seen: Seen, rules: &MergeRules) -> bool {
        let now = Look::into(&self.from.stores[0]).seen();
        let is_allowed = rules.compares.allows(seen, now, by);
        if is_allowed {
            let there = self.from.truth.min(0)..=self.from.truth.max(0);
            self.went_beyond |= !there.contains(&by);
            self.from.stores[0].increment(-by);
            self.into.stores[0].increment(by);
            self.from.truth -= by;
            self.into.truth += by;
        }
        is_allowed
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
            Ok(value) if rules.makes_row == MakesRow::Nothing || self.into.table.row.is_some() => {
                At::Move(value, look.seen())
            }
            Ok(value) => {
                let looked = Look::into(&self.into.stores[0]).high_water;
                let looks_first =
                    rules.makes_row == MakesRow::LooksFirst && self.into.stores[0].claim.is_none();
                At::MakeRow(value, look.seen(), looks_first.then_some(looked))
            }
            // The step is refused, and so is the merge.
            Err(_) => At::Idle,
        }
    }

    /// The row is locked, so the look and the commit are one step for all others.
    fn make_row(&mut self, looked: Option<ClaimSeq>, rules: &MergeRules) {
        let store = &self.into.stores[0];
        let now = Look::into(store).high_water;
        let seq = match rules.makes_row {
            MakesRow::Nothing => None,
            MakesRow::LooksFirst => looked,
            MakesRow::WhateverIsClaimed => Some(now),
            MakesRow::OfHighWater => store.claim.is_none().then_some(now),
            MakesRow::Unseen => store.claim.is_none().then_some(ClaimSeq::ZERO),
        };
        if let (None, Some(seq)) = (self.into.table.row, seq) {
            self.into.table.row = Some(Baseline { count: 0, seq });
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

    /// Both rows are changed at once, while no other transaction has locked one and the store has
    /// no claim of the first counter.
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
