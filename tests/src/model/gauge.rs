//! A model, which can be checked exhaustively, of the rule that a late reading of a gauge changes
//! no newer one, and that a clock that is ahead does not make the others' readings older for long.
//! It has one gauge that is kept by days, processes that each record one reading, and syncs.
//!
//! A reading is named by its instant, and the tens of the instant are its day. The store remembers
//! the instant of the newest reading, and may lose it.

use stateright::{Model, Property};

/// The total has the newest reading, or one that was ahead. If the store has lost the newest
/// instant, the total has some reading of the same day.
pub const NEWEST: &str = "the total is the newest reading";
/// The total and the bucket of its day do not differ.
pub const AGREES: &str = "the day of the total has what the total has";
/// A bucket has a reading of its own day, once one was recorded.
pub const OWN_DAY: &str = "a day has a reading of its own";
/// A clock that is ahead does not make the readings of the others older than its own.
pub const HEARD: &str = "a reading that is made now, and recorded last, is the total";

/// The time of the store. The instants of processes whose clocks are ahead are greater.
pub const NOW: u8 = 19;

/// A gauge, and how it is recorded.
#[derive(Debug, Clone)]
pub struct Gauge {
    /// The instants of the readings, below 30, each by another process.
    pub readings: Vec<u8>,
    /// How often the store loses the instant of the newest reading.
    pub losses: u8,
    /// Whether the store may lose it while a process asks for the newest reading.
    pub loses_while_asked: bool,
    /// How readings are recorded.
    pub rule: Rule,
}

/// How readings are recorded. The default is what the library does; every other value is a mistake.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Whether the instant is compared with that of the newest reading.
    pub compares: bool,
    /// Where to look for the newest reading if the store has lost its instant.
    pub asks: Asks,
    /// Whether a bucket is left unchanged if a newer reading of its day is known.
    pub keeps_newer_of_day: bool,
    /// Whether the store remembers the instant of a reading even if it is not the newest.
    pub remembers_older: bool,
    /// Whether an instant that is ahead of the store is remembered, and as what.
    pub ahead: Ahead,
}

/// What is remembered of a reading whose instant is ahead of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ahead {
    /// Nothing.
    Forgotten,
    /// That it was made now.
    AsNow,
    /// Its instant.
    Remembered,
}

/// Where to look for the newest reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asks {
    /// In the store's buckets, and in the table.
    Both,
    /// In the table.
    Table,
    /// Nowhere: the rule assumes that there was none.
    Nothing,
}

impl Default for Rule {
    fn default() -> Self {
        Self {
            compares: true,
            asks: Asks::Both,
            keeps_newer_of_day: true,
            remembers_older: false,
            ahead: Ahead::Forgotten,
        }
    }
}

/// The state of everything at one instant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct World {
    newest: Option<u8>,
    /// The three days, and the total.
    counters: [Counter; 4],
    recorders: Vec<At>,
    last: u8,
    losses: u8,
    was_lost: bool,
}

const TOTAL: usize = 3;

/// A bucket or the total.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
struct Counter {
    claim: Option<u8>,
    row: Option<u8>,
}

impl Counter {
    fn value(self) -> Option<u8> {
        self.claim.or(self.row)
    }
}

/// How far a process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum At {
    Ready,
    /// The store does not know the newest reading.
    Asks,
    /// The newest day began then.
    Knows(u8),
    Done,
}

/// A step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A process runs the script.
    Record(usize),
    /// It asks for the newest reading.
    Ask(usize),
    /// A sync brings a claim into the table.
    Sync(usize),
    /// The store loses the instant.
    Lose,
}

