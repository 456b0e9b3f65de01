//! A store that comes back from an old copy, as a model that can be checked exhaustively: two
//! counters, so that a claim of one can hide what happened to the other, and processes that claim,
//! die and go on.
//!
//! The other model has one counter and a store that forgets nothing. Here the store may be put back
//! once, to what it was when a copy was made. What was counted in between is lost then; nothing may
//! count twice before an operator is warned.
//!
//! A transaction asks what the store remembers, and then whether it still holds the claims, by two
//! commands: the store may come back between them.

use counter_core::{Baseline, ClaimOp, ClaimSeq};
use stateright::{Model, Property};

/// Nothing is counted twice before a process refuses to go on.
pub const NEVER_DOUBLED: &str = "the table has no more than was counted";
/// A store that did not come back is never taken for one that did.
pub const NO_FALSE_ALARM: &str = "without a restore no process refuses";
/// A pass that begins after the database knew more than the store claims nothing.
pub const CLAIMS_NOTHING: &str = "a pass that could know that the store came back claims nothing";
/// A claim is taken for lost only if the store once gave it out.
pub const LOSES_NOTHING_PENDING: &str = "what is pending again is not applied as lost";

const COUNTERS: usize = 2;
/// The sequences that a store begins above.
const FIRST: u8 = 1;

/// A world, and what processes ask.
#[derive(Debug, Clone)]
pub struct OldCopy {
    /// How many passes each process makes.
    pub passes: Vec<u8>,
    /// How many rows the database has for what it records, which the processes take by turns.
    pub writers: usize,
    /// Whether the store comes back from its copy.
    pub is_restored: bool,
    /// What processes ask.
    pub asks: Asks,
    /// The properties to check.
    pub said: &'static [&'static str],
}

/// When a process asks the store whether it remembers what the database has recorded.
#[derive(Debug, Clone, Copy)]
pub struct Asks {
    /// When a pass begins.
    pub at_start: bool,
    /// In each transaction, once its rows are locked.
    pub in_transaction: bool,
    /// In each transaction, but only for the greatest sequence.
    pub greatest_only: bool,
    /// For the sequence of a claim that is gone.
    pub of_gone: bool,
    /// For what the row of the record said that it writes to.
    pub of_own_row: bool,
    /// By membership; otherwise it compares with the newest sequence given out.
    pub by_membership: bool,
}

impl Default for Asks {
    fn default() -> Self {
        Self {
            at_start: true,
            in_transaction: true,
            greatest_only: false,
            of_gone: true,
            of_own_row: true,
            by_membership: true,
        }
    }
}

/// What the store holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Held {
    high_water: u8,
    /// The sequences that it remembers giving out, a bit for each.
    given: u32,
    pending: [u8; COUNTERS],
    claims: [Option<Made>; COUNTERS],
}

/// A claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Made {
    seq: u8,
    by: u8,
}

/// The state of everything at one instant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct World {
    store: Held,
    copy: Option<Held>,
    was_restored: bool,
    rows: [Baseline; COUNTERS],
    /// What the database has recorded, by row.
    records: Vec<u8>,
    /// The process that has locked a counter's row.
    locks: [Option<usize>; COUNTERS],
    record_locks: Vec<Option<usize>>,
    processes: Vec<Process>,
    /// The clock.
    now: u8,
    to_count: [u8; COUNTERS],
    claimed_knowingly: bool,
    lost_what_is_pending: bool,
    refusals: u8,
}

/// A process that makes passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Process {
    left: u8,
    at: At,
}

/// How far a pass is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum At {
    Idle,
    /// It has read what is recorded, as bits.
    Read(u32),
    /// It has continued, with whether it could have known that the store is an old copy.
    Identified(bool),
    Claimed(usize, Made),
    /// It has written the row, and locked it.
    Written(usize, Made),
    /// It has written its sequence into a row of the record, which it has locked, and read all of
    /// them.
    Recorded(usize, Made, u32),
    /// The store remembers all of them.
    Remembered(usize, Made),
    Verified(usize, Made),
    Committed(usize, Made),
}

