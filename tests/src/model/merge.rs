//! A merge of one counter into another: two worlds of one counter each, as the rest of the model
//! has them, and processes that move the counts of the first to the second.
//!
//! The sequences of the two are given out apart, which is no less than one for both: a sequence
//! belongs to a counter.

mod merger;
pub mod rules;

use counter_core::Seen;
use stateright::{Model, Property};

use self::merger::{At, Merger};
use self::rules::MergeRules;
use super::Action;
use super::reader::Reader;
use super::scenario::Scenario;
use super::state::ModelState;

/// What a check begins with.
pub struct Merge {
    /// The counter whose counts are moved.
    pub from: Scenario,
    /// The counter that gets them.
    pub into: Scenario,
    /// How often each process merges.
    pub merges: Vec<u8>,
    /// How often each of other processes merges the second counter into the first.
    pub back: Vec<u8>,
    /// How often a process that merges may die.
    pub crashes: u8,
    /// How often an answer to a move may be lost.
    pub lost_replies: u8,
    /// How it merges.
    pub rules: MergeRules,
    /// The properties to check.
    pub said: Vec<&'static str>,
}

/// The state of both counters and of all merging processes at one instant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MergeState {
    /// The counter whose counts are moved.
    pub from: ModelState,
    /// The counter that gets them.
    pub into: ModelState,
    mergers: Vec<Merger>,
    /// An abandoned move, which may still be made.
    late: Option<LateMove>,
    /// What was counted for both together, or set.
    counted: i64,
    /// Whether a move took more than the counter had.
    went_beyond: bool,
    /// Whether a merge ended although the first counter was not 0 at any instant of its last round.
    ended_early: bool,
    crashes: u8,
    lost_replies: u8,
}

/// Something that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MergeAction {
    /// To the first counter.
    From(Action),
    /// To the second counter.
    Into(Action),
    /// The next step of this process that merges.
    Step(usize),
    /// Its move is made now, later or never, and it gets no answer.
    LoseReply(usize, Lost),
    /// It dies.
    Crash(usize),
    /// An abandoned move is made.
    MoveLate,
}

/// A move that may still be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct LateMove {
    by: i64,
    seen: Seen,
    /// Whether it is from the second counter to the first.
    is_back: bool,
}

/// The outcome of a move whose answer is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// It is made.
    Made,
    /// It is made later or never.
    Late,
}

/// G1 of each of the two.
pub const RECOVERS: &str = "everything may die, and the next passes make both rows right";
/// No count is lost or doubled between the two.
pub const SUM: &str = "both together are what was counted";
/// A merge moves everything.
pub const ENDS_AT_ZERO: &str = "a merge ends when the first counter was 0";
/// Two that merge do not move more than there is.
pub const NEVER_BEYOND: &str = "no move takes more than there is";
/// A move meets a counter that has changed since it was read.
pub const REFUSES: &str = "a move is not made, because the counter has changed";
/// G2 of the counter that is merged.
pub const READS_FROM: &str = "a read of the first counter returns what was true while it ran";
/// G2 of the counter that grows.
pub const READS_INTO: &str = "a read of the second counter returns what was true while it ran";
/// For counts of the second counter that the store loses once they are claimed.
pub const REPAIRS: &str = "a lost claim is applied by its owner, so both rows are what was counted";
/// A merge makes a row.
pub const MAKES_ROW: &str = "a merge makes a row for the second counter";
/// Rows are removed at all.
pub const REMOVES: &str = "the row of the first counter is removed";
/// A merge meets something that was counted after its read.
pub const REPEATS: &str = "a merge moves once more";

impl Model for Merge {
    type State = MergeState;
    type Action = MergeAction;

    fn init_states(&self) -> Vec<MergeState> {
        let (from, into) = (self.from.start.clone(), self.into.start.clone());
        let counted = from.truth + into.truth;
        let back = self.back.iter().map(|times| Merger::new(*times, true));
        vec![MergeState {
            from,
            into,
            mergers: self
                .merges
                .iter()
                .map(|times| Merger::new(*times, false))
                .chain(back)
                .collect(),
            late: None,
            counted,
            went_beyond: false,
            ended_early: false,
            crashes: self.crashes,
            lost_replies: self.lost_replies,
        }]
    }

