//! What there is, and its steps.

use counter_core::{Kinship, Mark, Marks, NoteOutcome};

use super::rules::{Databases, Does, Keeps};

/// The state of everything at one instant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct World {
    /// There is one, until it is copied.
    pub(super) databases: Vec<Database>,
    pub(super) dump: Option<Database>,
    pub(super) noted: NotedAll,
    /// Earlier notes of the store, to which it may be put back.
    pub(super) old_noted: Option<NotedAll>,
    pub(super) processes: Vec<Process>,
    /// What was acknowledged, with the row in which it was recorded.
    pub(super) acknowledged: Vec<(usize, Mark)>,
    pub(super) words: u64,
    pub(super) has_happened: bool,
    pub(super) has_happened_to_store: bool,
    pub(super) adopted: Option<usize>,
    pub(super) adopting: Option<Adopting>,
    pub(super) alarms: Vec<usize>,
    pub(super) missed_loss: bool,
    pub(super) missed_copy: bool,
    pub(super) passed_beside_adopted: bool,
    pub(super) found_behind: bool,
}

/// The record of a database.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Database {
    pub(super) rows: Vec<Row>,
    /// The row of decisions.
    pub(super) decision: Marks,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Row {
    pub(super) marks: Marks,
    /// All that was ever recorded in it.
    pub(super) history: Vec<Mark>,
}

/// What the store has noted of each row, and of decisions.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct NotedAll {
    pub(super) rows: Vec<Marks>,
    pub(super) decision: Marks,
}

/// An operator's decision that is being carried out.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Adopting {
    /// The store's notes are read.
    Read(usize, NotedAll),
    /// The database has its new marks.
    Written(usize, NotedAll),
}

/// A process that makes transactions.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Process {
    pub(super) left: u8,
    pub(super) database: usize,
    pub(super) at: At,
    /// Whether its present transaction began before the operator's decision was carried out.
    pub(super) began_before: bool,
}

/// How far a process is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum At {
    Idle,
    /// It has read the store's notes, or the record, at the start.
    ReadStore(NotedAll),
    ReadRecord(Database),
    Started,
    /// It has locked this row, and then read the decision.
    Locked(usize, Marks),
    /// It has compared the row with these marks of the store.
    Checked(Held, Marks),
    Committed(Held, Marks),
    /// The store has noted the row. Nothing is acknowledged yet.
    Noted(usize, Mark),
    /// It has acknowledged, but the store has not noted the row.
    Acknowledged(Held, Marks),
    Refused,
}

/// The row of a transaction, and the decision that it knows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Held {
    pub(super) row: usize,
    pub(super) decision: Marks,
}

/// Something that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happens {
    /// The next step of a process.
    Step(usize),
    /// A process locks this row.
    Lock(usize, usize),
    /// A process dies.
    Crash(usize),
    /// A dump of the database is made.
    Dump,
    /// The database comes back as it was dumped.
    Restore,
    /// The database is copied.
    Copy,
    /// The store's notes are copied.
    CopyStore,
    /// The store loses its marks, or has the older ones again.
    HitStore,
    /// An operator decides for a database.
    Adopt(usize),
    /// The next step of that.
    GoOnAdopting,
}

impl At {
    /// Returns the row that is locked.
    pub(super) fn locked(&self) -> Option<usize> {
        match self {
            Self::Locked(row, _) => Some(*row),
            Self::Checked(held, _) => Some(held.row),
            _ => None,
        }
    }
}

impl NotedAll {
    pub(super) fn nothing(rows: usize) -> Self {
        Self { rows: vec![Marks::default(); rows], decision: Marks::default() }
    }
}

impl Database {
    pub(super) fn new(rows: usize) -> Self {
        Self { rows: vec![Row::default(); rows], decision: Marks::default() }
    }

    fn is_kin(&self, noted: &NotedAll, does: Does) -> bool {
        let mut rows = self.rows.iter().zip(&noted.rows);
        let decides =
            !does.knows_decisions || kinship(&self.decision, &noted.decision, does).is_kin();
        decides && rows.all(|(row, noted)| kinship(&row.marks, noted, does).is_kin())
    }
}

impl World {
    pub(super) fn step(&mut self, i: usize, model: &Databases) -> Option<()> {
        let does = model.does;
        let Process { database, at, .. } = self.processes[i].clone();
        let next = match at {
            At::Idle if self.processes[i].left > 0 => {
                self.processes[i].left -= 1;
                self.processes[i].began_before = false;
                if does.reads_store_first {
                    At::ReadStore(self.noted.clone())
                } else {
                    At::ReadRecord(self.databases[database].clone())
                }
            }
            At::ReadStore(noted) => {
                self.start_or_refuse(i, &self.databases[database].clone(), &noted, does)
            }
            At::ReadRecord(record) => self.start_or_refuse(i, &record, &self.noted.clone(), does),
            At::Locked(row, decision) => self.check(i, Held { row, decision }, does),
            At::Checked(held, noted) => match self.note_if_full(i, &held, noted, model) {
                Ok(noted) => self.commit(database, held, noted, model),
                Err(at) => at,
            },
            At::Committed(held, marks) if does.notes_first => self.note(i, &held, marks, does),
            At::Committed(held, marks) => {
                self.acknowledged.extend(marks.newest().map(|mark| (held.row, mark)));
                At::Acknowledged(held, marks)
            }
            At::Noted(row, mark) => {
                self.acknowledged.push((row, mark));
                At::Idle
            }
            At::Acknowledged(held, marks) => match self.note(i, &held, marks, does) {
                At::Noted(..) => At::Idle,
                at => at,
            },
            At::Idle | At::Started | At::Refused => return None,
        };
        self.processes[i].at = next;
        Some(())
    }

