//! A database that goes back or is copied, as a model that can be checked exhaustively: processes that record
//! in one row, tell the store, acknowledge, die and go on.
//!
//! What is counted is not in it: a claim that is acknowledged and whose transaction is not in the database any
//! more is a count that is lost.

use counter_core::{Kinship, Mark, Marks, Telling};
use stateright::{Model, Property};

/// No process refuses where nothing went back and nothing was copied.
pub const NO_FALSE_ALARM: &str = "without a restore or a copy no process refuses";
/// No process goes on with a database that has lost what was acknowledged.
pub const NOTICES_LOSS: &str = "no check passes in a database that has lost what was acknowledged";
/// No process goes on with a database once the store was told of a copy's transactions.
pub const ONE_GOES_ON: &str = "no check passes in a database once the store follows its copy";
/// No process goes on with a copy once an operator has decided for another database.
pub const ADOPTED_ALONE: &str = "once a database is adopted, no check passes in the other";
/// An adopted database is not refused.
pub const ADOPTED_GOES_ON: &str = "an adopted database is not refused";
/// A store that did not go back is never taken for one that did.
pub const NEVER_BEHIND: &str = "the store is never behind what the row keeps";

/// A world, and what processes do.
#[derive(Debug, Clone)]
pub struct Databases {
    /// How many transactions each process makes.
    pub transactions: Vec<u8>,
    /// What happens to the databases.
    pub event: Event,
    /// Whether the store loses its mark once, or is put back to an older one.
    pub store: StoreEvent,
    /// How many marks a row may keep.
    pub most: usize,
    /// Whether an operator decides.
    pub is_adopted: bool,
    /// What processes do.
    pub does: Does,
    /// What is said of it.
    pub said: &'static [&'static str],
}

/// What happens to the databases, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// Nothing.
    Nothing,
    /// The database is put back to what it was when a dump was made.
    Restore,
    /// The database is copied, and the last process belongs to the copy from then on.
    Copy,
}

/// What happens to the store, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreEvent {
    /// Nothing.
    Nothing,
    /// It loses the mark.
    Loses,
    /// It is put back to the mark that it had at some time before.
    GoesBack,
}

/// What the processes do. Each is right by default.
#[derive(Debug, Clone, Copy)]
pub struct Does {
    /// What a row keeps.
    pub keeps: Keeps,
    /// The store takes marks only if they are newer than those that it has.
    pub only_newer: bool,
    /// Claims are acknowledged only if the store shows that it knows their transaction.
    pub wants_proof: bool,
    /// A transaction looks at the store's mark while its row is locked.
    pub checks: bool,
    /// A pass reads the store's mark first, then the row.
    pub reads_store_first: bool,
    /// The store is told before claims are acknowledged.
    pub tells_first: bool,
    /// Where a row would keep too many, the store is told first.
    pub tells_when_full: bool,
    /// Words are compared, and not the numbers alone.
    pub compares_words: bool,
}

/// Which marks a row keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeps {
    /// All since the one that the store was told last.
    SinceTold,
    /// The last ones, so many.
    Last(usize),
}

impl Default for Does {
    fn default() -> Self {
        Self {
            keeps: Keeps::SinceTold,
            only_newer: true,
            wants_proof: true,
            checks: true,
            reads_store_first: true,
            tells_first: true,
            tells_when_full: true,
            compares_words: true,
        }
    }
}

/// All of the world at one instant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct World {
    /// The row of each database. There is one, until it is copied.
    rows: Vec<Row>,
    dump: Option<Row>,
    told: Marks,
    /// What the store was told before, as far as it may come back.
    old_told: Option<Marks>,
    processes: Vec<Process>,
    acknowledged: Vec<Mark>,
    words: u64,
    has_happened: bool,
    has_happened_to_store: bool,
    adopted: Option<usize>,
    adopting: Option<(usize, Mark)>,
    alarms: Vec<usize>,
    missed_loss: bool,
    missed_copy: bool,
    passed_beside_adopted: bool,
    found_behind: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
struct Row {
    marks: Marks,
    /// All that was ever recorded in it.
    history: Vec<Mark>,
}

/// A process that makes transactions.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Process {
    left: u8,
    database: usize,
    at: At,
}

/// Where a process is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum At {
    Idle,
    /// It has read the store's mark, or the row's, at the start.
    ReadStore(Marks),
    ReadRow(Marks),
    Started,
    Locked,
    /// It has compared the row with these marks of the store.
    Checked(Marks),
    Committed(Marks),
    Told(Mark),
    /// It has acknowledged, and not told.
    Acknowledged(Marks),
    Refused,
}

