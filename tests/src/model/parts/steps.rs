//! The steps of a pass over a store of parts.

use counter_core::{ClaimOp, ClaimSeq};

use super::PARTS;
use super::rules::{Asks, Clock, Floor, PartedStore};
use super::world::{At, FIRST, Life, Made, Raising, Ready, Work, World};

/// The id that the store begins with.
const LAST: Life = Life { number: 0, floor: FIRST };

/// What a part says of what is recorded of it.
enum Answer {
    Remembers,
    /// It has no high water.
    WasEmptied,
    WentBack,
}

impl World {
    pub(super) fn step(&mut self, i: usize, model: &PartedStore) -> Option<()> {
        let at = match self.processes[i].at {
            At::Idle if self.processes[i].left > 0 => {
                self.processes[i].left -= 1;
                self.identify(model)
            }
            At::Raising(raising) => self.raise_next(raising, model),
            At::Raised(floor) => At::Identified(self.name(floor, model)),
            At::Identified(life) => self.read_record(i, life, model),
            At::Known(life, known) => self.ask_all(i, life, known, model),
            At::Claimed(work) if self.locks[work.part].is_none() => {
                self.locks[work.part] = Some(i);
                At::Written(work)
            }
            At::Written(work) => {
                let writer = i % model.writers;
                if self.record_locks[writer].is_some() {
                    return None;
                }
                self.record_locks[writer] = Some(i);
                let row = if model.does.reads_all_writers { None } else { Some(writer) };
                let known = self.recorded(work.life, work.part, row, model.does.records);
                At::Recorded(work, known | 1 << work.made.seq)
            }
            At::Recorded(work, known) => self.ask(i, work, known, model),
            At::Remembered(work) => self.verify(i, work, model),
            At::Verified(work) => {
                self.commit(i, work, model);
                At::Committed(work)
            }
            At::Committed(Work { part, made, .. }) => {
                self.parts[part].claim.take_if(|held| *held == made);
                At::Idle
            }
            _ => return None,
        };
        self.processes[i].at = at;
        Some(())
    }

    fn identify(&mut self, model: &PartedStore) -> At {
        match self.id {
            Some(life) => At::Identified(life),
            None if !model.does.raises_for_id => {
                let floor = self.parts.iter().map(|part| part.high_water).min();
                At::Identified(self.name(floor.unwrap_or_default(), model))
            }
            None => {
                let known = [0, 1].map(|part| self.recorded(LAST, part, None, model.does.records));
                let floor = self.above_all();
                if !model.does.raises_first {
                    self.name(floor, model);
                }
                At::Raising(Raising { next: 0, floor, known })
            }
        }
    }

    /// Returns what parts are raised to for a new id. It is even, and sequences of claims are not:
    /// that one of them comes to be the other, to the microsecond, is left out.
    fn above_all(&self) -> u8 {
        let newest = self.parts.iter().map(|part| part.high_water).max().unwrap_or_default();
        (newest.max(self.newest()).max(self.now) + 1).next_multiple_of(2)
    }

    fn raise_next(&mut self, raising: Raising, model: &PartedStore) -> At {
        let Raising { next, floor, known } = raising;
        let asks = model.does.asks_for_id;
        if !asks || !matches!(self.answer(next, known[next], LAST, model), Answer::WentBack) {
            self.parts[next].give_out(floor);
        }
        if next + 1 < PARTS {
            return At::Raising(Raising { next: next + 1, ..raising });
        }
        match self.id {
            Some(life) if !model.does.raises_first => At::Identified(life),
            _ => At::Raised(floor),
        }
    }

    fn raise(&mut self, part: usize, above: u8) -> u8 {
        let now = self.now;
        let part = &mut self.parts[part];
        let raised = part.high_water.max(above).max(now).max(FIRST);
        part.give_out(raised);
        raised
    }

    /// Gives the store an id, unless another process was faster.
    fn name(&mut self, floor: u8, model: &PartedStore) -> Life {
        let floor = if model.does.floor == Floor::Unnamed { 0 } else { floor };
        if model.clock == Clock::Right {
            // Time passes.
            self.now = self.now.max(floor + 1);
        }
        let (number, lives) = (self.lives, &mut self.lives);
        *self.id.get_or_insert_with(|| {
            *lives += 1;
            Life { number, floor }
        })
    }

    fn read_record(&self, i: usize, life: Life, model: &PartedStore) -> At {
        let is_sound = self.processes[i].sound == Some(life.number);
        let known = [0, 1].map(|part| self.recorded(life, part, None, model.does.records));
        match model.does.asks {
            Asks::Once if is_sound => self.ready(i, life, [true; PARTS], known, model),
            Asks::Never => self.ready(i, life, [true; PARTS], known, model),
            Asks::Once | Asks::Always => At::Known(life, known),
        }
    }