    fn actions(&self, state: &MergeState, actions: &mut Vec<MergeAction>) {
        let mut of_one = Vec::new();
        state.from.actions(&mut of_one);
        actions.extend(of_one.drain(..).map(MergeAction::From));
        state.into.actions(&mut of_one);
        actions.extend(of_one.drain(..).map(MergeAction::Into));
        for (i, merger) in state.mergers.iter().enumerate() {
            if state.can_step(i, &self.rules) {
                actions.push(MergeAction::Step(i));
            }
            if state.lost_replies > 0 && matches!(merger.at, At::Move(..)) {
                actions.push(MergeAction::LoseReply(i, Lost::Made));
                if state.late.is_none() {
                    actions.push(MergeAction::LoseReply(i, Lost::Late));
                }
            }
            if state.crashes > 0 && merger.at != At::Idle {
                actions.push(MergeAction::Crash(i));
            }
        }
        if state.late.is_some() {
            actions.push(MergeAction::MoveLate);
        }
    }

    fn next_state(&self, before: &MergeState, action: MergeAction) -> Option<MergeState> {
        let mut state = before.clone();
        match action {
            MergeAction::From(action) => state.from.happen(action, &self.from.rules),
            MergeAction::Into(action) => state.into.happen(action, &self.into.rules),
            MergeAction::Step(i) => state.step_of(i, &self.rules),
            MergeAction::LoseReply(i, lost) => state.lose_reply(i, lost, &self.rules),
            MergeAction::Crash(i) => {
                state.crashes -= 1;
                state.mergers[i].at = At::Idle;
            }
            MergeAction::MoveLate => {
                if let Some(late) = state.late.take() {
                    state.facing(late.is_back, |state| {
                        state.move_both(late.by, late.seen, &self.rules);
                    });
                }
            }
        }
        if matches!(action, MergeAction::From(_) | MergeAction::Into(_)) {
            state.counted += state.truth() - before.truth();
        }
        state.note_truth();
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        self.said.iter().map(|name| property(name)).collect()
    }
}

fn property(name: &'static str) -> Property<Merge> {
    match name {
        RECOVERS => Property::always(RECOVERS, |merge: &Merge, state: &MergeState| {
            let recovers = |side: &ModelState, scenario: &Scenario| {
                side.after_recovery(&scenario.rules).all(|total| total == Some(side.truth))
            };
            recovers(&state.from, &merge.from) && recovers(&state.into, &merge.into)
        }),
        SUM => Property::always(SUM, |_, state: &MergeState| {
            let is_at_rest = state.mergers.iter().all(|merger| !matches!(merger.at, At::Half(_)));
            !is_at_rest || state.truth() == state.counted
        }),
        NEVER_BEYOND => Property::always(name, |_, state: &MergeState| !state.went_beyond),
        REFUSES => Property::sometimes(name, |_, state: &MergeState| {
            state.mergers.iter().any(|merger| merger.was_refused)
        }),
        ENDS_AT_ZERO => Property::always(name, |_, state: &MergeState| !state.ended_early),
        READS_FROM => Property::always(name, |_, state: &MergeState| is_read_right(&state.from)),
        READS_INTO => Property::always(name, |_, state: &MergeState| is_read_right(&state.into)),
        REPAIRS => Property::always(name, |_, state: &MergeState| {
            let rows = [&state.from, &state.into].map(|side| side.table.baseline().count);
            !state.is_settled() || rows.iter().sum::<i64>() == state.counted
        }),
        MAKES_ROW => Property::sometimes(name, |_, state: &MergeState| {
            state.mergers.iter().any(|merger| matches!(merger.at, At::MakeRow(..)))
        }),
        REMOVES => {
            Property::sometimes(name, |_, state: &MergeState| state.from.table.row.is_none())
        }
        REPEATS => Property::sometimes(name, |_, state: &MergeState| {
            state.mergers.iter().any(|merger| merger.moves > 1)
        }),
        other => unreachable!("{other}"),
    }
}

fn is_read_right(state: &ModelState) -> bool {
    !matches!(state.reader, Reader::Wrong(..))
}

impl MergeState {
    fn truth(&self) -> i64 {
        self.from.truth + self.into.truth
    }

    /// Whether nothing is at work, and the store holds nothing.
    fn is_settled(&self) -> bool {
        let is_settled = |side: &ModelState| side.is_quiet() && side.stores[0].is_empty();
        let is_idle = self.mergers.iter().all(|merger| merger.at == At::Idle);
        is_idle && self.late.is_none() && is_settled(&self.from) && is_settled(&self.into)
    }

    fn note_truth(&mut self) {
        self.from.note_truth();
        self.into.note_truth();
        let is_zero = [self.from.truth == 0, self.into.truth == 0];
        self.mergers
            .iter_mut()
            .for_each(|merger| merger.was_zero |= is_zero[usize::from(merger.is_back)]);
    }
}
