//! A model of days that are rolled up into their month, which can be checked exhaustively. It has
//! one day, with its row and what the store holds of it; the row of its month; two passes that may
//! die; a process that rolls up the day and removes its row of 0; and a reader of the month.
//!
//! Rows and reads follow the project's own rules, [`Baseline::after`] and [`counter_core::value`].

use std::collections::BTreeSet;

use counter_core::{Baseline, Claim, ClaimOp, ClaimSeq, CounterId, Holding, value};
use stateright::{Model, Property};

/// G1, for the day and the month together.
pub const RECOVERS: &str = "everything may die, and the next passes make both rows right";
/// G2, for the month.
pub const READS: &str = "a read of the month returns what was true while it ran";
/// A day with a count is rolled up.
pub const ROLLS_UP: &str = "a day is rolled up";
/// The row of the day is removed.
pub const REMOVES: &str = "the row of a day is removed";

/// A world, and how days are rolled up in it.
#[derive(Debug, Clone)]
pub struct RollUp {
    /// The increments of the day, one after the other.
    pub counts: Vec<i64>,
    /// How many passes each of two workers makes.
    pub passes: u8,
    /// How often a worker may die.
    pub crashes: u8,
    /// How days are rolled up.
    pub rules: RollUpRules,
    /// The properties to check.
    pub said: Vec<&'static str>,
}

/// How days are rolled up. The default is what the library does; every other value is a mistake.
#[derive(Debug, Clone, Copy)]
pub struct RollUpRules {
    /// Whether the row of the day stays at first, as 0 with its sequence.
    pub keeps_row: bool,
    /// Whether the store is checked before a day is rolled up.
    pub looks_first: bool,
    /// Whether the store is checked before the row is removed.
    pub looks_last: bool,
    /// For what the removal waits.
    pub waits: Waits,
    /// Whether a read that saw a claim but finds no row checks that the claim is still there.
    pub confirms: bool,
}

/// For what the removal of a row waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waits {
    /// Nothing.
    No,
    /// Reads that looked into the store before the last change of the row.
    ForRow,
}

impl Default for RollUpRules {
    fn default() -> Self {
        let (keeps_row, looks_first, looks_last, confirms) = (true, true, true, true);
        Self { keeps_row, looks_first, looks_last, waits: Waits::ForRow, confirms }
    }
}

type Held = (Option<i64>, Option<(ClaimSeq, i64)>);

/// Everything at one instant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RollUpState {
    pending: Option<i64>,
    claim: Option<(ClaimSeq, i64)>,
    high_water: i64,
    day: Option<Baseline>,
    month: i64,
    is_locked: bool,
    truth: i64,
    counted: usize,
    workers: [(At, u8); 2],
    roller: Roller,
    reader: Reader,
    crashes: u8,
    has_rolled: bool,
    has_removed: bool,
}

/// How far a pass is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum At {
    Idle,
    Claimed((ClaimSeq, i64)),
    /// The row is locked and written, and not committed.
    Written((ClaimSeq, i64)),
    Verified((ClaimSeq, i64)),
    Committed((ClaimSeq, i64)),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Roller {
    Begins,
    /// The row of the day is locked.
    Locked,
    /// The store was looked at.
    Looked,
    Rolled,
    Done,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Reader {
    Begins,
    Looked { held: Held, high_water: i64, true_since: BTreeSet<i64>, is_after_row: bool },
    Confirms { held: Held, value: i64, true_since: BTreeSet<i64> },
    Wrong,
    Done,
}

/// Something that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RollUpAction {
    /// Something is counted in the day.
    Count,
    /// The next step of a worker.
    Pass(usize),
    /// A worker dies.
    Crash(usize),
    /// The next step of the one that rolls up.
    RollUp,
    /// The next step of the reader.
    Read,
}

impl Model for RollUp {
    type State = RollUpState;
    type Action = RollUpAction;

