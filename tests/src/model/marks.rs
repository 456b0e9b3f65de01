//! A database that goes back or is copied, as a model that can be checked exhaustively: processes
//! that record in a row of one or two, let the store note it, acknowledge, die and go on, while an
//! operator decides.
//!
//! Counts are not in the model: a claim that is acknowledged and whose transaction is not in the
//! database any more is a count that is lost.

mod adoption;
mod rules;
mod world;

use stateright::{Model, Property};

pub use self::rules::{Databases, Does, Event, Keeps, StoreEvent};
use self::world::{Adopting, At, Database, Happens, NotedAll, Process, World};

/// No process refuses if nothing went back and nothing was copied.
pub const NO_FALSE_ALARM: &str = "without a restore or a copy no process refuses";
/// No process continues with a database that has lost acknowledged claims.
pub const NOTICES_LOSS: &str = "no check passes in a database that has lost what was acknowledged";
/// No process continues with a database once the store has noted transactions of its copy.
pub const ONE_GOES_ON: &str = "no check passes in a database once the store follows its copy";
/// No process continues with a copy once an operator has decided for another database.
pub const ADOPTED_ALONE: &str = "once a database is adopted, no check passes in the other";
/// An adopted database is not refused, but by what had begun before.
pub const ADOPTED_GOES_ON: &str = "an adopted database is not refused";
/// A store that did not go back is never taken for one that did.
pub const NEVER_BEHIND: &str = "the store is never behind what the row keeps";

impl Model for Databases {
    type State = World;
    type Action = Happens;

    fn init_states(&self) -> Vec<World> {
        let process =
            |left: &u8| Process { left: *left, database: 0, at: At::Idle, began_before: false };
        vec![World {
            databases: vec![Database::new(self.rows)],
            dump: None,
            noted: NotedAll::nothing(self.rows),
            old_noted: None,
            processes: self.transactions.iter().map(process).collect(),
            acknowledged: Vec::new(),
            words: 0,
            has_happened: false,
            has_happened_to_store: false,
            adopted: None,
            adopting: None,
            alarms: Vec::new(),
            missed_loss: false,
            missed_copy: false,
            passed_beside_adopted: false,
            found_behind: false,
        }]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Happens>) {
        for (i, process) in world.processes.iter().enumerate() {
            if process.at == At::Started {
                actions.extend((0..self.rows).map(|row| Happens::Lock(i, row)));
            } else {
                actions.push(Happens::Step(i));
            }
            if matches!(process.at, At::Checked(..) | At::Committed(..) | At::Noted(..)) {
                actions.push(Happens::Crash(i));
            }
        }
        match self.event {
            Event::Restore if !world.has_happened => match &world.dump {
                None => actions.push(Happens::Dump),
                Some(dump) if *dump != world.databases[0] => actions.push(Happens::Restore),
                Some(_) => {}
            },
            Event::Copy if !world.has_happened => actions.push(Happens::Copy),
            _ => {}
        }
        match self.store {
            StoreEvent::GoesBack if world.old_noted.is_none() => actions.push(Happens::CopyStore),
            StoreEvent::Loses | StoreEvent::GoesBack if !world.has_happened_to_store => {
                actions.push(Happens::HitStore);
            }
            _ => {}
        }
        if self.is_adopted && world.adopted.is_none() && world.adopting.is_none() {
            let is_refused = !world.alarms.is_empty();
            actions.extend((0..world.databases.len()).filter(|_| is_refused).map(Happens::Adopt));
        }
        if world.adopting.is_some() {
            actions.push(Happens::GoOnAdopting);
        }
    }

    fn next_state(&self, before: &World, action: Happens) -> Option<World> {
        let mut world = before.clone();
        match action {
            Happens::Step(i) => world.step(i, self)?,
            Happens::Lock(i, row) => world.lock(i, row)?,
            Happens::Crash(i) => world.crash(i),
            Happens::Dump => world.dump = Some(world.databases[0].clone()),
            Happens::Restore => {
                let dump = world.dump.clone()?;
                world.restore(dump);
            }
            Happens::Copy => world.copy(),
            Happens::CopyStore => world.old_noted = Some(world.noted.clone()),
            Happens::HitStore => {
                world.has_happened_to_store = true;
                let nothing = || NotedAll::nothing(self.rows);
                world.noted = world.old_noted.take().unwrap_or_else(nothing);
            }
            Happens::Adopt(database) => {
                world.adopting = Some(Adopting::Read(database, world.noted.clone()));
            }
            Happens::GoOnAdopting => world.go_on_adopting()?,
        }
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let all: [Property<Self>; 6] = [
            Property::always(NO_FALSE_ALARM, |_, world: &World| {
                world.has_happened || world.alarms.is_empty()
            }),
            Property::always(NOTICES_LOSS, |_, world: &World| !world.missed_loss),
            Property::always(ONE_GOES_ON, |_, world: &World| !world.missed_copy),
            Property::always(ADOPTED_ALONE, |_, world: &World| !world.passed_beside_adopted),
            Property::always(ADOPTED_GOES_ON, |_, world: &World| {
                world.adopted.is_none_or(|adopted| !world.alarms.contains(&adopted))
            }),
            Property::always(NEVER_BEHIND, |_, world: &World| !world.found_behind),
        ];
        all.into_iter().filter(|property| self.said.contains(&property.name)).collect()
    }
}