    fn start_or_refuse(&mut self, i: usize, record: &Database, noted: &NotedAll, does: Does) -> At {
        if record.is_kin(noted, does) { At::Started } else { self.refuse(i) }
    }

    pub(super) fn lock(&mut self, i: usize, row: usize) -> Option<()> {
        let database = self.processes[i].database;
        let holds = |other: &Process| other.database == database && other.at.locked() == Some(row);
        if self.processes.iter().any(holds) {
            return None;
        }
        let decision = self.databases[database].decision.clone();
        self.processes[i].at = At::Locked(row, decision);
        Some(())
    }

    /// A decision that the transaction does not know is no finding: the pass begins anew.
    fn check(&mut self, i: usize, held: Held, does: Does) -> At {
        let database = self.processes[i].database;
        let noted = self.noted.clone();
        if does.knows_decisions && !kinship(&held.decision, &noted.decision, does).is_kin() {
            self.processes[i].left += 1;
            return At::Idle;
        }
        let noted = noted.rows[held.row].clone();
        let row = self.databases[database].rows[held.row].marks.clone();
        self.note_check(database, held.row, &noted, does);
        if does.checks && !kinship(&row, &noted, does).is_kin() {
            return self.refuse(i);
        }
        At::Checked(held, noted)
    }

    fn refuse(&mut self, i: usize) -> At {
        let Process { database, began_before, .. } = self.processes[i];
        if !began_before {
            self.alarms.push(database);
        }
        self.processes[i].left = 0;
        At::Refused
    }

    /// Notes what a check that passes has missed.
    fn note_check(&mut self, database: usize, row: usize, noted: &Marks, does: Does) {
        let Row { marks, history } = &self.databases[database].rows[row];
        let kinship = kinship(marks, noted, does);
        if does.checks && !kinship.is_kin() {
            return;
        }
        self.found_behind |= kinship == Kinship::StoreBehind;
        let is_lost = |mark: &Mark| !history.contains(mark);
        if self.databases.len() == 1 {
            let mut of_row = self.acknowledged.iter().filter(|(of, _)| *of == row);
            self.missed_loss |= of_row.any(|(_, mark)| is_lost(mark));
        } else {
            self.missed_copy |= noted.newest().as_ref().is_some_and(is_lost);
        }
        self.note_beside_adopted(database);
    }

    fn note_beside_adopted(&mut self, database: usize) {
        self.passed_beside_adopted |= self.adopted.is_some_and(|adopted| adopted != database);
    }

    /// Lets the store note the newest mark of a row that would keep too many, and returns what the
    /// store noted last.
    fn note_if_full(
        &mut self,
        i: usize,
        held: &Held,
        noted: Marks,
        model: &Databases,
    ) -> Result<Option<Mark>, At> {
        let noted = noted.newest();
        let row = self.databases[self.processes[i].database].rows[held.row].marks.clone();
        let is_full = row.after(noted, 0).iter().count() > model.most;
        if !is_full || !model.does.notes_when_full {
            return Ok(noted);
        }
        match self.note(i, held, row, model.does) {
            At::Noted(_, newest) => Ok(Some(newest)),
            at => Err(at),
        }
    }

    fn commit(
        &mut self,
        database: usize,
        held: Held,
        noted: Option<Mark>,
        model: &Databases,
    ) -> At {
        let row = &mut self.databases[database].rows[held.row];
        self.words += 1;
        let after = row.marks.after(noted, self.words);
        let keeps = match model.does.keeps {
            Keeps::SinceNoted => model.most,
            Keeps::Last(last) => last,
        };
        let mut kept = match model.does.keeps {
            Keeps::SinceNoted => after.iter().collect::<Vec<_>>(),
            Keeps::Last(_) => row.marks.after(None, self.words).iter().collect(),
        };
        kept.drain(..kept.len().saturating_sub(keeps));
        row.marks = kept.into_iter().collect();
        row.history.extend(row.marks.newest());
        At::Committed(held, row.marks.clone())
    }

    fn note(&mut self, i: usize, held: &Held, marks: Marks, does: Does) -> At {
        if does.notes_decisions && !kinship(&held.decision, &self.noted.decision, does).is_kin() {
            return At::Idle;
        }
        let note_outcome = marks.note_outcome(&self.noted.rows[held.row]);
        let is_taken = note_outcome == NoteOutcome::Taken || !does.only_newer;
        if note_outcome == NoteOutcome::Other {
            return self.refuse(i);
        }
        if is_taken {
            self.noted.rows[held.row] = marks.clone();
            if held.decision.newest().is_some() {
                self.noted.decision = held.decision.clone();
            }
        }
        match marks.newest() {
            Some(mark) if note_outcome.is_proven() || !does.wants_proof => {
                self.note_beside_adopted(self.processes[i].database);
                At::Noted(held.row, mark)
            }
            _ => At::Idle,
        }
    }

    pub(super) fn crash(&mut self, i: usize) {
        self.processes[i].at = At::Idle;
    }

    /// Puts the only database back. What is open in it dies.
    pub(super) fn restore(&mut self, dump: Database) {
        self.has_happened = true;
        self.databases = vec![dump];
        for process in &mut self.processes {
            if process.at.locked().is_some() {
                process.at = At::Idle;
            }
        }
    }

    pub(super) fn copy(&mut self) {
        self.has_happened = true;
        self.databases.push(self.databases[0].clone());
        let last = self.processes.last_mut().expect("there are processes");
        (last.database, last.at) = (1, At::Idle);
    }
}

fn kinship(row: &Marks, noted: &Marks, does: Does) -> Kinship {
    match row.kinship(noted.newest()) {
        Kinship::OtherWord if !does.compares_words => Kinship::Same,
        kinship => kinship,
    }
}