    fn init_states(&self) -> Vec<RollUpState> {
        vec![RollUpState {
            pending: None,
            claim: None,
            high_water: 1,
            day: Some(Baseline { count: 4, seq: ClaimSeq::new(1) }),
            month: 10,
            is_locked: false,
            truth: 14,
            counted: 0,
            workers: [(At::Idle, self.passes); 2],
            roller: Roller::Begins,
            reader: Reader::Begins,
            crashes: self.crashes,
            has_rolled: false,
            has_removed: false,
        }]
    }

    fn actions(&self, state: &RollUpState, actions: &mut Vec<RollUpAction>) {
        if state.counted < self.counts.len() {
            actions.push(RollUpAction::Count);
        }
        for (of, (at, left)) in state.workers.iter().enumerate() {
            let waits = matches!(at, At::Claimed(_)) && state.is_locked;
            if (*at != At::Idle || *left > 0) && !waits {
                actions.push(RollUpAction::Pass(of));
            }
            if *at != At::Idle && state.crashes > 0 {
                actions.push(RollUpAction::Crash(of));
            }
        }
        if state.may_roll(&self.rules) {
            actions.push(RollUpAction::RollUp);
        }
        if !matches!(state.reader, Reader::Done | Reader::Wrong) {
            actions.push(RollUpAction::Read);
        }
    }

    fn next_state(&self, before: &RollUpState, action: RollUpAction) -> Option<RollUpState> {
        let mut state = before.clone();
        match action {
            RollUpAction::Count => {
                let by = self.counts[state.counted];
                state.counted += 1;
                state.pending = Some(state.pending.unwrap_or_default() + by);
                state.truth += by;
            }
            RollUpAction::Pass(of) => state.pass(of),
            RollUpAction::Crash(of) => {
                state.crashes -= 1;
                if matches!(state.workers[of].0, At::Written(_) | At::Verified(_)) {
                    state.is_locked = false;
                }
                state.workers[of].0 = At::Idle;
            }
            RollUpAction::RollUp => state.roll_up(&self.rules),
            RollUpAction::Read => state.read(&self.rules),
        }
        state.note(before);
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let property = |name: &&'static str| match *name {
            RECOVERS => Property::always(RECOVERS, |_, state: &RollUpState| state.recovers()),
            READS => {
                Property::always(READS, |_, state: &RollUpState| state.reader != Reader::Wrong)
            }
            ROLLS_UP => Property::sometimes(ROLLS_UP, |_, state: &RollUpState| state.has_rolled),
            REMOVES => Property::sometimes(REMOVES, |_, state: &RollUpState| state.has_removed),
            other => unreachable!("{other}"),
        };
        self.said.iter().map(property).collect()
    }
}

impl RollUpState {
    fn holds_nothing(&self) -> bool {
        self.pending.is_none() && self.claim.is_none()
    }

    fn pass(&mut self, of: usize) {
        let (at, left) = self.workers[of];
        self.workers[of] = match at {
            At::Idle => (self.claimed(), left - 1),
            At::Claimed(claim) => {
                self.is_locked = true;
                (At::Written(claim), left)
            }
            At::Written(claim) if self.claim == Some(claim) => (At::Verified(claim), left),
            At::Written(_) => {
                self.is_locked = false;
                (At::Idle, left)
            }
            At::Verified(claim) => {
                self.is_locked = false;
                self.day = Some(applied(self.day, claim));
                (At::Committed(claim), left)
            }
            At::Committed(claim) => {
                if self.claim == Some(claim) {
                    self.claim = None;
                }
                (At::Idle, left)
            }
        };
    }

    fn claimed(&mut self) -> At {
        if let Some(claim) = self.claim {
            return At::Claimed(claim);
        }
        match self.pending.take() {
            None | Some(0) => At::Idle,
            Some(by) => {
                self.high_water += 1;
                let claim = (ClaimSeq::new(self.high_water), by);
                self.claim = Some(claim);
                At::Claimed(claim)
            }
        }
    }

