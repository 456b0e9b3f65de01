//! A model that can be checked exhaustively: a store whose parts, such as the slots of a cluster,
//! come back from an old copy or are emptied one by one.
//!
//! The model of one store covers what all parts have in common. This one adds that a process may
//! know one part well and nothing of another. The store's id is in neither: it can be lost while
//! the parts stay, and a part can come back from before the present id. Each part has one counter.

mod new_id;
mod rules;
mod steps;
mod world;

use stateright::{Model, Property};

pub use self::rules::{
    Asks, Clock, Decision, Does, Drops, Emptied, Floor, LastId, PartedStore, Records,
};
use self::world::{At, Happens, World};

/// Nothing is counted twice before a process refuses to go on.
pub const NEVER_DOUBLED: &str = "no row has more than was counted";
/// A part that did not come back is not refused, whatever happens to the others and to the id.
pub const OTHERS_GO_ON: &str = "only a part that came back is refused";
/// A pass that begins after the database knew more than a part claims nothing of that part.
pub const CLAIMS_NOTHING: &str =
    "a pass that could know that a part came back claims nothing of it";
/// A claim of a part is not below what its row has seen, because the guard would drop such a claim.
pub const ABOVE_ROWS: &str = "a claim of a part that did not come back is above its row";
/// A process that was turned back by an emptied part does not meet it again.
pub const GOES_ON: &str = "an emptied part turns a process back once";

impl Model for PartedStore {
    type State = World;
    type Action = Happens;

    fn init_states(&self) -> Vec<World> {
        vec![World::beginning(self)]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Happens>) {
        actions.extend((0..PARTS).filter(|part| world.to_count[*part] > 0).map(Happens::Count));
        if self.is_restored {
            match &world.copy {
                None if world.can_be_copied() => actions.push(Happens::Copy),
                Some(copy) if *copy != world.parts[0] && world.can_be_restored(self) => {
                    actions.push(Happens::Restore);
                }
                _ => {}
            }
        }
        if world.can_lose_id(self.id_is_lost) {
            actions.push(Happens::LoseId);
        }
        if !world.was_emptied && world.can_be_emptied(self.emptied) {
            actions.push(Happens::Empty);
        }
        if world.can_give() {
            actions.push(Happens::Give);
        }
        if self.decides.is_some() && world.can_be_decided() {
            actions.push(Happens::Decide);
        }
        if world.is_deciding {
            actions.push(Happens::EndDecision);
        }
        for (i, process) in world.processes.iter().enumerate() {
            match process.at {
                At::Ready(ready) => {
                    let holds = |part: &usize| ready.may_claim[*part] && world.parts[*part].holds();
                    actions.extend((0..PARTS).filter(holds).map(|part| Happens::Claim(i, part)));
                    actions.push(Happens::End(i));
                }
                _ => actions.push(Happens::Step(i)),
            }
            if self.leaves && world.can_leave(i) {
                actions.push(Happens::Leave(i));
            }
            if self.dies && !matches!(process.at, At::Idle | At::Identified(_) | At::Known(..)) {
                actions.push(Happens::Crash(i));
            }
        }
    }

    fn next_state(&self, before: &World, action: Happens) -> Option<World> {
        let mut world = before.clone();
        match action {
            Happens::Count(part) => {
                world.to_count[part] -= 1;
                world.parts[part].pending += 1;
            }
            Happens::Copy => {
                world.copy = Some(world.parts[0].clone());
                world.copied_row = world.rows[0].count;
            }
            Happens::Restore => {
                world.parts[0] = world.copy.clone()?;
                world.was_restored_again = world.was_restored;
                world.was_restored = true;
            }
            Happens::Empty => {
                world.parts[0] = world::Part::new(self.remembers);
                world.was_emptied = true;
            }
            Happens::LoseId => world.id = None,
            Happens::Step(i) => world.step(i, self)?,
            Happens::Claim(i, part) => world.claim(i, part, self),
            Happens::End(i) => world.end(i),
            Happens::Crash(i) => world.crash(i),
            Happens::Leave(i) => world.leave(i),
            Happens::Give => world.give(self),
            Happens::Decide => world.decide(self),
            Happens::EndDecision => world.end_decision(self),
        }
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let all: [Property<Self>; 5] = [
            Property::always(NEVER_DOUBLED, |model: &Self, world: &World| {
                let counted = model.counts.iter().zip(&world.to_count);
                let counted = counted.map(|(all, left)| i64::from(all - left));
                let twice = [world.may_be_twice, 0];
                let rows = world.rows.iter().zip(counted).zip(twice);
                let mut rows = rows.map(|((row, counted), twice)| (row.count, counted + twice));
                rows.all(|(count, most)| count <= most)
            }),
            Property::always(OTHERS_GO_ON, |_, world: &World| !world.refused_another),
            Property::always(CLAIMS_NOTHING, |_, world: &World| !world.claimed_knowingly),
            Property::always(ABOVE_ROWS, |_, world: &World| !world.claimed_below_row),
            Property::always(GOES_ON, |_, world: &World| {
                world.processes.iter().all(|process| process.turned_back < 2)
            }),
        ];
        all.into_iter().filter(|property| self.said.contains(&property.name)).collect()
    }
}

/// Everything happens to the first part.
const PARTS: usize = 2;
/// The part that has the store's id beside it.
const HOME: usize = 1;
