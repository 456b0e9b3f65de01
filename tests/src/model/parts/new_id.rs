//! How a store of parts gets another id.

use super::HOME;
use super::rules::{Clock, Floor, PartedStore};
use super::steps::Answer;
use super::world::{At, Life, Raising, World};

impl World {
    pub(super) fn identify(&mut self, model: &PartedStore) -> At {
        match self.id {
            Some(life) => At::Identified(life),
            None if !model.does.raises_for_id => {
                let floor = self.parts.iter().map(|part| part.high_water).min();
                At::Identified(self.name(floor.unwrap_or_default(), model))
            }
            None => {
                let last = self.last_id(&self.floors, model.does.last_id);
                let known = [0, 1].map(|part| self.recorded(last, part, None, model.does.records));
                let home = self.parts[HOME].high_water;
                At::Beginning(Raising { next: 0, floor: 0, last, known, home })
            }
        }
    }

    /// Reads the record, which may be newer than the high water beside the id by now.
    pub(super) fn begin(&mut self, before: Raising, model: &PartedStore) -> At {
        let mut raising = before;
        if model.does.reads_home_first {
            raising.last = self.last_id(&self.floors, model.does.last_id);
            raising.known =
                [0, 1].map(|part| self.recorded(raising.last, part, None, model.does.records));
        } else {
            raising.home = self.parts[HOME].high_water;
        }
        raising.floor = self.above_all();
        if !model.does.raises_first {
            self.name(raising.floor, model);
        }
        At::Raising(raising)
    }

    /// Returns the sequence to which parts are raised for a new id. It is even, and sequences of
    /// claims are odd. So the model leaves out that both are the same to the microsecond.
    fn above_all(&self) -> u8 {
        let newest = self.parts.iter().map(|part| part.high_water).max().unwrap_or_default();
        (newest.max(self.newest()).max(self.now) + 1).next_multiple_of(2)
    }

    /// Raises the parts one after the other. The part beside the id comes last.
    pub(super) fn raise_next(&mut self, raising: Raising, model: &PartedStore) -> At {
        self.raise_for_id(raising.next, &raising, model);
        let next = raising.next + 1;
        let raising = Raising { next, ..raising };
        if next < HOME { At::Raising(raising) } else { At::Raised(raising) }
    }

    fn raise_for_id(&mut self, part: usize, raising: &Raising, model: &PartedStore) {
        let Raising { floor, last, known, .. } = *raising;
        if !model.does.asks_for_id {
            self.parts[part].give_out(floor);
            return;
        }
        let answer = match model.does.keeps_in_mind_for_id {
            true => self.answer(part, known[part], last, model),
            false => self.looks(part, known[part], last, model),
        };
        match answer {
            Answer::WentBack => self.was_found |= part == 0 && self.was_restored,
            Answer::Remembers | Answer::WasEmptied => self.parts[part].give_out(floor),
        }
    }

    /// Gives the store an id and raises the part beside the id, both at one instant. Begins anew if
    /// that part has given out anything since the record was read, because another process was
    /// faster.
    pub(super) fn name_raised(&mut self, raising: Raising, model: &PartedStore) -> At {
        match self.id {
            Some(life) if model.does.raises_first => return At::Identified(life),
            None if model.does.names_only_same && self.parts[HOME].high_water != raising.home => {
                return self.identify(model);
            }
            _ => {}
        }
        self.raise_for_id(HOME, &raising, model);
        At::Identified(self.name(raising.floor, model))
    }

    /// Gives the store an id, unless another process was faster.
    fn name(&mut self, floor: u8, model: &PartedStore) -> Life {
        let floor = if model.does.floor == Floor::Unnamed { 0 } else { floor };
        if model.clock == Clock::Right {
            // Time passes.
            self.now = self.now.max(floor + 1);
        }
        let (number, lives, floors) = (self.lives, &mut self.lives, &mut self.floors);
        *self.id.get_or_insert_with(|| {
            *lives += 1;
            floors[usize::from(number)] = floor;
            Life { number, floor }
        })
    }
}
