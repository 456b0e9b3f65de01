//! What there is, and its steps.

use counter_core::{Kinship, Mark, Marks, Telling};

use super::rules::{Databases, Does, Keeps};

/// All of the world at one instant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct World {
    /// The row of each database. There is one, until it is copied.
    pub(super) rows: Vec<Row>,
    pub(super) dump: Option<Row>,
    pub(super) told: Marks,
    /// What the store was told before, as far as it may come back.
    pub(super) old_told: Option<Marks>,
    pub(super) processes: Vec<Process>,
    pub(super) acknowledged: Vec<Mark>,
    pub(super) words: u64,
    pub(super) has_happened: bool,
    pub(super) has_happened_to_store: bool,
    pub(super) adopted: Option<usize>,
    pub(super) adopting: Option<(usize, Mark)>,
    pub(super) alarms: Vec<usize>,
    pub(super) missed_loss: bool,
    pub(super) missed_copy: bool,
    pub(super) passed_beside_adopted: bool,
    pub(super) found_behind: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Row {
    pub(super) marks: Marks,
    /// All that was ever recorded in it.
    pub(super) history: Vec<Mark>,
}

/// A process that makes transactions.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Process {
    pub(super) left: u8,
    pub(super) database: usize,
    pub(super) at: At,
}

/// Where a process is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum At {
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
    pub(super) fn step(&mut self, i: usize, model: &Databases) -> Option<()> {
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

    pub(super) fn crash(&mut self, i: usize) {
        self.processes[i].at = At::Idle;
    }

    /// Puts the only database back. What is open in it dies.
    pub(super) fn restore(&mut self, dump: Row) {
        self.has_happened = true;
        self.rows = vec![dump];
        for process in &mut self.processes {
            if matches!(process.at, At::Locked | At::Checked(_)) {
                process.at = At::Idle;
            }
        }
    }

    pub(super) fn copy(&mut self) {
        self.has_happened = true;
        self.rows.push(self.rows[0].clone());
        let last = self.processes.last_mut().expect("there are processes");
        (last.database, last.at) = (1, At::Idle);
    }

    pub(super) fn adopt(&mut self, database: usize) {
        self.words += 1;
        let row = &mut self.rows[database];
        row.marks = row.marks.adopted(self.told.newest(), self.words);
        let mark = row.marks.newest().expect("it was just made");
        row.history.push(mark);
        self.adopting = Some((database, mark));
    }

    pub(super) fn tell_adopted(&mut self) -> Option<()> {
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

    pub(super) fn is_quiet(&self) -> bool {
        self.processes.iter().all(|process| matches!(process.at, At::Idle | At::Refused))
    }
}

fn kinship(row: &Marks, told: &Marks, does: Does) -> Kinship {
    match row.kinship(told.newest()) {
        Kinship::OtherWord if !does.compares_words => Kinship::Same,
        kinship => kinship,
    }
}
