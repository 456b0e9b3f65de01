//! A model, which can be checked exhaustively, of a gauge that gets another name while processes
//! record its readings by both names. It has one bucket, or one total, by each name, a process that
//! renames and may die at any time, and syncs.
//!
//! A reading is named by its instant. A counter has the sequence of its last claim, by which it is
//! known which of two readings was recorded later.

use stateright::{Model, Property};

/// Once the old name has no reading, the new one has the right one.
pub const RIGHT: &str = "the new name has the last reading, or as a total the newest";
/// No reading that was in a table is lost, even if the store loses all that it holds.
pub const KEPT: &str = "one of both names has a reading, once one was in the table";
/// A rename comes to its end.
pub const ENDS: &str = "the old name has no reading, and the new one has one in the table";

/// One of the two names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name {
    /// What it is renamed from.
    Old,
    /// What it is renamed to.
    New,
}

/// A gauge, and how it is renamed.
#[derive(Debug, Clone)]
pub struct RenamedGauge {
    /// The readings, each of another instant and by another process.
    pub readings: Vec<(Name, u8)>,
    /// Whether it is the total, of which older readings are ignored.
    pub is_total: bool,
    /// How often the store loses all that it holds.
    pub losses: u8,
    /// How it is renamed.
    pub rule: Rule,
}

/// How a gauge is renamed. The default is what the library does; every other value is a mistake.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Which reading stays if both names have one.
    pub stays: Stays,
    /// Whether the new name is set only if nothing happened since it was read.
    pub compares_new: bool,
    /// Whether the old name is deleted only if nothing happened since it was read.
    pub compares_old: bool,
    /// Whether the old name is deleted only once the new one is in the table.
    pub waits_for_table: bool,
    /// When the newest instants are read.
    pub reads_newest: ReadsNewest,
}

/// When the newest instants are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadsNewest {
    /// Before the readings and after them, and both again if the instants have changed.
    Around,
    /// Before the readings.
    Before,
    /// After the readings.
    After,
}

/// Which reading stays if both names have one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stays {
    /// The one that was recorded last, or of a total the newest.
    Last,
    /// That of the new name.
    New,
}

impl Default for Rule {
    fn default() -> Self {
        Self {
            stays: Stays::Last,
            compares_new: true,
            compares_old: true,
            waits_for_table: true,
            reads_newest: ReadsNewest::Around,
        }
    }
}

/// The state of everything at one instant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct World {
    high_water: u8,
    counters: [Counter; 2],
    is_recorded: Vec<bool>,
    /// The reading that has to be there in the end.
    truth: Option<u8>,
    was_in_table: bool,
    was_lost: bool,
    losses: u8,
    renamer: At,
}

/// A counter by one of the names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
struct Counter {
    claim: Option<Claim>,
    row: Option<(u8, u8)>,
    newest: Option<u8>,
}

/// A set, or without a value a deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Claim {
    seq: u8,
    value: Option<u8>,
}

impl Counter {
    fn value(self) -> Option<u8> {
        self.claim.map_or(self.row.map(|(_, value)| value), |claim| claim.value)
    }

    fn seq(self) -> u8 {
        self.claim.map_or(self.row.map_or(0, |(seq, _)| seq), |claim| claim.seq)
    }
}

/// How far the process is that renames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum At {
    Begins,
    /// It has read the newest instants.
    KnowsNewest([Option<u8>; 2]),
    /// It has read the counters, and the newest instants before.
    Saw([Option<u8>; 2], Seen),
    /// It is about to act.
    Knows([Option<u8>; 2], Seen),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Seen {
    high_water: u8,
    counters: [Counter; 2],
}

/// A step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A process records this reading.
    Record(usize),
    /// A sync brings a claim into the table.
    Sync(usize),
    /// The process that renames takes its next step.
    Rename,
    /// It dies.
    Die,
    /// The store loses all that it holds.
    Lose,
}

const OLD: usize = 0;
const NEW: usize = 1;

impl World {
    fn claim(&mut self, counter: usize, value: Option<u8>) {
        self.high_water += 1;
        self.counters[counter].claim = Some(Claim { seq: self.high_water, value });
    }

    /// Returns whether the reading is now the newest by this name.
    fn record_total(&mut self, counter: usize, at: u8, value: u8) -> bool {
        let Counter { newest, .. } = self.counters[counter];
        let is_newest = newest.or(self.counters[counter].value()).is_none_or(|known| at >= known);
        if is_newest {
            self.claim(counter, Some(value));
            self.counters[counter].newest = Some(at);
        }
        is_newest
    }
}

