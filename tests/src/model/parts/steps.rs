//! The steps of a pass over a store of parts.

use counter_core::{ClaimOp, ClaimSeq};

use super::PARTS;
use super::rules::{Asks, Clock, Decision, Drops, Floor, PartedStore};
use super::world::{At, FIRST, Life, Made, Mark, Process, Ready, Work, World};

/// What a part says of what is recorded of it.
pub(super) enum Answer {
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
            At::Beginning(raising) => self.begin(raising, model),
            At::Raising(raising) => self.raise_next(raising, model),
            At::Raised(raising) => self.name_raised(raising, model),
            At::Identified(life) => self.read_record(i, life, model),
            At::Known(life, known) => self.ask_all(i, life, known, model),
            At::Emptied(ready, above) => {
                self.raise_emptied(above.max(ready.life.floor), model);
                self.ready(i, ready)
            }
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
            At::Held(work) => {
                if model.does.asks_id_last && self.is_of_other_id(work, model) {
                    self.keep(i, work);
                    return Some(());
                }
                At::Verified(work)
            }
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

    /// Raises the high water of the first part, which was empty when it was asked.
    fn raise_emptied(&mut self, above: u8, model: &PartedStore) {
        if self.parts[0].high_water == 0 {
            self.raise(above);
        } else if !model.does.raises_only_empty {
            self.accept(above);
        }
    }

    /// Raises the high water of the first part.
    fn raise(&mut self, above: u8) -> u8 {
        let now = self.now;
        let part = &mut self.parts[0];
        let raised = part.high_water.max(above).max(now).max(FIRST);
        part.give_out(raised);
        raised
    }

    /// Raises the first part, and accepts what it has forgotten.
    fn accept(&mut self, above: u8) {
        let raised = self.raise(above);
        (self.parts[0].accepted, self.parts[0].mark) = (raised, Mark::Nothing);
        self.now = self.now.max(raised + 1);
    }

    /// An operator decides about a part that was found to have come back. What it holds is dropped
    /// first, if it has to be.
    pub(super) fn decide(&mut self, model: &PartedStore) {
        if model.does.marks_decision {
            self.parts[0].mark = Mark::Decided;
        }
        if model.decides == Some(Decision::Discard) {
            (self.parts[0].pending, self.parts[0].claim) = (0, None);
        }
        self.is_deciding = true;
    }

    /// Carries out what an operator has decided, unless the part came back once more. It comes back
    /// from the one copy that was made before, in which it knows nothing.
    pub(super) fn end_decision(&mut self, model: &PartedStore) {
        self.is_deciding = false;
        let decided = if model.does.marks_decision { Mark::Decided } else { Mark::Found };
        if model.does.accepts_only_found && self.parts[0].mark < decided {
            return;
        }
        let known = self.newest();
        self.accept(known);
        self.was_decided = true;
        if model.decides == Some(Decision::Apply) {
            self.may_be_twice = self.rows[0].count - self.copied_row;
        }
    }

    /// Gives out a sequence to a counter of the first part that is not in the model.
    pub(super) fn give(&mut self, model: &PartedStore) {
        self.gives -= 1;
        let seq = self.now.max(self.parts[0].high_water + 1) | 1;
        self.parts[0].give_out(seq);
        if model.clock == Clock::Right {
            self.now = self.now.max(seq + 1);
        }
    }

    pub(super) fn can_leave(&self, i: usize) -> bool {
        let Process { at, has_left, .. } = self.processes[i];
        !has_left && matches!(at, At::Claimed(_) | At::Written(_))
    }

    pub(super) fn leave(&mut self, i: usize) {
        let (At::Claimed(work) | At::Written(work)) = self.processes[i].at else { return };
        self.processes[i].has_left = true;
        self.keep(i, work);
    }

    /// Leaves a claim to the next pass of the process.
    fn keep(&mut self, i: usize, work: Work) {
        self.unlock(i);
        (self.processes[i].in_hand, self.processes[i].at) = (Some(work), At::Idle);
    }

    /// A pass comes to its end.
    pub(super) fn end(&mut self, i: usize) {
        let At::Ready(Ready { life, .. }) = self.processes[i].at else { return };
        if self.id == Some(life) {
            self.last_good = life.number;
        }
        self.processes[i].at = At::Idle;
    }

    fn read_record(&mut self, i: usize, life: Life, model: &PartedStore) -> At {
        let is_sound = self.processes[i].sound == Some(life.number);
        let known = [0, 1].map(|part| self.recorded(life, part, None, model.does.records));
        match model.does.asks {
            Asks::Once if is_sound => self.ready_for(i, life, [true; PARTS], known, model),
            Asks::Never => self.ready_for(i, life, [true; PARTS], known, model),
            Asks::Once | Asks::Always => At::Known(life, known),
        }
    }

