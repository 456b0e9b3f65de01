//! What there is, in a store of parts and around it.

use counter_core::Baseline;

use super::PARTS;
use super::rules::{Clock, Drops, Emptied, Floor, LastId, PartedStore, Records};

/// The high water that each part begins with.
pub(super) const FIRST: u8 = 1;

/// An id may be lost twice.
const LIVES: usize = 3;
const WRITERS: usize = 2;

/// The state of everything at one instant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct World {
    pub(super) parts: [Part; PARTS],
    pub(super) id: Option<Life>,
    /// How many ids there were.
    pub(super) lives: u8,
    /// The floor of each.
    pub(super) floors: [u8; LIVES],
    /// What the first part held when it was copied.
    pub(super) copy: Option<Part>,
    pub(super) was_restored: bool,
    /// Some process has found that the first part came back.
    pub(super) was_found: bool,
    /// An operator's decision about what the first part holds is being carried out.
    pub(super) is_deciding: bool,
    /// The first part came back once more meanwhile.
    pub(super) was_restored_again: bool,
    /// An operator has decided about what the first part held then.
    pub(super) was_decided: bool,
    /// What the row of the first part had when that was copied.
    pub(super) copied_row: i64,
    /// What was applied to the row after the copy was made, until an operator decided to count the
    /// copy.
    pub(super) may_be_twice: i64,
    /// The number of the id of the last pass that ended well.
    pub(super) last_good: u8,
    pub(super) gives: u8,
    pub(super) was_emptied: bool,
    pub(super) rows: [Baseline; PARTS],
    /// What the database has recorded, by id, part and writer.
    pub(super) records: [[[u8; WRITERS]; PARTS]; LIVES],
    /// The process that has locked a counter's row.
    pub(super) locks: [Option<usize>; PARTS],
    pub(super) record_locks: [Option<usize>; WRITERS],
    pub(super) processes: Vec<Process>,
    /// The clock.
    pub(super) now: u8,
    pub(super) to_count: [u8; PARTS],
    pub(super) refused_another: bool,
    pub(super) claimed_knowingly: bool,
    pub(super) claimed_below_row: bool,
}

/// A part of the store, with its one counter.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Part {
    pub(super) high_water: u8,
    /// The sequences that it remembers giving out, a bit for each.
    given: u32,
    /// How many of them it remembers.
    bound: u32,
    /// Sequences up to here may be forgotten.
    pub(super) accepted: u8,
    /// What it knows of having come back.
    pub(super) mark: Mark,
    pub(super) pending: u8,
    pub(super) claim: Option<Made>,
}

/// What a part knows of having come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(super) enum Mark {
    #[default]
    Nothing,
    /// It was found.
    Found,
    /// An operator's decision about it has begun.
    Decided,
}

/// A claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Made {
    pub(super) seq: u8,
    pub(super) by: u8,
}

/// An id of the store, by its number, and what it says that each part has given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Life {
    pub(super) number: u8,
    pub(super) floor: u8,
}

/// A process that makes passes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Process {
    pub(super) left: u8,
    pub(super) at: At,
    /// The number of the id under which it found no part that came back.
    pub(super) sound: Option<u8>,
    /// A claim that it could not settle.
    pub(super) in_hand: Option<Work>,
    /// Whether the process has left a claim in hand.
    pub(super) has_left: bool,
    /// How often it was turned back by an emptied part since it last raised one.
    pub(super) turned_back: u8,
}

/// A claim of a part, in the hands of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Work {
    pub(super) life: Life,
    pub(super) part: usize,
    pub(super) made: Made,
}

/// How far a pass is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum At {
    Idle,
    /// There was no id.
    Beginning(Raising),
    /// It has read what is recorded, and raises the parts.
    Raising(Raising),
    /// It has raised all parts but the one beside the id.
    Raised(Raising),
    Identified(Life),
    /// It has read what is recorded of each part, as bits.
    Known(Life, [u32; PARTS]),
    /// It found the first part empty, and will raise it above this.
    Emptied(Ready, u8),
    Ready(Ready),
    Claimed(Work),
    /// It has written the row, and locked it.
    Written(Work),
    /// It has locked a row of the record, and read this of the part.
    Recorded(Work, u32),
    /// The part remembers all of it.
    Remembered(Work),
    /// The part still has it.
    Held(Work),
    /// The id is the same as before the claim.
    Verified(Work),
    Committed(Work),
}