/// Something that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happens {
    /// The next step of a process.
    Step(usize),
    /// A process dies.
    Crash(usize),
    /// A dump of the database is made.
    Dump,
    /// The database comes back as it was dumped.
    Restore,
    /// The database is copied.
    Copy,
    /// The store's mark is copied.
    NoteStore,
    /// The store loses its mark, or has the older one again.
    HitStore,
    /// An operator decides for a database.
    Adopt(usize),
    /// The store is told of that.
    TellAdopted,
}

impl World {
    fn step(&mut self, i: usize, model: &Databases) -> Option<()> {
        let does = model.does;
        let Process { database, at, .. } = self.processes[i].clone();
        let row = self.rows[database].marks.clone();
        let next = match at {
            At::Idle if self.processes[i].left > 0 => {
                self.processes[i].left -= 1;
                if does.reads_store_first {
                    At::ReadStore(self.told.clone())
                } else {
                    At::ReadRow(row)
                }
            }
            At::ReadStore(told) => self.pass_if(i, &row, &told, does, At::Started),
            At::ReadRow(row) => self.pass_if(i, &row, &self.told.clone(), does, At::Started),
            At::Started => {
                let holds = |other: &Process| {
                    other.database == database && matches!(other.at, At::Locked | At::Checked(_))
                };
                if self.processes.iter().any(holds) {
                    return None;
                }
                At::Locked
            }
            At::Locked if does.checks => {
                let told = self.told.clone();
                self.note_check(database, &row, &told, does);
                self.pass_if(i, &row, &told, does, At::Checked(told.clone()))
            }
            At::Locked => {
                let told = self.told.clone();
                self.note_check(database, &row, &told, does);
                At::Checked(told)
            }
            At::Checked(told) => match self.tell_if_full(i, &row, told, model) {
                Ok(told) => self.commit(database, told, model),
                Err(at) => at,
            },
            At::Committed(marks) if does.tells_first => self.tell(i, marks, does),
            At::Committed(marks) => {
                self.acknowledged.extend(marks.newest());
                At::Acknowledged(marks)
            }
            At::Told(mark) => {
                self.acknowledged.push(mark);
                At::Idle
            }
            At::Acknowledged(marks) => match self.tell(i, marks, does) {
                At::Told(_) => At::Idle,
                at => at,
            },
            At::Idle | At::Refused => return None,
        };
        self.processes[i].at = next;
        Some(())
    }

    fn pass_if(&mut self, i: usize, row: &Marks, told: &Marks, does: Does, next: At) -> At {
        if kinship(row, told, does).is_kin() {
            return next;
        }
        self.refuse(i)
    }

    fn refuse(&mut self, i: usize) -> At {
        self.alarms.push(self.processes[i].database);
        self.processes[i].left = 0;
        At::Refused
    }

    /// Notes what a check that passes has missed.
    fn note_check(&mut self, database: usize, row: &Marks, told: &Marks, does: Does) {
        let kinship = kinship(row, told, does);
        if does.checks && !kinship.is_kin() {
            return;
        }
        self.found_behind |= kinship == Kinship::StoreBehind;
        let history = &self.rows[database].history;
        let is_lost = |mark: &Mark| !history.contains(mark);
        if self.rows.len() == 1 {
            self.missed_loss |= self.acknowledged.iter().any(is_lost);
        } else {
            self.missed_copy |= told.newest().as_ref().is_some_and(is_lost);
        }
        self.passed_beside_adopted |= self.adopted.is_some_and(|adopted| adopted != database);
    }

    /// Tells the store the newest mark of a row that would keep too many, and returns what the store
    /// was told last.
    fn tell_if_full(
        &mut self,
        i: usize,
        row: &Marks,
        told: Marks,
        model: &Databases,
    ) -> Result<Option<Mark>, At> {
        let told = told.newest();
        let is_full = row.after(told, 0).iter().count() > model.most;
        if !is_full || !model.does.tells_when_full {
            return Ok(told);
        }
        match self.tell(i, row.clone(), model.does) {
            At::Told(newest) => Ok(Some(newest)),
            at => Err(at),
        }
    }

    fn commit(&mut self, database: usize, told: Option<Mark>, model: &Databases) -> At {
        let row = &mut self.rows[database];
        self.words += 1;
        let after = row.marks.after(told, self.words);
        let keeps = match model.does.keeps {
            Keeps::SinceTold => model.most,
            Keeps::Last(last) => last,
        };
        let mut kept = match model.does.keeps {
            Keeps::SinceTold => after.iter().collect::<Vec<_>>(),
            Keeps::Last(_) => row.marks.after(None, self.words).iter().collect(),
        };
        kept.drain(..kept.len().saturating_sub(keeps));
        row.marks = kept.into_iter().collect();
        row.history.extend(row.marks.newest());
        At::Committed(row.marks.clone())
    }