/// Something that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happens {
    /// An increment.
    Count(usize),
    /// The store is copied.
    Copy,
    /// The store comes back as it was copied.
    Restore,
    /// The next step of a process.
    Step(usize),
    /// A process claims a counter, or takes its claim over.
    Claim(usize, usize),
    /// A process finds nothing that it wants to claim.
    End(usize),
    /// A process dies.
    Crash(usize),
}

impl Held {
    fn remembers(&self, seqs: u32, asks: Asks) -> bool {
        if asks.by_membership {
            return seqs & !self.given == 0;
        }
        newest(seqs) <= u32::from(self.high_water)
    }
}

fn newest(seqs: u32) -> u32 {
    (u32::BITS - seqs.leading_zeros()).saturating_sub(1)
}

impl World {
    fn recorded(&self) -> u32 {
        self.recorded_without(None)
    }

    fn recorded_without(&self, row: Option<usize>) -> u32 {
        let others = self.records.iter().enumerate().filter(|(index, _)| Some(*index) != row);
        others.filter(|(_, seq)| **seq > 0).fold(0, |seqs, (_, seq)| seqs | 1 << seq)
    }

    fn step(&mut self, i: usize, asks: Asks) -> Option<()> {
        let at = match self.processes[i].at {
            At::Idle if self.processes[i].left > 0 => {
                self.processes[i].left -= 1;
                At::Read(self.recorded())
            }
            At::Read(known) if asks.at_start && !self.store.remembers(known, asks) => {
                return self.refuse(i);
            }
            At::Read(known) => At::Identified(known & !self.store.given != 0),
            At::Claimed(counter, made) if self.locks[counter].is_none() => {
                self.locks[counter] = Some(i);
                At::Written(counter, made)
            }
            At::Written(counter, made) => {
                let writer = i % self.records.len();
                if self.record_locks[writer].is_some() {
                    return None;
                }
                self.record_locks[writer] = Some(i);
                let own_row = if asks.of_own_row { None } else { Some(writer) };
                At::Recorded(counter, made, self.recorded_without(own_row) | 1 << made.seq)
            }
            At::Recorded(counter, made, known) => {
                let known = if asks.greatest_only { known & (1 << newest(known)) } else { known };
                if asks.in_transaction && !self.store.remembers(known, asks) {
                    return self.refuse(i);
                }
                At::Remembered(counter, made)
            }
            At::Remembered(counter, made) => self.verify(i, counter, made, asks)?,
            At::Verified(counter, made) => {
                self.commit(i, counter, made);
                At::Committed(counter, made)
            }
            At::Committed(counter, made) => {
                if self.store.claims[counter] == Some(made) {
                    self.store.claims[counter] = None;
                }
                At::Idle
            }
            _ => return None,
        };
        self.processes[i].at = at;
        Some(())
    }

    fn verify(&mut self, i: usize, counter: usize, made: Made, asks: Asks) -> Option<At> {
        match self.store.claims[counter] {
            Some(held) if held == made => Some(At::Verified(counter, made)),
            Some(_) => {
                self.unlock(i);
                Some(At::Idle)
            }
            None if asks.of_gone && !self.store.remembers(1 << made.seq, asks) => {
                self.refuse(i)?;
                Some(At::Idle)
            }
            None => {
                let is_given_out = self.store.given & (1 << made.seq) != 0;
                self.lost_what_is_pending |= !is_given_out && self.store.pending[counter] > 0;
                Some(At::Verified(counter, made))
            }
        }
    }

    fn commit(&mut self, i: usize, counter: usize, made: Made) {
        let (seq, op) = (ClaimSeq::new(made.seq.into()), ClaimOp::Add(made.by.into()));
        self.rows[counter] = self.rows[counter].after(seq, op).expect("a small count");
        let writer = i % self.records.len();
        self.records[writer] = self.records[writer].max(made.seq);
        self.unlock(i);
    }