/// High waters on their way to one above all others, one part after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Raising {
    pub(super) next: usize,
    /// The sequence to which each part is raised, if it can be.
    pub(super) floor: u8,
    pub(super) last: Life,
    /// What is recorded of each part under that last id, as bits.
    pub(super) known: [u32; PARTS],
    /// The high water of the part beside the id, from before the record was read.
    pub(super) home: u8,
}

/// What a pass may claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Ready {
    pub(super) life: Life,
    pub(super) may_claim: [bool; PARTS],
    /// Which parts it could know to have come back.
    pub(super) could_know: [bool; PARTS],
}

/// Something that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happens {
    /// An increment of the counter of a part.
    Count(usize),
    /// The first part is copied.
    Copy,
    /// It comes back as it was copied.
    Restore,
    /// It loses all that it has.
    Empty,
    /// The store's id is lost.
    LoseId,
    /// The next step of a process.
    Step(usize),
    /// A process claims what a part holds.
    Claim(usize, usize),
    /// A process finds nothing that it wants to claim.
    End(usize),
    /// A process dies.
    Crash(usize),
    /// A process leaves its claim to a later pass, because the part does not answer.
    Leave(usize),
    /// Another counter of the first part is set.
    Give,
    /// An operator decides about what the first part holds.
    Decide,
    /// This decision is carried out.
    EndDecision,
}

impl Part {
    pub(super) fn new(bound: u32) -> Self {
        Self { bound, ..Self::default() }
    }

    pub(super) fn holds(&self) -> bool {
        self.claim.is_some() || self.pending > 0
    }

    /// A sequence older than all that the part remembers may have been given out.
    pub(super) fn remembers(&self, seqs: u32) -> bool {
        let seqs = seqs & !((2_u32 << self.accepted) - 1);
        let above = !((2_u32 << self.high_water) - 1);
        let oldest = self.given & self.given.wrapping_neg();
        seqs & (above | (!self.given & !oldest.wrapping_sub(1))) == 0
    }

    /// Whether an operator has decided about a claim that is gone. It may have been made from the
    /// old copy.
    pub(super) fn has_decided(&self, made: Made, model: &PartedStore) -> bool {
        let oldest = self.given & self.given.wrapping_neg();
        let is_forgotten = self.given & 1 << made.seq == 0 && 1 << made.seq >= oldest;
        let is_meant = is_forgotten || model.does.drops == Drops::AllDecided;
        is_meant && made.seq <= self.accepted
    }

    /// Gives out a sequence, and forgets the others if the high water was lost.
    pub(super) fn give_out(&mut self, seq: u8) {
        if self.high_water == 0 {
            self.given = 0;
        }
        (self.high_water, self.given) = (seq.max(self.high_water), self.given | 1 << seq);
        while self.given.count_ones() > self.bound {
            self.given &= self.given - 1;
        }
    }
}

impl World {
    pub(super) fn beginning(model: &PartedStore) -> Self {
        let mut part = Part::new(model.remembers);
        if model.does.raises_for_id {
            part.give_out(FIRST);
        }
        let process = |left: &u8| Process {
            left: *left,
            at: At::Idle,
            sound: None,
            in_hand: None,
            has_left: false,
            turned_back: 0,
        };
        Self {
            parts: [part.clone(), part],
            id: Some(Life {
                number: 0,
                floor: if model.does.floor == Floor::Unnamed { 0 } else { FIRST },
            }),
            lives: 1,
            floors: [if model.does.floor == Floor::Unnamed { 0 } else { FIRST }, 0, 0],
            copy: None,
            was_restored: false,
            was_found: false,
            is_deciding: false,
            was_restored_again: false,
            was_decided: false,
            copied_row: 0,
            may_be_twice: 0,
            last_good: 0,
            gives: model.gives,
            was_emptied: false,
            rows: [Baseline::NONE; PARTS],
            records: Default::default(),
            locks: [None; PARTS],
            record_locks: [None; WRITERS],
            processes: model.passes.iter().map(process).collect(),
            now: if model.clock == Clock::Right { FIRST + 1 } else { 0 },
            to_count: model.counts,
            refused_another: false,
            claimed_knowingly: false,
            claimed_below_row: false,
        }
    }