impl Gauge {
    fn record(&self, world: &mut World, recorder: usize) {
        let at = self.readings[recorder];
        let known = match world.recorders[recorder] {
            At::Knows(began) => world.newest.or(Some(began)),
            _ => world.newest.or((self.rule.asks == Asks::Nothing).then_some(0)),
        };
        let Some(known) = known else {
            world.recorders[recorder] = At::Asks;
            return;
        };
        let is_newest = !self.rule.compares || at >= known;
        let is_of_newest_day = at / 10 == known / 10;
        if is_newest || !is_of_newest_day || !self.rule.keeps_newer_of_day {
            world.counters[usize::from(at / 10)].claim = Some(at);
        }
        if is_newest {
            world.counters[TOTAL].claim = Some(at);
        }
        if is_newest || self.rule.remembers_older {
            match self.rule.ahead {
                Ahead::Forgotten if at > NOW => {}
                Ahead::AsNow => world.newest = Some(at.min(NOW)),
                Ahead::Forgotten | Ahead::Remembered => world.newest = Some(at),
            }
        }
        world.recorders[recorder] = At::Done;
        world.last = at;
    }

    fn ask(&self, world: &mut World, recorder: usize) {
        let is_there = |day: &usize| match self.rule.asks {
            Asks::Both => world.counters[*day].value().is_some(),
            _ => world.counters[*day].row.is_some(),
        };
        // Days that have not begun are not asked for.
        let day = (0..=usize::from(NOW / 10)).rev().find(is_there);
        world.recorders[recorder] = At::Knows(day.map_or(0, |day| day as u8 * 10));
    }

    /// The newest reading whose instant is not ahead.
    fn newest(&self) -> u8 {
        let made = self.readings.iter().copied().filter(|at| *at <= NOW);
        made.max().unwrap_or_default()
    }
}

fn are_done(world: &World) -> bool {
    world.recorders.iter().all(|at| *at == At::Done)
}

impl Model for Gauge {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        vec![World {
            newest: None,
            counters: [Counter::default(); 4],
            recorders: vec![At::Ready; self.readings.len()],
            last: 0,
            losses: self.losses,
            was_lost: false,
        }]
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        for (recorder, at) in world.recorders.iter().enumerate() {
            match at {
                At::Ready | At::Knows(_) => steps.push(Step::Record(recorder)),
                At::Asks => steps.push(Step::Ask(recorder)),
                At::Done => {}
            }
        }
        let claimed = (0..=TOTAL).filter(|counter| world.counters[*counter].claim.is_some());
        steps.extend(claimed.map(Step::Sync));
        let is_asked = world.recorders.iter().any(|at| matches!(at, At::Asks | At::Knows(_)));
        let may_lose = world.losses > 0 && (!is_asked || self.loses_while_asked);
        if may_lose && world.newest.is_some() {
            steps.push(Step::Lose);
        }
    }

    fn next_state(&self, world: &World, step: Step) -> Option<World> {
        let mut world = world.clone();
        match step {
            Step::Record(recorder) => self.record(&mut world, recorder),
            Step::Ask(recorder) => self.ask(&mut world, recorder),
            Step::Sync(counter) => {
                let counter = &mut world.counters[counter];
                counter.row = counter.claim.take();
            }
            Step::Lose => {
                world.newest = None;
                world.losses -= 1;
                world.was_lost = true;
            }
        }
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(NEWEST, |gauge: &Self, world: &World| {
                let (newest, total) = (gauge.newest(), world.counters[TOTAL].value());
                let is_ahead = total.is_some_and(|total| total > NOW);
                let is_newest = total == Some(newest);
                let is_of_its_day = total.is_some_and(|total| total / 10 == newest / 10);
                let is_right = if world.was_lost { is_of_its_day } else { is_newest };
                !are_done(world) || is_ahead || is_right
            }),
            Property::always(AGREES, |_: &Self, world: &World| {
                let total = world.counters[TOTAL].value();
                let agrees =
                    |total: u8| world.counters[usize::from(total / 10)].value() == Some(total);
                !are_done(world) || total.is_none_or(agrees)
            }),
            Property::always(HEARD, |_: &Self, world: &World| {
                let is_made_now = are_done(world) && world.last == NOW;
                !is_made_now || world.counters[TOTAL].value() == Some(NOW)
            }),
            Property::always(OWN_DAY, |gauge: &Self, world: &World| {
                let is_right = |reading: &u8| {
                    let value = world.counters[usize::from(reading / 10)].value();
                    value.is_some_and(|value| value / 10 == reading / 10)
                };
                !are_done(world) || gauge.readings.iter().all(is_right)
            }),
        ]
    }
}