    fn ask_all(&mut self, i: usize, life: Life, known: [u32; PARTS], model: &PartedStore) -> At {
        let mut may_claim = [true; PARTS];
        let mut emptied = None;
        for part in 0..PARTS {
            match self.answer(part, known[part], life, model) {
                Answer::Remembers => {}
                Answer::WasEmptied => {
                    let in_hand = self.processes[i].in_hand.filter(|work| work.part == part);
                    let seen = in_hand.map_or(0, |work| 1 << work.made.seq);
                    let newest = u32::BITS - (known[part] | seen).leading_zeros();
                    emptied = Some(newest.saturating_sub(1) as u8);
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
        let ready = self.ready_to(life, may_claim, known, model);
        match emptied.filter(|_| model.does.raises_emptied) {
            Some(above) => At::Emptied(ready, above),
            None => self.ready(i, ready),
        }
    }

    fn ready_to(
        &self,
        life: Life,
        may_claim: [bool; PARTS],
        known: [u32; PARTS],
        model: &PartedStore,
    ) -> Ready {
        let could_know = [0, 1]
            .map(|part| matches!(self.looks(part, known[part], life, model), Answer::WentBack));
        Ready { life, may_claim, could_know }
    }

    fn ready_for(
        &self,
        i: usize,
        life: Life,
        may_claim: [bool; PARTS],
        known: [u32; PARTS],
        model: &PartedStore,
    ) -> At {
        self.ready(i, self.ready_to(life, may_claim, known, model))
    }

    /// The claim in hand comes first. If the store still has it, it counts as made under the
    /// present id.
    fn ready(&self, i: usize, ready: Ready) -> At {
        match self.processes[i].in_hand {
            Some(work) if ready.may_claim[work.part] => {
                let is_there = self.parts[work.part].claim == Some(work.made);
                let life = if is_there { ready.life } else { work.life };
                At::Claimed(Work { life, ..work })
            }
            _ => At::Ready(ready),
        }
    }

    /// Asks a part. If it came back, it may keep that in mind.
    pub(super) fn answer(
        &mut self,
        part: usize,
        known: u32,
        life: Life,
        model: &PartedStore,
    ) -> Answer {
        let answer = self.looks(part, known, life, model);
        if matches!(answer, Answer::WentBack) {
            self.was_found |= part == 0 && self.was_restored;
            if model.does.keeps_in_mind {
                self.parts[part].mark = self.parts[part].mark.max(Mark::Found);
            }
        }
        answer
    }

    pub(super) fn looks(&self, part: usize, known: u32, life: Life, model: &PartedStore) -> Answer {
        let part = &self.parts[part];
        let (is_below, floor) = match model.does.floor {
            Floor::Remembered if life.floor > 0 => (false, 1 << life.floor),
            _ => (part.high_water < life.floor, 0),
        };
        if part.high_water == 0 {
            Answer::WasEmptied
        } else if part.mark != Mark::Nothing || is_below || !part.remembers(known | floor) {
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
        let is_earlier = self.id.is_none_or(|id| id.number != work.life.number);
        if model.does.asks_in_transaction && (model.does.asks_for_earlier || !is_earlier) {
            match self.answer(work.part, known, work.life, model) {
                Answer::Remembers => {}
                Answer::WasEmptied => {
                    self.keep(i, work);
                    let process = &mut self.processes[i];
                    process.turned_back += 1;
                    process.sound.take_if(|_| model.does.doubts);
                    return At::Idle;
                }
                Answer::WentBack => return self.refuse(i, work),
            }
        }
        let is_held = self.parts[work.part].claim == Some(work.made);
        if !model.does.asks_id_last && is_held && self.is_of_other_id(work, model) {
            self.keep(i, work);
            return At::Idle;
        }
        At::Remembered(work)
    }

    /// Returns whether the id has changed since before this claim was made, for a claim that the
    /// store still has.
    fn is_of_other_id(&self, work: Work, model: &PartedStore) -> bool {
        let is_other = self.id.is_none_or(|id| id.number != work.life.number);
        model.does.compares_ids && is_other
    }

    /// A claim that is gone was acknowledged, or was lost with the part's contents. In that case it
    /// is applied.
    fn verify(&mut self, i: usize, work: Work, model: &PartedStore) -> At {
        let Work { life, part, made } = work;
        match self.parts[part].claim {
            Some(held) if held == made => return At::Held(work),
            Some(_) => {
                self.crash(i);
                return At::Idle;
            }
            None => {}
        }
        let is_earlier = self.id.is_none_or(|id| id.number != life.number);
        if is_earlier && !model.does.asks_for_earlier {
            return At::Verified(work);
        }
        match self.answer(part, 1 << made.seq, life, model) {
            Answer::WentBack => self.refuse(i, work),
            Answer::Remembers
                if model.does.drops != Drops::Nothing
                    && self.parts[part].has_decided(made, model) =>
            {
                self.crash(i);
                At::Idle
            }
            Answer::Remembers | Answer::WasEmptied => At::Verified(work),
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

    /// A claim of a part that came back is kept, because an operator decides about that part.
    fn refuse(&mut self, i: usize, work: Work) -> At {
        self.note_refused(work.part);
        self.keep(i, work);
        self.processes[i].sound = None;
        At::Idle
    }

    fn note_refused(&mut self, part: usize) {
        self.refused_another |= part != 0 || !self.was_restored || self.was_decided;
    }
}