    fn may_roll(&self, rules: &RollUpRules) -> bool {
        match self.roller {
            Roller::Begins => !self.is_locked && self.day.is_some(),
            Roller::Locked | Roller::Looked => true,
            Roller::Rolled => {
                let is_read = match (&self.reader, rules.waits) {
                    (Reader::Looked { is_after_row, .. }, Waits::ForRow) => !is_after_row,
                    _ => false,
                };
                let is_zero = self.day.is_some_and(|row| row.count == 0);
                let is_idle = !rules.looks_last || self.holds_nothing();
                is_zero && is_idle && !self.is_locked && !is_read
            }
            Roller::Done => false,
        }
    }

    fn roll_up(&mut self, rules: &RollUpRules) {
        self.roller = match self.roller {
            Roller::Begins => {
                self.is_locked = true;
                Roller::Locked
            }
            Roller::Locked if rules.looks_first && !self.holds_nothing() => {
                self.is_locked = false;
                Roller::Rolled
            }
            Roller::Locked => Roller::Looked,
            Roller::Looked => {
                self.is_locked = false;
                let row = self.day.unwrap_or_default();
                self.month += row.count;
                self.has_rolled |= row.count != 0;
                self.day = rules.keeps_row.then_some(Baseline { count: 0, ..row });
                if rules.keeps_row { Roller::Rolled } else { Roller::Done }
            }
            Roller::Rolled => {
                self.day = None;
                self.has_removed = true;
                Roller::Done
            }
            Roller::Done => Roller::Done,
        };
    }

    fn read(&mut self, rules: &RollUpRules) {
        let truth = self.truth;
        self.reader = match std::mem::replace(&mut self.reader, Reader::Done) {
            Reader::Begins => Reader::Looked {
                held: (self.pending, self.claim),
                high_water: self.high_water,
                true_since: BTreeSet::from([truth]),
                is_after_row: true,
            },
            Reader::Looked { held, high_water, true_since, .. } => {
                let value = self.month + day_of(held, high_water, self.day.unwrap_or_default());
                if rules.confirms && held.1.is_some() && self.day.is_none() {
                    Reader::Confirms { held, value, true_since }
                } else {
                    ended(value, &true_since)
                }
            }
            Reader::Confirms { held, value, true_since } if held.1 == self.claim => {
                ended(value, &true_since)
            }
            Reader::Confirms { .. } => Reader::Begins,
            other => other,
        };
    }

    /// Notes which values are right for the reader, and whether the row has changed.
    fn note(&mut self, before: &Self) {
        let (truth, is_changed) = (self.truth, self.day != before.day);
        match &mut self.reader {
            Reader::Looked { true_since, is_after_row, .. } => {
                true_since.insert(truth);
                *is_after_row &= !is_changed;
            }
            Reader::Confirms { true_since, .. } => {
                true_since.insert(truth);
            }
            _ => {}
        }
    }

    /// Everything dies at once, and clean passes follow.
    fn recovers(&self) -> bool {
        let mut day = self.day;
        for claim in [self.claim, self.pending.map(|by| (ClaimSeq::new(self.high_water + 1), by))] {
            day = claim.map_or(day, |claim| Some(applied(day, claim)));
        }
        self.month + day.unwrap_or_default().count == self.truth
    }
}

fn ended(value: i64, true_since: &BTreeSet<i64>) -> Reader {
    if true_since.contains(&value) { Reader::Done } else { Reader::Wrong }
}

fn applied(row: Option<Baseline>, (seq, by): (ClaimSeq, i64)) -> Baseline {
    row.unwrap_or_default().after(seq, ClaimOp::Add(by)).unwrap_or_default()
}

/// The value of the day as reads compute it.
fn day_of((pending, claim): Held, high_water: i64, row: Baseline) -> i64 {
    if row.seq > ClaimSeq::new(high_water) {
        return row.count;
    }
    let id = CounterId::new("post", 1, "views").unwrap();
    let claim = claim.map(|(seq, by)| Claim { id, seq, op: ClaimOp::Add(by) });
    let held = Holding { pending: pending.unwrap_or_default(), claim };
    value(&held, row).unwrap_or(i64::MIN)
}