    fn ask_all(&mut self, i: usize, life: Life, known: [u32; PARTS], model: &PartedStore) -> At {
        let mut may_claim = [true; PARTS];
        for part in 0..PARTS {
            match self.answer(part, known[part], life, model) {
                Answer::Remembers => {}
                Answer::WasEmptied => {
                    if model.does.raises_emptied {
                        let in_hand = self.processes[i].in_hand.filter(|work| work.part == part);
                        let seen = in_hand.map_or(0, |work| 1 << work.made.seq);
                        let newest = u32::BITS - (known[part] | seen).leading_zeros();
                        self.raise(part, newest.saturating_sub(1) as u8);
                    }
                    self.processes[i].turned_back = 0;
                }
                Answer::WentBack => {
                    self.note_refused(part);
                    may_claim[part] = false;
                    if !model.does.refuses_by_part {
                        (0..PARTS).for_each(|part| self.note_refused(part));
                        may_claim = [false; PARTS];
                    }
                }
            }
        }
        let is_sound = may_claim == [true; PARTS];
        self.processes[i].sound = is_sound.then_some(life.number);
        self.ready(i, life, may_claim, known, model)
    }

    fn ready(
        &self,
        i: usize,
        life: Life,
        may_claim: [bool; PARTS],
        known: [u32; PARTS],
        model: &PartedStore,
    ) -> At {
        match self.processes[i].in_hand {
            Some(work) if may_claim[work.part] => At::Claimed(Work { life, ..work }),
            _ => {
                let could_know = [0, 1].map(|part| {
                    matches!(self.answer(part, known[part], life, model), Answer::WentBack)
                });
                At::Ready(Ready { life, may_claim, could_know })
            }
        }
    }

    fn answer(&self, part: usize, known: u32, life: Life, model: &PartedStore) -> Answer {
        let part = &self.parts[part];
        let (is_below, floor) = match model.does.floor {
            Floor::Remembered if life.floor > 0 => (false, 1 << life.floor),
            _ => (part.high_water < life.floor, 0),
        };
        if part.high_water == 0 {
            Answer::WasEmptied
        } else if is_below || !part.remembers(known | floor) {
            Answer::WentBack
        } else {
            Answer::Remembers
        }
    }

    pub(super) fn claim(&mut self, i: usize, part: usize, model: &PartedStore) {
        let At::Ready(Ready { life, could_know, .. }) = self.processes[i].at else { return };
        self.claimed_knowingly |= could_know[part];
        let came_back = part == 0 && self.was_restored;
        let now = self.now;
        let of = &mut self.parts[part];
        let made = of.claim.unwrap_or_else(|| {
            let seq = now.max(of.high_water + 1) | 1;
            let made = Made { seq, by: std::mem::take(&mut of.pending) };
            of.give_out(seq);
            of.claim = Some(made);
            let is_below = ClaimSeq::new(seq.into()) <= self.rows[part].seq;
            self.claimed_below_row |= is_below && !came_back;
            made
        });
        if model.clock == Clock::Right {
            self.now = self.now.max(made.seq + 1);
        }
        self.processes[i].at = At::Claimed(Work { life, part, made });
    }

    /// What a transaction asks, once its rows are locked: first the part, then the id.
    fn ask(&mut self, i: usize, work: Work, known: u32, model: &PartedStore) -> At {
        if model.does.asks_in_transaction {
            match self.answer(work.part, known, work.life, model) {
                Answer::Remembers => {}
                Answer::WasEmptied => {
                    self.unlock(i);
                    let process = &mut self.processes[i];
                    (process.in_hand, process.turned_back) = (Some(work), process.turned_back + 1);
                    process.sound.take_if(|_| model.does.doubts);
                    return At::Idle;
                }
                Answer::WentBack => return self.refuse(i, work.part),
            }
        }
        if model.does.compares_ids && self.id.is_none_or(|id| id.number != work.life.number) {
            self.crash(i);
            return At::Idle;
        }
        At::Remembered(work)
    }

    /// What is gone was acknowledged, or lost with what the part held: then it is applied.
    fn verify(&mut self, i: usize, work: Work, model: &PartedStore) -> At {
        match self.parts[work.part].claim {
            Some(held) if held == work.made => At::Verified(work),
            Some(_) => {
                self.crash(i);
                At::Idle
            }
            None => match self.answer(work.part, 1 << work.made.seq, work.life, model) {
                Answer::WentBack => self.refuse(i, work.part),
                Answer::Remembers | Answer::WasEmptied => At::Verified(work),
            },
        }
    }

    fn commit(&mut self, i: usize, work: Work, model: &PartedStore) {
        let Work { life, part, made } = work;
        let (seq, op) = (ClaimSeq::new(made.seq.into()), ClaimOp::Add(made.by.into()));
        self.rows[part] = self.rows[part].after(seq, op).expect("a small count");
        let row = &mut self.records[usize::from(life.number)][part][i % model.writers];
        *row = (*row).max(made.seq);
        self.unlock(i);
        self.processes[i].in_hand = None;
    }

    fn refuse(&mut self, i: usize, part: usize) -> At {
        self.note_refused(part);
        self.crash(i);
        At::Idle
    }

    fn note_refused(&mut self, part: usize) {
        self.refused_another |= part != 0 || !self.was_restored;
    }
}
