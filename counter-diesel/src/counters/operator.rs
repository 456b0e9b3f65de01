//! Operations for operators: check-ups, and contradictions between store and database.

use std::time::Duration;

use counter_core::Pattern;

use super::counters::Counters;
use crate::check::check;
use crate::check::finding::CheckUp;
use crate::check::survey::SurveyBounds;
use crate::error::Error;
use crate::ledger::migration::files::MigrationFiles;
use crate::overview::{MigrationStatus, PendingOverview, migrations, pending, progress};
use crate::sync::identity::adoption::{self, Adoption};
use crate::sync::identity::conflicts::{self, Conflicts};

impl Counters {
    /// Looks for what is wrong with the store and the database, or could go wrong: settings under
    /// which a crash forgets counts, missing tables, claims that no sync finishes, and so on.
    ///
    /// It never fails as a whole: a side that cannot be reached is a finding too, and so is what a
    /// user with limited rights may not see. It changes nothing on either side, and does not even
    /// create the id that a store gets with its first sync. A SQLite file got its journal mode when
    /// the application made its pool; `file:PATH?mode=ro` opens one that keeps its own.
    ///
    /// The store is scanned page by page, some hundred names at a time, until there
    /// are no more, or 100,000 were found, or ten seconds are over; if that was not all, a finding
    /// says so. Each other question waits as long as a sync's would.
    ///
    /// ```no_run
    /// # fn check(counters: &counter_diesel::Counters) {
    /// use counter_diesel::check::Severity;
    ///
    /// let check_up = counters.check();
    /// print!("{check_up}");
    /// if check_up.worst() >= Some(Severity::Error) {
    ///     std::process::exit(1);
    /// }
    /// # }
    /// ```
    pub fn check(&self) -> CheckUp {
        self.check_within(SurveyBounds::default())
    }

    /// Like [`check`](Self::check), but with other bounds for how much of the store is looked at.
    #[doc(hidden)]
    pub fn check_within(&self, bounds: SurveyBounds) -> CheckUp {
        check::check(self.engine(), bounds)
    }

    /// Returns what the store holds and the table may have counted already, because the store came
    /// back from an old copy. Looks at everything that the store holds and changes nothing.
    ///
    /// ```
    /// # use counter_diesel::{Counters, Error, SyncOptions};
    /// # use counter_diesel::sync::OnConflict;
    /// # fn decide(counters: &Counters) -> Result<(), Error> {
    /// let conflicts = counters.conflicts()?;
    /// for counter in &conflicts.conflicts {
    ///     let (pending, row) = (counter.held.pending, counter.row.count);
    ///     println!("{}: {pending} pending, {row} in the table", counter.id);
    /// }
    /// // A person has looked, and knows that nothing of it was synced before.
    /// let report = counters.sync(&SyncOptions::default().on_conflict(OnConflict::Apply))?;
    /// # let _ = report;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// If the store or the database cannot be asked.
    pub fn conflicts(&self) -> Result<Conflicts, Error> {
        conflicts::find(self.engine())
    }

    /// Returns whether the database is the one that the store was synced into last, and changes
    /// nothing. While it is another one, nothing is claimed or set.
    ///
    /// # Errors
    ///
    /// If the store or the database cannot be asked.
    pub fn database_adoption(&self) -> Result<Adoption, Error> {
        adoption::look(self.engine())
    }

    /// Makes this database the one that the store is synced into. Every other copy of it, and every
    /// other database behind the prefix, is refused from then on
    /// ([`Error::OtherDatabase`](crate::Error::OtherDatabase)).
    ///
    /// After a database was restored from a backup: what was counted after the backup and synced is
    /// lost, and everything that is pending goes into this database. In a copy, such as one of
    /// production's database for tests: never, because the counts of production would go into the
    /// copy; give it a prefix of its own.
    ///
    /// ```no_run
    /// # use counter_diesel::{Counters, Error};
    /// # fn decide(counters: &Counters) -> Result<(), Error> {
    /// if let Some(mismatch) = counters.database_adoption()?.mismatch {
    ///     eprintln!("{mismatch}");
    ///     // A person has looked, and knows that this is the database to go on with.
    ///     counters.adopt_database()?;
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// If the store or the database cannot be asked. Call it again then: it may have been done by
    /// half, and does no harm twice.
    pub fn adopt_database(&self) -> Result<Adoption, Error> {
        adoption::adopt(self.engine())
    }

    /// Returns what is pending in the store: the sums of each type of owners, the oldest claim, and
    /// foreign names.
    ///
    /// Reads everything in the store that matches, about
    /// [`sync_batch_size`](crate::Config::sync_batch_size) names at a time. Changes nothing, and
    /// needs no database.
    ///
    /// ```
    /// # use counter_diesel::{Counters, Error, Pattern};
    /// # fn show(counters: &Counters) -> Result<(), Error> {
    /// let waiting = counters.pending_overview(&Pattern::all())?;
    /// for (owner_type, sums) in &waiting.owner_types {
    ///     println!("{owner_type}: {} pending in {} counters", sums.pending, sums.counters);
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// If the store cannot be asked.
    pub fn pending_overview(&self, pattern: &Pattern) -> Result<PendingOverview, Error> {
        pending::look_through(self.engine(), pattern)
    }

    /// Returns about how many counters that match wait for a sync, or `None` if counting takes
    /// longer than `within`.
    ///
    /// Pass it to [`SyncProgress::new`](crate::overview::SyncProgress::new). Needs no database.
    ///
    /// # Errors
    ///
    /// If the store cannot be asked.
    pub fn pending_count(&self, pattern: &Pattern, within: Duration) -> Result<Option<u64>, Error> {
        progress::pending_count(self.engine(), pattern, within)
    }

    /// Returns for each of these migrations whether it was run, in the same order. Changes nothing.
    ///
    /// `files` must be those that [`migration_files`](crate::ledger::migration_files) returns for
    /// this database.
    ///
    /// # Errors
    ///
    /// [`Error::Database`] if the database refuses, [`Error::Unreachable`] if there is none.
    pub fn migration_status(
        &self,
        files: &[MigrationFiles],
    ) -> Result<Vec<MigrationStatus>, Error> {
        migrations::status(self.engine(), files)
    }
}