    fn claim(&mut self, i: usize, counter: usize) {
        let At::Identified(could_know) = self.processes[i].at else { return };
        self.claimed_knowingly |= could_know;
        let made = self.store.claims[counter].unwrap_or_else(|| {
            let seq = self.now.max(self.store.high_water + 1);
            let made = Made { seq, by: std::mem::take(&mut self.store.pending[counter]) };
            (self.store.high_water, self.now) = (seq, seq + 1);
            self.store.given |= 1 << seq;
            self.store.claims[counter] = Some(made);
            made
        });
        self.processes[i].at = At::Claimed(counter, made);
    }

    fn refuse(&mut self, i: usize) -> Option<()> {
        self.refusals += 1;
        self.crash(i);
        Some(())
    }

    fn crash(&mut self, i: usize) {
        self.unlock(i);
        self.processes[i].at = At::Idle;
    }

    fn unlock(&mut self, i: usize) {
        for lock in self.locks.iter_mut().chain(&mut self.record_locks) {
            lock.take_if(|owner| *owner == i);
        }
    }
}

impl Model for OldCopy {
    type State = World;
    type Action = Happens;

    fn init_states(&self) -> Vec<World> {
        let store = Held {
            high_water: FIRST,
            given: 1 << FIRST,
            pending: [0; COUNTERS],
            claims: [None; COUNTERS],
        };
        let processes = self.passes.iter().map(|left| Process { left: *left, at: At::Idle });
        vec![World {
            store,
            copy: None,
            was_restored: false,
            rows: [Baseline::NONE; COUNTERS],
            records: vec![0; self.writers],
            locks: [None; COUNTERS],
            record_locks: vec![None; self.writers],
            processes: processes.collect(),
            now: FIRST + 1,
            to_count: [1; COUNTERS],
            claimed_knowingly: false,
            lost_what_is_pending: false,
            refusals: 0,
        }]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Happens>) {
        let left = (0..COUNTERS).filter(|counter| world.to_count[*counter] > 0);
        actions.extend(left.map(Happens::Count));
        match world.copy {
            None => actions.push(Happens::Copy),
            Some(copy) if self.is_restored && !world.was_restored && copy != world.store => {
                actions.push(Happens::Restore);
            }
            Some(_) => {}
        }
        for (i, process) in world.processes.iter().enumerate() {
            match process.at {
                At::Identified(_) => {
                    let holds = |counter: &usize| {
                        world.store.claims[*counter].is_some() || world.store.pending[*counter] > 0
                    };
                    let held = (0..COUNTERS).filter(holds);
                    actions.extend(held.map(|counter| Happens::Claim(i, counter)));
                    actions.push(Happens::End(i));
                }
                _ => actions.push(Happens::Step(i)),
            }
            if !matches!(process.at, At::Idle | At::Read(_)) {
                actions.push(Happens::Crash(i));
            }
        }
    }

    fn next_state(&self, before: &World, action: Happens) -> Option<World> {
        let mut world = before.clone();
        match action {
            Happens::Count(counter) => {
                world.to_count[counter] -= 1;
                world.store.pending[counter] += 1;
            }
            Happens::Copy => world.copy = Some(world.store),
            Happens::Restore => {
                world.store = world.copy?;
                world.was_restored = true;
            }
            Happens::Step(i) => world.step(i, self.asks)?,
            Happens::Claim(i, counter) => world.claim(i, counter),
            Happens::End(i) => world.processes[i].at = At::Idle,
            Happens::Crash(i) => world.crash(i),
        }
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let all: [Property<Self>; 4] = [
            Property::always(NEVER_DOUBLED, |_, world: &World| {
                let counted = world.to_count.map(|left| i64::from(1 - left));
                world.rows.iter().zip(counted).all(|(row, counted)| row.count <= counted)
            }),
            Property::always(NO_FALSE_ALARM, |_, world: &World| {
                world.was_restored || world.refusals == 0
            }),
            Property::always(CLAIMS_NOTHING, |_, world: &World| !world.claimed_knowingly),
            Property::always(LOSES_NOTHING_PENDING, |_, world: &World| !world.lost_what_is_pending),
        ];
        all.into_iter().filter(|property| self.said.contains(&property.name)).collect()
    }
}
