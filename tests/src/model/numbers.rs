//! Stores in memory of several processes over one table, as a model that can be checked
//! exhaustively: how they share out the numbers by which their sequences differ, while commits are
//! left without an answer, clocks go back, and a process that has lost its number goes on.
//!
//! The other model has stores whose sequences differ by themselves. Here they differ by what the
//! database gives out: the numbers are the project's own
//! [`StoreNumber`](counter_core::StoreNumber), and two of them are left. A process may have two
//! threads that sync, which share its store.

mod process;
pub mod rule;
mod world;

use counter_core::Baseline;
use stateright::{Model, Property};

use process::{Process, Row};
use rule::Rule;
use world::{At, NUMBERS, World};

/// When no process holds anything any more, all counts are in the table, each once.
pub const ADDS_UP: &str = "the table has what was counted, once no store holds anything";
/// Nothing is counted twice.
pub const NEVER_DOUBLED: &str = "the table has no more than was counted";
/// No claim is left whose outcome stays unknown.
pub const ALL_DECIDED: &str = "of each commit it is found out whether it happened";

/// A world, and the rule.
#[derive(Debug, Clone)]
pub struct Numbers {
    /// The process of each thread that syncs.
    pub threads: Vec<usize>,
    /// How often each process is counted in.
    pub increments: Vec<u8>,
    /// How often numbers are taken, in all.
    pub takes: u8,
    /// How many commits are left without an answer.
    pub lost_answers: u8,
    /// The rule.
    pub rule: Rule,
    /// The properties to check.
    pub said: &'static [&'static str],
}

/// Something that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happens {
    /// An increment in the store of this process.
    Count(usize),
    /// The clock, which all processes read, goes on, or back.
    TurnClock,
    /// The next step of a thread.
    Step(usize),
    /// The process of this thread takes this number.
    Take(usize, usize),
    /// The answer to the commit of a thread is lost.
    LoseAnswer(usize),
    /// A commit without an answer is carried out or rolled back.
    EndLate(bool),
}

impl Model for Numbers {
    type State = World;
    type Action = Happens;

    fn init_states(&self) -> Vec<World> {
        vec![World {
            row: Baseline::NONE,
            row_lock: None,
            rows: [Row { holder: None, floor: 0, batch: 0 }; NUMBERS],
            locks: [None; NUMBERS],
            processes: self.increments.iter().map(|left| Process::new(*left)).collect(),
            threads: vec![At::Idle; self.threads.len()],
            late: None,
            is_late_hour: true,
            takes: self.takes,
            lost_answers: self.lost_answers,
            counted: 0,
            undecided: 0,
        }]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Happens>) {
        let processes = world.processes.iter().enumerate();
        actions.extend(processes.filter(|(_, p)| p.left > 0).map(|(p, _)| Happens::Count(p)));
        actions.push(Happens::TurnClock);
        for (i, at) in world.threads.iter().enumerate() {
            actions.push(Happens::Step(i));
            let needs_number = world.processes[self.threads[i]].number.is_none();
            if matches!(at, At::Claimed(_)) && needs_number && world.takes > 0 {
                let free = (0..NUMBERS).filter(|number| world.locks[*number].is_none());
                actions.extend(free.map(|number| Happens::Take(i, number)));
            }
            let may_be_lost = world.lost_answers > 0 && world.late.is_none();
            if matches!(at, At::Verified(_)) && may_be_lost {
                actions.push(Happens::LoseAnswer(i));
            }
        }
        if world.late.is_some() {
            actions.extend([true, false].map(Happens::EndLate));
        }
    }

    fn next_state(&self, before: &World, action: Happens) -> Option<World> {
        let mut world = before.clone();
        match action {
            Happens::Count(process) => {
                world.processes[process].left -= 1;
                world.processes[process].pending += 1;
                world.counted += 1;
            }
            Happens::TurnClock => world.is_late_hour = !world.is_late_hour,
            Happens::Step(i) => world.step(i, self.threads[i], self.rule)?,
            Happens::Take(i, number) => world.take(self.threads[i], number, self.rule),
            Happens::LoseAnswer(i) => world.lose_answer(i, self.threads[i])?,
            Happens::EndLate(is_committed) => {
                world.end_late(is_committed)?;
            }
        }
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let all: [Property<Self>; 3] = [
            Property::always(ADDS_UP, |_, world: &World| {
                !world.is_settled() || world.row.count == world.counted
            }),
            Property::always(NEVER_DOUBLED, |_, world: &World| world.row.count <= world.counted),
            Property::always(ALL_DECIDED, |_, world: &World| world.undecided == 0),
        ];
        all.into_iter().filter(|property| self.said.contains(&property.name)).collect()
    }
}
