//! An operator's decision which database is the right one, step by step.

use super::world::{Adopting, At, NotedAll, Process, World};

impl World {
    /// Others go on meanwhile. A row that is locked and was written before is waited for; one that
    /// is not there yet is not seen.
    pub(super) fn go_on_adopting(&mut self) -> Option<()> {
        match self.adopting.take()? {
            Adopting::Read(database, noted) => {
                let is_waited_for = |process: &Process| {
                    let row = process.at.locked().map(|row| &self.databases[database].rows[row]);
                    process.database == database && row.is_some_and(|row| row.marks.number() > 0)
                };
                if self.processes.iter().any(is_waited_for) {
                    return None;
                }
                let new = self.write_adopted(database, &noted);
                self.adopting = Some(Adopting::Written(database, new));
            }
            Adopting::Written(database, noted) => self.note_adopted(database, noted),
        }
        Some(())
    }

    fn write_adopted(&mut self, database: usize, noted: &NotedAll) -> NotedAll {
        let database = &mut self.databases[database];
        let mut new = NotedAll::nothing(noted.rows.len());
        for ((row, noted), new) in database.rows.iter_mut().zip(&noted.rows).zip(&mut new.rows) {
            if row.marks.number() > 0 || noted.newest().is_some() {
                self.words += 1;
                row.marks = row.marks.adopted(noted.newest(), self.words);
                row.history.extend(row.marks.newest());
                *new = row.marks.clone();
            }
        }
        self.words += 1;
        database.decision = database.decision.adopted(noted.decision.newest(), self.words);
        new.decision = database.decision.clone();
        new
    }

    fn note_adopted(&mut self, database: usize, noted: NotedAll) {
        self.noted = noted;
        self.adopted = Some(database);
        // What was lost is known now.
        self.acknowledged.clear();
        self.alarms.clear();
        for process in &mut self.processes {
            process.began_before = true;
            if process.at == At::Refused {
                (process.at, process.left) = (At::Idle, 1);
            }
        }
    }
}