    /// If a part was emptied and no pass has met it since, its copy counts as an emptied part.
    pub(super) fn can_be_copied(&self) -> bool {
        !self.was_emptied || self.parts[0].high_water > 0
    }

    /// Once, and once more while an operator's decision about that is carried out.
    pub(super) fn can_be_restored(&self, model: &PartedStore) -> bool {
        let is_again = model.is_restored_again && self.is_deciding && !self.was_restored_again;
        !self.was_restored || is_again
    }

    /// Not between a transaction's last question for the id and its commit. If the id and a part
    /// are lost in that moment, and a new id comes before it is over, that is not found.
    pub(super) fn can_lose_id(&self, times: u8) -> bool {
        let is_committing = |at: At| matches!(at, At::Verified(_));
        let may_be_lost = self.lives <= times && self.id.is_some();
        may_be_lost && !self.processes.iter().any(|process| is_committing(process.at))
    }

    /// Only after the first part was found to have come back. A slot that is asked only after it
    /// has given out as many sequences as it remembers does not know that it came back.
    pub(super) fn can_give(&self) -> bool {
        self.gives > 0 && self.was_found
    }

    /// Once the first part was found to have come back.
    pub(super) fn can_be_decided(&self) -> bool {
        self.was_found
            && !self.was_decided
            && !self.is_deciding
            && self.parts[0].mark != Mark::Nothing
    }

    /// Not after the part came back. If a part then loses everything before it is asked, what a
    /// process has claimed from the old copy is taken for lost.
    pub(super) fn can_be_emptied(&self, emptied: Emptied) -> bool {
        match emptied {
            _ if self.was_restored => false,
            Emptied::Never => false,
            Emptied::AnyTime => true,
            Emptied::BetweenClaimAndRecord => self.processes.iter().any(|process| {
                matches!(process.at, At::Claimed(work) | At::Written(work) if work.part == 0)
            }),
        }
    }

    /// Returns the greatest sequence that is recorded of any part under any id.
    pub(super) fn newest(&self) -> u8 {
        self.records.as_flattened().as_flattened().iter().copied().max().unwrap_or_default()
    }

    /// Returns the id that was the last one, as far as the database knows.
    pub(super) fn last_id(&self, floors: &[u8; LIVES], last: LastId) -> Life {
        let number = match last {
            LastId::OfGoodPass => self.last_good,
            LastId::Recorded => {
                let has_any =
                    |of: &[[u8; WRITERS]; PARTS]| of.as_flattened().iter().any(|seq| *seq > 0);
                self.records.iter().rposition(has_any).unwrap_or_default() as u8
            }
        };
        Life { number, floor: floors[usize::from(number)] }
    }

    /// Returns what is recorded of a part under an id, or what one writer has, as bits.
    pub(super) fn recorded(
        &self,
        life: Life,
        part: usize,
        writer: Option<usize>,
        records: Records,
    ) -> u32 {
        let of_life = &self.records[usize::from(life.number)];
        if records == Records::One {
            // The sequence says something only about the part that gave it out.
            let newest = of_life.as_flattened().iter().copied().max().unwrap_or_default();
            let is_of_part = of_life[part].contains(&newest);
            return if newest > 0 && is_of_part { 1 << newest } else { 0 };
        }
        let rows = of_life[part].iter().enumerate();
        let rows = rows.filter(|(row, seq)| **seq > 0 && writer.is_none_or(|one| one == *row));
        rows.fold(0, |seqs, (_, seq)| seqs | 1 << seq)
    }

    pub(super) fn crash(&mut self, i: usize) {
        self.unlock(i);
        let process = &mut self.processes[i];
        *process = Process {
            left: process.left,
            at: At::Idle,
            sound: None,
            in_hand: None,
            has_left: process.has_left,
            turned_back: 0,
        };
    }

    pub(super) fn unlock(&mut self, i: usize) {
        for lock in self.locks.iter_mut().chain(&mut self.record_locks) {
            lock.take_if(|owner| *owner == i);
        }
    }
}