impl RenamedGauge {
    fn record(&self, world: &mut World, reading: usize) {
        let (name, at) = self.readings[reading];
        let counter = if name == Name::Old { OLD } else { NEW };
        if self.is_total {
            world.record_total(counter, at, at);
            world.truth = world.truth.max(Some(at));
        } else {
            world.claim(counter, Some(at));
            world.truth = Some(at);
        }
        world.is_recorded[reading] = true;
    }

    fn rename(&self, world: &mut World) {
        let newest = world.counters.map(|counter| counter.newest);
        let seen = Seen { high_water: world.high_water, counters: world.counters };
        world.renamer = match world.renamer {
            At::Begins => At::KnowsNewest(newest),
            At::KnowsNewest(before) => At::Saw(before, seen),
            At::Saw(before, seen) => match self.rule.reads_newest {
                ReadsNewest::Around if before != newest => At::Begins,
                ReadsNewest::Around | ReadsNewest::Before => At::Knows(before, seen),
                ReadsNewest::After => At::Knows(newest, seen),
            },
            At::Knows(newest, seen) => {
                self.act(world, newest, seen);
                At::Begins
            }
        };
    }

    fn act(&self, world: &mut World, newest: [Option<u8>; 2], seen: Seen) {
        let [old, new] = seen.counters;
        let Some(value) = old.value() else { return };
        let is_unchanged = seen.high_water == world.high_water;
        let newest = if self.is_total { newest } else { [None; 2] };
        let is_later = (newest[OLD], old.seq()) > (newest[NEW], new.seq());
        let old_stays = match self.rule.stays {
            Stays::Last => is_later,
            Stays::New => false,
        };
        if new.value().is_none() || old_stays {
            match newest[OLD] {
                Some(at) => {
                    world.record_total(NEW, at, value);
                }
                None if is_unchanged || !self.rule.compares_new => world.claim(NEW, Some(value)),
                None => {}
            }
        } else if (new.claim.is_none() || !self.rule.waits_for_table)
            && (is_unchanged || !self.rule.compares_old)
        {
            world.claim(OLD, None);
        }
    }
}

fn has_ended(world: &World) -> bool {
    let [old, new] = world.counters;
    let is_done = world.is_recorded.iter().all(|is_recorded| *is_recorded);
    is_done && old.value().is_none() && new.claim.is_none() && new.row.is_some()
}

impl Model for RenamedGauge {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        vec![World {
            high_water: 0,
            counters: [Counter::default(); 2],
            is_recorded: vec![false; self.readings.len()],
            truth: None,
            was_in_table: false,
            was_lost: false,
            losses: self.losses,
            renamer: At::Begins,
        }]
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        let is_open = |reading: &usize| !world.is_recorded[*reading];
        steps.extend((0..self.readings.len()).filter(is_open).map(Step::Record));
        let is_claimed = |counter: &usize| world.counters[*counter].claim.is_some();
        steps.extend([OLD, NEW].into_iter().filter(is_claimed).map(Step::Sync));
        steps.push(Step::Rename);
        if world.renamer != At::Begins {
            steps.push(Step::Die);
        }
        if world.losses > 0 {
            steps.push(Step::Lose);
        }
    }

    fn next_state(&self, world: &World, step: Step) -> Option<World> {
        let mut world = world.clone();
        match step {
            Step::Record(reading) => self.record(&mut world, reading),
            Step::Sync(counter) => {
                let Counter { claim, row, .. } = &mut world.counters[counter];
                let claim = claim.take()?;
                *row = claim.value.map(|value| (claim.seq, value));
                world.was_in_table |= row.is_some();
            }
            Step::Rename => self.rename(&mut world),
            Step::Die => world.renamer = At::Begins,
            Step::Lose => {
                world.counters.iter_mut().for_each(|counter| {
                    (counter.claim, counter.newest) = (None, None);
                });
                world.losses -= 1;
                world.was_lost = true;
            }
        }
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(RIGHT, |_: &Self, world: &World| {
                let is_excused = world.was_lost || !has_ended(world);
                is_excused || world.counters[NEW].value() == world.truth
            }),
            Property::always(KEPT, |_: &Self, world: &World| {
                let is_there = world.counters.iter().any(|counter| counter.value().is_some());
                !world.was_in_table || is_there
            }),
            Property::sometimes(ENDS, |_: &Self, world: &World| has_ended(world)),
        ]
    }
}