    fn tell(&mut self, i: usize, marks: Marks, does: Does) -> At {
        let telling = marks.telling(&self.told);
        let is_taken = telling == Telling::Taken || !does.only_newer;
        if telling == Telling::Other {
            return self.refuse(i);
        }
        if is_taken {
            self.told = marks.clone();
        }
        match marks.newest() {
            Some(mark) if telling.is_proven() || !does.wants_proof => At::Told(mark),
            _ => At::Idle,
        }
    }

    fn crash(&mut self, i: usize) {
        self.processes[i].at = At::Idle;
    }

    /// Puts the only database back. What is open in it dies.
    fn restore(&mut self, dump: Row) {
        self.has_happened = true;
        self.rows = vec![dump];
        for process in &mut self.processes {
            if matches!(process.at, At::Locked | At::Checked(_)) {
                process.at = At::Idle;
            }
        }
    }

    fn copy(&mut self) {
        self.has_happened = true;
        self.rows.push(self.rows[0].clone());
        let last = self.processes.last_mut().expect("there are processes");
        (last.database, last.at) = (1, At::Idle);
    }

    fn adopt(&mut self, database: usize) {
        self.words += 1;
        let row = &mut self.rows[database];
        row.marks = row.marks.adopted(self.told.newest(), self.words);
        let mark = row.marks.newest().expect("it was just made");
        row.history.push(mark);
        self.adopting = Some((database, mark));
    }

    fn tell_adopted(&mut self) -> Option<()> {
        let (database, mark) = self.adopting.take()?;
        self.told = [mark].into_iter().collect();
        self.adopted = Some(database);
        // What was lost is known now.
        self.acknowledged.clear();
        self.alarms.clear();
        for process in &mut self.processes {
            if process.at == At::Refused {
                (process.at, process.left) = (At::Idle, 1);
            }
        }
        Some(())
    }

    fn is_quiet(&self) -> bool {
        self.processes.iter().all(|process| matches!(process.at, At::Idle | At::Refused))
    }
}

fn kinship(row: &Marks, told: &Marks, does: Does) -> Kinship {
    match row.kinship(told.newest()) {
        Kinship::OtherWord if !does.compares_words => Kinship::Same,
        kinship => kinship,
    }
}

impl Model for Databases {
    type State = World;
    type Action = Happens;

    fn init_states(&self) -> Vec<World> {
        let process = |left: &u8| Process { left: *left, database: 0, at: At::Idle };
        vec![World {
            rows: vec![Row::default()],
            dump: None,
            told: Marks::default(),
            old_told: None,
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
            actions.push(Happens::Step(i));
            if matches!(process.at, At::Checked(_) | At::Committed(_) | At::Told(_)) {
                actions.push(Happens::Crash(i));
            }
        }
        match self.event {
            Event::Restore if !world.has_happened => match &world.dump {
                None => actions.push(Happens::Dump),
                Some(dump) if *dump != world.rows[0] => actions.push(Happens::Restore),
                Some(_) => {}
            },
            Event::Copy if !world.has_happened => actions.push(Happens::Copy),
            _ => {}
        }
        match self.store {
            StoreEvent::GoesBack if world.old_told.is_none() => actions.push(Happens::NoteStore),
            StoreEvent::Loses | StoreEvent::GoesBack if !world.has_happened_to_store => {
                actions.push(Happens::HitStore);
            }
            _ => {}
        }
        if self.is_adopted && world.adopted.is_none() && world.adopting.is_none() {
            let is_refused = !world.alarms.is_empty() && world.is_quiet();
            actions.extend((0..world.rows.len()).filter(|_| is_refused).map(Happens::Adopt));
        }
        if world.adopting.is_some() {
            actions.push(Happens::TellAdopted);
        }
    }

    fn next_state(&self, before: &World, action: Happens) -> Option<World> {
        let mut world = before.clone();
        match action {
            Happens::Step(i) => world.step(i, self)?,
            Happens::Crash(i) => world.crash(i),
            Happens::Dump => world.dump = Some(world.rows[0].clone()),
            Happens::Restore => {
                let dump = world.dump.clone()?;
                world.restore(dump);
            }
            Happens::Copy => world.copy(),
            Happens::NoteStore => world.old_told = Some(world.told.clone()),
            Happens::HitStore => {
                world.has_happened_to_store = true;
                world.told = world.old_told.take().unwrap_or_default();
            }
            Happens::Adopt(database) => world.adopt(database),
            Happens::TellAdopted => world.tell_adopted()?,
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
